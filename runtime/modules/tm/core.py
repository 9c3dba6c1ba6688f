"""What all parts of tm need to work on a transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

from mypy_extensions import i64

from runtime.modules.tm.call import Call, Observer
from runtime.modules.tm.overload import Overload
from runtime.modules.tm.state import State
from runtime.routing.avps import AvpName, Avps
from runtime.routing.context import Context
from runtime.routing.tags import signature
from runtime.routing.world import USER_AGENT, World
from runtime.tx.layer import Layer
from runtime.tx.room import Room

Routes = dict[int, Callable[[Context], int]]


@final
class Core:
    """The configuration that a transaction begins with, and ends with, beside the state of the process.

    `failure` and `onreply` are the routes of ser.cfg by their numbers, `observers` see what opens. `layer` has the timers of the
    configuration, `room` its bounds. `fr_avp` and `fr_inv_avp` name the AVPs that override the two timers of a transaction, None for none.
    `passes_provisional`: who has a request sent hears of provisional replies, too. `refuses_stray_cancels`: a CANCEL of nothing that is known here
    is not forwarded; `drops_stray_replies`: nor is a reply to nothing that came through here.
    """

    def __init__(
        self,
        world: World,
        state: State,
        layer: Layer,
        room: Room,
        failure: Routes,
        onreply: Routes,
        fr_avp: AvpName | None,
        fr_inv_avp: AvpName | None,
        observers: list[Observer],
        passes_provisional: bool,
        refuses_stray_cancels: bool,
        drops_stray_replies: bool,
    ) -> None:
        self.world: Final = world
        self.outbox: Final = world.outbox
        self.state: Final = state
        self.layer: Final = layer
        self.counters: Final = state.counters
        self.failure: Final = failure
        self.onreply: Final = onreply
        self.observers: Final = observers
        self.passes_provisional: Final = passes_provisional
        self.refuses_stray_cancels: Final = refuses_stray_cancels
        self.drops_stray_replies: Final = drops_stray_replies
        self.overload: Final = Overload(world, layer, room)
        self._fr_avp: Final = fr_avp
        self._fr_inv_avp: Final = fr_inv_avp
        self.tag_signature: Final = signature(b"SER-TM/tags", world.first_address(), world.secret)
        self.user_agent: Final = b"User-Agent: " + USER_AGENT + b"\r\n" if world.config.server_signature else b""
        self.uac_signature: Final = signature(b"Long live SER server", world.first_address(), world.secret)

    def new_call_id(self) -> bytes:
        """One for a request that is made here: its messages are handled in this process."""
        host = self.world.sockets.sockets[0].address.text
        while True:
            call_id = b"%s-%d@%s" % (self.state.random_label(), self.world.pid, host)
            if self.world.ownership.has(call_id):
                return call_id

    def fr_ms(self, avps: Avps) -> i64:
        """How long to wait for a final reply to a request of a transaction with these AVPs."""
        return _timer_of(avps, self._fr_avp, self.layer.settings.fr)

    def fr_inv_ms(self, avps: Avps) -> i64:
        """The same for an INVITE that has been answered provisionally."""
        return _timer_of(avps, self._fr_inv_avp, self.layer.settings.fr_inv)

    def run_route(self, route: Callable[[Context], int], call: Call, ctx: Context) -> None:
        """Run a failure or onreply route of `call`. A bug in it is reported, and the transaction goes on without it.

        If the route waits this returns later than the caller thinks: `ctx.now_ms` has the time. Meanwhile the call is busy.
        """
        call.is_busy = True
        self.layer.hold(call)
        try:
            route(ctx)
        except Exception as e:
            self.world.bugs.report(e, ctx.message.value(ctx.message.call_id))
        finally:
            call.is_busy = False
            self.layer.let_go(call, ctx.now_ms)


def _timer_of(avps: Avps, name: AvpName | None, otherwise_ms: i64) -> i64:
    """Milliseconds; the AVP holds seconds, as a number or as text. What cannot be read does not count."""
    if name is None or len(avps) == 0:
        return otherwise_ms
    value = avps.first(name)
    if value is None:
        return otherwise_ms
    if isinstance(value, bytes):
        if not value.isdigit() or len(value) > 9:
            return otherwise_ms
        value = int(value)
    return value * 1000 if 0 < value <= 1_000_000 else otherwise_ms
