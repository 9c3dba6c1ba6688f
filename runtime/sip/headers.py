"""The kinds of header fields that SER knows, as small ints, and the packed record of one header line.

A record is one int: kind, start of the line, start of the value and end of the line (after its CRLF), the last three as
offsets of 17 bits each, so that a message of 65,535 bytes fits. 0 is no header.
"""

from __future__ import annotations

from typing import Final

from librt.strings import read_i64_le
from mypy_extensions import i64

from runtime.sip.scan import equals_lower

OTHER: Final = 1
VIA: Final = 2
FROM: Final = 3
TO: Final = 4
CSEQ: Final = 5
CALL_ID: Final = 6
CONTACT: Final = 7
MAX_FORWARDS: Final = 8
ROUTE: Final = 9
RECORD_ROUTE: Final = 10
CONTENT_TYPE: Final = 11
CONTENT_LENGTH: Final = 12
AUTHORIZATION: Final = 13
EXPIRES: Final = 14
PROXY_AUTHORIZATION: Final = 15
SUPPORTED: Final = 16
PROXY_REQUIRE: Final = 17
UNSUPPORTED: Final = 18
ALLOW: Final = 19
EVENT: Final = 20
USER_AGENT: Final = 21
BROKEN: Final = 22  # a line without a colon or without a name

_BY_NAME: Final = {
    b"expires": EXPIRES,
    b"supported": SUPPORTED,
    b"proxy-require": PROXY_REQUIRE,
    b"unsupported": UNSUPPORTED,
    b"event": EVENT,
    b"user-agent": USER_AGENT,
    b"authorization": AUTHORIZATION,
    b"proxy-authorization": PROXY_AUTHORIZATION,
}

NAME_SIZE_BITS: Final = 4
NAME_SIZE: Final = 15

# Names with their colons, in lower case, as numbers: the first byte is the lowest.
_VIA: Final = 0x3A616976
_FROM: Final = 0x3A6D6F7266
_TO: Final = 0x3A6F74
_CSEQ: Final = 0x3A71657363
_CALL_ID: Final = 0x3A64692D6C6C6163
_CONTACT: Final = 0x3A746361746E6F63
_CONTENT: Final = 0x2D746E65746E6F63
_LENGTH: Final = 0x3A6874676E656C
_TYPE: Final = 0x3A65707974
_ROUTE: Final = 0x3A6574756F72
_RECORD: Final = 0x2D64726F636572
_MAX_FOR: Final = 0x726F662D78616D
_WARDS: Final = 0x3A7364726177
_USER_AG: Final = 0x67612D72657375
_ENT: Final = 0x3A746E65
_EXPIRES: Final = 0x3A73657269707865
_AUTHORI: Final = 0x69726F68747561
_ZATION: Final = 0x3A6E6F6974617A
_SUPPORT: Final = 0x74726F70707573
_ED: Final = 0x3A6465

_3_BYTES: Final = 0xFFFFFF
_4_BYTES: Final = 0xFFFFFFFF
_5_BYTES: Final = 0xFFFFFFFFFF
_6_BYTES: Final = 0xFFFFFFFFFFFF
_7_BYTES: Final = 0xFFFFFFFFFFFFFF

_OFFSET_BITS: Final = 17
_OFFSET: Final = (1 << 17) - 1


def pack(kind: i64, line: i64, value: i64, end: i64) -> i64:
    return (kind << 51) | (line << 34) | (value << 17) | end


def kind(record: i64) -> i64:
    return record >> 51


def line_start(record: i64) -> i64:
    return (record >> 34) & _OFFSET


def value_start(record: i64) -> i64:
    """First byte after the colon; white space is not skipped."""
    return (record >> 17) & _OFFSET


def line_end(record: i64) -> i64:
    """After the line end of the last (folded) line of this header."""
    return record & _OFFSET


