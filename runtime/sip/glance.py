"""What raw bytes can tell at a glance, before anything of them is parsed."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from runtime.sip.scan import COLON, LF, SPACE, TAB, equals_lower, find, skip_white

_METHOD_MAX: Final[i64] = 32
_SEMICOLON: Final[i64] = 59
_T: Final[i64] = 116


def is_surely_new(buf: bytes) -> bool:
    """True for a request that begins something: neither ACK nor CANCEL, with a To that has no tag.

    False for all others, and for what takes longer to understand, such as a message without To; who parses it will know.
    """
    end: i64 = len(buf)
    blank = find(buf, SPACE, 0, end if end < _METHOD_MAX else _METHOD_MAX)
    if blank < 1 or buf[0] < 65 or buf[0] > 90:
        return False
    if equals_lower(buf, 0, blank, b"sip/2.0") or equals_lower(buf, 0, blank, b"ack"):
        return False
    if equals_lower(buf, 0, blank, b"cancel"):
        return False
    pos = blank
    while True:
        pos = find(buf, LF, pos, end) + 1
        # The shortest header that says anything has four bytes more.
        if pos == 0 or end - pos < 4 or buf[pos] < SPACE:
            return False
        if buf[pos] | 32 == _T:
            colon = _colon_of_to(buf, pos, end)
            if colon > 0:
                return not _may_have_tag(buf, colon + 1, end)


def _colon_of_to(buf: bytes, pos: i64, end: i64) -> i64:
    """Where the colon of the To header that begins at `pos`, with a T, stands; -1 when another header begins there."""
    pos += 1
    if buf[pos] | 32 == 111:
        pos += 1
    while pos < end and (buf[pos] == SPACE or buf[pos] == TAB):
        pos += 1
    return pos if pos < end and buf[pos] == COLON else -1


def _may_have_tag(buf: bytes, pos: i64, end: i64) -> bool:
    """True if a parameter in the value that begins at `pos` has a name that begins so. It ends with the last of its lines."""
    while pos < end:
        c: i64 = buf[pos]
        pos += 1
        if c == LF and (pos == end or (buf[pos] != SPACE and buf[pos] != TAB)):
            return False
        if c == _SEMICOLON:
            name = skip_white(buf, pos, end)
            if end - name < 3 or equals_lower(buf, name, name + 3, b"tag"):
                return True
    # The message was cut off.
    return True
