"""The transaction layer: what happens to transactions, as functions of events and time. RFC 3261 16.7, 16.8, 16.10 and 17.

Nothing is sent from here. The functions change the transactions, set their timers and tell the caller what is to be done.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.sip.address import UDP
from runtime.sip.transport import Send
from runtime.tx.room import CLIENT_BYTES, TRANSACTION_BYTES
from runtime.tx.table import Table
from runtime.tx.timers import NEVER, Timed, Wheel
from runtime.tx.transaction import COMPLETED, FORGOTTEN, OVER, PROCEEDING, WAITING, Branch, Client, Transaction

# What to do about a reply; several at a time.
ACKNOWLEDGE: Final = 1  # send an ACK for it to this hop
RELAY: Final = 2  # send it upstream
ANSWERS: Final = 4  # it is the answer to the transaction: a 2xx, the first
KEEP: Final = 8  # remember it as a candidate
CANCEL_REST: Final = 16  # cancel the other branches; those that cannot be are over then

# What to do when a timer has run out.
NOTHING: Final = 0
REPEAT: Final = 1  # send the request or the reply again
TIMED_OUT: Final = 2  # the branch has got no final reply


@final
class TimerSettings:
    """Milliseconds. `fr` final reply and ACK, `fr_inv` final reply after a provisional one, `wait` until a transaction that is
    over is forgotten, `accepted` the same for an INVITE with a 2xx, which may come again, `repeat_1`… delays before the first three repetitions, `repeat_rest` before all others.
    """

    def __init__(
        self,
        fr: i64,
        fr_inv: i64,
        wait: i64,
        accepted: i64,
        repeat_1: i64,
        repeat_2: i64,
        repeat_3: i64,
        repeat_rest: i64,
        restart: bool,
    ) -> None:
        self.fr: Final = fr
        self.fr_inv: Final = fr_inv
        self.wait: Final = wait
        self.accepted: Final = accepted
        self.repeat_1: Final = repeat_1
        self.repeat_2: Final = repeat_2
        self.repeat_3: Final = repeat_3
        self.repeat_rest: Final = repeat_rest
        # Every provisional reply starts fr_inv anew.
        self.restart: Final = restart

    def repeat_after(self, repeated: i64) -> i64:
        """The delay before the next repetition when there have been `repeated`."""
        if repeated == 0:
            return self.repeat_1
        if repeated == 1:
            return self.repeat_2
        return self.repeat_3 if repeated == 2 else self.repeat_rest


@final
class Counts:
    """Transactions since the start: `created`, `released` (they only absorb repetitions from then on) and `finished` (forgotten); the
    bytes that those hold which are pending now."""

    def __init__(self) -> None:
        self.created: i64 = 0
        self.released: i64 = 0
        self.finished: i64 = 0
        self.held_bytes: i64 = 0


@final
class Layer:
    """All transactions of a process and their timers, which begin as `settings` say."""

    def __init__(self, table: Table, settings: TimerSettings, wheel: Wheel, counts: Counts) -> None:
        self.table: Final = table
        self.settings: Final = settings
        self.counts: Final = counts
        self._wheel: Final = wheel

    def with_settings(self, settings: TimerSettings) -> Layer:
        """The same transactions; timers that begin by way of it begin as these say."""
        return Layer(self.table, settings, self._wheel, self.counts)

    def next_timer_ms(self, now_ms: i64) -> i64:
        return self._wheel.next_ms(now_ms)

    def pop_due(self, now_ms: i64) -> Timed | None:
        """A Client or a Transaction one of whose timers has run out: to be handed to `client_due` or `server_due`."""
        return self._wheel.pop_due(now_ms)

    def unfinished(self) -> int:
        """How many transactions have no final reply yet, or wait for an ACK or for a client of theirs."""
        count = 0
        for t in self.table.all():
            if t.state < WAITING or t.pending > 0:
                count += 1
        return count

    def open(self, t: Transaction) -> None:
        self.table.add(t)
        self.counts.created += 1
        self._hold(t, TRANSACTION_BYTES + t.message.size)

    def _hold(self, t: Transaction, size: i64) -> None:
        if t.state != FORGOTTEN:
            t.held_bytes += size
            self.counts.held_bytes += size

    # --- clients -----------------------------------------------------------------------------------------------------

    def start(self, client: Client, fr_ms: i64, now_ms: i64) -> None:
        """The request has just been sent for the first time; `fr_ms` until it is given up."""
        client.transaction.pending += 1
        request = client.request
        self._hold(client.transaction, CLIENT_BYTES + (len(request.data) if request is not None else 0))
        client.give_up_ms = now_ms + fr_ms
        if request is not None and not client.is_reliable:
            client.repeat_ms = now_ms + self.settings.repeat_1
        self._schedule(client)

    def sent(self, branch: Branch, request: Send, fr_ms: i64, now_ms: i64) -> None:
        """The next hop of a branch that sought it is found, and `request` has just been sent there for the first time."""
        branch.seeks = False
        branch.request = request
        self._hold(branch.transaction, len(request.data))
        branch.is_reliable = request.socket.proto != UDP
        branch.give_up_ms = now_ms + fr_ms
        if not branch.is_reliable:
            branch.repeat_ms = now_ms + self.settings.repeat_1
        self._schedule(branch)

    def start_cancel(self, branch: Branch, request: Send, now_ms: i64) -> None:
        """`request`, the branch's CANCEL, has just been sent. That of an INVITE must end soon now (RFC 3261 9.1)."""
        cancel = Client(branch.transaction, branch.index, request, False)
        branch.cancel = cancel
        branch.cancel_wanted = False
        branch.cancel_request = None
        self.start(cancel, self.settings.fr, now_ms)
        if branch.is_invite and not branch.over:
            branch.give_up_ms = now_ms + self.settings.fr
            self._schedule(branch)

    def cancel_answered(self, cancel: Client, now_ms: i64) -> None:
        """The final reply to a CANCEL has come. The INVITE's own is right behind it and has to find its transaction."""
        t = cancel.transaction
        if t.state == OVER and not cancel.over:
            t.state = WAITING
            t.give_up_ms = now_ms + self.settings.wait
            self._wheel.set(t, t.give_up_ms)
        self.end_client(cancel)

    def client_due(self, client: Client, now_ms: i64) -> i64:
        """REPEAT, TIMED_OUT (a branch, which is over then), or NOTHING. A CANCEL that is never answered is nothing to anybody."""
        if client.over:
            return NOTHING
        if client.give_up_ms != NEVER and client.give_up_ms <= now_ms:
            self.end_client(client)
            return TIMED_OUT if isinstance(client, Branch) else NOTHING
        if client.repeat_ms != NEVER and client.repeat_ms <= now_ms:
            client.repeated += 1
            wait = self.settings.repeat_after(client.repeated)
            if client.status >= 100 and wait < self.settings.repeat_rest:
                # A request that is not INVITE and has been answered provisionally (RFC 3261 17.1.2.2).
                wait = self.settings.repeat_rest
            client.repeat_ms = now_ms + wait
            self._schedule(client)
            return REPEAT
        self._schedule(client)
        return NOTHING

    def end_client(self, client: Client) -> None:
        """It waits for nothing any more."""
        if client.over:
            return
        client.over = True
        client.repeat_ms = NEVER
        client.give_up_ms = NEVER
        self._wheel.clear(client)
        t = client.transaction
        t.pending -= 1
        if t.state == OVER and t.pending == 0:
            self._forget(t)

    def _schedule(self, client: Client) -> None:
        due = client.repeat_ms
        if due == NEVER or client.give_up_ms != NEVER and client.give_up_ms < due:
            due = client.give_up_ms
        if due == NEVER:
            self._wheel.clear(client)
        elif due != client.due_ms:
            self._wheel.set(client, due)

    def provisional(self, branch: Branch, status: i64, fr_inv_ms: i64, now_ms: i64) -> bool:
        """A 1xx came to `branch`; True if it should go upstream. `fr_inv_ms` is how long an INVITE may ring from now."""
        t = branch.transaction
        if branch.over:
            return False
        first = branch.status == 0
        rises = status > branch.status and status >= 180
        if status > branch.status:
            branch.status = status
        if branch.is_invite:
            branch.repeat_ms = NEVER
            cancelling = branch.cancel is not None or branch.cancel_wanted
            if not cancelling and (first or self.settings.restart or rises):
                branch.give_up_ms = now_ms + fr_inv_ms
        elif first and not branch.is_reliable and branch.repeat_ms != NEVER:
            branch.repeat_ms = now_ms + self.settings.repeat_rest
        self._schedule(branch)
        return t.state == PROCEEDING and status > 100

    def final(self, branch: Branch, status: i64, now_ms: i64) -> i64:
        """A final reply came to `branch`: what is to be done, a sum of ACKNOWLEDGE…"""
        t = branch.transaction
        is_2xx = status < 300
        todo: i64 = ACKNOWLEDGE if branch.is_invite and not is_2xx else 0
        if branch.over and branch.status >= 200:
            # A repetition; but a 2xx to an INVITE is the business of the ends, whatever came before it (RFC 3261 16.7 step 5).
            passes = branch.is_invite and is_2xx
            if passes and t.state == PROCEEDING:
                branch.status = status
                return RELAY | ANSWERS | CANCEL_REST
            return todo | RELAY if passes else todo
        branch.status = status
        branch.cancel_wanted = False
        branch.cancel_request = None
        self.end_client(branch)
        if t.state != PROCEEDING:
            return RELAY if branch.is_invite and is_2xx else todo
        if is_2xx:
            return RELAY | ANSWERS | CANCEL_REST
        todo |= KEEP
        if status >= 600:
            todo |= CANCEL_REST
        return todo

    def fail_branch(self, branch: Branch, status: i64, reason: bytes) -> bool:
        """No reply will come: let the branch have this one. True if no branch is left, so that one must be chosen."""
        branch.status = status
        branch.reply = None
        branch.reason = reason
        branch.cancel_wanted = False
        self.end_client(branch)
        t = branch.transaction
        return t.state == PROCEEDING and not has_open_branches(t)

    def keep(self, branch: Branch, reply: bytes) -> None:
        """Remember the negative reply of a branch, as it would go upstream."""
        self._hold(branch.transaction, len(reply))
        branch.reply = reply

    def replace(self, branch: Branch, status: i64) -> None:
        """It has failed with this status, and another branch has taken its place (RFC 3263 4.3)."""
        branch.status = status
        branch.is_replaced = True
        self.end_client(branch)

    def wants_cancel(self, branch: Branch) -> bool:
        """True if a CANCEL for this branch may go out now; where it is too early it goes when a provisional reply comes."""
        if branch.over or branch.cancel is not None or not branch.is_invite:
            return False
        if branch.status == 0:
            branch.cancel_wanted = True
            return False
        return True

    # --- the server side -----------------------------------------------------------------------------------------------

    def replied(self, t: Transaction, status: i64, reply: Send, own: bool, now_ms: i64) -> None:
        """`reply` has just been sent upstream; `own`: made here. A final one ends the transaction, step by step."""
        before = t.reply
        self._hold(t, len(reply.data) - (len(before.data) if before is not None else 0))
        t.status = status
        t.reply = reply
        t.is_own_reply = own
        if status < 200:
            return
        waits_for_ack = t.is_invite and (status >= 300 or own)
        if not waits_for_ack:
            self.release(t, now_ms)
            return
        t.state = COMPLETED
        t.repeated = 0
        t.give_up_ms = now_ms + self.settings.fr
        # A 2xx is repeated over any transport: its ACK comes from the other end (RFC 3261 13.3.1.4).
        t.repeat_ms = now_ms + self.settings.repeat_1 if reply.socket.proto == UDP or status < 300 else NEVER
        self._wheel.set(t, t.repeat_ms if t.repeat_ms != NEVER else t.give_up_ms)

    def acknowledged(self, t: Transaction, now_ms: i64) -> None:
        """The ACK for the final reply has come."""
        if t.state == COMPLETED:
            self.release(t, now_ms)

    def release(self, t: Transaction, now_ms: i64) -> None:
        """Only absorb repetitions from now on, and then forget the transaction."""
        if t.state >= WAITING:
            return
        t.state = WAITING
        self._count_release(t)
        t.repeat_ms = NEVER
        is_accepted = t.is_invite and 200 <= t.status < 300
        t.give_up_ms = now_ms + (self.settings.accepted if is_accepted else self.settings.wait)
        self._wheel.set(t, t.give_up_ms)
        if not t.is_local:
            self._drop_requests(t)

    def abandon(self, t: Transaction, now_ms: i64) -> None:
        """Repeat nothing and wait for nothing any more; until the transaction is forgotten it can still be answered, as in SER."""
        if t.state != PROCEEDING:
            self.release(t, now_ms)
            return
        self._count_release(t)
        for branch in t.branches:
            branch.repeat_ms = NEVER
            branch.give_up_ms = NEVER
            self._schedule(branch)
        t.give_up_ms = now_ms + self.settings.wait
        self._wheel.set(t, t.give_up_ms)

    def _count_release(self, t: Transaction) -> None:
        if not t.is_released:
            t.is_released = True
            self.counts.released += 1

    def _drop_requests(self, t: Transaction) -> None:
        """What was sent is not needed any more: it is given back now, while it is in the processor's cache.

        But an INVITE is: every final reply that refuses it wants an ACK, also one that comes again, or after a 2xx.
        """
        for branch in t.branches:
            request = branch.request
            if request is not None and branch.over and not branch.is_invite:
                branch.request = None
                self._hold(t, -len(request.data))

    def server_due(self, t: Transaction, now_ms: i64) -> i64:
        """REPEAT (the reply) or NOTHING."""
        if t.state == COMPLETED:
            if t.give_up_ms <= now_ms:
                self.release(t, now_ms)
                return NOTHING
            t.repeated += 1
            t.repeat_ms = now_ms + self.settings.repeat_after(t.repeated)
            self._wheel.set(t, t.repeat_ms if t.repeat_ms < t.give_up_ms else t.give_up_ms)
            return REPEAT
        if t.state == PROCEEDING and t.is_released:
            t.state = WAITING
            for branch in t.branches:
                self.end_client(branch)
        if t.state == WAITING:
            t.state = OVER
        if t.state == OVER and t.pending == 0:
            self._forget(t)
        return NOTHING

    def hold(self, t: Transaction) -> None:
        """It is not forgotten before `let_go`: somebody works on it, who may take his time."""
        t.pending += 1

    def let_go(self, t: Transaction, now_ms: i64) -> None:
        """The opposite of `hold`. It is forgotten a little later, if at all."""
        t.pending -= 1
        if t.state == OVER and t.pending == 0:
            self._wheel.set(t, now_ms + 1)

    def _forget(self, t: Transaction) -> None:
        """Take it out of the table, and apart: a transaction and its branches know each other."""
        t.state = FORGOTTEN
        self.table.remove(t)
        self.counts.held_bytes -= t.held_bytes
        self._wheel.clear(t)
        t.forgotten()
        self.counts.finished += 1


