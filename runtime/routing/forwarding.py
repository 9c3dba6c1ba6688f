"""Requests on their way to the next hop: where that is, by which socket, and what leaves. Reference core, 6.2, 6.4, 6.5."""

from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64

from runtime.routing import errors
from runtime.routing.circling import MAX_VIAS, request_circles
from runtime.routing.context import L_ERR, L_WARN, Context
from runtime.routing.destination import literal_address
from runtime.routing.locating import Hop, Search
from runtime.routing.reaching import is_reached
from runtime.sip import edits, headers, transit
from runtime.sip.address import PROTO_NAMES, TLS, UDP, Address
from runtime.sip.edits import Edit, Outbound
from runtime.sip.message import Message
from runtime.sip.scan import hash_range, hash_start, keyed_hash, write_hex
from runtime.sip.transport import ListenSocket, Send
from runtime.sip.uri import OTHER_TRANSPORT, SCTP, BadUri, has_other_scheme, parse_uri
from runtime.sip.via import Via

# Addresses in next-hop URIs that a process remembers in parsed form.
KNOWN_LITERALS: Final = 4096

CIRCLING: Final = f"ERROR: forward: a request with {MAX_VIAS} Vias, and the next hop is ours: it goes round"

# For who only reads it.
NO_EDITS: Final[list[Edit]] = []


def forward(ctx: Context, destination: Address, proto: i64) -> bool:
    """Send the request to `destination` with our Via on top and all edits made.

    False, with `ctx.error` set, when no socket can send there, or no connection can be opened: the message waits for that.
    """
    socket = sending_socket(ctx, destination, proto)
    if socket is None:
        family = 10 if destination.is_ipv6 else 2
        return ctx.fail(
            no_socket(ctx, proto),
            f"ERROR: forward: cannot forward to af {family}, proto {proto} ({PROTO_NAMES[proto]}): "
            "no corresponding listening socket",
        )
    if proto != UDP and not is_reached(ctx, destination, socket, "forward"):
        return False
    if request_circles(ctx, destination):
        return ctx.fail(errors.CIRCLES, CIRCLING)
    msg = ctx.message
    secret = ctx.world.secret
    if ctx.world.syn_branch:
        branch = transit.stateless_branch(msg, secret, ctx.source, ctx.socket.proto)
    else:
        branch = transit.ser_branch(msg, secret)
    ctx.sends.append(Send(outgoing_request(ctx, socket, destination, branch, ctx.new_uri), destination, socket))
    ctx.is_settled = True
    ctx.world.counters.forwarded_requests += 1
    return True


def outgoing_request(
    ctx: Context, socket: ListenSocket, destination: Address, branch: bytes, uri: bytes | None
) -> bytes:
    """The request as it leaves by `socket` for `destination`, with `branch` in our Via; `uri` None leaves the Request-URI as received."""
    world = ctx.world
    msg = ctx.message
    if len(ctx.advertised_address) > 0 or ctx.advertised_port:
        head = world.via_head(socket, ctx.advertised_address, ctx.advertised_port)
    else:
        head = world.via_head_of(socket)
    place = headers.line_start(msg.via)
    source = source_edits(ctx, False)
    is_plain = len(source) == 0 and socket.proto == UDP and not msg.has_two_lengths
    if is_plain and not ctx.has_edits() and ctx.connection == 0 and len(ctx.path) == 0:
        # Nothing but our Via, and perhaps another Request-URI.
        buf = msg.buf
        if uri is None:
            return b"%s%s%s\r\n%s" % (buf[:place], head, branch, buf[place:])
        between = buf[msg.uri_end : place]
        return b"%s%s%s%s%s\r\n%s" % (buf[: msg.uri_start], uri, between, head, branch, buf[place:])
    changes: list[Edit] = []
    if uri is not None:
        changes.append(Edit(msg.uri_start, msg.uri_end, uri))
    # Before all other Routes: here begins the way to the next hop.
    path = b"Route: %s\r\n" % ctx.path if len(ctx.path) > 0 else b""
    own_via = Edit(place, place, b"%s%s%s\r\n%s" % (head, branch, connection_param(ctx), path), None, True)
    if not ctx.has_edits():
        changes.append(own_via)
        changes.extend(source)
        if socket.proto != UDP:
            correct_content_length(msg, changes, socket.proto)
        return finished(ctx, edits.apply(msg.buf, changes, None), socket.proto)
    changes.extend(ctx.edits)
    changes.append(own_via)
    changes.extend(source)
    correct_content_length(msg, changes, socket.proto)
    return finished(ctx, edits.apply(msg.buf, changes, outbound_of(ctx, socket, destination)), socket.proto)


