"""What tm does when it has no room for another transaction: 503 with Retry-After. RFC 3261 21.5.4."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.routing.context import L_NOTICE, L_WARN, Context
from runtime.routing.replying import send_reply
from runtime.routing.tags import stateless_signature, stateless_tag
from runtime.routing.world import World
from runtime.sip import methods
from runtime.sip.reply import reason_of, to_tag_of
from runtime.tx.layer import Layer
from runtime.tx.room import Room

# Callers are told to come again after so many seconds, not all at once.
_RETRY_FIRST_S: Final[i64] = 5
_RETRY_SPREAD_S: Final[i64] = 10


@final
class Overload:
    """Refuses what `room` has no place for, and tells the log when that begins and when it is over."""

    def __init__(self, world: World, layer: Layer, room: Room) -> None:
        self._world: Final = world
        self._layer: Final = layer
        self._room: Final = room
        self._signature: Final = stateless_signature(world.first_address(), world.secret)
        # Of the ACKs that come for our 503 none may be forwarded.
        self._has_refused = False
        self._refused_before: i64 = 0
        self._is_on = False

    def refuses(self, ctx: Context, key: i64) -> bool:
        """True if the request, for which a transaction would be opened, has been answered with 503 instead."""
        if not self.is_full(False):
            if self._is_on and self._room.has_slack(self._pending(), self._layer.counts.held_bytes):
                self._end(ctx)
            return False
        msg = ctx.message
        if msg.method == methods.CANCEL or len(to_tag_of(msg)) > 0:
            if not self.is_full(True):
                return False
        self._begin(ctx)
        self._world.counters.refused_full += 1
        ctx.reply_headers.append(b"Retry-After: %d\r\n" % (_RETRY_FIRST_S + key % _RETRY_SPREAD_S))
        tag = b"" if len(to_tag_of(msg)) > 0 else stateless_tag(self._signature, msg, 503)
        send_reply(ctx, 503, reason_of(503), tag)
        return True

    def is_full(self, has_begun: bool) -> bool:
        return self._room.is_full(self._pending(), self._layer.counts.held_bytes, has_begun)

    def _pending(self) -> i64:
        return self._layer.counts.created - self._layer.counts.finished

    def acknowledges(self, ctx: Context) -> bool:
        """True for an ACK that can only be for a 503 of ours."""
        return self._has_refused and to_tag_of(ctx.message) == stateless_tag(self._signature, ctx.message, 503)

    def _begin(self, ctx: Context) -> None:
        self._has_refused = True
        if self._is_on:
            return
        self._is_on = True
        self._refused_before = self._world.counters.refused_full
        ctx.log(
            L_WARN,
            f"WARNING: tm: {self._pending()} transactions that take {self._layer.counts.held_bytes >> 10} kB are pending: new requests get 503 "
            "(max_transactions, -m)",
        )

    def _end(self, ctx: Context) -> None:
        self._is_on = False
        refused = self._world.counters.refused_full - self._refused_before
        ctx.log(L_NOTICE, f"NOTICE: tm: there is room for transactions again; {refused} requests got 503")
