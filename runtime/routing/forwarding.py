"""Forwarding without state: requests to their next hop, replies back along their Vias. Reference core, 6.2, 6.4–6.6."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.routing import errors
from runtime.routing.context import L_DBG, L_ERR, L_NOTICE, L_WARN, Context
from runtime.routing.destination import literal_address
from runtime.sip import edits, headers, transit
from runtime.sip.address import PROTO_NAMES, TLS, UDP, Address
from runtime.sip.edits import Edit, Outbound
from runtime.sip.message import Message
from runtime.sip.scan import BadMessage, decimal
from runtime.sip.transport import ListenSocket, Send
from runtime.sip.uri import OTHER_TRANSPORT, SCTP, BadUri, SipUri, parse_uri
from runtime.sip.via import Via

# Addresses in next-hop URIs that a process remembers in parsed form.
KNOWN_LITERALS: Final = 4096


def forward(ctx: Context, destination: Address, proto: i64) -> bool:
    """Send the request to `destination` with our Via on top and all edits made.

    False, with `ctx.error` set, when no socket can send there.
    """
    socket = sending_socket(ctx, destination, proto)
    if socket is None:
        family = 10 if destination.is_ipv6 else 2
        return ctx.fail(
            errors.NO_SOCKET,
            f"ERROR: forward: cannot forward to af {family}, proto {proto} ({PROTO_NAMES[proto]}): "
            "no corresponding listening socket",
        )
    msg = ctx.message
    branch = transit.stateless_branch(msg) if ctx.world.syn_branch else transit.ser_branch(msg)
    ctx.sends.append(Send(outgoing_request(ctx, socket, branch, ctx.new_uri), destination, socket))
    ctx.world.counters.forwarded_requests += 1
    return True


def outgoing_request(ctx: Context, socket: ListenSocket, branch: bytes, uri: bytes | None) -> bytes:
    """The request as it leaves by `socket`, with `branch` in our Via; `uri` None leaves the Request-URI as received."""
    world = ctx.world
    msg = ctx.message
    if len(ctx.advertised_address) > 0 or ctx.advertised_port:
        head = world.via_head(socket, ctx.advertised_address, ctx.advertised_port)
    else:
        head = world.via_head_of(socket)
    changes: list[Edit] = []
    if uri is not None:
        changes.append(Edit(msg.uri_start, msg.uri_end, uri))
    place = headers.line_start(msg.via)
    own_via = Edit(place, place, b"".join([head, branch, connection_param(ctx), b"\r\n"]))
    if len(ctx.edits) == 0:
        changes.append(own_via)
        changes.extend(source_edits(ctx, False))
        if socket.proto != UDP:
            correct_content_length(msg, changes, socket.proto)
        return edits.apply(msg.buf, changes, None)
    changes.extend(ctx.edits)
    changes.append(own_via)
    changes.extend(source_edits(ctx, False))
    correct_content_length(msg, changes, socket.proto)
    return edits.apply(msg.buf, changes, outbound_of(ctx, socket))


def connection_param(ctx: Context) -> bytes:
    """The parameter of our Via by which the reply finds the way back to the connection that the request came by.

    b"" for a request that came as a datagram. Reference core, 6.4.
    """
    return b";i=" + transit.reversed_hex(int(ctx.connection)) if ctx.connection else b""


def via_connection(ctx: Context) -> i64:
    """The number of the connection that `i` of the reply's topmost Via, ours, names; 0 when it names none."""
    via = ctx.message.via1
    return 0 if via is None else transit.from_reversed_hex(ctx.message.buf, via.i_start, via.i_end)


def add_alias(ctx: Context, port: i64) -> bool:
    """Let what goes to `port` (0: 5060) of the source take the connection that the message came by; True for a datagram."""
    connections = ctx.world.connections
    if ctx.connection == 0 or connections is None:
        return True
    if connections.add_alias(int(ctx.connection), ctx.source, int(port) or 5060):
        return True
    ctx.log(L_ERR, f"ERROR: force_tcp_alias: port {port or 5060} refused for {ctx.source}")
    return False


