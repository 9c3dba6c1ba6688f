"""Replies that this server makes itself. RFC 3261 8.2.6, reference core 6.3."""

from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64, u8

from runtime.sip import edits, headers
from runtime.sip.edits import Edit
from runtime.sip.message import Message
from runtime.sip.nameaddr import NameAddr, find_param, parse_name_addr, tag_of
from runtime.sip.scan import CR, LF, BadMessage, crlf_ended, write_decimal

REASONS: Final = {
    100: b"Trying",
    180: b"Ringing",
    181: b"Call is Being Forwarded",
    182: b"Queued",
    183: b"Session Progress",
    200: b"OK",
    300: b"Multiple Choices",
    301: b"Moved Permanently",
    302: b"Moved Temporarily",
    305: b"Use Proxy",
    380: b"Alternative Service",
    400: b"Bad Request",
    401: b"Unauthorized",
    402: b"Payment Required",
    403: b"Forbidden",
    404: b"Not Found",
    405: b"Method not Allowed",
    406: b"Not Acceptable",
    407: b"Proxy authentication Required",
    408: b"Request Timeout",
    410: b"Gone",
    413: b"Request Entity Too Large",
    414: b"Request-URI Too Long",
    415: b"Unsupported Media Type",
    416: b"Unsupported URI Scheme",
    417: b"Bad Extension",
    421: b"Extension Required",
    423: b"Interval Too Brief",
    480: b"Temporarily Unavailable",
    481: b"Call/Transaction Does not Exist",
    482: b"Loop Detected",
    483: b"Too Many Hops",
    484: b"Address Incomplete",
    485: b"Ambiguous",
    486: b"Busy Here",
    487: b"Request Terminated",
    488: b"Not Acceptable Here",
    491: b"Request Pending",
    500: b"Server Internal Error",
    501: b"Not Implemented",
    502: b"Bad Gateway",
    503: b"Service Unavailable",
    504: b"Server Time-out",
    505: b"Version not Supported",
    513: b"Message Too Large",
    600: b"Busy Everywhere",
    603: b"Decline",
    604: b"Does not Exist Anywhere",
    606: b"Not Acceptable",
}
_CLASSES: Final = (b"", b"Provisional", b"Successful", b"Redirection", b"Request Failure", b"Server Failure")


def reason_of(code: i64) -> bytes:
    """SER's default reason phrase of a status code (reference core 8.4)."""
    known = REASONS.get(int(code))
    if known is not None:
        return known
    hundreds: i64 = code // 100
    return _CLASSES[hundreds] if 1 <= hundreds <= 5 else b"Global Failure"


def to_of(msg: Message) -> NameAddr | None:
    """The parsed To header, None when it is missing or broken."""
    try:
        return msg.to_value()
    except BadMessage:
        return None


def to_tag_of(msg: Message) -> bytes:
    """The tag of the To header, b"" when it has none."""
    to = to_of(msg)
    return b"" if to is None else tag_of(msg.buf, to)


def build_reply(
    msg: Message,
    code: i64,
    reason: bytes,
    to_tag: bytes,
    via_edits: list[Edit],
    extra_headers: list[bytes],
    server: bytes,
    warning: bytes,
    body: bytes,
) -> bytes:
    """The reply to the request `msg`.

    Vias, From, To, Call-ID and CSeq (and Record-Route for 180…299) are copied in the order and the spelling of the
    request. `via_edits` change the topmost Via; a `to_tag` that is not empty is added, or replaces the one that is there.
    `extra_headers`, `server`, `warning` are whole lines with their CRLF, the latter two b"" for none.
    """
    out = BytesWriter()
    out.write(b"SIP/2.0 ")
    write_decimal(out, code)
    out.append(u8(32))
    out.write(reason)
    out.write(b"\r\n")
    _copy_headers(out, msg, 180 <= code < 300, to_tag, via_edits)
    for line in extra_headers:
        out.write(line)
    out.write(server)
    out.write(b"Content-Length: ")
    write_decimal(out, len(body))
    out.write(b"\r\n")
    out.write(warning)
    out.write(b"\r\n")
    if msg.has_odd_lines:
        return _without_bare_cr(out.getvalue()) + body
    out.write(body)
    return out.getvalue()


def _without_bare_cr(head: bytes) -> bytes:
    """A blank in the place of each CR that ends no line: whoever takes it for an end would read headers that we have not seen."""
    if head.count(b"\r") == head.count(b"\r\n"):
        return head
    return head.replace(b"\r\n", b"\n").replace(b"\r", b" ").replace(b"\n", b"\r\n")


def _copy_headers(
    out: BytesWriter, msg: Message, with_record_route: bool, to_tag: bytes, via_edits: list[Edit]
) -> None:
    """The headers that the reply has in common with the request."""
    buf = msg.buf
    first_via = True
    # Received bytes that go out as they are and have not been written yet: lines that follow each other go at once.
    start: i64 = 0
    end: i64 = 0
    for record in msg.headers:
        kind = headers.kind(record)
        if kind == headers.VIA:
            is_changed = first_via and len(via_edits) > 0
            first_via = False
        elif kind == headers.TO:
            is_changed = len(to_tag) > 0
        elif kind == headers.RECORD_ROUTE:
            if not with_record_route:
                continue
            is_changed = False
        elif kind == headers.FROM or kind == headers.CALL_ID or kind == headers.CSEQ:
            is_changed = False
        else:
            continue
        if not is_changed and _ends_properly(buf, headers.line_end(record)):
            if headers.line_start(record) != end:
                if end > start:
                    out.write(buf[start:end])
                start = headers.line_start(record)
            end = headers.line_end(record)
            continue
        if end > start:
            out.write(buf[start:end])
        start = end = 0
        if not is_changed:
            out.write(msg.line(record))
        elif kind == headers.VIA:
            out.write(_edited_line(msg, record, via_edits))
        else:
            _write_to(out, msg, record, to_tag)
    if end > start:
        out.write(buf[start:end])


def _ends_properly(buf: bytes, end: i64) -> bool:
    """True if the line that ends here does so with CRLF."""
    return end >= 2 and buf[end - 1] == LF and buf[end - 2] == CR


def _edited_line(msg: Message, record: i64, changes: list[Edit]) -> bytes:
    start = headers.line_start(record)
    moved = [Edit(e.start - start, e.end - start, e.text) for e in changes]
    return crlf_ended(edits.apply(msg.buf[start : headers.line_end(record)], moved, None))


def _write_to(out: BytesWriter, msg: Message, record: i64, tag: bytes) -> None:
    """The To line with `tag`. Where To cannot be parsed the tag goes to its end, as the best that can be done."""
    buf = msg.buf
    value_end = msg.value_end(record)
    # White space behind the value stays in front of the tag, as in SER.
    line_end: i64 = headers.line_end(record)
    while line_end > value_end and (buf[line_end - 1] == LF or buf[line_end - 1] == CR):
        line_end -= 1
    try:
        to = (
            msg.to_value()
            if record == msg.to
            else parse_name_addr(buf, headers.value_start(record), headers.line_end(record), False)
        )
        param = find_param(buf, to.params_start, to.end, b"tag")
    except BadMessage:
        param = None
    start = headers.line_start(record)
    if param is None:
        out.write(buf[start:line_end])
        out.write(b";tag=")
        out.write(tag)
    else:
        out.write(buf[start : param.at])
        out.write(b";tag=")
        out.write(tag)
        out.write(buf[param.after : value_end])
    out.write(b"\r\n")
