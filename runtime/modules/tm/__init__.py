"""tm: stateful transactions. Reference modules-main, chapter 1."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Final, final

from mypy_extensions import i64

from runtime.modules.tm import commands
from runtime.modules.tm.answering import answer, branch_failed, take_reply
from runtime.modules.tm.branching import add_branches
from runtime.modules.tm.call import Call, Observer, call_of
from runtime.modules.tm.cancelling import send_cancel
from runtime.modules.tm.core import Core, Routes
from runtime.modules.tm.failover import try_next_server
from runtime.modules.tm.kinds import append_mistake, request_action
from runtime.modules.tm.relaying import OPENED, PLAIN_ACK, cancel_waiting, open_transaction, relay
from runtime.modules.tm.write_request import (
    Action,
    AppendOwner,
    add_blind_branch,
    described,
    write_fifo,
    write_socket,
)
from runtime.routing import errors
from runtime.routing.avps import AvpName
from runtime.routing.command import BODY, EVERY, HEADERS, LINE, OWNER, Command, Question
from runtime.routing.context import IN_FAILURE, IN_REPLY, L_ERR, L_WARN, Context
from runtime.routing.forwarding import host_hop
from runtime.routing.locating import Hop
from runtime.routing.module import ModuleError
from runtime.routing.prepared import CannotPrepare, named_avp
from runtime.routing.world import World
from runtime.sip import methods
from runtime.sip.address import PROTO_NAMES, TCP, TLS, UDP
from runtime.sip.cseq import parse_cseq
from runtime.sip.message import parse
from runtime.sip.regex import Regex
from runtime.sip.reply import reason_of
from runtime.sip.scan import BadMessage
from runtime.sip.transport import Send
from runtime.spec.declare import (
    EVERYWHERE,
    FAILURE,
    REQUEST,
    Arg,
    Function,
    ModuleSpec,
    function,
    string_param,
    switch_param,
)
from runtime.spec.effects import Does
from runtime.spec.kinds import code, reason, regex, some_text
from runtime.spec.kinds_avp import avp_name_mistake
from runtime.spec.kinds_sip import host, port, sip_uri_doubt
from runtime.spec.kinds_words import failure_route, onreply_route
from runtime.spec.params import seconds_param
from runtime.tx.layer import REPEAT, TIMED_OUT, Layer, TimerSettings
from runtime.tx.table import Table, key_of
from runtime.tx.transaction import OVER, PROCEEDING, Branch, Client, Transaction


@final
class Tm(AppendOwner):
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
        uac_from: str = "sip:foo@foo.bar",
        unix_tx_timeout: int = 2,
        fr_timer_avp: str = "callee_fr_timer",
        fr_inv_timer_avp: str = "callee_fr_inv_timer",
        var_timers: int = 1,
        tw_append: tuple[str, ...] = (),
    ) -> None:
        super().__init__("tm")
        self.handles_replies = True
        self.ends_requests = True
        self.keeps_state = True
        self._settings: Final = TimerSettings(
            fr_timer * 1000,
            fr_inv_timer * 1000,
            wt_timer * 1000,
            retr_timer1p1 * 1000,
            retr_timer1p2 * 1000,
            retr_timer1p3 * 1000,
            retr_timer2 * 1000,
            restart_fr_on_each_reply != 0,
        )
        self._table: Final = Table(ruri_matching != 0, via1_matching != 0, secrets.randbits(61))
        self._timer_avps: Final = (fr_timer_avp, fr_inv_timer_avp) if var_timers else ("", "")
        self._failure: Routes = {}
        self._onreply: Routes = {}
        self._tw_append: Final = tw_append
        self._pass_provisional: Final = pass_provisional_replies
        self._fr_avp: AvpName | None = None
        self._fr_inv_avp: AvpName | None = None
        self._core: Core | None = None
        self._observers: Final[list[Observer]] = []
        # Fixed next hops that are addresses: by host, port and protocol.
        self._hops: Final[dict[tuple[bytes, int, int], Hop]] = {}

    def take_routes(
        self, failure: dict[int, Callable[[Context], int]], onreply: dict[int, Callable[[Context], int]]
    ) -> None:
        self._failure = failure
        self._onreply = onreply

    def bind(self, world: World) -> None:
        if self._pass_provisional:
            raise ModuleError(
                "tm: not supported yet: pass_provisional_replies (t_uac_dlg answers with the final reply)"
            )

    def prepare(self, world: World) -> None:
        try:
            self._fr_avp = _timer_avp(self._timer_avps[0], world)
            self._fr_inv_avp = _timer_avp(self._timer_avps[1], world)
            for text in self._tw_append:
                self.define(text, world)
        except CannotPrepare as e:
            raise ModuleError(f"tm: {e}") from e

    def start_worker(self, world: World) -> None:
        # The label tells the transactions of one worker, and of one run of it, from those of another.
        self.begin(world, secrets.randbits(32), time.monotonic_ns() // 1_000_000)

    def begin(self, world: World, first_label: int, now_ms: int) -> None:
        """Start with an empty table. `first_label` is where the numbers of transactions begin; time is that of `now_ms`."""
        layer = Layer(self._table, self._settings, now_ms)
        avps = (self._fr_avp, self._fr_inv_avp)
        self._core = Core(world, layer, self._failure, self._onreply, first_label, avps[0], avps[1], self._observers)

    def observe(self, observer: Observer) -> None:
        """Show it every transaction that a request opens; for the `bind` of other modules."""
        self._observers.append(observer)

    def core(self) -> Core:
        core = self._core
        assert core is not None, "the engine has started the worker"
        return core

    # --- hooks -------------------------------------------------------------------------------------------------------

    def on_reply(self, ctx: Context) -> bool:
        core = self.core()
        client = core.layer.table.find_client(ctx.message)
        if client is None:
            return True
        call = client.transaction
        assert isinstance(call, Call)
        if not isinstance(client, Branch):
            # It answers our CANCEL.
            if ctx.message.status >= 200:
                core.layer.cancel_answered(client, ctx.now_ms)
            return False
        ctx.transaction = call
        take_reply(core, call, client, ctx)
        return False

    def after_request(self, ctx: Context) -> None:
        call = call_of(ctx)
        if call is None or call.message is not ctx.message or call.state != PROCEEDING:
            return
        if len(call.branches) == 0 and call.status < 200:
            ctx.log(L_WARN, "WARNING: script writer didn't release transaction")
            self.core().layer.release(call, ctx.now_ms)

    def on_cancel(self, cancel: Context, invite: Context) -> bool:
        return cancel_waiting(self.core(), cancel, invite)

    def next_timer_ms(self, now_ms: i64) -> i64:
        return self.core().layer.next_timer_ms(now_ms)

    def on_timer(self, now_ms: i64) -> None:
        core = self.core()
        layer = core.layer
        while True:
            due = layer.pop_due(now_ms)
            if due is None:
                return
            if isinstance(due, Client):
                self._client_due(core, due, now_ms)
            else:
                assert isinstance(due, Call)
                if layer.server_due(due, now_ms) == REPEAT and due.reply is not None:
                    core.outbox.append(due.reply)

    def _client_due(self, core: Core, client: Client, now_ms: i64) -> None:
        what = core.layer.client_due(client, now_ms)
        if what == REPEAT:
            assert client.request is not None
            core.outbox.append(client.request)
        elif what == TIMED_OUT:
            call = client.transaction
            assert isinstance(client, Branch) and isinstance(call, Call)
            if call.state >= OVER:
                return
            if client.is_invite and client.status >= 100 and client.cancel is None:
                send_cancel(core, client, now_ms)
            if client.status == 0 and try_next_server(core, client, 408, now_ms):
                return
            branch_failed(core, client, 408, reason_of(408), now_ms)

    def knows(self, ctx: Context) -> bool:
        return self._known(ctx) is not None

    def absorbs(self, ctx: Context) -> bool:
        found = self._known(ctx)
        if found is None or found.message is ctx.message:
            return False
        if found.reply is not None:
            ctx.sends.append(found.reply)
        return True

    def _known(self, ctx: Context) -> Transaction | None:
        msg = ctx.message
        if msg.call_id == 0 or msg.cseq == 0:
            return None
        try:
            cseq = parse_cseq(msg)
        except BadMessage:
            return None
        return self._table.find_request(msg, key_of(msg, cseq))

    def under_way(self) -> int:
        return self.core().layer.unfinished()

    def on_send_failure(self, failed: Send, now_ms: i64) -> None:
        core = self.core()
        try:
            message = parse(failed.data)
        except BadMessage:
            return
        if not message.is_request:
            return
        client = core.layer.table.find_client(message)
        if not isinstance(client, Branch) or client.request is not failed or client.over:
            return
        call = client.transaction
        assert isinstance(call, Call)
        status, phrase = errors.reply_for(errors.SEND, b"TM")
        if client.repeated > 0:
            status, phrase = 503, reason_of(503)
        if client.status == 0 and try_next_server(core, client, status, now_ms):
            return
        branch_failed(core, client, status, phrase, now_ms)

    # --- commands ----------------------------------------------------------------------------------------------------

    def commands(self) -> list[Command]:
        return [
            Command(
                "t_uac_dlg",
                self._uac_dlg,
                LINE * 3 + HEADERS + BODY,
                where=OWNER,
                call_id_of=commands.call_id_in,
                answers_late=True,
            ),
            Command("t_uac_cancel", self._uac_cancel, LINE * 2, where=OWNER, call_id_of=_first_word),
            Command("t_hash", self._hash, where=EVERY, combine=commands.shown_slots),
            Command("t_reply", self._fifo_reply, LINE * 4 + HEADERS + BODY, where=EVERY, combine=commands.the_reply),
            Command("t_stats", self._stats, where=EVERY, combine=commands.shown_statistics),
        ]

    def _uac_dlg(self, question: Question) -> None:
        commands.request(self.core(), question)

    def _uac_cancel(self, question: Question) -> None:
        commands.cancel(self.core(), question)

    def _hash(self, question: Question) -> None:
        commands.count_slots(self.core(), question)

    def _fifo_reply(self, question: Question) -> None:
        commands.reply(self.core(), question)

    def _stats(self, question: Question) -> None:
        commands.count(self.core(), question)

    # --- script functions --------------------------------------------------------------------------------------------

    def t_newtran(self, ctx: Context) -> int:
        """Open a transaction: 1, also for an ACK that belongs to none; 0 at a repetition, which is answered; -1 broken."""
        opened = open_transaction(self.core(), ctx)
        if opened == OPENED or opened == PLAIN_ACK:
            return 1
        return -1 if opened < 0 else 0

    def t_lookup_request(self, ctx: Context) -> bool:
        """True if the request belongs to a transaction that is open already."""
        if ctx.transaction is not None:
            return True
        msg = ctx.message
        if msg.call_id == 0 or msg.cseq == 0:
            return ctx.fail(errors.BAD_TUPLE, "ERROR: t_lookup_request: Call-ID or CSeq is missing")
        try:
            cseq = parse_cseq(msg)
        except BadMessage as e:
            return ctx.fail(errors.BAD_TUPLE, f"ERROR: t_lookup_request: {e}")
        table = self._table
        key = key_of(msg, cseq)
        found = table.find_acknowledged(msg, key) if msg.method == methods.ACK else table.find_request(msg, key)
        ctx.transaction = found
        return found is not None

    def t_reply(self, ctx: Context, code: int, reason: bytes) -> bool:
        """Answer in the open transaction; False for an ACK, without one, or after a final reply."""
        call = call_of(ctx)
        if call is None or ctx.message.method == methods.ACK:
            return ctx.fail(errors.UNSPECIFIED, "ERROR: t_reply: no transaction to reply in")
        if not answer(self.core(), call, ctx, code, reason):
            ctx.log(L_ERR, f"ERROR: t_reply: can't generate {code} reply when a final {call.status} was sent out")
            return False
        return True

    def t_retransmit_reply(self, ctx: Context) -> bool:
        """Send the last reply of the transaction again; False if there is none."""
        call = call_of(ctx)
        if call is None or call.reply is None or ctx.message.method == methods.ACK:
            return False
        ctx.sends.append(call.reply)
        return True

    def t_release(self, ctx: Context) -> bool:
        """Let the transaction end; only repetitions are still absorbed."""
        call = call_of(ctx)
        if call is not None:
            for branch in call.branches:
                self.core().layer.end_client(branch)
            self.core().layer.release(call, ctx.now_ms)
        return True

    def t_relay(self, ctx: Context) -> int:
        """Forward in a transaction to where the URIs of all branches lead: 1; -1; 0 when an error has been answered."""
        return relay(self.core(), ctx, None, False)

    def t_relay_to_udp(self, ctx: Context, host: bytes, port: int) -> int:
        """The same with all branches to this next hop over UDP."""
        return self._relay_to(ctx, host, port, UDP)

    def t_relay_to_tcp(self, ctx: Context, host: bytes, port: int) -> int:
        """The same over TCP."""
        return self._relay_to(ctx, host, port, TCP)

    def t_relay_to_tls(self, ctx: Context, host: bytes, port: int) -> int:
        """The same over TLS."""
        return self._relay_to(ctx, host, port, TLS)

    def _relay_to(self, ctx: Context, host: bytes, port: int, proto: int) -> int:
        way = self._hop(ctx, host, port, proto)
        return -1 if way is None else relay(self.core(), ctx, way, False)

    def t_replicate(self, ctx: Context, host: bytes, port: int) -> bool:
        """Send a copy there, over the protocol of the request, and keep the replies to it."""
        return self._replicate(ctx, host, port, ctx.socket.proto)

    def t_replicate_udp(self, ctx: Context, host: bytes, port: int) -> bool:
        """The same over UDP."""
        return self._replicate(ctx, host, port, UDP)

    def t_replicate_tcp(self, ctx: Context, host: bytes, port: int) -> bool:
        """The same over TCP."""
        return self._replicate(ctx, host, port, TCP)

    def t_replicate_tls(self, ctx: Context, host: bytes, port: int) -> bool:
        """The same over TLS."""
        return self._replicate(ctx, host, port, TLS)

    def _replicate(self, ctx: Context, host: bytes, port: int, proto: int) -> bool:
        way = self._hop(ctx, host, port, proto)
        return way is not None and relay(self.core(), ctx, way, True) > 0

    def t_forward_nonack(self, ctx: Context, host: bytes, port: int) -> bool:
        """Forward in the open transaction to this hop, over the protocol of the request; False for an ACK."""
        return self._forward(ctx, self._hop(ctx, host, port, ctx.socket.proto))

    def t_forward_nonack_udp(self, ctx: Context, host: bytes, port: int) -> bool:
        """The same over UDP."""
        return self._forward(ctx, self._hop(ctx, host, port, UDP))

    def t_forward_nonack_tcp(self, ctx: Context, host: bytes, port: int) -> bool:
        """The same over TCP."""
        return self._forward(ctx, self._hop(ctx, host, port, TCP))

    def t_forward_nonack_tls(self, ctx: Context, host: bytes, port: int) -> bool:
        """The same over TLS."""
        return self._forward(ctx, self._hop(ctx, host, port, TLS))

    def t_forward_nonack_uri(self, ctx: Context) -> bool:
        """Forward in the open transaction to where the URIs lead; False for an ACK."""
        call = self._forwardable(ctx)
        return call is not None and add_branches(self.core(), ctx, call, None) > 0

    def _forward(self, ctx: Context, way: Hop | None) -> bool:
        call = self._forwardable(ctx)
        return call is not None and way is not None and add_branches(self.core(), ctx, call, way) > 0

    def _forwardable(self, ctx: Context) -> Call | None:
        call = call_of(ctx)
        if call is None or ctx.message.method == methods.ACK:
            ctx.fail(errors.UNSPECIFIED, "ERROR: t_forward_nonack: no transaction to forward in")
            return None
        return call

    def _hop(self, ctx: Context, host: bytes, port: int, proto: int) -> Hop | None:
        """The fixed next hop, which may still be searched for. Addresses are parsed once."""
        key = (host, port, proto)
        known = self._hops.get(key)
        if known is not None:
            return known
        way = host_hop(ctx, host, port or 5060, proto)
        if way is None:
            place = f"{PROTO_NAMES[proto]}:{host.decode('latin-1')}"
            ctx.fail(errors.BAD_ADDRESS, f"ERROR: tm: cannot resolve {place}")
        elif way.search is None:
            self._hops[key] = way
        return way

    def t_on_failure(self, ctx: Context, route: int) -> bool:
        """Arm a failure route for this transaction, or for the one that is going to be opened; 0 disarms."""
        call = call_of(ctx)
        if call is None:
            ctx.on_failure = route
        else:
            call.on_failure = route
        return True

    def t_on_reply(self, ctx: Context, route: int) -> bool:
        """Arm an onreply route in the same way."""
        call = call_of(ctx)
        if call is None:
            ctx.on_reply = route
        else:
            call.on_reply = route
        return True

    def t_check_status(self, ctx: Context, pattern: Regex) -> bool:
        """True if the status matches: of the reply in an onreply route, of the best reply in a failure route, else of the
        last reply that was sent."""
        if ctx.route_kind == IN_REPLY:
            return pattern.search(b"%d" % ctx.message.status)
        call = call_of(ctx)
        if call is None:
            ctx.log(
                L_ERR,
                "ERROR: t_check_status: cannot check status for a reply which has no transaction-state established",
            )
            return False
        return pattern.search(b"%d" % (call.failure_status if ctx.route_kind == IN_FAILURE else call.status))

    def t_write_req(self, ctx: Context, fifo: bytes, action: Action) -> bool:
        """Hand the request to the application that reads a FIFO; False without a transaction or a reader."""
        return self._write(ctx, fifo, action, True)

    def t_write_unix(self, ctx: Context, socket: bytes, action: Action) -> bool:
        """Hand the request to the application behind a Unix datagram socket."""
        return self._write(ctx, socket, action, False)

    def _write(self, ctx: Context, path: bytes, action: Action, by_fifo: bool) -> bool:
        core = self.core()
        call = call_of(ctx)
        if call is None:
            return ctx.fail(errors.UNSPECIFIED, "ERROR: t_write: no transaction, call t_newtran() before")
        text = described(call, ctx, action)
        if text is None or not (write_fifo(ctx, path, text) if by_fifo else write_socket(ctx, path, text)):
            return False
        return add_blind_branch(core, call, ctx)


def _first_word(words: list[bytes]) -> bytes:
    return words[0] if words else b""


def _timer_avp(text: str, world: World) -> AvpName | None:
    """The AVP that a parameter names, None for ""."""
    return named_avp(world, text) if text else None


_SOCKET: Final = some_text("socket", "the path of a Unix socket")
_FIFO: Final = some_text("fifo", "the path of a FIFO")


def _to(body: Callable[[Tm, Context, bytes, int], bool], does: Does, summary: str) -> Function:
    return function(body.__name__, body, host(), port(), routes=REQUEST, does=does, summary=summary)


def _relay_to(body: Callable[[Tm, Context, bytes, int], int], summary: str) -> Function:
    return function(
        body.__name__,
        body,
        host(),
        port(),
        routes=REQUEST | FAILURE,
        does=Does.RELAY_STATEFUL,
        may_stop=True,
        summary=summary,
    )


EXPORTS: Final = ModuleSpec(
    name="tm",
    implementation="runtime.modules.tm:Tm",
    summary="Transactions: forking, retransmission, time-outs, failure and reply routes.",
    functions=(
        function(
            "t_newtran",
            Tm.t_newtran,
            routes=REQUEST,
            does=Does.NOTHING,
            may_stop=True,
            summary="Open a transaction; stops at repetitions.",
        ),
        function(
            "t_lookup_request",
            Tm.t_lookup_request,
            routes=REQUEST,
            does=Does.NOTHING,
            summary="True if the request's transaction exists.",
        ),
        function(
            "t_reply",
            Tm.t_reply,
            code(),
            reason(),
            routes=REQUEST | FAILURE,
            does=Does.REPLY,
            summary="Answer statefully.",
        ),
        function(
            "t_retransmit_reply",
            Tm.t_retransmit_reply,
            routes=REQUEST,
            does=Does.SETTLE,
            summary="Send the last reply again.",
        ),
        function("t_release", Tm.t_release, routes=REQUEST, does=Does.SETTLE, summary="Let the transaction end."),
        function(
            "t_relay",
            Tm.t_relay,
            routes=REQUEST | FAILURE,
            does=Does.RELAY_STATEFUL,
            may_stop=True,
            summary="Forward statefully by URI.",
        ),
        _relay_to(Tm.t_relay_to_udp, "Forward statefully to this next hop over UDP."),
        _relay_to(Tm.t_relay_to_tcp, "Forward statefully to this next hop over TCP."),
        _relay_to(Tm.t_relay_to_tls, "Forward statefully to this next hop over TLS."),
        _to(Tm.t_replicate, Does.COPY, "Send a copy there, over the protocol of the request."),
        _to(Tm.t_replicate_udp, Does.COPY, "Send a copy there over UDP."),
        _to(Tm.t_replicate_tcp, Does.COPY, "Send a copy there over TCP."),
        _to(Tm.t_replicate_tls, Does.COPY, "Send a copy there over TLS."),
        _to(
            Tm.t_forward_nonack,
            Does.RELAY_STATEFUL,
            "Forward in the open transaction, over the protocol of the request.",
        ),
        _to(Tm.t_forward_nonack_udp, Does.RELAY_STATEFUL, "Forward in the open transaction over UDP."),
        _to(Tm.t_forward_nonack_tcp, Does.RELAY_STATEFUL, "Forward in the open transaction over TCP."),
        _to(Tm.t_forward_nonack_tls, Does.RELAY_STATEFUL, "Forward in the open transaction over TLS."),
        function(
            "t_forward_nonack_uri",
            Tm.t_forward_nonack_uri,
            routes=REQUEST,
            does=Does.RELAY_STATEFUL,
            summary="Forward in the open transaction by URI.",
        ),
        function(
            "t_on_failure",
            Tm.t_on_failure,
            failure_route(),
            routes=EVERYWHERE,
            does=Does.ARM,
            summary="Arm a failure_route; 0 disarms.",
        ),
        function(
            "t_on_reply",
            Tm.t_on_reply,
            onreply_route(),
            routes=EVERYWHERE,
            does=Does.ARM,
            summary="Arm an onreply_route; 0 disarms.",
        ),
        function(
            "t_check_status",
            Tm.t_check_status,
            regex(),
            routes=EVERYWHERE,
            does=Does.NOTHING,
            alone="nothing else",
            summary="True if the reply's code matches.",
        ),
        function(
            "t_write_req",
            Tm.t_write_req,
            Arg("fifo", _FIFO),
            request_action(),
            routes=REQUEST | FAILURE,
            does=Does.TAKE_OVER,
            summary="Hand the request to the application behind a FIFO.",
        ),
        function(
            "t_write_unix",
            Tm.t_write_unix,
            Arg("socket", _SOCKET),
            request_action(),
            routes=REQUEST | FAILURE,
            does=Does.TAKE_OVER,
            summary="Hand the request to the application behind a Unix socket.",
        ),
    ),
    params=(
        switch_param("ruri_matching", 1, "Requests without an RFC 3261 branch match by their URI, too."),
        switch_param("via1_matching", 1, "Requests without an RFC 3261 branch match by their Via, too."),
        seconds_param("fr_timer", 30, "Wait for a final reply, and for the ACK to a negative one."),
        seconds_param("fr_inv_timer", 120, "Wait for the final reply to an INVITE that rings."),
        seconds_param("wt_timer", 5, "Life of a transaction that is over."),
        seconds_param("delete_timer", 2, "Delay before a transaction in use is deleted again."),
        seconds_param("retr_timer1p1", 1, "Delay before the first repetition."),
        seconds_param("retr_timer1p2", 2, "Delay before the second repetition."),
        seconds_param("retr_timer1p3", 4, "Delay before the third repetition."),
        seconds_param("retr_timer2", 4, "Delay before all later repetitions."),
        switch_param("noisy_ctimer", 0, "Taken for compatibility; time-outs always answer 408."),
        switch_param("restart_fr_on_each_reply", 1, "Every provisional reply starts fr_inv_timer again."),
        switch_param("pass_provisional_replies", 0, "Provisional replies reach the FIFO application, too."),
        string_param("uac_from", "sip:foo@foo.bar", "From of own requests.", doubt=sip_uri_doubt),
        seconds_param("unix_tx_timeout", 2, "Time-out of t_write_unix."),
        string_param("fr_timer_avp", "callee_fr_timer", "AVP that overrides fr_timer.", check=avp_name_mistake),
        string_param("fr_inv_timer_avp", "callee_fr_inv_timer", "Same for fr_inv_timer.", check=avp_name_mistake),
        switch_param("var_timers", 1, "The two AVPs count."),
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
