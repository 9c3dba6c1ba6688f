"""What is wrong with a request that its answer is made of, and what in a message others may read otherwise than we do.

RFC 3261 8.2, 16.3 and 25.1.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from runtime.sip import headers, methods
from runtime.sip.cseq import parse_cseq
from runtime.sip.message import Message
from runtime.sip.scan import CR, SPACE, TAB, UNDERSCORE, BadMessage, decimal
from runtime.sip.transit import second_via

# RFC 3261 8.1.1.5: less than 2**31.
CSEQ_MAX: Final = 0x7FFFFFFF


def broken_header(msg: Message) -> str:
    """The name of a header that an answer needs and that is missing or cannot be understood; "" if all are sound.

    To, Call-ID, CSeq with the request's method, the Content-Length, and the Vias below the topmost, along which the answer goes
    on. Such a request gets 400 and nothing else. From is only copied: who needs it looks at it himself.
    """
    if not _has_address(msg):
        return "To"
    if msg.call_id == 0 or msg.value_end(msg.call_id) <= msg.value_start(msg.call_id):
        return "Call-ID"
    try:
        cseq = parse_cseq(msg)
        if cseq.number > CSEQ_MAX or cseq.method(msg) != msg.method:
            return "CSeq"
        if msg.method == methods.OTHER and msg.buf[cseq.method_start : cseq.method_end] != msg.method_name():
            return "CSeq"
    except BadMessage:
        return "CSeq"
    if msg.content_length != 0:
        length = decimal(msg.buf, msg.value_start(msg.content_length), msg.value_end(msg.content_length))
        if length < 0 or msg.ends_headers() and length > len(msg.buf) - msg.body_start:
            return "Content-Length"
    try:
        second_via(msg)
    except BadMessage:
        return "Via"
    return ""


def _has_address(msg: Message) -> bool:
    try:
        msg.to_value()
    except BadMessage:
        return False
    return True


def ambiguity_in(msg: Message) -> str:
    """What in the headers another parser could take for a header that is none to us, or the other way round; "" for nothing.

    What we cannot see no script can remove, so it must not be passed on: a name in two lines, a line that continues nothing, bytes in
    a name that some skip, a CR alone, which some take for the end of a line, and the names of what SIP depends on with underscores.
    """
    buf = msg.buf
    if msg.has_odd_lines and _has_bare_cr(buf, msg.start, msg.body_start):
        return "a CR alone"
    before_is_broken = True
    for record in msg.headers:
        kind = headers.kind(record)
        if kind == headers.OTHER or kind == headers.BROKEN:
            start = headers.line_start(record)
            if before_is_broken and (buf[start] == SPACE or buf[start] == TAB):
                return "a line that continues no header"
            if kind == headers.OTHER and not _is_plain_name(buf, start, headers.value_start(record) - 1):
                return "a header name with bytes that none has"
        before_is_broken = kind == headers.BROKEN
    return ""


def _has_bare_cr(buf: bytes, start: i64, end: i64) -> bool:
    return buf.count(b"\r", start, end) != buf.count(b"\r\n", start, end)


def _is_plain_name(buf: bytes, start: i64, end: i64) -> bool:
    """False for a name with a control character or a byte of no letter, and for one that reads like a header that we know, but for
    its underscores."""
    while end > start and (buf[end - 1] == SPACE or buf[end - 1] == TAB):
        end -= 1
    pos = start
    underscores = False
    while pos < end:
        c: i64 = buf[pos]
        if c < SPACE or c >= 127 or c == CR:
            return False
        if c == UNDERSCORE:
            underscores = True
        pos += 1
    if not underscores:
        return True
    name = buf[start:end].replace(b"_", b"-")
    return headers.kind_of(name, 0, len(name)) == headers.OTHER
