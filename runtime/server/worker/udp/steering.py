"""A filter by which the kernel gives each datagram to the socket of the worker that handles its Call-ID.

So workers have little to hand over to each other, and one busy peer keeps all of them busy. The filter need not be right: what it
cannot read, such as a compact or folded Call-ID or one that stands far behind, goes to some socket of the group, and whoever
reads it hands it on.

SO_ATTACH_REUSEPORT_CBPF of socket(7): Linux 4.5, no privileges.
"""

from __future__ import annotations

import array
import errno
import socket
import struct
from typing import Final

from runtime.server.worker.udp import bpf
from runtime.sip.callid import HASH_FOLD, HASH_MULTIPLIER, HASH_START, HASHED_BYTES

# <asm-generic/socket.h>; Python does not name it.
_SO_ATTACH_REUSEPORT_CBPF: Final = 51

# No socket has this index: the kernel decides by source and destination then.
_UNDECIDED: Final = 0xFFFF_FFFF

# What is looked for, each character with bit 5 set: that makes letters small and LF an asterisk.
_NAME: Final = b"*call-id:"
_BIT_5: Final = 0x2020_2020
_BLANK: Final = 0x20
# Where in _NAME the words begin that are looked for at every fourth byte: one of them stands there wherever the name begins.
# Those nearer to its beginning would be found in many a URI.
_WORDS: Final = (2, 3, 4, 5)
_STEP: Final = len(_WORDS)
# No first line and Via are shorter.
_FIRST: Final = 64
# So many steps share a look at the datagram's length.
_GROUP: Final = 8
_GROUPS: Final = 50

# Cells.
_HASH: Final = 0
_CHARACTERS: Final = 1
_PLACE: Final = 2


def steer(group: list[socket.socket], first: int, owners: int) -> bool:
    """Have the kernel give messages of owner `first` + i, out of `owners`, to socket i of a group that shares a port.

    False where it cannot. The sockets must have been bound in the order of the group.
    """
    groups = _GROUPS
    while groups:
        # Kept until the call is over: its structure holds the address only.
        words = array.array("Q", steering(first, owners, groups))
        address, count = words.buffer_info()
        try:
            group[0].setsockopt(socket.SOL_SOCKET, _SO_ATTACH_REUSEPORT_CBPF, struct.pack("@HP", count, address))
            return True
        except OSError as e:
            if e.errno != errno.ENOMEM:
                return False
        # It exceeds net.core.optmem_max, whose former default of 20 kB is enough for 400 bytes of headers.
        groups //= 2
    return False


def steering(first: int, owners: int, groups: int) -> bytes:
    """The filter, whose result is the index of a socket. It looks for a Call-ID in 32 bytes for each of `groups`."""
    code = bpf.Filter()
    _find(code, groups)
    _confirm(code)
    _hash(code)
    code.put(bpf.MODULO, owners)
    code.put(bpf.SUBTRACT, first)
    code.give_a()
    return code.assemble()


def _word(place: int) -> int:
    return int.from_bytes(_NAME[place : place + 4], "big")


def _find(code: bpf.Filter, groups: int) -> None:
    """Goes to "found" with one of the words in A and its offset in X. Classic programs have no loops."""
    for group in range(groups):
        start = _FIRST + group * _GROUP * _STEP
        code.put(bpf.A_LENGTH)
        code.branch(bpf.IF_NOT_LESS, start + _GROUP * _STEP, yes=f"group {group}")
        code.give(_UNDECIDED)
        code.label(f"group {group}")
        for offset in range(start, start + _GROUP * _STEP, _STEP):
            code.put(bpf.A_WORD, offset)
            code.put(bpf.OR, _BIT_5)
            for place in _WORDS[:-1]:
                code.branch(bpf.IF_EQUAL, _word(place), yes=f"at {offset}")
            code.branch(bpf.IF_EQUAL, _word(_WORDS[-1]), no=f"not at {offset}")
            code.label(f"at {offset}")
            code.put(bpf.X_CONSTANT, offset)
            code.jump("found")
            code.label(f"not at {offset}")
    code.give(_UNDECIDED)
    code.label("found")


