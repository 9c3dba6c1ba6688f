"""Where a request of a dialog goes next, and whether the dialog has gone there. RFC 3261 12.2.1.1 lets either side choose that."""

from __future__ import annotations

from runtime.modules.rr.signing import Signer
from runtime.routing.context import Context
from runtime.routing.forwarding import next_hop
from runtime.routing.stateless import wait_for
from runtime.sip.address import Address


def leads_to(ctx: Context, signer: Signer, signature: bytes, marks: bytes) -> bool:
    """True if every address that the request may be sent to next is ours, or one of those that `marks` tells.

    Waits where the next hop is a name. False where there is no way to it.
    """
    addresses = _next_addresses(ctx)
    for address in addresses:
        is_ours = ctx.world.sockets.is_myself(address.host(), address.port, 0)
        if not is_ours and not signer.has_marked(signature, marks, address.ip):
            return False
    return len(addresses) > 0


def _next_addresses(ctx: Context) -> list[Address]:
    """All servers of the next hop: when one is silent the next one is tried."""
    hop = next_hop(ctx, ctx.dst_uri, 0, -1, True)
    if hop is None or hop.search is not None and hop.destination is None and wait_for(ctx, hop.search, "rr") is None:
        return []
    hops = [hop] if hop.search is None else hop.search.hops
    return [one.destination for one in hops if one.destination is not None]
