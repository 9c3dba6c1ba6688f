"""What a server that is to end still takes: what belongs to something under way. RFC 3261 21.5.4."""

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
    """The end of one worker. `retry_after_s` is what those hear who come with something new; `stateful` modules say what is not."""

    def __init__(self, world: World, stateful: list[Module], retry_after_s: i64) -> None:
        self._world: Final = world
        self._stateful: Final = stateful
        self._retry_after: Final = b"Retry-After: %d\r\n" % retry_after_s
        # That of sl, which absorbs the ACKs where it is loaded.
        self._signature: Final = stateless_signature(world.first_address(), world.secret)

    def admits(self, ctx: Context) -> bool:
        """True if the request is to be handled; else it has been answered with 503, or is the ACK for that.

        What is handled: repetitions, CANCEL and ACK, and requests inside a dialog, since the call would never hear of its end else.
        """
        msg = ctx.message
        tag = to_tag_of(msg)
        if msg.method == methods.ACK:
            return len(tag) == 0 or tag != self._tag(ctx)
        if msg.method == methods.CANCEL or len(tag) > 0:
            return True
        for module in self._stateful:
            if module.knows(ctx):
                return True
        ctx.reply_headers.append(self._retry_after)
        self._world.counters.refused += 1
        send_reply(ctx, 503, reason_of(503), self._tag(ctx))
        return False

    def _tag(self, ctx: Context) -> bytes:
        return stateless_tag(self._signature, ctx.message)
