"""What a 2xx to a request of ours says of the dialog that it begins. RFC 3261 12.1.2 and 13.2.2.4."""

from __future__ import annotations

from typing import Final, final

from librt.strings import BytesWriter
from mypy_extensions import i64

from runtime.modules.tm import hop
from runtime.modules.tm.call import Call
from runtime.modules.tm.core import Core
from runtime.routing import forwarding
from runtime.routing.context import L_ERR, Context
from runtime.routing.dns_records import NameQuestion
from runtime.routing.locating import Hop
from runtime.routing.names import Names, Waiting
from runtime.sip import headers
from runtime.sip.contacts import contacts_in
from runtime.sip.message import Message, parse
from runtime.sip.nameaddr import NameAddr, parse_name_addr
from runtime.sip.reply import to_tag_of
from runtime.sip.scan import BadMessage
from runtime.sip.transport import Send
from runtime.sip.uri import BadUri, parse_uri, separator_in
from runtime.tx.transaction import branch_id

# Of the ACK to a 2xx, which is a transaction of its own: a number that no branch has.
_ACK_BRANCH: Final = 15


@final
class Dialog:
    """Where later requests go: `target` is their Request-URI, `routes` their Route values, `next_hop` the first URI to go to."""

    def __init__(self, target: bytes, routes: list[bytes], next_hop: bytes) -> None:
        self.target: Final = target
        self.routes: Final = routes
        self.next_hop: Final = next_hop

    def route_line(self) -> bytes:
        """The whole Route header, b"" when there is none."""
        return b"Route: " + b", ".join(self.routes) + b"\r\n" if self.routes else b""


def dialog_of(reply: Message) -> Dialog | None:
    """The dialog that a 2xx begins; None without Contact or To tag, or where one of its headers is broken.

    Where the nearest recorded proxy is a strict router, it is the target, and the Contact the last of the routes (RFC 3261
    12.2.1.1). Of several Contacts in a header the last one counts, as in SER.
    """
    if not to_tag_of(reply):
        return None
    buf = reply.buf
    try:
        contacts = contacts_in(reply, reply.contact)
        route_set = _values(reply, headers.RECORD_ROUTE)[::-1]
        first = buf[route_set[0].uri_start : route_set[0].uri_end] if route_set else b""
        is_strict = len(first) > 0 and not parse_uri(first, 0, len(first)).lr
    except (BadMessage, BadUri):
        return None
    if not contacts:
        return None
    target = buf[contacts[-1].uri_start : contacts[-1].uri_end]
    if separator_in(target, 0, len(target)) >= 0:
        return None
    routes = [buf[value.start : value.end] for value in route_set]
    if is_strict:
        return Dialog(first, [*routes[1:], b"<" + target + b">"], first)
    return Dialog(target, routes, first or target)


def dialog_of_request(msg: Message) -> Dialog:
    """The same as the one sees it who answers `msg` (RFC 3261 12.1.1); `target` is the From URI where there is no Contact.

    Where the first recorded proxy is a strict router, it is the target, and the Contact the last of the routes; there is no
    `next_hop` then. Of several Contacts in a header the last one counts, as in SER. Raises BadMessage and BadUri.
    """
    buf = msg.buf
    contacts = contacts_in(msg, msg.contact)
    recorded = _values(msg, headers.RECORD_ROUTE)
    remote = (
        contacts[-1]
        if contacts
        else parse_name_addr(buf, headers.value_start(msg.from_), headers.line_end(msg.from_), False)
    )
    target = buf[remote.uri_start : remote.uri_end]
    if not recorded:
        return Dialog(target, [], b"")
    routes = [buf[value.start : value.end] for value in recorded]
    first = buf[recorded[0].uri_start : recorded[0].uri_end]
    if parse_uri(first, 0, len(first)).lr:
        return Dialog(target, routes, first)
    return Dialog(first, [*routes[1:], b"<" + target + b">"], b"")


def _values(msg: Message, kind: int) -> list[NameAddr]:
    """The values of all headers of a kind, in their order; raises BadMessage."""
    found: list[NameAddr] = []
    for record in msg.headers:
        if headers.kind(record) == kind:
            pos = headers.value_start(record)
            while pos >= 0:
                found.append(parse_name_addr(msg.buf, pos, headers.line_end(record), True))
                pos = found[-1].next
    return found


def acknowledge_2xx(core: Core, call: Call, ctx: Context) -> None:
    """Send the ACK for the 2xx of `ctx` to an INVITE that was made here, each time that it comes."""
    invite = call.branches[0].request
    assert invite is not None
    dialog = dialog_of(ctx.message)
    sent = parse(invite.data)
    uri = sent.buf[sent.uri_start : sent.uri_end]
    if dialog is not None:
        uri = dialog.target
    way = forwarding.next_hop(ctx, uri if dialog is None else dialog.next_hop, 0, -1, True)
    if way is None:
        return
    acknowledgement = Acknowledgement(
        core, ctx, sent, uri, b"" if dialog is None else dialog.route_line(), call.id, way
    )
    if way.destination is not None:
        acknowledgement.send(way)
    else:
        # If there is no room among those who wait, the next 2xx is another opportunity.
        core.world.names.wait(acknowledgement, ctx.now_ms)


@final
class Acknowledgement(Waiting):
    """An ACK that is about to be sent, perhaps when the name of its next hop is known."""

    def __init__(
        self, core: Core, ctx: Context, sent: Message, uri: bytes, routes: bytes, transaction_id: bytes, way: Hop
    ) -> None:
        super().__init__(core.world.names)
        self._core: Final = core
        self._ctx: Final = ctx
        self._sent: Final = sent
        self._uri: Final = uri
        self._routes: Final = routes
        self._id: Final = transaction_id
        self._search: Final = way.search

    def missing(self, names: Names, now_ms: i64) -> NameQuestion | None:
        return None if self._search is None else self._search.run(names, now_ms)

    def go_on(self, now_ms: i64) -> None:
        way = None if self._search is None else self._search.first()
        if way is None:
            self._ctx.log(L_ERR, "ERROR: uac: cannot resolve where the ACK for a 2xx goes")
        else:
            self.send(way)

    def send(self, way: Hop) -> None:
        core = self._core
        destination = way.destination
        assert destination is not None
        socket = forwarding.sending_socket(self._ctx, destination, way.proto)
        if socket is None:
            return
        via = core.world.via_head_of(socket) + branch_id(self._id, _ACK_BRANCH)
        message = self._ctx.message
        data = hop.acknowledgement(self._sent, self._uri, via + b"\r\n", message, self._routes, core.user_agent)
        core.outbox.append(Send(data, destination, socket))


def described(dialog: Dialog | None) -> bytes:
    """The three lines that t_uac_dlg tells of a dialog: target, next hop and Route header, each "." where there is none."""
    if dialog is None:
        return b".\n.\n.\n"
    out = BytesWriter()
    for text in (dialog.target, dialog.next_hop):
        out.write(text)
        out.write(b"\n")
    out.write(dialog.route_line() or b".\n")
    return out.getvalue()
