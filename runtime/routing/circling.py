"""What would go round: messages for ourselves that have passed more servers than any message can, and replies that somebody has made up.
RFC 3261 16.3 and 8.1.1.6."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from runtime.routing.context import Context
from runtime.sip import headers
from runtime.sip.address import Address

# A request has no more hops than Max-Forwards lets it have, 70 where everybody keeps to RFC 3261 8.1.1.6.
MAX_VIAS: Final = 70
_COMMA: Final = 44
# "SIP/2.0/UDP h," in a header line with others.
_SMALLEST_VIA: Final = 14


def request_circles(ctx: Context, destination: Address) -> bool:
    """True if the request would come to us once more, and has gone through as many servers as a request can.

    Each pass through us adds a line, so one with fewer lines is not looked at.
    """
    if len(ctx.message.headers) < MAX_VIAS:
        return False
    return _is_ours(ctx, destination) and _vias(ctx) >= MAX_VIAS


def reply_circles(ctx: Context, destination: Address) -> bool:
    """True if the reply would come back to us and has more Vias than a request can have hops."""
    if ctx.message.size < MAX_VIAS * _SMALLEST_VIA:
        return False
    return _is_ours(ctx, destination) and _vias(ctx) > MAX_VIAS


def comes_round(ctx: Context, destination: Address) -> bool:
    """True if the reply has come from ourselves and goes to ourselves: of one that nobody can have been asked for, one round is enough."""
    source = ctx.source
    for socket in ctx.world.sockets.sockets:
        if socket.address.port == source.port and socket.address.ip == source.ip:
            return _is_ours(ctx, destination)
    return False


def _is_ours(ctx: Context, destination: Address) -> bool:
    # What is sent to "any address" goes to this host (RFC 1122 3.2.1.3).
    if not any(destination.ip):
        return True
    return ctx.world.sockets.is_myself(destination.host(), destination.port, 0)


def _vias(ctx: Context) -> i64:
    """How many Via values the message has, commas in quotes included."""
    count: i64 = 0
    msg = ctx.message
    for record in msg.headers:
        if headers.kind(record) == headers.VIA:
            count += 1
            at = headers.value_start(record)
            end = headers.line_end(record)
            while at < end:
                if msg.buf[at] == _COMMA:
                    count += 1
                at += 1
    return count