def has_open_branches(t: Transaction) -> bool:
    """True if a branch can still bring a reply of its own. Where somebody else sends the request, nobody waits for him."""
    for branch in t.branches:
        if not branch.over and (branch.request is not None or branch.seeks):
            return True
    return False


def chosen(t: Transaction) -> Branch | None:
    """The branch whose negative reply goes upstream. RFC 3261 16.7 item 6.

    One of 600 and above if there is one. After a CANCEL a 487. Else the lowest status, as SER has it, but a 401 or 407 before
    the other 4xx: the caller can do something about those; and 477 and 478, which tell of a callee that was not even asked, are
    the last. Of equals the first branch.
    """
    best: Branch | None = None
    best_rank: i64 = 0
    for branch in t.branches:
        if branch.status < 300 or branch.is_replaced:
            continue
        rank = _rank(branch.status, t.cancelled)
        if best is None or rank < best_rank:
            best = branch
            best_rank = rank
    return best


def _rank(status: i64, cancelled: bool) -> i64:
    """The lower, the better."""
    if status >= 600:
        return status - 600
    if cancelled and status == 487:
        return 200
    if status == 401 or status == 407:
        return 4000 + status
    if status == 477 or status == 478:
        return 9000 + status
    return 1000 + status if status < 400 else 5000 + status
