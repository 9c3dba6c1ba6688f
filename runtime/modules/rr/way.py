"""Where a request of a dialog goes next, and whether the dialog has gone there. RFC 3261 12.2.1.1 lets either side choose that."""

from __future__ import annotations

from runtime.modules.rr.signing import CALLEE, CALLER, Signer
from runtime.routing.context import Context
from runtime.routing.forwarding import next_hop
from runtime.routing.stateless import wait_for
from runtime.sip.address import Address


def leads_on(ctx: Context, signer: Signer, signature: bytes, marks: bytes) -> bool:
    """True if every address that the request may be sent to next is ours, or that of the dialog's other side: of any side where it
    comes from elsewhere.

    Waits where the next hop is a name. False where there is no way to it.
    """
    addresses = _next_addresses(ctx)
    own_side = signer.sides_at(signature, marks, ctx.source.ip)
    for address in addresses:
        if not ctx.world.sockets.is_myself(address.host(), address.port, 0):
            sides = signer.sides_at(signature, marks, address.ip)
            if sides == 0 or sides == own_side and sides != CALLER | CALLEE:
                return False
    return len(addresses) > 0


def _next_addresses(ctx: Context) -> list[Address]:
    """All servers of the next hop: when one is silent the next one is tried."""
    hop = next_hop(ctx, ctx.dst_uri, 0, -1, True)
    if hop is None or hop.search is not None and hop.destination is None and wait_for(ctx, hop.search, "rr") is None:
        return []
    hops = [hop] if hop.search is None else hop.search.hops
    return [one.destination for one in hops if one.destination is not None]
