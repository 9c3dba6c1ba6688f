"""Requests that are made here on behalf of an administrator or of another module. Reference modules-main, 1.12."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.modules.tm.call import Call, Outcome
from runtime.modules.tm.core import Core
from runtime.routing import errors, forwarding
from runtime.routing.context import Context
from runtime.routing.dns_records import NameQuestion
from runtime.routing.locating import Hop, Search
from runtime.routing.names import Names, Waiting
from runtime.routing.tags import from_tag
from runtime.sip import headers
from runtime.sip.cseq import CSeq, parse_cseq
from runtime.sip.message import Message, parse
from runtime.sip.nameaddr import parse_name_addr, tag_of
from runtime.sip.reply import reason_of
from runtime.sip.scan import BadMessage
from runtime.sip.soundness import CSEQ_MAX, ambiguity_in
from runtime.sip.transport import ListenSocket, Send
from runtime.sip.uri import BadUri, parse_uri
from runtime.tx.table import key_of_parts
from runtime.tx.transaction import Branch, branch_id

DEFAULT_CSEQ: Final = 10
METHOD_BYTES: Final = 64
# The bytes of a token, RFC 3261 25.1.
_TOKEN: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.!%*_+`'~"

# What the address of the socket that sends takes the place of, in headers.
_OWN_ADDRESS: Final = b"!!"


class CannotSend(Exception):
    """A request cannot be sent: `code` and `reason` are what a reply to it would say."""

    def __init__(self, code: int, reason: bytes) -> None:
        super().__init__(f"{code} {reason.decode('latin-1')}")
        self.code: Final = code
        self.reason: Final = reason


class BadRequest(Exception):
    """A request is not complete: `place` in MISTAKES tells why."""

    def __init__(self, place: int) -> None:
        super().__init__(MISTAKES[place].decode("ascii").rstrip())
        self.place: Final = place


NO_METHOD: Final = 0
NO_URI: Final = 1
BAD_URI: Final = 2
NO_HOP: Final = 3
BAD_HOP: Final = 4
NO_HEADERS: Final = 5
BAD_HEADERS: Final = 6
NO_BODY: Final = 7
NO_CONTENT_TYPE: Final = 8
CONTENT_LENGTH: Final = 9
NO_TO: Final = 10
NO_FROM: Final = 11
BAD_FROM: Final = 12
CSEQ_NUMBER: Final = 13
CSEQ_METHOD: Final = 14

# How the FIFO says them, and the Unix socket: also which ones end with a line end is SER's choice.
MISTAKES: Final = (
    b"method expected",
    b"ruri expected",
    b"ruri invalid\n",
    b"next hop address expected\n",
    b"next hop uri invalid\n",
    b"HFs expected",
    b"HFs unparseable",
    b"body expected",
    b"Content-Type missing",
    b"Content-Length disallowed",
    b"To missing",
    b"From missing",
    b"Error in From",
    b"non-numerical CSeq",
    b"CSeq method mismatch",
)
MISTAKES_BY_SOCKET: Final = (
    b"Method expected",
    b"Request-URI expected",
    b"Request-URI is invalid\n",
    b"Next-hop URI expected\n",
    b"Next-hop URI is invalid\n",
    b"Header fields expected\n",
    b"HFs unparsable\n",
    b"Body expected\n",
    b"Content-Type missing",
    b"Content-Length disallowed",
    b"To missing",
    b"From missing",
    b"Error in From",
    b"Non-numerical CSeq",
    b"CSeq method mismatch",
)


@final
class Draft:
    """A request to be: what was asked for, checked. `headers` are lines with CRLF, `next_hop` b"" for the Request-URI's.

    `message` has its headers behind a Via that is none of ours. Raises BadRequest.
    """

    def __init__(self, method: bytes, uri: bytes, next_hop: bytes, header_lines: bytes, body: bytes) -> None:
        if not method or len(method) > METHOD_BYTES:
            raise BadRequest(NO_METHOD)
        self.method: Final = method
        self.uri: Final = _checked_uri(uri, NO_URI, BAD_URI)
        self.next_hop: Final = b"" if next_hop == b"." else _checked_uri(next_hop, NO_HOP, BAD_HOP)
        self.body: Final = body
        self.message: Final = _parsed(self.uri, header_lines)
        self.from_has_tag = False
        self.cseq_number = DEFAULT_CSEQ
        self._check()

    def _check(self) -> None:
        msg = self.message
        if self.body and msg.content_type == 0:
            raise BadRequest(NO_CONTENT_TYPE)
        if self.body and msg.content_length != 0:
            raise BadRequest(CONTENT_LENGTH)
        if msg.to == 0:
            raise BadRequest(NO_TO)
        if msg.from_ == 0:
            raise BadRequest(NO_FROM)
        try:
            value = parse_name_addr(msg.buf, headers.value_start(msg.from_), headers.line_end(msg.from_), False)
        except BadMessage as e:
            raise BadRequest(BAD_FROM) from e
        self.from_has_tag = len(tag_of(msg.buf, value)) > 0
        if msg.cseq != 0:
            self._check_cseq(msg)
        if self.method.strip(_TOKEN):
            raise BadRequest(NO_METHOD)

    def _check_cseq(self, msg: Message) -> None:
        cseq: CSeq | None = None
        try:
            cseq = parse_cseq(msg)
        except BadMessage:
            cseq = None
        if cseq is None or cseq.number > CSEQ_MAX:
            raise BadRequest(CSEQ_NUMBER)
        if msg.buf[cseq.method_start : cseq.method_end] != self.method:
            raise BadRequest(CSEQ_METHOD)
        self.cseq_number = int(cseq.number)


def draft_of(words: list[bytes]) -> Draft:
    """The request that method, Request-URI, next hop or ".", headers and body make. Raises BadRequest for the first of them that
    is wrong or not there, in this order."""
    if not words or not words[0]:
        raise BadRequest(NO_METHOD)
    uri = _checked_uri(words[1] if len(words) > 1 else b"", NO_URI, BAD_URI)
    next_hop = words[2] if len(words) > 2 else b""
    if next_hop != b".":
        _checked_uri(next_hop, NO_HOP, BAD_HOP)
    if len(words) < 4:
        raise BadRequest(NO_HEADERS)
    if len(words) < 5:
        _parsed(uri, words[3])
        raise BadRequest(NO_BODY)
    return Draft(words[0], uri, next_hop, words[3], words[4])


def _parsed(uri: bytes, header_lines: bytes) -> Message:
    """A message with these headers, behind a Via that is none of ours; what it is a request for nobody asks. Raises BadRequest."""
    try:
        msg = parse(b"OPTIONS %s SIP/2.0\r\nVia: SIP/2.0/UDP 0.0.0.0\r\n%s\r\n" % (uri, header_lines))
        if msg.to != 0:
            parse_name_addr(msg.buf, headers.value_start(msg.to), headers.line_end(msg.to), False)
    except BadMessage as e:
        raise BadRequest(BAD_HEADERS) from e
    # The message has no body yet: what stands behind an empty line are headers that nobody would send.
    if ambiguity_in(msg) or b"\0" in msg.buf or msg.buf[msg.body_start :].strip():
        raise BadRequest(BAD_HEADERS)
    for record in msg.headers:
        if headers.kind(record) == headers.BROKEN:
            raise BadRequest(BAD_HEADERS)
    # A number and a method, whatever these are.
    if msg.cseq != 0 and len(msg.value(msg.cseq).split()) != 2:
        raise BadRequest(BAD_HEADERS)
    return msg


def _checked_uri(text: bytes, missing: int, invalid: int) -> bytes:
    if not text:
        raise BadRequest(missing)
    try:
        parse_uri(text, 0, len(text))
    except BadUri as e:
        raise BadRequest(invalid) from e
    return text


def send_request(core: Core, draft: Draft, call_id: bytes, outcome: Outcome, now_ms: i64) -> None:
    """Send the request in a transaction of its own; `outcome` hears how it ended. Raises CannotSend.

    `call_id` is that of a request which has none.
    """
    if core.overload.is_full(True):
        raise CannotSend(503, reason_of(503))
    first = core.world.sockets.sockets[0]
    ctx = Context(core.world, draft.message, first.address, first, now_ms)
    own_id = draft.message.value(draft.message.call_id) or call_id
    tag = b"" if draft.from_has_tag else from_tag(core.uac_signature, own_id)
    opening = Opening(core, draft, own_id, tag, outcome, ctx)
    way = forwarding.next_hop(ctx, draft.next_hop or draft.uri, 0, -1, True)
    if way is None:
        raise CannotSend(*errors.reply_for(ctx.error, b"FIFO/UAC"))
    opening.search = way.search
    if way.destination is not None:
        opening.send(way, now_ms)
    elif not core.world.names.wait(opening, now_ms):
        raise CannotSend(*errors.reply_for(errors.UNSPECIFIED, b"FIFO/UAC"))


@final
class Opening(Waiting):
    """A request that is about to be sent, perhaps when the name of its next hop is known."""

    def __init__(self, core: Core, draft: Draft, call_id: bytes, tag: bytes, outcome: Outcome, asked: Context) -> None:
        super().__init__(core.world.names)
        self._core: Final = core
        self._draft: Final = draft
        self._call_id: Final = call_id
        self._tag: Final = tag
        self._outcome: Final = outcome
        self._asked: Final = asked
        self.search: Search | None = None

    def missing(self, names: Names, now_ms: i64) -> NameQuestion | None:
        return None if self.search is None else self.search.run(names, now_ms)

    def go_on(self, now_ms: i64) -> None:
        way = None if self.search is None else self.search.first()
        try:
            if way is None:
                raise CannotSend(*errors.reply_for(errors.BAD_ADDRESS, b"FIFO/UAC"))
            self.send(way, now_ms)
        except CannotSend as e:
            self._outcome.refused(e.code, e.reason)

    def send(self, way: Hop, now_ms: i64) -> None:
        """Open the transaction, with `way` as the next hop. Raises CannotSend."""
        core = self._core
        draft = self._draft
        destination = way.destination
        assert destination is not None
        socket = forwarding.sending_socket(self._asked, destination, way.proto)
        if socket is None:
            raise CannotSend(*errors.reply_for(errors.NO_SOCKET, b"FIFO/UAC"))
        key = key_of_parts(self._call_id, draft.cseq_number)
        transaction_id = core.state.new_id(key, None)
        via = core.world.via_head_of(socket) + branch_id(transaction_id, 0)
        message = parse(_text(core, draft, self._call_id, self._tag, via, socket))
        ctx = Context(core.world, message, socket.address, socket, now_ms)
        call = Call(core, transaction_id, key, ctx, socket.address, socket)
        call.is_local = True
        call.outcome = self._outcome
        self._outcome.call = call
        core.layer.open(call)
        core.counters.local += 1
        request = Send(message.buf, destination, socket)
        branch = Branch(call, 0, request, draft.uri)
        call.branches.append(branch)
        core.outbox.append(request)
        core.layer.start(branch, core.layer.settings.fr, now_ms)


def _text(core: Core, draft: Draft, call_id: bytes, tag: bytes, via: bytes, socket: ListenSocket) -> bytes:
    """The request in SER's order of headers."""
    msg = draft.message
    from_value = msg.value(msg.from_) + (b";tag=" + tag if tag else b"")
    parts = [b"%s %s SIP/2.0\r\n%s\r\n" % (draft.method, draft.uri, via)]
    parts.append(b"To: %s\r\nFrom: %s\r\n" % (msg.value(msg.to), from_value))
    parts.append(b"CSeq: %d %s\r\nCall-ID: %s\r\n" % (draft.cseq_number, draft.method, call_id))
    parts.append(b"Content-Length: %d\r\n" % len(draft.body))
    parts.append(core.user_agent)
    own = b"%s:%d" % (socket.address.host(), socket.address.port)
    for record in msg.headers[1:]:
        if headers.kind(record) not in _MADE_HERE:
            line = msg.line(record)
            parts.append(line.replace(_OWN_ADDRESS, own))
    parts.append(b"\r\n")
    parts.append(draft.body)
    return b"".join(parts)


_MADE_HERE: Final = (
    headers.TO,
    headers.FROM,
    headers.CSEQ,
    headers.CALL_ID,
    headers.CONTENT_LENGTH,
)
