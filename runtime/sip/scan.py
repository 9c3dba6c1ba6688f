"""Index loops over bytes: what the parsers are made of.

Positions are offsets into the whole message; ranges are half open. Written for mypyc, where a loop over `buf[i]` costs a
nanosecond a byte and a method call on bytes fifty.
"""

from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter, read_i64_le, write_i64_be
from mypy_extensions import i64, u8

CR: Final = 13
LF: Final = 10
SPACE: Final = 32
TAB: Final = 9
DOT: Final = 46
COLON: Final = 58
UNDERSCORE: Final = 95


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
        wanted: i64 = lower[i]
        if c != wanted and (c < 65 or c > 90 or c | 32 != wanted):
            return False
        i += 1
    return True


def same_bytes(a: bytes, start: i64, end: i64, b: bytes, begin: i64, stop: i64) -> bool:
    """True if `a[start:end]` is `b[begin:stop]`: eight bytes at a step as long as there are eight."""
    if end - start != stop - begin:
        return False
    while end - start >= 8:
        if read_i64_le(a, start) != read_i64_le(b, begin):
            return False
        start += 8
        begin += 8
    while start < end:
        if a[start] != b[begin]:
            return False
        start += 1
        begin += 1
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


def any_of(wanted: bytes) -> bytes:
    """What `find_any` needs to know: by the number of a byte, 1 for one of `wanted`."""
    return bytes([c in wanted for c in range(256)])


def none_of(unwanted: bytes) -> bytes:
    """The same for all other bytes."""
    return bytes([c not in unwanted for c in range(256)])


# What is in no host: all but letters, digits, "-", "." and the "_" that real ones have.
NOT_IN_HOST: Final = none_of(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._")


def find_any(buf: bytes, wanted: bytes, pos: i64, end: i64) -> i64:
    """Position of the first byte in `buf[pos:end]` that is one of `wanted` (`any_of` or `none_of`), `end` when there is none."""
    while pos < end:
        c: i64 = buf[pos]
        if wanted[c] != 0:
            return pos
        pos += 1
    return pos


_SEVEN_ONES: Final = 0x01010101010101
_SEVEN_SIXTEENS: Final = 0x10101010101010
_SEVEN_33S: Final = 0x21212121212121
_SEVEN_45S: Final = 0x2D2D2D2D2D2D2D
_SEVEN_SEMICOLONS: Final = 0x3B3B3B3B3B3B3B
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
            return pos + _lowest(highs)
        pos += 7
    while pos < end:
        if buf[pos] == wanted:
            return pos
        pos += 1
    return -1


def find_control(buf: bytes, pos: i64, end: i64) -> i64:
    """Position of the first byte below 16 in `buf[pos:end]`, -1 when there is none: tab, CR, LF, and what no message has.

    As `find` does it: taking 16 from each byte sets a high bit that was clear.
    """
    while end - pos >= 8:
        word = read_i64_le(buf, pos) & _SEVEN_BYTES
        highs = (word - _SEVEN_SIXTEENS) & ~word & _SEVEN_HIGHS
        if highs != 0:
            return pos + _lowest(highs)
        pos += 7
    while pos < end:
        if buf[pos] < 16:
            return pos
        pos += 1
    return -1


def find_blank(buf: bytes, pos: i64, end: i64) -> i64:
    """Position of the first byte up to 32 in `buf[pos:end]`, a blank or a control character; `end` when there is none."""
    while end - pos >= 8:
        word = read_i64_le(buf, pos) & _SEVEN_BYTES
        highs = (word - _SEVEN_33S) & ~word & _SEVEN_HIGHS
        if highs != 0:
            return pos + _lowest(highs)
        pos += 7
    while pos < end and buf[pos] > 32:
        pos += 1
    return pos


def skip_token(buf: bytes, pos: i64, end: i64) -> i64:
    """`pos` moved on, seven bytes at a step, as long as there are no separators among them: all are above the comma, and no semicolon.

    The rest has to be looked at byte by byte.
    """
    while end - pos >= 8:
        word = read_i64_le(buf, pos) & _SEVEN_BYTES
        semicolons = word ^ _SEVEN_SEMICOLONS
        found = (word - _SEVEN_45S) & ~word
        found |= (semicolons - _SEVEN_ONES) & ~semicolons
        if found & _SEVEN_HIGHS != 0:
            return pos
        pos += 7
    return pos


def _lowest(highs: i64) -> i64:
    """Which of seven bytes is the lowest whose high bit is set; one is."""
    place: i64 = 0
    if highs & 0x80808080 == 0:
        place = 4
        highs >>= 32
    if highs & 0x8080 == 0:
        place += 2
        highs >>= 16
    return place if highs & 0x80 != 0 else place + 1


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
    quote = find(buf, 34, pos, end)
    if quote < 0 or find(buf, 92, pos, quote) < 0:
        return quote + 1 if quote >= 0 else -1
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


_DECIMALS: Final = [b"%d" % n for n in range(1000)]


def decimal_text(value: i64) -> bytes:
    """A number that is not negative."""
    if value < 1000:
        return _DECIMALS[value]
    out = BytesWriter()
    write_decimal(out, value)
    return out.getvalue()


def write_hex(out: BytesWriter, value: i64) -> None:
    """Append the 16 lower-case hex digits of 64 bits."""
    write_i64_be(out, _eight_digits((value >> 32) & 0xFFFFFFFF))
    write_i64_be(out, _eight_digits(value & 0xFFFFFFFF))


def _eight_digits(value: i64) -> i64:
    """The hex digits of 32 bits as bytes, the most significant first: each digit is moved into a byte of its own."""
    value = (value | value << 16) & 0x0000FFFF0000FFFF
    value = (value | value << 8) & 0x00FF00FF00FF00FF
    value = (value | value << 4) & 0x0F0F0F0F0F0F0F0F
    letters = (value + 0x0606060606060606) >> 4 & 0x0101010101010101
    return value + 0x3030303030303030 + letters * 39


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
    return hash_with_key(secret + text)


def hash_with_key(text: bytes) -> i64:
    """The same of a text that begins with its secret."""
    return hash(text)


def is_line(text: bytes) -> bool:
    """True if `text`, which somebody sent or stored, has no control character but tabs: as the value of a header it ends no line."""
    for c in text:
        if c < 32 and c != TAB or c == 127:
            return False
    return True


def _ends(text: bytes) -> bytes:
    """What `is_plain` looks for: control characters, blanks and the bytes of `text`."""
    return bytes([c <= 32 or c == 127 or c in text for c in range(256)])


# What would end a URI in angle brackets, a parameter of one, and a quoted text.
IN_BRACKETS: Final = _ends(b'<>"')
IN_PARAMETER: Final = _ends(b'<>";,?@')
IN_QUOTES: Final = _ends(b'"\\')
IN_QUOTED_URI: Final = _ends(b'<>"\\')
# And what would end a word in a line of words.
IN_WORD: Final = _ends(b"")


def is_plain(text: bytes, forbidden: bytes) -> bool:
    """True if no byte of `text`, which somebody sent, is `forbidden` (IN_BRACKETS …): it can stand in a header of ours without ending
    what it stands in."""
    size: i64 = len(text)
    return find_any(text, forbidden, 0, size) == size