def common_name(buf: bytes, start: i64, size: i64) -> i64:
    """Kind and length of the name that begins at `start`, if it is one of those that nearly every message has, spelt at length and with
    its colon right behind it: the kind above NAME_SIZE_BITS, the length in NAME_SIZE. Else 0: `kind_of` has to look.

    Eight bytes at a time. What is compared is a number of at most 62 bits, so that no constant is an object.
    """
    if size - start < 16:
        return 0
    word = read_i64_le(buf, start)
    first: i64 = (word & 0xFF) | 32
    if first == 99:
        return _common_c(buf, start, word)
    if first == 118:
        return VIA << 4 | 3 if (word & _4_BYTES) | 0x202020 == _VIA else 0
    if first == 102:
        return FROM << 4 | 4 if (word & _5_BYTES) | 0x20202020 == _FROM else 0
    if first == 116:
        return TO << 4 | 2 if (word & _3_BYTES) | 0x2020 == _TO else 0
    if first == 114:
        if (word & _6_BYTES) | 0x2020202020 == _ROUTE:
            return ROUTE << 4 | 5
        if (word & _7_BYTES) | 0x202020202020 == _RECORD:
            return RECORD_ROUTE << 4 | 12 if (read_i64_le(buf, start + 7) & _6_BYTES) | 0x2020202020 == _ROUTE else 0
        return 0
    if first == 109 and (word & _7_BYTES) | 0x20202000202020 == _MAX_FOR:
        return MAX_FORWARDS << 4 | 12 if (read_i64_le(buf, start + 7) & _6_BYTES) | 0x2020202020 == _WARDS else 0
    if first == 117 and (word & _7_BYTES) | 0x20200020202020 == _USER_AG:
        return USER_AGENT << 4 | 10 if (read_i64_le(buf, start + 7) & _4_BYTES) | 0x202020 == _ENT else 0
    if first == 101:
        return EXPIRES << 4 | 7 if word | 0x20202020202020 == _EXPIRES else 0
    if first == 97 and (word & _7_BYTES) | 0x20202020202020 == _AUTHORI:
        return AUTHORIZATION << 4 | 13 if (read_i64_le(buf, start + 7) & _7_BYTES) | 0x202020202020 == _ZATION else 0
    if first == 115 and (word & _7_BYTES) | 0x20202020202020 == _SUPPORT:
        return SUPPORTED << 4 | 9 if (read_i64_le(buf, start + 7) & _3_BYTES) | 0x2020 == _ED else 0
    return 0


def _common_c(buf: bytes, start: i64, word: i64) -> i64:
    if (word & _5_BYTES) | 0x20202020 == _CSEQ:
        return CSEQ << 4 | 4
    if word | 0x20200020202020 == _CALL_ID:
        return CALL_ID << 4 | 7
    word |= 0x20202020202020
    if word == _CONTACT:
        return CONTACT << 4 | 7
    if word != _CONTENT:
        return 0
    rest = read_i64_le(buf, start + 8)
    if (rest & _7_BYTES) | 0x202020202020 == _LENGTH:
        return CONTENT_LENGTH << 4 | 14
    return CONTENT_TYPE << 4 | 12 if (rest & _5_BYTES) | 0x20202020 == _TYPE else 0


def kind_of(buf: bytes, start: i64, end: i64) -> i64:
    """The kind of the header whose name is `buf[start:end]` (any case, compact forms: RFC 3261 7.3.3)."""
    length: i64 = end - start
    first: i64 = buf[start] | 32
    if length == 1:
        return _compact(first)
    if length == 3:
        return VIA if equals_lower(buf, start, end, b"via") else OTHER
    if length == 2:
        return TO if equals_lower(buf, start, end, b"to") else OTHER
    if length == 4:
        if first == 102:
            return FROM if equals_lower(buf, start, end, b"from") else OTHER
        return CSEQ if equals_lower(buf, start, end, b"cseq") else OTHER
    if length == 12:
        if first == 109:
            return MAX_FORWARDS if equals_lower(buf, start, end, b"max-forwards") else OTHER
        if first == 114:
            return RECORD_ROUTE if equals_lower(buf, start, end, b"record-route") else OTHER
        return CONTENT_TYPE if equals_lower(buf, start, end, b"content-type") else OTHER
    if length == 7 and first == 99:
        if equals_lower(buf, start, end, b"call-id"):
            return CALL_ID
        return CONTACT if equals_lower(buf, start, end, b"contact") else OTHER
    if length == 14:
        return CONTENT_LENGTH if equals_lower(buf, start, end, b"content-length") else OTHER
    if length == 5 and first != 101:
        if first == 114:
            return ROUTE if equals_lower(buf, start, end, b"route") else OTHER
        return ALLOW if equals_lower(buf, start, end, b"allow") else OTHER
    return _rare(buf, start, end, first)


def _rare(buf: bytes, start: i64, end: i64, first: i64) -> i64:
    # e(vent, xpires) s(upported) p(roxy-…) u(nsupported, ser-agent) a(uthorization)
    if first == 101 or first == 115 or first == 112 or first == 117 or first == 97:
        return _BY_NAME.get(buf[start:end].lower(), OTHER)
    return OTHER


def _compact(letter: i64) -> i64:
    if letter == 118:
        return VIA
    if letter == 102:
        return FROM
    if letter == 116:
        return TO
    if letter == 105:
        return CALL_ID
    if letter == 109:
        return CONTACT
    if letter == 108:
        return CONTENT_LENGTH
    if letter == 107:
        return SUPPORTED
    if letter == 99:
        return CONTENT_TYPE
    if letter == 111:
        return EVENT
    return OTHER
