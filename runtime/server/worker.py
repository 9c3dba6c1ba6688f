"""The loop of a process that receives datagrams; compiled in the native build."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final, final

from mypy_extensions import i64

from runtime.routing.engine import Engine
from runtime.routing.ports import Log
from runtime.server.addresses import AddressBook
from runtime.server.batch import BATCH
from runtime.server.datagrams import FOREVER, DatagramIO
from runtime.server.mailbox import DATAGRAM, Letter, Mailbox, Post
from runtime.server.pacing import SLEEP_NS, Pacer
from runtime.server.waiting import Waiter
from runtime.sip.address import Address
from runtime.sip.callid import call_id_hash
from runtime.sip.transport import ListenSocket, Send

ERR: Final = -1

# What the waiter of a worker watches, in this order.
UDP_READY: Final = 1
MAIL_READY: Final = 2

# Failed sends can make the engine send something else, which can fail as well, and so on: a limit for what is then a bug.
_SECOND_THOUGHTS: Final = 16


@final
class Exchange:
    """A process's own mailbox, number `number`, and its way to all others.

    Messages are shared out by their Call-ID among the processes of mailboxes 0 to `owners` - 1; 0: everybody handles what he
    receives.
    """

    def __init__(self, number: i64, mailbox: Mailbox, post: Post, owners: i64) -> None:
        self.number: Final = number
        self.mailbox: Final = mailbox
        self.post: Final = post
        self.owners: Final = owners


@final
class Worker:
    """Receives on one listener: every datagram goes to the engine, and what the engine wants sent is written per batch.

    Without a `waiter` it blocks in the read and knows neither timers nor letters; with one it watches the socket and, if
    there is an `exchange`, its mailbox.

    `received`, `sent`, `failed` (datagrams that the kernel did not take), `handed_over` and `bugs` (exceptions of the engine)
    count. `received` includes what other processes handed over to this one.
    """

    def __init__(
        self,
        engine: Engine,
        io: DatagramIO,
        listener: ListenSocket,
        log: Log,
        waiter: Waiter | None = None,
        exchange: Exchange | None = None,
    ) -> None:
        self._engine: Final = engine
        self._io: Final = io
        self._listener: Final = listener
        self._log: Final = log
        self._waiter: Final = waiter
        self._exchange: Final = exchange
        self._listeners: Final = engine.world.sockets.sockets
        self._keeps_state: Final = engine.keeps_state
        self._addresses: Final = AddressBook()
        self._letters: Final[list[Letter]] = []
        self._own: Final[list[int]] = []
        self._pacer: Final = Pacer()
        self._sleep_s: Final = SLEEP_NS / 1e9
        # More is probably there to be read already, so waiting first would be one call too many.
        self._expects_more = False
        self._quiet_until_ms: i64 = 0
        self._unlogged: i64 = 0
        self._dropped_logged: i64 = 0
        self.received: i64 = 0
        self.sent: i64 = 0
        self.failed: i64 = 0
        self.handed_over: i64 = 0
        self.bugs: i64 = 0

    def run(self, goes_on: Callable[[], bool] | None, wake_ms: int) -> None:
        """Serve until `goes_on`, asked after every batch and at least every `wake_ms`, says False.

        Without it the read blocks for ever and the process ends by a signal. `goes_on` must be an interpreted function:
        calling it is what lets Python run its signal handlers, which compiled code never does by itself.
        """
        timeout_ms: i64 = FOREVER if goes_on is None else wake_ms
        while True:
            self.step(timeout_ms)
            if goes_on is not None and not goes_on():
                return

    def step(self, timeout_ms: i64) -> bool:
        """Read one batch and answer it, run the timers that are due; False if nothing came.

        The clock is read once for all of it.
        """
        waiter = self._waiter
        count = self._io.receive(timeout_ms) if waiter is None else self._receive_from_all(waiter, timeout_ms)
        letters = self._letters
        now_ns: i64 = time.monotonic_ns()
        now_ms: i64 = now_ns // 1_000_000
        came: i64 = count + len(letters)
        if came == 0:
            if self._keeps_state:
                self._run_timers(now_ms)
            return False
        out: list[Send] = []
        exchange = self._exchange
        if exchange is not None and exchange.owners > 1:
            self._handle_own(exchange, count, now_ms, out)
        else:
            i: i64 = 0
            while i < count:
                self._handle(self._io.data[i], self._io.sources[i], self._listener, now_ms, out)
                i += 1
        if letters:
            for letter in letters:
                self._take(letter, now_ms, out)
            letters.clear()
        if out:
            self._send(out, now_ms)
        if self._keeps_state:
            self._run_timers(now_ms)
        if self._pacer.is_worth_a_sleep(came, now_ns):
            time.sleep(self._sleep_s)
            self._expects_more = True
        return True

    def _receive_from_all(self, waiter: Waiter, timeout_ms: i64) -> i64:
        """How many datagrams were read; what was in the mailbox stands in `_letters`. Waits as long as the timers allow."""
        ready: i64 = UDP_READY | MAIL_READY
        while True:
            if not self._expects_more:
                ready = waiter.wait(self._patience_ms(timeout_ms))
                if ready == 0:
                    return 0
            count = self._io.receive_now() if ready & UDP_READY else 0
            exchange = self._exchange
            if exchange is not None and ready & MAIL_READY:
                exchange.mailbox.receive(self._letters)
            came: i64 = count + len(self._letters)
            if came > 0 or not self._expects_more:
                self._expects_more = count == BATCH or len(self._letters) >= BATCH
                return count
            self._expects_more = False

    def _patience_ms(self, timeout_ms: i64) -> i64:
        """Until the next timer, `timeout_ms` (FOREVER: no limit) at most."""
        if not self._keeps_state:
            return timeout_ms
        next_ms = self._engine.next_timer_ms(time.monotonic_ns() // 1_000_000)
        if next_ms < 0 or (timeout_ms >= 0 and timeout_ms < next_ms):
            return timeout_ms
        return next_ms

    def _handle_own(self, exchange: Exchange, count: i64, now_ms: i64, out: list[Send]) -> None:
        """Hand over what belongs to others, and only then do what is left: they need not wait for it."""
        io = self._io
        post = exchange.post
        own = self._own
        i: i64 = 0
        while i < count:
            call_id = call_id_hash(io.data[i])
            owner = call_id % exchange.owners
            if call_id < 0 or owner == exchange.number:
                own.append(int(i))
            else:
                post.put(owner, DATAGRAM, self._listener.index, 0, io.sources[i].sockaddr, io.data[i])
            i += 1
        post.flush()
        self.handed_over += count - len(own)
        for place in own:
            self._handle(io.data[place], io.sources[place], self._listener, now_ms, out)
        own.clear()
        if post.dropped != self._dropped_logged:
            self._report_dropped(post, now_ms)

    def _handle(self, data: bytes, source: Address, listener: ListenSocket, now_ms: i64, out: list[Send]) -> None:
        self.received += 1
        try:
            out.extend(self._engine.receive(data, source, listener, now_ms))
        except Exception as e:
            self._report_bug(e)

    def _take(self, letter: Letter, now_ms: i64, out: list[Send]) -> None:
        """Do what a letter asks for."""
        if letter.kind == DATAGRAM:
            source = self._addresses.of(letter.name)
            self._handle(letter.data, source, self._listeners[letter.index], now_ms, out)
        else:
            self.bugs += 1
            self._log.write(ERR, f"BUG: a letter of kind {letter.kind} for a worker")

    def _run_timers(self, now_ms: i64) -> None:
        """What is due by now; under load this is asked after every batch."""
        if self._engine.next_timer_ms(now_ms) == 0:
            out = self._engine.tick(now_ms)
            if out:
                self._send(out, now_ms)

    def _send(self, out: list[Send], now_ms: i64) -> None:
        """Write it all; where the kernel refuses, the modules may have something else sent."""
        io = self._io
        rounds: i64 = 0
        while out:
            io.send(out)
            self.sent += len(out) - len(io.failures)
            if not io.failures:
                return
            self._report_failures(now_ms)
            if not self._keeps_state or rounds == _SECOND_THOUGHTS:
                return
            rounds += 1
            out = []
            for failure in list(io.failures):
                out.extend(self._engine.send_failed(failure.send, now_ms))

    def _report_failures(self, now_ms: i64) -> None:
        """One line a second at most: a host that is away must not fill the disk."""
        failures = self._io.failures
        self.failed += len(failures)
        if now_ms < self._quiet_until_ms:
            self._unlogged += len(failures)
            return
        first = failures[0]
        to = first.send.destination
        more = self._unlogged + len(failures) - 1
        rest = f" ({more} more since the last report)" if more else ""
        where = f"{to.host().decode()}:{to.port}"
        self._log.write(
            ERR, f"ERROR: cannot send {len(first.send.data)} bytes to {where}: {os.strerror(first.error)}{rest}"
        )
        self._unlogged = 0
        self._quiet_until_ms = now_ms + 1000

    def _report_dropped(self, post: Post, now_ms: i64) -> None:
        if now_ms < self._quiet_until_ms:
            return
        lost = post.dropped - self._dropped_logged
        self._log.write(ERR, f"ERROR: {lost} messages lost: the worker that they belong to cannot keep up")
        self._dropped_logged = post.dropped
        self._quiet_until_ms = now_ms + 1000

    def _report_bug(self, error: Exception) -> None:
        """The engine catches what peers and routes do wrong, so this is a mistake of ours: it costs one message."""
        self.bugs += 1
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else "?"
        self._log.write(ERR, f"BUG: message lost: {type(error).__name__}: {error} ({where})")
