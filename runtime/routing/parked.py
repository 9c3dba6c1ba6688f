"""Requests whose main route waits: a repetition of one is absorbed, and its CANCEL finds it. RFC 3261 9.2 and 17.2.3.

That a transaction was opened for it does not matter, nor that a module for transactions is loaded at all. While nobody waits
the table is empty, and costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, final

from mypy_extensions import i64, mypyc_attr

from runtime.routing.asking import Cancelled, Question
from runtime.sip.cseq import parse_cseq
from runtime.sip.message import Message
from runtime.sip.scan import BadMessage
from runtime.tx.table import Table, key_of
from runtime.tx.transaction import PROCEEDING, Transaction

if TYPE_CHECKING:
    from runtime.routing.context import Context


@final
@mypyc_attr(acyclic=True)
class ParkedRequest(Transaction):
    """A request, and the question that its route waits for."""

    def __init__(self, id: bytes, key: i64, ctx: Context, question: Question[Any]) -> None:
        super().__init__(id, key, ctx.message, ctx.source, ctx.socket, ctx.source, ctx.socket)
        self.ctx: Final = ctx
        self.question: Final = question

    def is_undecided(self) -> bool:
        """True if the route has neither relayed the request nor answered it for good: a CANCEL decides then."""
        t = self.ctx.transaction
        if t is not None and t.message is self.message and (t.state != PROCEEDING or len(t.branches) > 0):
            return False
        return not self.ctx.is_settled


# Few wait at a time.
_PLACES: Final[i64] = 256


@final
class Parked:
    """The requests that wait in this process; `count` is how many."""

    def __init__(self) -> None:
        self._table: Final = Table(True, True, 0, _PLACES)
        self._last: i64 = 0
        # The engine's: whether a request that is about to wait is a repetition of one that a module has under way.
        self.is_repetition: Callable[[Context], bool] | None = None
        self.count: i64 = 0

    def add(self, ctx: Context, question: Question[Any]) -> ParkedRequest | None:
        """The request of `ctx` begins to wait. None where it has nothing that a repetition could be known by.

        Raises Cancelled for a repetition of a request whose transaction is open already: what has waited long could find that
        forgotten, and begin anew.
        """
        if self.is_repetition is not None and self.is_repetition(ctx):
            raise Cancelled
        key = _key(ctx.message)
        if key == _NO_KEY:
            return None
        self._last += 1
        parked = ParkedRequest(b"%d" % self._last, key, ctx, question)
        self._table.add(parked)
        self.count += 1
        return parked

    def remove(self, parked: ParkedRequest) -> None:
        """It waits no more."""
        self._table.remove(parked)
        self.count -= 1

    def find_repeated(self, msg: Message) -> ParkedRequest | None:
        """The request that `msg` is a repetition of."""
        key = _key(msg)
        return None if key == _NO_KEY else _as_parked(self._table.find_request(msg, key))

    def find_cancelled(self, cancel: Message) -> ParkedRequest | None:
        """The INVITE that a CANCEL means."""
        key = _key(cancel)
        found = None if key == _NO_KEY else self._table.find_invite(cancel, key)
        return _as_parked(found) if found is not None and found.is_invite else None


_NO_KEY: Final[i64] = -1


def _key(msg: Message) -> i64:
    if msg.call_id == 0 or msg.cseq == 0 or msg.from_ == 0 or msg.to == 0 or msg.via1 is None:
        return _NO_KEY
    try:
        return key_of(msg, parse_cseq(msg))
    except BadMessage:
        return _NO_KEY


def _as_parked(t: Transaction | None) -> ParkedRequest | None:
    if t is None:
        return None
    assert isinstance(t, ParkedRequest)
    return t
