"""Replies without state on their way back along their Vias. Reference core, 6.6."""

from __future__ import annotations

from mypy_extensions import i64

from runtime.routing.circling import MAX_VIAS, comes_round, reply_circles
from runtime.routing.context import L_DBG, L_ERR, L_NOTICE, Context
from runtime.routing.forwarding import (
    MARK_SIZE,
    connection_mark,
    correct_content_length,
    finished,
    host_hop,
    sending_socket,
)
from runtime.routing.locating import Hop, Located
from runtime.sip import edits, transit
from runtime.sip.address import UDP
from runtime.sip.scan import BadMessage, decimal
from runtime.sip.transport import Send
from runtime.sip.via import Via


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
    hop = reply_hop(ctx, via)
    if hop is not None and hop.destination is None:
        assert hop.search is not None
        ctx.wait(Located(ctx.world.names, hop.search))
        hop = hop.search.first()
    _send_on(ctx, hop, via)


def _send_on(ctx: Context, hop: Hop | None, via: Via) -> None:
    """Send the reply to `hop`, which `via` names, without our Via; None: there is no way."""
    counters = ctx.world.counters
    destination = None if hop is None else hop.destination
    socket = None if hop is None or destination is None else sending_socket(ctx, destination, hop.proto)
    if destination is None or socket is None:
        ctx.log(L_ERR, "ERROR: forward_reply: cannot send to the second Via")
        counters.dropped_replies += 1
        return
    if reply_circles(ctx, destination):
        ctx.log(L_NOTICE, f"ERROR: forward_reply: more than {MAX_VIAS} Vias, and the next is ours: dropped")
        counters.dropped_replies += 1
        return
    if comes_round(ctx, destination) and not _is_proven(ctx, via):
        ctx.log(
            L_NOTICE,
            "ERROR: forward_reply: it came from ourselves, and goes there, and no request of ours had these Vias",
        )
        counters.dropped_replies += 1
        return
    if socket.proto == UDP:
        ctx.sends.append(Send(outgoing_reply(ctx, UDP), destination, socket))
    else:
        # Anybody can send a reply that nobody has asked for, and must not have us connect to whom he likes.
        connects = destination.port == (via.port or 5060) and _is_proven(ctx, via)
        data = outgoing_reply(ctx, socket.proto)
        ctx.sends.append(Send(data, destination, socket, via_connection(ctx), connects))
    counters.forwarded_replies += 1


def _is_proven(ctx: Context, via: Via) -> bool:
    """Did the request come through here, from where `via` leads?"""
    return transit.is_proven(ctx.message, via, ctx.world.secret)


def is_known_reply(ctx: Context) -> bool:
    """True if the request was forwarded without state by this server, to where its second Via leads back."""
    try:
        via = transit.second_via(ctx.message)
    except BadMessage:
        return False
    return via is not None and _is_proven(ctx, via)


def via_connection(ctx: Context) -> i64:
    """The number of the connection that `i` of the reply's topmost Via, ours, names; 0 when it names none, or not in our words."""
    via = ctx.message.via1
    if via is None or via.i_start < 0 or via.i_end - via.i_start <= MARK_SIZE:
        return 0
    start = via.i_start + MARK_SIZE
    number = transit.from_reversed_hex(ctx.message.buf, start, via.i_end)
    return number if ctx.message.buf[via.i_start : start] == connection_mark(ctx, number) else 0


def outgoing_reply(ctx: Context, proto: i64) -> bytes:
    """The reply as it leaves by `proto`: without the topmost Via, all edits made."""
    msg = ctx.message
    own_via = transit.remove_top_via(msg)
    if proto == UDP and not ctx.has_edits() and not msg.has_two_lengths:
        return b"%s%s" % (msg.buf[: own_via.start], msg.buf[own_via.end :])
    changes = list(ctx.edits)
    changes.append(own_via)
    correct_content_length(msg, changes, proto)
    return finished(ctx, edits.apply(msg.buf, changes, None), proto)


def reply_hop(ctx: Context, via: Via) -> Hop | None:
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
        return host_hop(ctx, buf[via.received_start : via.received_end], port or 5060, via.proto)
    return host_hop(ctx, buf[via.host_start : via.host_end], port, via.proto)


def is_own_via(ctx: Context) -> bool:
    """True if the topmost Via is one of our addresses (check_via)."""
    via = ctx.message.via1
    assert via is not None
    host = ctx.message.buf[via.host_start : via.host_end]
    return ctx.world.sockets.is_myself(host, via.port or 5060, via.proto)
