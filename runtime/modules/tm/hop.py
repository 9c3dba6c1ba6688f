"""The ACKs and CANCELs that this server makes. RFC 3261 9.1, 13.2.2.4 and 17.1.1.3."""

from __future__ import annotations

from runtime.sip import headers
from runtime.sip.cseq import parse_cseq
from runtime.sip.message import Message, parse
from runtime.sip.scan import BadMessage
from runtime.sip.transport import Send
from runtime.tx.transaction import Branch


def acknowledge(branch: Branch, invite: Send, reply: Message, user_agent: bytes) -> Send:
    """The ACK for the negative `reply` to `invite` of `branch`, as it was sent. `user_agent` is the whole header line, b"" for none."""
    sent = _as_sent(branch, invite)
    data = _build(sent, b"ACK", _uri(sent), _via(sent), reply.line(reply.to), _routes(sent), user_agent)
    return Send(data, invite.destination, invite.socket)


def cancel(branch: Branch, invite: Send, user_agent: bytes) -> Send:
    """The CANCEL for `invite` of `branch`, as it was sent."""
    sent = _as_sent(branch, invite)
    data = _build(sent, b"CANCEL", _uri(sent), _via(sent), sent.line(sent.to), _routes(sent), user_agent)
    return Send(data, invite.destination, invite.socket)


def _as_sent(branch: Branch, invite: Send) -> Message:
    """The request as it was sent or, where a script has left nothing of it that can be read, what was received below our own Via."""
    try:
        sent = parse(invite.data)
        parse_cseq(sent)
        if sent.from_ != 0 and sent.to != 0 and sent.call_id != 0:
            return sent
    except BadMessage:
        pass
    data = invite.data
    at = max(0, data.find(branch.id()))
    via = data[data.rfind(b"\n", 0, at) + 1 : data.find(b"\n", at) + 1]
    received = branch.transaction.message
    rest = received.buf[received.first_header : received.headers_end]
    return parse(b"".join([received.method_name(), b" ", branch.uri, b" SIP/2.0\r\n", via, rest, b"\r\n"]))


def acknowledgement(sent: Message, uri: bytes, via: bytes, reply: Message, routes: bytes, user_agent: bytes) -> bytes:
    """The ACK for the 2xx `reply` to the INVITE `sent`. `via` and `routes` are whole header lines."""
    return _build(sent, b"ACK", uri, via, reply.line(reply.to), routes, user_agent)


def _build(
    sent: Message, method: bytes, uri: bytes, via: bytes, to_line: bytes, routes: bytes, user_agent: bytes
) -> bytes:
    """From, Call-ID and CSeq, but for its method, stand as they do in the request that was sent, names of headers included."""
    cseq = parse_cseq(sent)
    number = sent.buf[headers.line_start(sent.cseq) : cseq.number_end]
    parts = [method, b" ", uri, b" SIP/2.0\r\n", via, sent.line(sent.from_), sent.line(sent.call_id), to_line]
    parts += [number, b" ", method, b"\r\n", routes, user_agent]
    parts.append(b"Content-Length: 0\r\n\r\n")
    return b"".join(parts)


def _uri(sent: Message) -> bytes:
    return sent.buf[sent.uri_start : sent.uri_end]


def _via(sent: Message) -> bytes:
    """Our own Via alone, as a header line."""
    via = sent.via1
    assert via is not None
    return b"Via: " + sent.buf[via.start : via.end].strip() + b"\r\n"


def _routes(sent: Message) -> bytes:
    """All Route headers."""
    return b"".join([sent.line(record) for record in sent.headers if headers.kind(record) == headers.ROUTE])