def finished(ctx: Context, text: bytes, proto: i64) -> bytes:
    """The text of a message whose edits are made, as it leaves by `proto`: what scripts and senders have left open is put right."""
    msg = ctx.message
    is_foreign = edits.are_foreign(ctx.edits)
    if proto != UDP and (is_foreign or msg.has_odd_lines):
        text = transit.with_whole_line_ends(text)
    return transit.with_one_length(text, proto != UDP) if is_foreign or msg.has_two_lengths else text


def connection_param(ctx: Context) -> bytes:
    """The parameter of our Via by which the reply finds the way back to the connection that the request came by.

    b"" for a request that came as a datagram. Reference core, 6.4. In front of the number stands what only this server can have
    written, for a message with this Call-ID: nobody can name the connection of another.
    """
    if ctx.connection == 0:
        return b""
    return b"".join([b";i=", connection_mark(ctx, ctx.connection), transit.reversed_hex(ctx.connection)])


MARK_SIZE: Final = 8


def connection_mark(ctx: Context, connection: i64) -> bytes:
    """The hex digits that stand in front of the number of a connection."""
    out = BytesWriter()
    write_hex(out, keyed_hash(ctx.world.secret, b"%d %s" % (connection, ctx.message.value(ctx.message.call_id))))
    return out.getvalue()[:MARK_SIZE]


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
    framing = transit.framing_edits(msg) if proto != UDP else NO_EDITS
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
        return NO_EDITS
    return transit.via_edits(ctx.message, ctx.source, received, rport, at_end)


def _sent_by_source(ctx: Context, via: Via) -> bool:
    buf = ctx.message.buf
    if transit.sent_by_is(buf, via, ctx.source):
        return True
    if not ctx.world.looks_up_via:
        return False
    host = buf[via.host_start : via.host_end].lower()
    names = ctx.world.names
    if ctx.world.config.dns and ctx.source.ip in names.ips_now(host, ctx.now_ms):
        return True
    return ctx.world.config.rev_dns and host in names.names_now(ctx.source.ip, ctx.now_ms)


def outbound_of(ctx: Context, socket: ListenSocket, destination: Address) -> Outbound:
    """The two interfaces that a message crosses when it leaves by `socket` for `destination`."""
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
        destination.ip,
    )


def sending_socket(ctx: Context, destination: Address, proto: i64) -> ListenSocket | None:
    """The socket that sends to `destination` by `proto`; None when there is none. Reference core 6.5."""
    table = ctx.world.sockets
    forced = ctx.send_socket
    if forced is not None:
        if forced.proto == proto:
            if table.receives_at(forced):
                return forced
            ctx.log(L_WARN, f"WARNING: send: nobody reads the forced socket {forced} (fork=no), using the default")
        else:
            for s in table.sockets:
                if s.proto == proto and s.address == forced.address:
                    return s
            ctx.log(L_WARN, f"WARNING: send: the forced socket {forced} has another protocol, using the default")
    received = ctx.socket
    if proto == UDP and ctx.world.mhomed:
        ip = ctx.world.resolver.outgoing_ip(destination)
        for s in table.sockets:
            if s.proto == UDP and s.address.ip == ip and table.receives_at(s):
                return s
        if table.alone is None:
            return None
    if proto == received.proto and len(received.address.ip) == len(destination.ip):
        return received
    return table.default_for(proto, destination.is_ipv6)


