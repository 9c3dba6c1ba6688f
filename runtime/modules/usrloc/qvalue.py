"""q values, as numbers of 0…1000. Reference modules-main, chapter 0."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from runtime.modules.usrloc.contact import Q_UNSPECIFIED


class BadQ(ValueError):
    """The text is no q value."""


def parse_q(text: bytes) -> i64:
    """`0`, `1`, `1.000`, `0.x[x[x]]` or `.x`, times 1000; further digits are ignored, as zeros before it are. Raises BadQ.

    Blanks before and behind it do not count.
    """
    word = text.strip()
    end: i64 = len(word)
    pos: i64 = 0
    whole: i64 = 0
    digits: i64 = 0
    while pos < end and 48 <= word[pos] <= 57:
        whole = min(whole * 10 + word[pos] - 48, 2)
        digits += 1
        pos += 1
    if whole > 1:
        raise BadQ()
    value = whole * 1000
    if pos < end:
        if word[pos] != 46:
            raise BadQ()
        pos += 1
        unit: i64 = 100
        while pos < end:
            c: i64 = word[pos]
            if c < 48 or c > 57:
                raise BadQ()
            value += (c - 48) * unit
            unit //= 10
            digits += 1
            pos += 1
    if digits == 0 or value > 1000:
        raise BadQ()
    return value


_TEXTS: Final = [b"0", *((b"0.%03d" % n).rstrip(b"0") for n in range(1, 1000)), b"1"]


def q_text(q: i64) -> bytes:
    """How SIP writes it, b"" for the unspecified one."""
    return b"" if q == Q_UNSPECIFIED else _TEXTS[q]
