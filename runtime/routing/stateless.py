"""Forwarding to the host of a URI without keeping state. Reference core, 5.5 and 6.5."""

from __future__ import annotations

from mypy_extensions import i64

from runtime.routing import errors
from runtime.routing.asking import REFUSED
from runtime.routing.context import Context
from runtime.routing.forwarding import forward, next_hop
from runtime.routing.locating import Hop, Located, Search


def forward_to_uri(ctx: Context, proto: i64, port: i64) -> bool:
    """Forward to the host of the destination URI that a module set, else of the Request-URI. See `next_hop`.

    Waits where the name has to be looked up first.
    """
    hop = next_hop(ctx, ctx.dst_uri, proto, port, False)
    return hop is not None and forward_to_hop(ctx, hop)


def forward_to_hop(ctx: Context, hop: Hop) -> bool:
    """Forward there, and wait for that if it is still searched for; False, with `ctx.error` set, if it is not found."""
    if hop.destination is None:
        assert hop.search is not None
        found = wait_for(ctx, hop.search, "forward")
        if found is None:
            return False
        hop = found
    destination = hop.destination
    assert destination is not None
    return forward(ctx, destination, hop.proto)


def wait_for(ctx: Context, search: Search, who: str) -> Hop | None:
    """The first server of a host that is searched for; None, with `ctx.error` set and a line of `who` in the log, if none is found."""
    question = Located(ctx.world.names, search)
    ctx.wait(question)
    if question.fate == REFUSED:
        ctx.fail(errors.UNSPECIFIED, f"ERROR: {who}: too many requests wait for names")
        return None
    hop = search.first()
    if hop is None or hop.destination is None:
        ctx.fail(errors.BAD_ADDRESS, f"ERROR: {who}: cannot resolve the host of <{ctx.next_uri()}>")
        return None
    return hop
