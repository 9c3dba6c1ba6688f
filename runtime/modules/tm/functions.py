"""What ser.cfg can call of tm, each function with its declaration. Reference modules-main, chapter 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from runtime.modules.tm.answering import answer
from runtime.modules.tm.api import Api
from runtime.modules.tm.branching import add_branches
from runtime.modules.tm.call import Call, call_of
from runtime.modules.tm.core import Core
from runtime.modules.tm.kinds import request_action
from runtime.modules.tm.relaying import OPENED, PLAIN_ACK, cancel_original, open_transaction, relay
from runtime.modules.tm.write_request import (
    Action,
    add_blind_branch,
    described,
    write_fifo,
    write_socket,
)
from runtime.routing import errors
from runtime.routing.context import IN_FAILURE, IN_REPLY, L_ERR, Context
from runtime.routing.forwarding import host_hop
from runtime.routing.locating import Hop
from runtime.sip import methods
from runtime.sip.address import PROTO_NAMES, TCP, TLS, UDP
from runtime.sip.cseq import parse_cseq
from runtime.sip.regex import Regex
from runtime.sip.scan import BadMessage
from runtime.spec.declare import EVERYWHERE, FAILURE, REQUEST, Arg, Function, function
from runtime.spec.effects import Does
from runtime.spec.kinds import code, reason, some_text
from runtime.spec.kinds_sip import host, port
from runtime.spec.kinds_words import failure_route, onreply_route, status_regex
from runtime.tx.layer import has_open_branches
from runtime.tx.table import key_of


class Functions(Api):
    """The methods that routes.py calls. They find the transaction of a message, or open one."""

    # Made when the process starts.
    core: Core

    def __init__(self) -> None:
        super().__init__()
        # Fixed next hops that are addresses: by host, port and protocol.
        self._hops: Final[dict[tuple[bytes, int, int], Hop]] = {}

    def t_newtran(self, ctx: Context) -> int:
        """Open a transaction: 1, also for an ACK that belongs to none; 0 at a repetition, which is answered; -1 broken."""
        opened = open_transaction(self.core, ctx)
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
        table = self.core.layer.table
        key = key_of(msg, cseq)
        found = table.find_acknowledged(msg, key) if msg.method == methods.ACK else table.find_request(msg, key)
        ctx.transaction = found
        return found is not None

    def t_reply(self, ctx: Context, code: int, reason: bytes) -> bool:
        """Answer in the open transaction; False for an ACK, without one, or after a final reply."""
        call = self._sought(ctx)
        if call is None or ctx.message.method == methods.ACK:
            return ctx.fail(errors.UNSPECIFIED, "ERROR: t_reply: no transaction to reply in")
        if not answer(self.core, call, ctx, code, reason):
            ctx.log(L_ERR, f"ERROR: t_reply: can't generate {code} reply when a final {call.status} was sent out")
            return False
        return True

    def t_retransmit_reply(self, ctx: Context) -> bool:
        """Send the last reply of the transaction again; False if there is none."""
        call = self._sought(ctx)
        if call is None or call.reply is None or ctx.message.method == methods.ACK:
            return False
        ctx.sends.append(call.reply)
        return True

    def t_release(self, ctx: Context) -> bool:
        """Let the transaction end: nothing is repeated any more, and what is answered soon is still sent."""
        call = self._sought(ctx)
        if call is not None:
            self.core.layer.abandon(call, ctx.now_ms)
        return True

    def t_relay(self, ctx: Context) -> int:
        """Forward in a transaction to where the URIs of all branches lead: 1; -1; 0 when an error has been answered."""
        return relay(self.core, ctx, None, False)

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
        return -1 if way is None else relay(self.core, ctx, way, False)

    def t_replicate(self, ctx: Context, host: bytes, port: int) -> int:
        """Send a copy there, over the protocol of the request, and keep the replies to it: 1; -1; 0 for an ACK."""
        return self._replicate(ctx, host, port, ctx.socket.proto)

    def t_replicate_udp(self, ctx: Context, host: bytes, port: int) -> int:
        """The same over UDP."""
        return self._replicate(ctx, host, port, UDP)

    def t_replicate_tcp(self, ctx: Context, host: bytes, port: int) -> int:
        """The same over TCP."""
        return self._replicate(ctx, host, port, TCP)

    def t_replicate_tls(self, ctx: Context, host: bytes, port: int) -> int:
        """The same over TLS."""
        return self._replicate(ctx, host, port, TLS)

    def _replicate(self, ctx: Context, host: bytes, port: int, proto: int) -> int:
        way = self._hop(ctx, host, port, proto)
        return -1 if way is None else relay(self.core, ctx, way, True)

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
        return call is not None and self._send_on(ctx, call, None)

    def _forward(self, ctx: Context, way: Hop | None) -> bool:
        call = self._forwardable(ctx)
        return call is not None and way is not None and self._send_on(ctx, call, way)

    def _send_on(self, ctx: Context, call: Call, way: Hop | None) -> bool:
        if call.method == methods.CANCEL and cancel_original(self.core, ctx, call):
            return True
        return add_branches(self.core, ctx, call, way) > 0

    def _sought(self, ctx: Context) -> Call | None:
        """The transaction of the message, also of a repetition that nothing has looked up yet."""
        if ctx.transaction is None:
            self.t_lookup_request(ctx)
        return call_of(ctx)

    def _forwardable(self, ctx: Context) -> Call | None:
        call = self._sought(ctx)
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
        call = self._sought(ctx)
        if call is None:
            ctx.log(
                L_ERR,
                "ERROR: t_check_status: cannot check status for a reply which has no transaction-state established",
            )
            return False
        if ctx.route_kind != IN_FAILURE:
            return pattern.search(b"%d" % call.status)
        if has_open_branches(call):
            ctx.log(L_ERR, "ERROR: t_check_status: a new branch is open, there is no final reply any more")
            return False
        return pattern.search(b"%d" % call.failure_status)

    def t_write_req(self, ctx: Context, fifo: bytes, action: Action) -> bool:
        """Hand the request to the application that reads a FIFO; False without a transaction or a reader."""
        return self._write(ctx, fifo, action, True)

    def t_write_unix(self, ctx: Context, socket: bytes, action: Action) -> bool:
        """Hand the request to the application behind a Unix datagram socket."""
        return self._write(ctx, socket, action, False)

    def _write(self, ctx: Context, path: bytes, action: Action, by_fifo: bool) -> bool:
        core = self.core
        call = call_of(ctx)
        if call is None:
            return ctx.fail(errors.UNSPECIFIED, "ERROR: t_write: no transaction, call t_newtran() before")
        text = described(call, ctx, action)
        if text is None or not (write_fifo(ctx, path, text) if by_fifo else write_socket(ctx, path, text)):
            return False
        return add_blind_branch(core, call, ctx)


_SOCKET: Final = some_text("socket", "the path of a Unix socket")
_FIFO: Final = some_text("fifo", "the path of a FIFO")


def _to(body: Callable[[Functions, Context, bytes, int], bool], does: Does, summary: str) -> Function:
    return function(body.__name__, body, host(), port(), routes=REQUEST, does=does, summary=summary)


def _replicate_to(body: Callable[[Functions, Context, bytes, int], int], summary: str) -> Function:
    return function(body.__name__, body, host(), port(), routes=REQUEST, does=Does.COPY, may_stop=True, summary=summary)


def _relay_to(body: Callable[[Functions, Context, bytes, int], int], summary: str) -> Function:
    return function(
        body.__name__,
        body,
        host(),
        port(),
        routes=REQUEST | FAILURE,
        does=Does.RELAY_STATEFUL,
        may_stop=True,
        waits=True,
        summary=summary,
    )


FUNCTIONS: Final = (
    function(
        "t_newtran",
        Functions.t_newtran,
        routes=REQUEST,
        does=Does.NEW_TRANSACTION,
        may_stop=True,
        summary="Open a transaction; stops at repetitions.",
    ),
    function(
        "t_lookup_request",
        Functions.t_lookup_request,
        routes=REQUEST,
        does=Does.FIND_TRANSACTION,
        summary="True if the request's transaction exists.",
    ),
    function(
        "t_reply",
        Functions.t_reply,
        code(),
        reason(),
        routes=REQUEST | FAILURE,
        does=Does.REPLY_STATEFUL,
        summary="Answer statefully.",
    ),
    function(
        "t_retransmit_reply",
        Functions.t_retransmit_reply,
        routes=REQUEST,
        does=Does.SETTLE,
        summary="Send the last reply again.",
    ),
    function("t_release", Functions.t_release, routes=REQUEST, does=Does.SETTLE, summary="Let the transaction end."),
    function(
        "t_relay",
        Functions.t_relay,
        routes=REQUEST | FAILURE,
        does=Does.RELAY_STATEFUL,
        waits=True,
        may_stop=True,
        summary="Forward statefully by URI.",
    ),
    _relay_to(Functions.t_relay_to_udp, "Forward statefully to this next hop over UDP."),
    _relay_to(Functions.t_relay_to_tcp, "Forward statefully to this next hop over TCP."),
    _relay_to(Functions.t_relay_to_tls, "Forward statefully to this next hop over TLS."),
    _replicate_to(Functions.t_replicate, "Send a copy there, over the protocol of the request."),
    _replicate_to(Functions.t_replicate_udp, "Send a copy there over UDP."),
    _replicate_to(Functions.t_replicate_tcp, "Send a copy there over TCP."),
    _replicate_to(Functions.t_replicate_tls, "Send a copy there over TLS."),
    _to(
        Functions.t_forward_nonack,
        Does.RELAY_STATEFUL,
        "Forward in the open transaction, over the protocol of the request.",
    ),
    _to(Functions.t_forward_nonack_udp, Does.RELAY_STATEFUL, "Forward in the open transaction over UDP."),
    _to(Functions.t_forward_nonack_tcp, Does.RELAY_STATEFUL, "Forward in the open transaction over TCP."),
    _to(Functions.t_forward_nonack_tls, Does.RELAY_STATEFUL, "Forward in the open transaction over TLS."),
    function(
        "t_forward_nonack_uri",
        Functions.t_forward_nonack_uri,
        routes=REQUEST,
        does=Does.RELAY_STATEFUL,
        summary="Forward in the open transaction by URI.",
    ),
    function(
        "t_on_failure",
        Functions.t_on_failure,
        failure_route(),
        routes=EVERYWHERE,
        does=Does.ARM,
        summary="Arm a failure_route; 0 disarms.",
    ),
    function(
        "t_on_reply",
        Functions.t_on_reply,
        onreply_route(),
        routes=EVERYWHERE,
        does=Does.ARM,
        summary="Arm an onreply_route; 0 disarms.",
    ),
    function(
        "t_check_status",
        Functions.t_check_status,
        status_regex(),
        routes=EVERYWHERE,
        does=Does.TEST_STATUS,
        alone="nothing else",
        summary="True if the reply's code matches.",
    ),
    function(
        "t_write_req",
        Functions.t_write_req,
        Arg("fifo", _FIFO),
        request_action(),
        routes=REQUEST | FAILURE,
        does=Does.TAKE_OVER,
        summary="Hand the request to the application behind a FIFO.",
    ),
    function(
        "t_write_unix",
        Functions.t_write_unix,
        Arg("socket", _SOCKET),
        request_action(),
        routes=REQUEST | FAILURE,
        does=Does.TAKE_OVER,
        summary="Hand the request to the application behind a Unix socket.",
    ),
)