def _confirm(code: bpf.Filter) -> None:
    """Makes sure that it is the whole name, with a value behind it that begins at X + 9."""
    for place in _WORDS:
        code.branch(bpf.IF_EQUAL, _word(place), no=f"not word {place}")
        _move(code, -place)
        code.jump("name")
        code.label(f"not word {place}")
    code.label("name")
    for place in (0, 4):
        code.put(bpf.A_WORD_AT_X, place)
        code.put(bpf.OR, _BIT_5)
        code.branch(bpf.IF_EQUAL, _word(place), no="none")
    code.put(bpf.A_BYTE_AT_X, len(_NAME) - 1)
    code.branch(bpf.IF_EQUAL, _NAME[-1], no="none")
    code.put(bpf.A_BYTE_AT_X, len(_NAME))
    code.branch(bpf.IF_EQUAL, _BLANK, no="value")
    _move(code, 1)
    code.put(bpf.A_BYTE_AT_X, len(_NAME))
    code.label("value")
    code.branch(bpf.IF_GREATER, _BLANK, yes="hash")
    code.label("none")
    code.give(_UNDECIDED)
    code.label("hash")


def _move(code: bpf.Filter, by: int) -> None:
    """X += by."""
    code.put(bpf.A_FROM_X)
    code.put(bpf.ADD if by > 0 else bpf.SUBTRACT, abs(by))
    code.put(bpf.X_FROM_A)


def _hash(code: bpf.Filter) -> None:
    """Leaves in A what runtime.sip.callid.hash_of makes of the value at X + 9. A white character is any up to the blank."""
    code.put(bpf.CELL_FROM_X, _PLACE)
    code.put(bpf.A_CONSTANT, HASH_START)
    code.put(bpf.CELL_FROM_A, _HASH)
    for at in range(0, HASHED_BYTES, 4):
        code.put(bpf.A_WORD_AT_X, len(_NAME) + at)
        code.put(bpf.CELL_FROM_A, _CHARACTERS)
        # Some byte of a word w is below n = 0x21 if (w - nnnn) & ~w has the highest bit of a byte.
        code.put(bpf.SUBTRACT, 0x2121_2121)
        code.put(bpf.X_FROM_A)
        code.put(bpf.A_CELL, _CHARACTERS)
        code.put(bpf.XOR, 0xFFFF_FFFF)
        code.put(bpf.AND_X)
        code.branch(bpf.IF_ANY_BIT, 0x8080_8080, yes=f"rest {at}")
        code.put(bpf.X_CELL, _CHARACTERS)
        _mix(code)
    code.jump("end")
    for at in range(0, HASHED_BYTES, 4):
        code.label(f"rest {at}")
        code.put(bpf.A_CELL, _PLACE)
        code.put(bpf.ADD, at)
        code.jump("rest")
    code.label("rest")
    code.put(bpf.CELL_FROM_A, _PLACE)
    code.put(bpf.X_FROM_A)
    for at in range(3):
        code.put(bpf.A_BYTE_AT_X, len(_NAME) + at)
        code.branch(bpf.IF_GREATER, _BLANK, no="end")
        code.put(bpf.X_FROM_A)
        _mix(code)
    code.label("end")
    code.put(bpf.X_CONSTANT, 0)
    _mix(code)
    code.put(bpf.A_CELL, _HASH)


def _mix(code: bpf.Filter) -> None:
    """_mixed of runtime.sip.callid: X goes into the hash. X is the place again afterwards."""
    code.put(bpf.A_CELL, _HASH)
    code.put(bpf.XOR_X)
    code.put(bpf.MULTIPLY, HASH_MULTIPLIER)
    code.put(bpf.X_FROM_A)
    code.put(bpf.SHIFT_RIGHT, HASH_FOLD)
    code.put(bpf.XOR_X)
    code.put(bpf.CELL_FROM_A, _HASH)
    code.put(bpf.X_CELL, _PLACE)