def correct_content_length(msg: Message, changes: list[Edit], proto: i64) -> None:
    """Add the edit of Content-Length that `changes` of the body, or sending by `proto`, make necessary.

    A datagram that came without the header leaves without it, and one with a wrong value keeps that. In a stream either
    would shift the beginning of the next message, which may be somebody else's.
    """
    framing = transit.framing_edits(msg) if proto != UDP else []
    # Without an empty line there is no body: what stands at the end is a header.
    growth: i64 = 0
    if msg.ends_headers():
        growth = edits.body_growth(changes + framing if len(framing) > 0 else changes, msg.body_start)
    if msg.content_length == 0:
        if proto != UDP:
            changes.append(transit.new_content_length(msg, growth))
    elif growth != 0 or proto != UDP:
        correction = transit.content_length_edit(msg, growth)
        if correction is not None:
            changes.append(correction)
    changes.extend(framing)


def source_edits(ctx: Context, at_end: bool) -> list[Edit]:
    """The edits of the topmost Via that note where the request came from (received, rport)."""
    via = ctx.message.via1
    assert via is not None
    received = via.received_at >= 0 or not _sent_by_source(ctx, via)
    rport = via.rport_at >= 0 or ctx.force_rport
    if not received and not rport:
        return []
    return transit.via_edits(ctx.message, ctx.source, received, rport, at_end)


def _sent_by_source(ctx: Context, via: Via) -> bool:
    buf = ctx.message.buf
    if transit.sent_by_is(buf, via, ctx.source):
        return True
    if not ctx.world.looks_up_via:
        return False
    host = buf[via.host_start : via.host_end].lower()
    resolver = ctx.world.resolver
    if ctx.world.config.dns and ctx.source.ip in resolver.addresses(host):
        return True
    return ctx.world.config.rev_dns and host in resolver.names(ctx.source.ip)


def outbound_of(ctx: Context, socket: ListenSocket) -> Outbound:
    """The two interfaces that a message crosses when it leaves by `socket`."""
    world = ctx.world
    host = ctx.advertised_address or world.advertised_address
    port = ctx.advertised_port or world.advertised_port
    received = ctx.socket
    return Outbound(
        received.address.host(),
        received.address.port,
        received.proto,
        host or socket.address.host(),
        port or socket.address.port,
        socket.proto,
        received is not socket,
        port != 0,
    )


def sending_socket(ctx: Context, destination: Address, proto: i64) -> ListenSocket | None:
    """The socket that sends to `destination` by `proto`; None when there is none. Reference core 6.5."""
    table = ctx.world.sockets
    forced = ctx.send_socket
    if forced is not None:
        if forced.proto == proto:
            return forced
        for s in table.sockets:
            if s.proto == proto and s.address == forced.address:
                return s
        ctx.log(L_WARN, f"WARNING: send: the forced socket {forced} has another protocol, using the default")
    received = ctx.socket
    if proto == UDP and ctx.world.mhomed:
        ip = ctx.world.resolver.outgoing_ip(destination)
        for s in table.sockets:
            if s.proto == UDP and s.address.ip == ip:
                return s
        return None
    if proto == received.proto and len(received.address.ip) == len(destination.ip):
        return received
    return table.default_for(proto, destination.is_ipv6)


@final
class Hop:
    """Where a request goes next."""

    def __init__(self, destination: Address, proto: i64) -> None:
        self.destination: Final = destination
        self.proto: Final = proto


def next_hop(ctx: Context, text: bytes | None, proto: i64, port: i64, sips_by_tls: bool) -> Hop | None:
    """The hop that the URI `text` (None: the Request-URI) leads to; None, with `ctx.error` set, when there is no way.

    `proto` 0: as the URI's `transport` says, UDP without. `port` -1: the URI's, 0: none, so that SRV decides.
    `sips_by_tls`: a sips URI goes by TLS whatever else it says (RFC 3261 26.2.2); without, as SER's forward() has it.
    """
    try:
        uri = ctx.parsed_uri() if text is None else parse_uri(text, 0, len(text))
    except BadUri as e:
        ctx.fail(errors.BAD_URI, f"ERROR: forward: bad uri <{_shown(ctx, text)}>: {e}")
        return None
    if proto == 0 and uri.secure and sips_by_tls:
        proto = TLS
    if proto == 0:
        proto = uri.transport or UDP
        if proto == SCTP or proto == OTHER_TRANSPORT:
            ctx.fail(errors.BAD_PROTOCOL, f"ERROR: forward: unsupported transport in <{_shown(ctx, text)}>")
            return None
    destination = _resolve_uri(ctx, uri, uri.port if port < 0 else port, proto)
    if destination is None:
        ctx.fail(errors.BAD_ADDRESS, f"ERROR: forward: cannot resolve the host of <{_shown(ctx, text)}>")
        return None
    return Hop(destination, proto)


