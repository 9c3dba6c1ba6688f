"""Index loops over bytes: what the parsers are made of.

Positions are offsets into the whole message; ranges are half open. Written for mypyc, where a loop over `buf[i]` costs a
nanosecond a byte and a method call on bytes fifty.
"""

from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter, read_i64_le
from mypy_extensions import i64, u8

CR: Final = 13
LF: Final = 10
SPACE: Final = 32
TAB: Final = 9
DOT: Final = 46
COLON: Final = 58
UNDERSCORE: Final = 95

# What would end a URI in angle brackets, or a parameter of one, see `is_plain`.
IN_BRACKETS: Final = b'<>"'
IN_PARAMETER: Final = b'<>";,?@'


class BadMessage(Exception):
    """A peer's bytes that cannot be used: `str()` says why, `offset` where.

    Caught in one place, the engine's receive.
    """

    def __init__(self, reason: str, offset: int = 0) -> None:
        super().__init__(reason)
        self.offset: Final = offset


def equals_lower(buf: bytes, start: i64, end: i64, lower: bytes) -> bool:
    """True if `buf[start:end]` is `lower` but for the case of ASCII letters; `lower` must be in lower case."""
    n: i64 = len(lower)
    if end - start != n:
        return False
    i: i64 = 0
    while i < n:
        c: i64 = buf[start + i]
        if 65 <= c <= 90:
            c |= 32
        if c != lower[i]:
            return False
        i += 1
    return True


def skip_white(buf: bytes, pos: i64, end: i64) -> i64:
    """First position from `pos` that is not a blank, tab, CR or LF (folded lines count as white space)."""
    while pos < end:
        c: i64 = buf[pos]
        if c != SPACE and c != TAB and c != CR and c != LF:
            return pos
        pos += 1
    return pos


def trim_end(buf: bytes, start: i64, end: i64) -> i64:
    """`end` moved back over white space, not below `start`."""
    while end > start:
        c: i64 = buf[end - 1]
        if c != SPACE and c != TAB and c != CR and c != LF:
            return end
        end -= 1
    return end


_SEVEN_ONES: Final = 0x01010101010101
_SEVEN_HIGHS: Final = 0x80808080808080
_SEVEN_BYTES: Final = 0xFFFFFFFFFFFFFF


def find(buf: bytes, wanted: i64, pos: i64, end: i64) -> i64:
    """Position of the byte `wanted` in `buf[pos:end]`, -1 when it is not there.

    Seven bytes at a step as long as there are eight: `differences` has a zero byte where the wanted one stands, and only
    then does taking one from each byte set a high bit that was clear. Seven, so that the sign is never touched. Above the
    first such byte a high bit may be a borrow of it, so that only the lowest one counts.
    """
    pattern = wanted * _SEVEN_ONES
    while end - pos >= 8:
        differences = (read_i64_le(buf, pos) & _SEVEN_BYTES) ^ pattern
        highs = (differences - _SEVEN_ONES) & ~differences & _SEVEN_HIGHS
        if highs != 0:
            if highs & 0x80808080 == 0:
                pos += 4
                highs >>= 32
            if highs & 0x8080 == 0:
                pos += 2
                highs >>= 16
            return pos if highs & 0x80 != 0 else pos + 1
        pos += 7
    while pos < end:
        if buf[pos] == wanted:
            return pos
        pos += 1
    return -1


def decimal(buf: bytes, start: i64, end: i64) -> i64:
    """The number in `buf[start:end]`; -1 when it is empty, longer than 18 digits or anything but decimal digits."""
    if end <= start or end - start > 18:
        return -1
    value: i64 = 0
    while start < end:
        c: i64 = buf[start]
        if c < 48 or c > 57:
            return -1
        value = value * 10 + (c - 48)
        start += 1
    return value


def skip_quoted(buf: bytes, pos: i64, end: i64) -> i64:
    """Position after the quoted string that opens at `pos`; -1 when it is never closed. RFC 3261 25.1."""
    pos += 1
    while pos < end:
        c: i64 = buf[pos]
        if c == 92:
            pos += 1
        elif c == 34:
            return pos + 1
        pos += 1
    return -1


def crlf_ended(line: bytes) -> bytes:
    """A header line with its end as CRLF, whatever end it had: LF or CR alone, or none in a truncated message."""
    end: i64 = len(line)
    if end >= 2 and line[end - 1] == LF and line[end - 2] == CR:
        return line
    if end >= 1 and (line[end - 1] == LF or line[end - 1] == CR):
        end -= 1
    return line[:end] + b"\r\n"


def write_decimal(out: BytesWriter, value: i64) -> None:
    """Append a number that is not negative."""
    if value >= 10:
        write_decimal(out, value // 10)
    out.append(u8(48 + value % 10))


_HEX_PAIRS: Final = [b"%02x" % n for n in range(256)]


def write_hex(out: BytesWriter, value: i64) -> None:
    """Append the 16 lower-case hex digits of 64 bits."""
    shift: i64 = 56
    while shift >= 0:
        out.write(_HEX_PAIRS[(value >> shift) & 255])
        shift -= 8


def write_reversed_hex(out: BytesWriter, value: i64) -> None:
    """Append a number that is not negative in hexadecimal, the least significant digit first."""
    while True:
        digit = value & 15
        out.append(u8(48 + digit if digit < 10 else 87 + digit))
        value >>= 4
        if value == 0:
            return


# 62 bits: with one more a constant, as Python's int, would be an object for mypyc.
_HASH_START: Final = 0xBF29CE484222325
_HASH_PRIME: Final = 0x100000001B3
_HASH_MASK: Final = 0x3FFFFFFFFFFFFFFF


def hash_start() -> i64:
    """Where a chain of `hash_range` begins."""
    return _HASH_START


def hash_range(value: i64, buf: bytes, start: i64, end: i64) -> i64:
    """A hash of `buf[start:end]`, 62 bits, continued from `value`; the same in both builds.

    FNV-1a, eight bytes at a step as long as there are eight; the shift brings the upper half back into the lower, which a
    multiplication never does.
    """
    while end - start >= 8:
        word = read_i64_le(buf, start)
        value = ((value ^ word) * _HASH_PRIME) & _HASH_MASK
        value ^= value >> 32
        start += 8
    while start < end:
        c: i64 = buf[start]
        value = ((value ^ c) * _HASH_PRIME) & _HASH_MASK
        start += 1
    return value ^ (value >> 32)


def keyed_hash(secret: bytes, text: bytes) -> i64:
    """64 bits that nobody can tell who lacks `secret`, the same in all processes of a server.

    Python's own SipHash: its key is drawn at the start, and inherited by what is forked.
    """
    return hash(secret + text)


def is_line(text: bytes) -> bool:
    """True if `text`, which somebody sent or stored, has no control character but tabs: as the value of a header it ends no line."""
    for c in text:
        if c < 32 and c != TAB or c == 127:
            return False
    return True


def is_plain(text: bytes, forbidden: bytes) -> bool:
    """True if no byte of `text`, which somebody sent, is a control character, a blank or one of `forbidden`: it can stand in a header
    of ours without ending what it stands in."""
    size: i64 = len(text)
    count: i64 = len(forbidden)
    i: i64 = 0
    while i < size:
        c: i64 = text[i]
        if c <= 32 or c == 127:
            return False
        j: i64 = 0
        while j < count:
            if c == forbidden[j]:
                return False
            j += 1
        i += 1
    return True
