"""mangler's changes of session descriptions: new addresses, new ports. Reference modules-more, A.2.8."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.routing.context import L_ERR, Context
from runtime.sip.address import Network
from runtime.sip.edits import Edit
from runtime.sip.scan import decimal
from runtime.sip.sdp import find_connection, find_media, next_line
from runtime.sip.uri import parse_ipv4


@final
class PortChange:
    """`number` is added to a port if the change is `relative`, else it is the port."""

    def __init__(self, relative: bool, number: int) -> None:
        self.relative: Final = relative
        self.number: Final = number

    def of(self, port: i64) -> i64:
        return port + self.number if self.relative else self.number


def has_body(ctx: Context, function: str) -> bool:
    """True if there is a body, and Content-Length admits it; else the log says so."""
    msg = ctx.message
    length = decimal(msg.buf, msg.value_start(msg.content_length), msg.value_end(msg.content_length))
    if msg.content_length == 0 or length <= 0 or msg.body_start >= len(msg.buf):
        ctx.log(L_ERR, f"ERROR: {function}: no Content-Length over 0, or no body")
        return False
    return True


def mangle_addresses(ctx: Context, network: Network, address: bytes) -> None:
    """Put `address` into every c= line of IPv4 whose address is in `network`."""
    buf = ctx.message.buf
    line = find_connection(buf, ctx.message.body_start, len(buf))
    while line is not None:
        ip = parse_ipv4(buf, line.start, line.end)
        if not line.is_ipv6 and len(ip) == 4 and network.contains(ip):
            if b":" in address:
                ctx.edits.append(Edit(line.kind_at, line.kind_at + 1, b"6"))
            ctx.edits.append(Edit(line.start, line.end, address))
        line = find_connection(buf, next_line(buf, line.end), len(buf))


def mangle_ports(ctx: Context, change: PortChange) -> bool:
    """Change the port of every m= line but those of 0, whose stream is refused (RFC 3264, 6).

    False, and nothing is changed, if one is or would be outside of 1…65535.
    """
    buf = ctx.message.buf
    edits: list[Edit] = []
    media = find_media(buf, ctx.message.body_start)
    while media is not None:
        if media.port != 0:
            changed = change.of(media.port)
            if not (0 < media.port <= 65535 and 0 < changed <= 65535):
                port = buf[media.start : media.end].decode("latin-1")
                ctx.log(L_ERR, f"ERROR: sdp_mangle_port: port {port} is not a port, or would not be one afterwards")
                return False
            edits.append(Edit(media.start, media.end, b"%d" % changed))
        media = find_media(buf, next_line(buf, media.end))
    ctx.edits.extend(edits)
    return True