def _shown(ctx: Context, text: bytes | None) -> str:
    return (ctx.uri() if text is None else text).decode("latin-1")


def forward_to_uri(ctx: Context, proto: i64, port: i64) -> bool:
    """Forward to the host of the destination URI that a module set, else of the Request-URI. See `next_hop`."""
    hop = next_hop(ctx, ctx.dst_uri, proto, port, False)
    return hop is not None and forward(ctx, hop.destination, hop.proto)


def _resolve_uri(ctx: Context, uri: SipUri, port: i64, proto: i64) -> Address | None:
    """`resolve` for the host of a URI; spellings of addresses that were met before are not parsed again."""
    host = uri.host()
    known = ctx.world.literals.get(host)
    if known is not None and known.port == (port or 5060):
        return known
    literal = literal_address(host, port or 5060)
    if literal is None:
        return resolve(ctx, host, port, proto)
    if len(ctx.world.literals) >= KNOWN_LITERALS:
        ctx.world.literals.clear()
    ctx.world.literals[host] = literal
    return literal


def resolve(ctx: Context, host: bytes, port: i64, proto: i64) -> Address | None:
    """The first address of `host`; `port` 0: SRV, then the default port."""
    literal = literal_address(host, port or 5060)
    if literal is not None:
        return literal
    found = ctx.world.resolver.resolve(host, port, proto)
    return found[0] if len(found) > 0 else None


def forward_reply(ctx: Context) -> None:
    """Send a reply on to its second Via, without our own. Drops what cannot be forwarded, with a log line."""
    msg = ctx.message
    counters = ctx.world.counters
    try:
        via = transit.second_via(msg)
    except BadMessage as e:
        ctx.log(L_ERR, f"ERROR: forward_reply: bad second via: {e}")
        via = None
    if via is None:
        ctx.log(L_DBG, "DEBUG: forward_reply: no 2nd via found in reply")
        counters.dropped_replies += 1
        return
    destination = reply_destination(ctx, via)
    socket = sending_socket(ctx, destination, via.proto) if destination is not None else None
    if destination is None or socket is None:
        ctx.log(L_ERR, "ERROR: forward_reply: no way to the second via")
        counters.dropped_replies += 1
        return
    connection = via_connection(ctx) if socket.proto != UDP else 0
    ctx.sends.append(Send(outgoing_reply(ctx, socket.proto), destination, socket, connection))
    counters.forwarded_replies += 1


def outgoing_reply(ctx: Context, proto: i64) -> bytes:
    """The reply as it leaves by `proto`: without the topmost Via, all edits made."""
    msg = ctx.message
    changes = list(ctx.edits)
    changes.append(transit.remove_top_via(msg))
    correct_content_length(msg, changes, proto)
    return edits.apply(msg.buf, changes, None)


def reply_destination(ctx: Context, via: Via) -> Address | None:
    """Where a reply goes by `via`: received, else the host; rport, else the port. RFC 3261 18.2.2, RFC 3581 4."""
    buf = ctx.message.buf
    port = via.port
    if via.rport_start >= 0:
        rport = decimal(buf, via.rport_start, via.rport_end)
        if 0 < rport <= 65535:
            port = rport
        elif via.rport_end > via.rport_start:
            ctx.log(L_NOTICE, "ERROR: forward_reply: bad rport in second via, ignored")
    if port > 65535:
        return None
    if via.received_start >= 0:
        return resolve(ctx, buf[via.received_start : via.received_end], port or 5060, via.proto)
    return resolve(ctx, buf[via.host_start : via.host_end], port, via.proto)


def is_own_via(ctx: Context) -> bool:
    """True if the topmost Via is one of our addresses (check_via)."""
    via = ctx.message.via1
    assert via is not None
    host = ctx.message.buf[via.host_start : via.host_end]
    return ctx.world.sockets.is_myself(host, via.port or 5060, via.proto)
