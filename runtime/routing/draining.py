"""What a server that is to end, or has too much to do, still takes: what belongs to something under way. RFC 3261 21.5.4."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.routing.context import Context
from runtime.routing.module import Module
from runtime.routing.replying import send_reply
from runtime.routing.tags import stateless_signature, stateless_tag
from runtime.routing.world import World
from runtime.sip import methods
from runtime.sip.reply import reason_of, to_tag_of


@final
class Draining:
    """One worker takes nothing new. `retry_after_s` is what those hear who come with something new, `spread_s` more than that at most,
    so that not all come back at once; `stateful` modules say what is not new. `refused` counts, and `dropped` what is new and came while
    `is_silent`: it gets no answer, as if the network had lost it."""

    def __init__(self, world: World, stateful: list[Module], retry_after_s: i64, spread_s: i64 = 0) -> None:
        self._world: Final = world
        self.stateful = stateful
        self._retry_after: Final = [b"Retry-After: %d\r\n" % (retry_after_s + more) for more in range(spread_s + 1)]
        # That of sl, which absorbs the ACKs where it is loaded.
        self._signature: Final = stateless_signature(world.first_address(), world.secret)
        self.is_silent = False
        self.refused: i64 = 0
        self.dropped: i64 = 0

    def admits(self, ctx: Context) -> bool:
        """True if the request is to be handled; else it has been answered with 503 (or dropped), or is the ACK for that.

        What is handled: repetitions, CANCEL and ACK, and requests inside a dialog, since the call would never hear of its end else.
        """
        msg = ctx.message
        tag = to_tag_of(msg)
        if msg.method == methods.ACK:
            return len(tag) == 0 or tag != self._tag(ctx)
        if msg.method == methods.CANCEL or len(tag) > 0:
            return True
        for module in self.stateful:
            if module.knows(ctx):
                return True
        if self.is_silent:
            self.dropped += 1
            return False
        ctx.reply_headers.append(self._retry_after[ctx.now_ms % len(self._retry_after)])
        self.refused += 1
        self._world.counters.refused += 1
        send_reply(ctx, 503, reason_of(503), self._tag(ctx))
        return False

    def _tag(self, ctx: Context) -> bytes:
        return stateless_tag(self._signature, ctx.message, 503)
