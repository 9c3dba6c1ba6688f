"""Actions that send, and those that say how. Reference core, 5.5."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from runtime.modules.core.rewriting import set_uri
from runtime.routing import errors, forwarding
from runtime.routing.context import MAX_BRANCHES, MAX_URI_SIZE, Context
from runtime.routing.decisions import Target
from runtime.routing.destination import Destination
from runtime.routing.reaching import is_reached
from runtime.routing.sockets import SocketName
from runtime.routing.stateless import forward_to_uri
from runtime.sip.address import PROTO_NAMES, UDP
from runtime.sip.transport import Send
from runtime.sip.uri import separator_in

SAME: Final = 0
URI_PORT: Final = -1


def forward(ctx: Context, destination: Destination, proto: int) -> bool:
    """Forward statelessly to a fixed destination; `proto` SAME: the one the message arrived on."""
    if not forwarding.forward(ctx, destination.address(), proto or ctx.socket.proto):
        destination.failed()
        return False
    return True


def forward_uri(ctx: Context, proto: int, port: int = 0) -> bool:
    """Forward statelessly to the host of the next hop (a module's destination URI, else the Request-URI).

    `proto` SAME: as the URI says. `port` URI_PORT: the URI's; 0: none, so that SRV records decide.
    """
    return forward_to_uri(ctx, proto, port)


def send(ctx: Context, destination: Destination, proto: int) -> bool:
    """Send the bytes as received to a fixed destination: no Via, no change."""
    address = destination.address()
    socket = forwarding.sending_socket(ctx, address, proto)
    if socket is None:
        destination.failed()
        return ctx.fail(errors.NO_SOCKET, f"ERROR: send: no socket for {PROTO_NAMES[proto]} to {address}")
    if proto != UDP and not is_reached(ctx, address, socket, "send"):
        destination.failed()
        return False
    ctx.sends.append(Send(ctx.message.buf, address, socket))
    return True


def append_branch(ctx: Context) -> bool:
    """Add the current Request-URI to the branch set, without a next hop of its own, unless a Path leads to it."""
    if not append_branch_uri(ctx, ctx.uri(), -1):
        return False
    if len(ctx.path) > 0:
        last = ctx.branches.pop()
        ctx.branches.append(Target(last.uri, ctx.dst_uri or b"", last.q, ctx.path))
    return True


def append_branch_uri(ctx: Context, uri: bytes, q: int) -> bool:
    """Add `uri` to the branch set; `q` 0…1000, -1 unspecified. False when 11 are present already."""
    if len(ctx.branches) >= MAX_BRANCHES:
        return ctx.fail(errors.TOO_MANY_BRANCHES, f"ERROR: append_branch: over {MAX_BRANCHES} branches")
    if separator_in(uri, 0, len(uri)) >= 0:
        return ctx.fail(errors.BAD_URI, f"ERROR: append_branch: white space or a bracket in the uri {uri!r}")
    if len(uri) >= MAX_URI_SIZE:
        return ctx.fail(errors.UNSPECIFIED, f"ERROR: append_branch: a uri of {len(uri)} bytes")
    ctx.branches.append(Target(uri, b"", q))
    return True


def set_destinations(ctx: Context, uris: list[bytes], q: int) -> bool:
    """Make the first of `uris`, which has one at least, the Request-URI and branches with this `q` of the others.

    False for a URI that is too long, and for the 12th branch; what came before it stays.
    """
    if not set_uri(ctx, uris[0]):
        return False
    for uri in uris[1:]:
        if not append_branch_uri(ctx, uri, q):
            return False
    return True


def force_rport(ctx: Context) -> bool:
    """Reply to the source port and note it in Via, as if the client had sent `rport` (RFC 3581)."""
    ctx.force_rport = True
    return True


def force_tcp_alias(ctx: Context, port: int) -> bool:
    """Let what goes to `port` (0: the Via's) of the source use the connection that this message came by.

    Nothing to do over UDP. False if another connection has that port already, or this one has enough aliases.
    """
    via = ctx.message.via1
    return forwarding.add_alias(ctx, port if port or via is None else via.port)


def set_advertised_address(ctx: Context, address: bytes) -> bool:
    """Show `address` in Via and Record-Route of this message."""
    ctx.advertised_address = address
    return True


def set_advertised_port(ctx: Context, port: int) -> bool:
    """Show `port` in Via and Record-Route of this message."""
    ctx.advertised_port = port
    return True


def force_send_socket(ctx: Context, name: SocketName) -> bool:
    """Send this message from the listener that `name` names."""
    socket = ctx.world.sockets.find(name)
    assert socket is not None, "resolved at start-up"
    ctx.send_socket = socket
    return True


def setflag(ctx: Context, flag: int) -> bool:
    """Set a message flag, 1…31."""
    ctx.flags |= _bit(flag)
    return True


def resetflag(ctx: Context, flag: int) -> bool:
    """Clear a message flag, 1…31."""
    ctx.flags &= ~_bit(flag)
    return True


def isflagset(ctx: Context, flag: int) -> bool:
    """True if the message flag is set."""
    return ctx.flags & _bit(flag) != 0


def _bit(flag: i64) -> i64:
    # Not 1 << flag: mypyc writes a small literal as C's int, whose bit 31 is the sign.
    return 0x80000000 >> (31 - flag)
