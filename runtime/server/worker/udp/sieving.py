"""The filter by which the kernel leaves out a share of the requests that begin something, while a worker has too much to do.

What it drops costs the worker nothing: it is not woken for it, nor does it read it. It is the same question as that of runtime/sip/glance.py,
asked more narrowly: dropped is only what is new. What the filter cannot read passes: a compact or folded To, one that stands far
behind or is long, one with `tag` anywhere in it, short datagrams and what is no request; ACK, CANCEL and replies anyway. (It does not see where
the headers end: a To in the body, behind one that it could not read, is taken for that. Who meant it repeats it.)

SO_ATTACH_FILTER of socket(7); no privileges.
"""

from __future__ import annotations

import struct
from typing import Final

from runtime.server.worker.udp import bpf
from runtime.server.worker.udp.sieve import WHOLE

# The packet begins with the header of UDP.
_HEAD: Final = 8
# No request is shorter.
_SHORTEST: Final = 96

# <linux/filter.h>: SKF_AD_OFF + SKF_AD_RANDOM, a number that is made up for each packet; and what leaves the packet whole.
_RANDOM: Final = 0xFFFF_F000 + 56
PASS: Final = 0xFFFF_FFFF
DROP: Final = 0

# With bit 5 set letters are small, and LF is an asterisk.
_BIT_5: Final = 0x2020_2020
# Of "\nTo: " one of these words stands at every second byte, wherever it begins.
_AT_LF: Final = int.from_bytes(b"*to:", "big")
_BEHIND_LF: Final = int.from_bytes(b"to: ", "big")
_TAG: Final = int.from_bytes(b"tag", "big")
_LF: Final = 10
# A and Z.
_CAPITALS: Final = (65, 90)

# Where To is looked for, and in how much of its value a tag.
_FIRST: Final = _HEAD + 40
_GROUP: Final = 32
_VALUE_GROUP: Final = 16
# So many groups of both: what net.core.optmem_max has room for, whose default was 20 kB before Linux 6.8, 128 kB since.
_SIZES: Final = ((12, 6), (3, 2))


class NewcomerFilter:
    """The filter with a place for the share that passes."""

    def __init__(self, groups: int, value_groups: int) -> None:
        code = bpf.Filter()
        _spare(code)
        code.put(bpf.A_WORD, _RANDOM)
        self._place: Final = code.length() * struct.calcsize("=HBBI")
        code.branch(bpf.IF_NOT_LESS, 0, yes="look")
        code.give(PASS)
        code.label("look")
        _find_to(code, groups)
        _find_tag(code, value_groups)
        self._code: Final = code.assemble()

    def with_share(self, share: int) -> bytes:
        """An array of struct sock_filter. Of WHOLE new requests `share` pass, which is less."""
        operation, yes, no, _ = struct.unpack_from("=HBBI", self._code, self._place)
        branch = struct.pack("=HBBI", operation, yes, no, (share << 32) // WHOLE)
        return self._code[: self._place] + branch + self._code[self._place + len(branch) :]


def filters() -> list[NewcomerFilter]:
    """The longest one first, which sees most."""
    return [NewcomerFilter(groups, value_groups) for groups, value_groups in _SIZES]


def _spare(code: bpf.Filter) -> None:
    """What is short, no request, an ACK or a CANCEL passes."""
    code.put(bpf.A_LENGTH)
    code.branch(bpf.IF_NOT_LESS, _SHORTEST, no="spared")
    code.put(bpf.A_BYTE, _HEAD)
    code.branch(bpf.IF_NOT_LESS, _CAPITALS[0], no="spared")
    code.branch(bpf.IF_GREATER, _CAPITALS[1], yes="spared")
    code.put(bpf.A_WORD, _HEAD)
    code.put(bpf.OR, _BIT_5)
    for word in (b"sip/", b"ack ", b"canc"):
        code.branch(bpf.IF_EQUAL, int.from_bytes(word, "big"), yes="spared")
    code.jump("new")
    code.label("spared")
    code.give(PASS)
    code.label("new")


def _find_to(code: bpf.Filter, groups: int) -> None:
    """Goes to "value" with the place of the colon's next byte in X. Classic programs have no loops."""
    for group in range(groups):
        start = _FIRST + group * _GROUP
        code.put(bpf.A_LENGTH)
        code.branch(bpf.IF_NOT_LESS, start + _GROUP + 8, yes=f"group {group}")
        code.give(PASS)
        code.label(f"group {group}")
        for at in range(start, start + _GROUP, 2):
            code.put(bpf.A_WORD, at)
            code.put(bpf.OR, _BIT_5)
            code.branch(bpf.IF_EQUAL, _AT_LF, yes=f"at {at}")
            code.branch(bpf.IF_EQUAL, _BEHIND_LF, no=f"not at {at}")
            code.put(bpf.X_CONSTANT, at - 1)
            code.jump("to")
            code.label(f"at {at}")
            code.put(bpf.X_CONSTANT, at)
            code.jump("to")
            code.label(f"not at {at}")
    code.give(PASS)
    code.label("to")
    # An asterisk looked the same, and so did the end of Reply-To.
    code.put(bpf.A_BYTE_AT_X, 0)
    code.branch(bpf.IF_EQUAL, _LF, yes="value")
    code.give(PASS)
    code.label("value")


def _find_tag(code: bpf.Filter, groups: int) -> None:
    """Drops it if the value of To, whose line begins behind X, has no `tag` in it."""
    for group in range(groups):
        start = 4 + group * _VALUE_GROUP
        # A = what there is behind X.
        code.put(bpf.A_LENGTH)
        code.put(bpf.SUBTRACT_X)
        code.branch(bpf.IF_NOT_LESS, start + _VALUE_GROUP + 4, no=f"pass {group}")
        for at in range(start, start + _VALUE_GROUP):
            code.put(bpf.A_HALF_AT_X, at)
            code.branch(bpf.IF_GREATER, _LF << 8 | 0xFF, yes=f"no end {at}")
            # LF: the end, if the next line does not go on with this one.
            code.branch(bpf.IF_GREATER, _LF << 8 | 0x20, yes=f"drop {group}")
            code.branch(bpf.IF_NOT_LESS, _LF << 8, yes=f"pass {group}")
            code.label(f"no end {at}")
            code.put(bpf.A_WORD_AT_X, at)
            code.put(bpf.OR, _BIT_5)
            code.put(bpf.SHIFT_RIGHT, 8)
            code.branch(bpf.IF_EQUAL, _TAG, yes=f"pass {group}")
        code.jump(f"next {group}")
        code.label(f"drop {group}")
        code.give(DROP)
        code.label(f"pass {group}")
        code.give(PASS)
        code.label(f"next {group}")
    code.give(PASS)
