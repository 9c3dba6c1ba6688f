"""tm: stateful transactions. Reference modules-main, chapter 1."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Final, final

from mypy_extensions import i64

from runtime.modules.tm import commands, events
from runtime.modules.tm.call import Outcome
from runtime.modules.tm.core import Core, Routes
from runtime.modules.tm.durations import Durations
from runtime.modules.tm.functions import FUNCTIONS, Functions
from runtime.modules.tm.kinds import append_mistake
from runtime.modules.tm.relaying import cancel_waiting
from runtime.modules.tm.state import State
from runtime.modules.tm.uac import Draft, send_request
from runtime.routing.avps import AvpName
from runtime.routing.command import BODY, EVERY, HEADERS, LINE, OWNER, SOME_HEADERS, Command, Inquiry
from runtime.routing.context import Context
from runtime.routing.meter import Meter
from runtime.routing.module import ModuleError
from runtime.routing.prepared import CannotPrepare, named_avp
from runtime.routing.world import World
from runtime.sip.transport import Send
from runtime.spec.declare import ModuleSpec, integer_param, string_param, switch_param
from runtime.spec.kinds_avp import avp_name_mistake
from runtime.spec.params import idle, seconds_param
from runtime.tx.layer import Counts, Layer, TimerSettings
from runtime.tx.room import Room, share_of
from runtime.tx.table import Table
from runtime.tx.timers import Wheel

# A callee repeats its 2xx so long, 64 * T1, where the ACK is lost. RFC 3261 13.3.1.4, RFC 6026 8.5
_ACCEPTED_MS: Final = 32_000


@final
class Tm(Functions):
    """Transactions. What a message belongs to is found or opened by the functions, which routes.py calls."""

    def __init__(
        self,
        *,
        ruri_matching: int = 1,
        via1_matching: int = 1,
        fr_timer: int = 30,
        fr_inv_timer: int = 120,
        wt_timer: int = 5,
        delete_timer: int = 2,
        retr_timer1p1: int = 1,
        retr_timer1p2: int = 2,
        retr_timer1p3: int = 4,
        retr_timer2: int = 4,
        noisy_ctimer: int = 0,
        restart_fr_on_each_reply: int = 1,
        pass_provisional_replies: int = 0,
        refuse_stray_cancel: int = 0,
        drop_stray_replies: int = 0,
        uac_from: str = "sip:foo@foo.bar",
        unix_tx_timeout: int = 2,
        fr_timer_avp: str = "callee_fr_timer",
        fr_inv_timer_avp: str = "callee_fr_inv_timer",
        var_timers: int = 1,
        max_transactions: int = 1_000_000,
        tw_append: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        self.handles_replies = True
        self.ends_requests = True
        self.keeps_state = True
        self._settings: Final = TimerSettings(
            fr_timer * 1000,
            fr_inv_timer * 1000,
            wt_timer * 1000,
            max(wt_timer * 1000, _ACCEPTED_MS) if drop_stray_replies else wt_timer * 1000,
            retr_timer1p1 * 1000,
            retr_timer1p2 * 1000,
            retr_timer1p3 * 1000,
            retr_timer2 * 1000,
            restart_fr_on_each_reply != 0,
        )
        self._ruri_matching: Final = ruri_matching != 0
        self._via1_matching: Final = via1_matching != 0
        self._max_transactions: Final = max_transactions
        self._timer_avps: Final = (fr_timer_avp, fr_inv_timer_avp) if var_timers else ("", "")
        self._failure: Routes = {}
        self._onreply: Routes = {}
        self._tw_append: Final = tw_append
        self._passes_provisional: Final = pass_provisional_replies != 0
        self._refuses_stray_cancels: Final = refuse_stray_cancel != 0
        self._drops_stray_replies: Final = drop_stray_replies != 0
        self._fr_avp: AvpName | None = None
        self._fr_inv_avp: AvpName | None = None

    def fixed(self) -> dict[str, object]:
        """The table is ordered by these."""
        return {"ruri_matching": int(self._ruri_matching), "via1_matching": int(self._via1_matching)}

    def take_routes(
        self, failure: dict[int, Callable[[Context], int]], onreply: dict[int, Callable[[Context], int]]
    ) -> None:
        self._failure = failure
        self._onreply = onreply

    def prepare(self, world: World) -> None:
        try:
            self._fr_avp = _timer_avp(self._timer_avps[0], world)
            self._fr_inv_avp = _timer_avp(self._timer_avps[1], world)
            for text in self._tw_append:
                self.define(text, world)
        except CannotPrepare as e:
            raise ModuleError(f"tm: {e}") from e

    def measure(self, meter: Meter) -> None:
        self.observe(Durations(meter))

    def start_worker(self, world: World) -> None:
        self._take(world, world.keep("tm", State, lambda: self._empty(world, time.monotonic_ns() // 1_000_000)))

    def begin(self, world: World, now_ms: int) -> None:
        """Start with an empty table. Time is that of `now_ms`."""
        state = self._empty(world, now_ms)
        world.kept.replace("tm", state)
        self._take(world, state)

    def _take(self, world: World, state: State) -> None:
        layer = state.layer.with_settings(self._settings)
        room = Room(share_of(self._max_transactions, world.handlers), share_of(world.memory_bytes, world.handlers))
        self.core = Core(
            world,
            state,
            layer,
            room,
            self._failure,
            self._onreply,
            self._fr_avp,
            self._fr_inv_avp,
            self.observers,
            self._passes_provisional,
            self._refuses_stray_cancels,
            self._drops_stray_replies,
        )

    def _empty(self, world: World, now_ms: int) -> State:
        table = Table(self._ruri_matching, self._via1_matching, secrets.randbits(61), world.transaction_places)
        return State(Layer(table, self._settings, Wheel(now_ms), Counts()), world.syn_branch, world.secret)

    def originate(self, draft: Draft, outcome: Outcome, now_ms: i64) -> None:
        send_request(self.core, draft, self.core.new_call_id(), outcome, now_ms)

    # --- hooks -------------------------------------------------------------------------------------------------------

    def on_reply(self, ctx: Context) -> bool:
        return events.reply_came(self.core, ctx)

    def after_request(self, ctx: Context) -> None:
        events.route_ended(self.core.layer, ctx)

    def on_cancel(self, cancel: Context, invite: Context) -> bool:
        return cancel_waiting(self.core, cancel, invite)

    def next_timer_ms(self, now_ms: i64) -> i64:
        return self.core.layer.next_timer_ms(now_ms)

    def on_timer(self, now_ms: i64) -> None:
        events.time_passed(self.core.layer, now_ms)

    def knows(self, ctx: Context) -> bool:
        return events.known(self.core.layer, ctx) is not None

    def absorbs(self, ctx: Context) -> bool:
        return events.absorbed(self.core.layer, ctx)

    def under_way(self) -> int:
        return self.core.layer.unfinished()

    def on_send_failure(self, failed: Send, now_ms: i64) -> None:
        events.send_failed(self.core.layer, failed, now_ms)

    # --- commands ----------------------------------------------------------------------------------------------------

    def commands(self) -> list[Command]:
        return [
            Command(
                "t_uac_dlg",
                self._uac_dlg,
                LINE * 3 + SOME_HEADERS + BODY,
                where=OWNER,
                call_id_of=commands.call_id_in,
                answers_late=True,
            ),
            Command("t_uac_cancel", self._uac_cancel, LINE * 2, where=OWNER, call_id_of=_first_word),
            Command("t_hash", self._hash, where=EVERY, combine=commands.shown_slots),
            Command("t_reply", self._fifo_reply, LINE * 4 + HEADERS + BODY, where=EVERY, combine=commands.the_reply),
            Command("t_stats", self._stats, where=EVERY, combine=commands.shown_statistics),
        ]

    def statistics(self) -> dict[str, int]:
        """What t_stats tells, of this process."""
        layer, counters = self.core.layer, self.core.counters
        found = {
            "transactions": int(layer.counts.created),
            "local_transactions": int(counters.local),
            "own_replies": int(counters.own_replies),
        }
        for digit in range(2, 7):
            found[f"completed_{digit}xx"] = counters.completed[digit]
        return found

    def _uac_dlg(self, inquiry: Inquiry) -> None:
        commands.request(self.core, inquiry)

    def _uac_cancel(self, inquiry: Inquiry) -> None:
        commands.cancel(self.core, inquiry)

    def _hash(self, inquiry: Inquiry) -> None:
        commands.count_slots(self.core, inquiry)

    def _fifo_reply(self, inquiry: Inquiry) -> None:
        commands.reply(self.core, inquiry)

    def _stats(self, inquiry: Inquiry) -> None:
        commands.count(self.core, inquiry)


def _first_word(words: list[bytes]) -> bytes:
    return words[0] if words else b""


def _timer_avp(text: str, world: World) -> AvpName | None:
    """The AVP that a parameter names, None for ""."""
    return named_avp(world, text) if text else None


EXPORTS: Final = ModuleSpec(
    name="tm",
    implementation="runtime.modules.tm:Tm",
    summary="Transactions: forking, retransmission, time-outs, failure and reply routes.",
    functions=FUNCTIONS,
    ordered_if_set=(
        ("fr_timer", "fr_inv_timer"),
        ("retr_timer1p1", "retr_timer1p2"),
        ("retr_timer1p2", "retr_timer1p3"),
        ("retr_timer1p3", "retr_timer2"),
    ),
    params=(
        switch_param("ruri_matching", 1, "Requests without an RFC 3261 branch match by their URI, too."),
        switch_param("via1_matching", 1, "Requests without an RFC 3261 branch match by their Via, too."),
        seconds_param("fr_timer", 30, "Wait for a final reply, and for the ACK to a negative one.", usual=3600),
        seconds_param("fr_inv_timer", 120, "Wait for the final reply to an INVITE that rings.", usual=3600),
        seconds_param("wt_timer", 5, "Life of a transaction that is over."),
        idle(seconds_param("delete_timer", 2, "Taken and not used: no transaction in use is deleted.")),
        seconds_param("retr_timer1p1", 1, "Delay before the first repetition."),
        seconds_param("retr_timer1p2", 2, "Delay before the second repetition."),
        seconds_param("retr_timer1p3", 4, "Delay before the third repetition."),
        seconds_param("retr_timer2", 4, "Delay before all later repetitions."),
        idle(switch_param("noisy_ctimer", 0, "Taken and not used, as in SER: time-outs always answer 408.")),
        switch_param("restart_fr_on_each_reply", 1, "Every provisional reply starts fr_inv_timer again."),
        switch_param("pass_provisional_replies", 0, "Provisional replies to t_uac_dlg are told, too."),
        switch_param(
            "refuse_stray_cancel", 0, "A CANCEL of no known request gets 481, and is not forwarded. Not in SER."
        ),
        switch_param(
            "drop_stray_replies", 0, "A reply to no request that came through here is not forwarded. Not in SER."
        ),
        idle(
            string_param(
                "uac_from", "sip:foo@foo.bar", "Taken and not used, as in SER: who has a request sent says its From."
            )
        ),
        idle(seconds_param("unix_tx_timeout", 2, "Taken and not used: t_write_unix never waits.")),
        string_param("fr_timer_avp", "callee_fr_timer", "AVP that overrides fr_timer.", check=avp_name_mistake),
        string_param("fr_inv_timer_avp", "callee_fr_inv_timer", "Same for fr_inv_timer.", check=avp_name_mistake),
        switch_param("var_timers", 1, "The two AVPs count."),
        integer_param(
            "max_transactions",
            1_000_000,
            "Pending transactions of the whole server; one more new request gets 503. 0: no bound.",
            low=0,
        ),
        string_param(
            "tw_append",
            None,
            "name:element;… that t_write_req and t_write_unix append for action/name.",
            check=append_mistake,
            repeatable=True,
        ),
    ),
    fifo_commands=("t_uac_dlg", "t_uac_cancel", "t_reply", "t_hash", "t_stats"),
)