def no_socket(ctx: Context, proto: i64) -> int:
    """The error where there is no socket that sends: SER's single process tries its only one all the same, and cannot send."""
    return errors.SEND if proto == UDP and ctx.world.sockets.alone is not None else errors.NO_SOCKET


def next_hop(ctx: Context, text: bytes | None, proto: i64, port: i64, sips_by_tls: bool) -> Hop | None:
    """The hop that the URI `text` (None: the Request-URI) leads to, perhaps one that is still searched for; None, with
    `ctx.error` set, when there is no way.

    `proto` 0: as the URI's `transport` says, without as NAPTR or SRV records say, else UDP. `port` -1: the URI's, 0: none, so
    that SRV decides. `sips_by_tls`: a sips URI goes by TLS whatever else it says (RFC 3261 26.2.2); without, as SER's forward() has it.
    """
    try:
        uri = ctx.parsed_uri() if text is None else parse_uri(text, 0, len(text))
    except BadUri as e:
        error = errors.BAD_SCHEME if has_other_scheme(ctx.uri() if text is None else text) else errors.BAD_URI
        ctx.fail(error, f"ERROR: forward: bad uri <{_shown(ctx, text)}>: {e}")
        return None
    if proto == 0 and uri.secure and sips_by_tls:
        proto = TLS
    if proto == 0:
        proto = uri.transport
        if proto == SCTP:
            # SER's tm looks for a socket, its forward() says nothing of why.
            error = errors.NO_SOCKET if sips_by_tls else errors.UNSPECIFIED
            ctx.fail(error, f"ERROR: forward: unsupported transport in <{_shown(ctx, text)}>")
            return None
        if proto == OTHER_TRANSPORT:
            # What nobody here knows counts as not said, as in SER.
            proto = 0
    if port < 0:
        port = uri.port
    host = uri.host()
    known = ctx.world.literals.get(host)
    if known is not None and known.port == (port or 5060):
        return Hop(known, proto or UDP)
    hop = host_hop(ctx, host, port, proto)
    if hop is None:
        ctx.fail(errors.BAD_ADDRESS, f"ERROR: forward: cannot resolve the host of <{_shown(ctx, text)}>")
    elif hop.search is None and hop.destination is not None:
        # Spellings of addresses that were met before are not parsed again.
        if len(ctx.world.literals) >= KNOWN_LITERALS:
            ctx.world.literals.clear()
        ctx.world.literals[host] = hop.destination
    return hop


def _shown(ctx: Context, text: bytes | None) -> str:
    return (ctx.uri() if text is None else text).decode("latin-1")


def host_hop(ctx: Context, host: bytes, port: i64, proto: i64) -> Hop | None:
    """The hop to the first server of `host`, perhaps one that is still searched for; None if there is none.

    `port` 0: SRV, then the default port. `proto` 0: NAPTR, then UDP.
    """
    literal = literal_address(host, port or 5060)
    if literal is not None:
        return Hop(literal, proto or UDP)
    world = ctx.world
    msg = ctx.message
    # Messages of one call go to one server: of equals it is chosen by the Call-ID.
    chance: i64 = 0
    if msg.call_id != 0:
        chance = hash_range(hash_start(), msg.buf, msg.value_start(msg.call_id), msg.value_end(msg.call_id))
    search = Search(host, port, proto, world.sockets.protos, chance & 0x7FFFFFFF)
    if search.run(world.names, ctx.now_ms) is not None:
        return Hop(None, proto or UDP, search)
    hops = search.hops
    return Hop(hops[0].destination, hops[0].proto, search) if hops else None
