"""A transaction with what the script has decided about its request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, final

from mypy_extensions import i64, mypyc_attr

from runtime.routing.context import IN_FAILURE, Context
from runtime.routing.decisions import Decisions
from runtime.routing.world import World
from runtime.sip.address import Address
from runtime.sip.message import Message
from runtime.sip.transport import ListenSocket
from runtime.tx.transaction import Transaction

if TYPE_CHECKING:
    from runtime.modules.tm.core import Core


class Outcome:
    """Who wants to know how a request ended that was made here; `call` is its transaction as long as there is one."""

    def __init__(self) -> None:
        self.call: Call | None = None

    def refused(self, code: i64, reason: bytes) -> None:
        """It could not be sent after all. Called instead of `answered`."""
        raise NotImplementedError

    def provisional(self, reply: Message) -> None:
        """A provisional reply came, but for 100. Called where ser.cfg sets pass_provisional_replies."""

    def answered(self, status: i64, reason: bytes, reply: Message | None) -> None:
        """The final reply came, or (`reply` None) what `status` says happened instead of one. Called once."""
        raise NotImplementedError


class Event:
    """Something that has happened to a transaction while one of its routes waited: it is `run` when the route has ended."""

    def run(self, core: Core, call: Call, now_ms: i64) -> None:
        raise NotImplementedError


_NO_EVENTS: Final[list[Event]] = []


@mypyc_attr(allow_interpreted_subclasses=True)
class Watcher:
    """Watches one transaction for another module. What it is told has happened; it does not wait."""

    def replied(self, call: Call, status: i64, reply: bytes, is_own: bool) -> None:
        """`reply` goes upstream. `is_own`: this server has made it. The 2xx to an INVITE may come several times, and differ."""

    def acknowledged(self, call: Call, ctx: Context) -> None:
        """The ACK of `ctx`, for a 2xx from downstream, goes on its way; it may come several times."""


_NO_WATCHERS: Final[list[Watcher]] = []


@mypyc_attr(allow_interpreted_subclasses=True)
class Observer:
    """Sees every transaction that a request opens. Given to `Tm.observe` before the workers start."""

    def opened(self, call: Call, ctx: Context) -> Watcher | None:
        """A Watcher for this one, None where nobody is interested."""
        raise NotImplementedError


@final
@mypyc_attr(acyclic=True)
class Call(Transaction):
    """The request, and what had been decided about it when its transaction was opened.

    `core` is the configuration that it began with, and ends with. `on_failure` and `on_reply` are the armed routes.
    `is_replicated`: replies end here. `failure_status` is what t_check_status looks at in a failure route. `outcome`
    is told of the replies to a request that was made here, `watchers` of those to one that came. `is_busy`: a failure
    or onreply route of it is running, perhaps waiting; what happens meanwhile stands in `later`.
    """

    def __init__(
        self, core: Core, id: bytes, key: i64, ctx: Context, reply_to: Address, reply_socket: ListenSocket
    ) -> None:
        super().__init__(id, key, ctx.message, ctx.source, ctx.socket, reply_to, reply_socket)
        self.core: Final = core
        self.connection: Final[i64] = ctx.connection
        self.decided: Final = Decisions(ctx)
        self.on_failure = ctx.on_failure
        self.on_reply = ctx.on_reply
        self.is_replicated = False
        self.failure_status: i64 = 0
        self.outcome: Outcome | None = None
        self.watchers: list[Watcher] = _NO_WATCHERS
        self.is_busy = False
        self.later = _NO_EVENTS

    def queue(self, event: Event) -> None:
        """Let it happen when the route that is running has ended."""
        if len(self.later) == 0:
            self.later = []
        self.later.append(event)

    def forgotten(self) -> None:
        super().forgotten()
        if self.outcome is not None:
            self.outcome.call = None
            self.outcome = None
        self.watchers = _NO_WATCHERS
        self.later = _NO_EVENTS

    def context(self, world: World, now_ms: i64) -> Context:
        """A context to work on the request again, in a failure route or for a reply made here."""
        ctx = Context(world, self.message, self.source, self.socket, now_ms, self.connection, self.decided)
        ctx.transaction = self
        ctx.route_kind = IN_FAILURE
        return ctx


def call_of(ctx: Context) -> Call | None:
    """The transaction that a function has found or opened for this message."""
    t = ctx.transaction
    if t is None:
        return None
    assert isinstance(t, Call)
    return t
