"""Requests of one hop: the ACK to a negative reply and the CANCEL that this server makes. RFC 3261 17.1.1.3 and 9.1."""

from __future__ import annotations

from librt.strings import BytesWriter
from mypy_extensions import i64

from runtime.sip import headers
from runtime.sip.cseq import parse_cseq
from runtime.sip.message import Message, parse
from runtime.sip.transport import Send


def acknowledge(invite: Send, reply: Message, user_agent: bytes) -> Send:
    """The ACK for the negative `reply` to `invite` as it was sent. `user_agent` is the whole header line, b"" for none."""
    sent = parse(invite.data)
    return Send(_build(sent, b"ACK", reply.line(reply.to), user_agent), invite.destination, invite.socket)


def cancel(invite: Send, user_agent: bytes) -> Send:
    """The CANCEL for `invite` as it was sent."""
    sent = parse(invite.data)
    return Send(_build(sent, b"CANCEL", sent.line(sent.to), user_agent), invite.destination, invite.socket)


def _build(sent: Message, method: bytes, to_line: bytes, user_agent: bytes) -> bytes:
    """Same Request-URI, Via, From, Call-ID, CSeq number and Routes as the request that was sent."""
    buf = sent.buf
    via = sent.via1
    assert via is not None
    cseq = parse_cseq(sent)
    out = BytesWriter()
    out.write(method)
    out.write(b" ")
    out.write(buf[sent.uri_start : sent.uri_end])
    out.write(b" SIP/2.0\r\nVia: ")
    out.write(buf[via.start : via.end].strip())
    out.write(b"\r\n")
    out.write(sent.line(sent.from_))
    out.write(sent.line(sent.call_id))
    out.write(to_line)
    out.write(b"CSeq: ")
    out.write(buf[cseq.number_start : cseq.number_end])
    out.write(b" ")
    out.write(method)
    out.write(b"\r\n")
    i: i64 = 0
    count: i64 = len(sent.headers)
    while i < count:
        if headers.kind(sent.headers[i]) == headers.ROUTE:
            out.write(sent.line(sent.headers[i]))
        i += 1
    out.write(user_agent)
    out.write(b"Content-Length: 0\r\n\r\n")
    return out.getvalue()
