"""Forwarding to the host of a URI without keeping state. Reference core, 5.5 and 6.5."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.routing import errors
from runtime.routing.context import Context
from runtime.routing.dns_records import Question
from runtime.routing.forwarding import forward, next_hop
from runtime.routing.locating import Hop, Search
from runtime.routing.names import Names, Waiting
from runtime.routing.replying import send_reply
from runtime.routing.tags import stateless_signature, stateless_tag
from runtime.sip import methods
from runtime.sip.reply import to_tag_of
from runtime.sip.transport import Send


def forward_to_uri(ctx: Context, proto: i64, port: i64) -> bool:
    """Forward to the host of the destination URI that a module set, else of the Request-URI. See `next_hop`.

    True also if its name has to be looked up first: if that fails then, the request is answered here.
    """
    hop = next_hop(ctx, ctx.dst_uri, proto, port, False)
    return hop is not None and forward_to_hop(ctx, hop)


def forward_to_hop(ctx: Context, hop: Hop) -> bool:
    """Forward there, later if it is still searched for."""
    if hop.destination is not None:
        return forward(ctx, hop.destination, hop.proto)
    assert hop.search is not None
    if ctx.world.names.wait(LateForward(ctx, hop.search), ctx.now_ms):
        return True
    return ctx.fail(errors.UNSPECIFIED, "ERROR: forward: too many requests wait for names")


@final
class LateForward(Waiting):
    """A request, with what the script had done to it by then, that waits for the name of its next hop."""

    def __init__(self, ctx: Context, search: Search) -> None:
        super().__init__()
        self._ctx: Final = ctx.copy()
        self._search: Final = search

    def missing(self, names: Names, now_ms: i64) -> Question | None:
        return self._search.run(names, now_ms)

    def go_on(self, now_ms: i64, sends: list[Send]) -> None:
        ctx = self._ctx
        ctx.world.log.about = ctx
        hop = self._search.first()
        if hop is None or hop.destination is None:
            ctx.fail(errors.BAD_ADDRESS, f"ERROR: forward: cannot resolve the host of <{ctx.next_uri()}>")
            _refuse(ctx)
        elif not forward(ctx, hop.destination, hop.proto):
            _refuse(ctx)
        sends.extend(ctx.sends)


def _refuse(ctx: Context) -> None:
    """Answer the request with the last error: the script is over and cannot."""
    msg = ctx.message
    if msg.method == methods.ACK:
        return
    status, phrase = errors.reply_for(ctx.error, b"SL")
    server = stateless_signature(ctx.world.first_address())
    send_reply(ctx, status, phrase, b"" if len(to_tag_of(msg)) > 0 else stateless_tag(server, msg))
