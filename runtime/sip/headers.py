"""The kinds of header fields that SER knows, as small ints, and the packed record of one header line.

A record is one int: kind, start of the line, start of the value and end of the line (after its CRLF), the last three as
offsets of 17 bits each, so that a message of 65,535 bytes fits. 0 is no header.
"""

from __future__ import annotations

from typing import Final

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
