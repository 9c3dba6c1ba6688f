"""Which Call-ID raw bytes carry, found before anything else of them is parsed."""

from __future__ import annotations

from typing import Final

from librt.strings import read_i32_be
from mypy_extensions import i64

from runtime.sip.scan import CR, LF, SPACE, TAB, equals_lower

_NAME: Final = b"call-id"
_COLON: Final = 58
_NOT_FOUND: Final = -1

# The hash is one that the kernel can compute as well (runtime.server.worker.udp.steering): 32 bits, of so many bytes at most.
HASHED_BYTES: Final[i64] = 32
HASH_START: Final[i64] = 0x811C9DC5
HASH_MULTIPLIER: Final[i64] = 0x9E3779B1
HASH_FOLD: Final[i64] = 15
_MASK: Final[i64] = 0xFFFFFFFF


def call_id_hash(buf: bytes) -> i64:
    """A number of 32 bits that all messages with the same Call-ID have in common; -1 where there is none.

    Takes the first header of that name, long or compact, in any case; the value as far as its first white space, so that
    neither folding nor blanks at the end make a difference. RFC 3261 7.3.1, 20.8.
    """
    end: i64 = len(buf)
    pos: i64 = 0
    while pos < end and (buf[pos] == CR or buf[pos] == LF):
        pos += 1
    while True:
        while pos < end and buf[pos] != LF:
            pos += 1
        pos += 1
        if pos >= end or buf[pos] == CR or buf[pos] == LF:
            return _NOT_FOUND
        first: i64 = buf[pos] | 32
        if first == 99 or first == 105:
            colon = _colon_of_call_id(buf, pos, end)
            if colon >= 0:
                return _hash_of_value(buf, colon + 1, end)


def hash_of_call_id(call_id: bytes) -> i64:
    """The same number for the value of the header alone; -1 for an empty one."""
    return _hash_of_value(call_id, 0, len(call_id))


def _colon_of_call_id(buf: bytes, pos: i64, end: i64) -> i64:
    """Where the colon of the Call-ID header that begins at `pos` stands, -1 when another header begins there."""
    if buf[pos] == 105 or buf[pos] == 73:
        pos += 1
    else:
        after = pos + 7
        if after > end or not equals_lower(buf, pos, after, _NAME):
            return _NOT_FOUND
        pos = after
    while pos < end and (buf[pos] == SPACE or buf[pos] == TAB):
        pos += 1
    return pos if pos < end and buf[pos] == _COLON else _NOT_FOUND


def _hash_of_value(buf: bytes, pos: i64, end: i64) -> i64:
    """White space in front of the value can be a folded line; another line end is the end of an empty value."""
    while pos < end and _is_white(buf[pos]):
        if buf[pos] == LF and (pos + 1 >= end or (buf[pos + 1] != SPACE and buf[pos + 1] != TAB)):
            return _NOT_FOUND
        pos += 1
    start = pos
    while pos < end and not _is_white(buf[pos]):
        pos += 1
    return hash_of(buf, start, pos) if pos > start else _NOT_FOUND


def hash_of(buf: bytes, start: i64, end: i64) -> i64:
    """Of a Call-ID `buf[start:end]`."""
    if end - start > HASHED_BYTES:
        end = start + HASHED_BYTES
    value = HASH_START
    while end - start >= 4:
        word: i64 = i64(read_i32_be(buf, start))
        value = _mixed(value, word & _MASK)
        start += 4
    while start < end:
        value = _mixed(value, buf[start])
        start += 1
    return _mixed(value, 0)


def _mixed(value: i64, word: i64) -> i64:
    """The shift brings the upper half back into the lower, which a multiplication never does."""
    value = ((value ^ word) * HASH_MULTIPLIER) & _MASK
    return value ^ (value >> HASH_FOLD)


def _is_white(c: i64) -> bool:
    return c == SPACE or c == LF or c == CR or c == TAB
