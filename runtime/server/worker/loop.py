"""The loop of a process that handles messages, or has the connections that they come by; compiled in the native build."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, final

import greenlet
from mypy_extensions import i64

from runtime.routing.engine import Engine
from runtime.routing.ports import Log
from runtime.server.host.process_table import Entry
from runtime.server.mail.exchange import Exchange
from runtime.server.mail.letters import datagram, new_program, tcp_message, tcp_reached, tcp_send
from runtime.server.mail.mailbox import KINDS_MAX, Letter
from runtime.server.streams.outcomes import Received
from runtime.server.streams.streams import Streams
from runtime.server.worker.admission import ASK_AGAIN_MS, Admission
from runtime.server.worker.batch import NONE_LEFT, Batch
from runtime.server.worker.collecting import MESSAGES, collect_while_idle, collect_young
from runtime.server.worker.complaints import Complaints
from runtime.server.worker.handler import Handler
from runtime.server.worker.outgoing import Outgoing
from runtime.server.worker.overload import Overload
from runtime.server.worker.udp.addresses import AddressBook
from runtime.server.worker.udp.datagrams import FOREVER, DatagramIO, SendFailure
from runtime.server.worker.udp.sieve import Sieve
from runtime.server.worker.waiting import Waiter
from runtime.sip.address import Address
from runtime.sip.callid import call_id_hash
from runtime.sip.transport import ListenSocket, Send

# What the waiter of a worker watches behind the socket with datagrams, in this order.
MAIL_READY: Final = 2
STREAMS_READY: Final = 4
# What routes have watched, such as programs that they wait for; empty until there is something.
WATCHES_READY: Final = 8
_WATCHES_PLACE: Final = 3

# While the server is to end a worker says so often what it still has to do.
_TELL_MS: Final[i64] = 20

# So many things at a time are a sign of more.
_SEVERAL: Final[i64] = 2

_UNKNOWN: Final[i64] = -2

# The module need not be asked for it each time.
_clock_ns: Final = time.monotonic_ns

# Failed sends can make the engine send something else, which can fail as well, and so on: a limit for what is then a bug.
_SECOND_THOUGHTS: Final = 16


@final
class Worker:
    """Reads what its waiter watches: datagrams, letters, TCP connections. Each is optional; what the process does not have
    is not watched. Messages go to the engine or, if they are another's, to its mailbox; what the engine wants sent is
    written per batch.

    Without a `waiter` it blocks in the read of datagrams and knows neither timers nor letters. In a process that only has
    connections (`exchange` gives all messages to others) the engine is never called.

    `received`, `handed_over` and `bugs` (exceptions of the engine) count messages. `received` includes what other processes
    handed over to this one.
    """

    def __init__(
        self,
        engine: Engine,
        io: DatagramIO,
        listener: ListenSocket,
        log: Log,
        waiter: Waiter | None = None,
        exchange: Exchange | None = None,
        streams: Streams | None = None,
        entry: Entry | None = None,
        overload: Overload | None = None,
        sieve: Sieve | None = None,
    ) -> None:
        self.engine: Final = engine
        self._io: Final = io
        self._listener: Final = listener
        self._log: Final = log
        self._waiter: Final = waiter
        self.exchange: Final = exchange
        self.streams: Final = streams
        self._entry: Final = entry
        self.overload: Final = overload
        self._admission: Final = None if overload is None else Admission(engine, io, overload, sieve)
        self._is_draining = False
        self._tell_ms: i64 = 0
        self._world: Final = engine.world
        self._asking: Final = engine.world.asking
        self._deferrals: Final = engine.world.asking.deferrals
        self._outbox: Final = engine.world.outbox
        self._complaints: Final = Complaints(log)
        # The state of modules, in this process.
        self.keeps_state: Final = engine.keeps_state and (exchange is None or exchange.is_owner)
        self.outgoing: Final = Outgoing(engine.world, io, exchange, streams, self._complaints, self.keeps_state)
        # What is due at times, and so must be asked after every batch.
        self._engine_has_timers = False
        self._has_timers = False
        self.renew()
        self.addresses: Final = AddressBook()
        # Who takes the letters of each kind.
        self._handlers: Final[list[Handler]] = [Handler(log) for _ in range(KINDS_MAX)]
        if exchange is not None:
            exchange.post.gives_back = tcp_send.KIND
        self._batch: Final = Batch(streams)
        # Messages since the garbage collector last looked.
        self._uncollected: i64 = 0
        # Failures that the engine has not been told of yet.
        self._unsettled: Final[list[SendFailure]] = []
        # The waiter knows of watches; some are ready.
        self._is_watching = False
        self._has_watched = False
        # Which loop is running, see `run`.
        self._loop_number: i64 = 0
        self._goes_on: Callable[[], bool] | None = None
        self._timeout_ms: i64 = FOREVER
        self._is_over = False
        # How long the timers let it wait, counted from the batch's time; _UNKNOWN if that has to be asked.
        self._wait_ms: i64 = _UNKNOWN
        # More is probably there to be read already, so waiting first would be one call too many.
        self._expects_more = False
        self.received: i64 = 0
        self.handed_over: i64 = 0
        self.bugs: i64 = 0
        self.short_of_memory: i64 = 0

    def renew(self) -> None:
        """The engine may run another program."""
        self._engine_has_timers = self.keeps_state or self.engine.schedule.count > 0
        self._has_timers = self._engine_has_timers or self.streams is not None

    def take(self, kind: i64, handler: Handler) -> None:
        """From now on letters of this kind go to `handler`."""
        self._handlers[kind] = handler

    def run(self, goes_on: Callable[[], bool] | None, wake_ms: int) -> None:
        """Serve until `goes_on`, asked after every batch and at least every `wake_ms`, says False.

        Without it the read blocks for ever and the process ends by a signal. `goes_on` must be an interpreted function:
        calling it is what lets Python run its signal handlers, which compiled code never does by itself.

        The caller's greenlet is the hub: whenever the loop is parked, since a route of the message that it handles waits, another
        loop goes on. Loops are made here, not by each other, since each begins as deep in the stack as its maker is.

        A loop that has been parked ends when what it was handling has: what calls something that may wait looks at `_loop_number`
        afterwards, and returns if it is another's. (An exception that unwinds the loop would cost as much as a message.)
        """
        self._goes_on = goes_on
        self._timeout_ms = FOREVER if goes_on is None else wake_ms
        while not self._is_over:
            greenlet.greenlet(self._loop).switch()

    def _loop(self) -> None:
        self._loop_number += 1
        loop = self._loop_number
        goes_on = self._goes_on
        while True:
            try:
                self.step(self._timeout_ms)
            except MemoryError:
                self._run_short()
            if self._loop_number != loop:
                return
            if goes_on is not None and not goes_on():
                self._is_over = True
                return

    def step(self, timeout_ms: i64) -> bool:
        """Read one batch and answer it, run the timers that are due; False if nothing came.

        The clock is read once for all of it. If another loop was parked in the middle of a batch this one finishes that: what is
        left to do stands in the worker, not on anybody's stack.
        """
        loop = self._loop_number
        batch = self._batch
        if not batch.is_in_hand:
            waiter = self._waiter
            self._begin(self._io.receive(timeout_ms) if waiter is None else self._receive_from_all(waiter, timeout_ms))
        now_ms = batch.now_ms
        while self._handle_next(batch, now_ms):
            if self._loop_number != loop:
                return True
        self._serve_others(now_ms)
        if self._loop_number != loop:
            return True
        if self._deferrals.count > 0:
            self._deferrals.finish(now_ms)
        if self._has_timers or self._asking.count > 0:
            self._run_timers(now_ms)
            if self._loop_number != loop:
                return True
        if (
            self._outbox
            or self.outgoing.failures
            or self._unsettled
            or self.exchange is not None
            or self._deferrals.count > 0
        ):
            self._settle(now_ms)
            if self._loop_number != loop:
                return True
        admission = self._admission
        if admission is not None and admission.is_watching:
            admission.end(batch)
        if self._is_draining and now_ms >= self._tell_ms:
            self._tell_unfinished(now_ms)
        batch.end()
        if batch.came == 0:
            if admission is not None:
                admission.when_idle()
            collect_while_idle()
            self._handlers[new_program.KIND].when_idle(now_ms)
            return False
        self._uncollected += batch.came
        if self._uncollected >= MESSAGES:
            self._uncollected = 0
            collect_young()
        return True

    def _run_short(self) -> None:
        """There was no memory for the next step: the batch is lost, as on a network that has no room. What is pending goes on."""
        self.short_of_memory += 1
        self._batch.lose()
        self._deferrals.forget()
        self._outbox.clear()
        self.outgoing.failures = []
        self._unsettled.clear()
        self._wait_ms = _UNKNOWN
        try:
            self._complaints.no_memory(self._batch.now_ms)
        except MemoryError:
            # Not even for the line that says so; the counter has it.
            self.short_of_memory += 1

    def _begin(self, datagrams: i64) -> None:
        """Something may have been read. What belongs to others is handed over first: they need not wait for the rest."""
        self._batch.begin(datagrams, _clock_ns())
        self._deferrals.is_alone = self._batch.came == 1
        self._wait_ms = _UNKNOWN
        admission = self._admission
        if admission is not None:
            admission.begin(self._batch.now_ms)
        exchange = self.exchange
        if exchange is not None and exchange.owners > 1 and datagrams > 0:
            self._hand_over(exchange, datagrams)

    def _is_dropped(self, data: bytes) -> bool:
        """True for what is not to be handled."""
        admission = self._admission
        if admission is None or not admission.chooses or not admission.drops(data):
            return False
        self.received += 1
        return True

    def _handle_next(self, batch: Batch, now_ms: i64) -> bool:
        """One thing of the batch; False if there is none left. It is taken out first: handling it may take long."""
        place = batch.next_place()
        if place != NONE_LEFT:
            io = self._io
            if not self._is_dropped(io.data[place]):
                self.handle(io.data[place], io.sources[place], self._listener, now_ms, 0)
            return True
        letter = batch.next_letter()
        if letter is not None:
            self._take_letter(letter, now_ms)
            return True
        received = batch.next_received()
        if received is None:
            return False
        self._take_received(received, now_ms)
        return True

    def _serve_others(self, now_ms: i64) -> None:
        """Who waits for a connection or a descriptor goes on where there is news."""
        streams, exchange = self.streams, self.exchange
        if streams is not None and exchange is not None and streams.reached:
            self._tell_reached(streams, exchange, now_ms)
        watches = self._asking.watches
        if self._has_watched and watches is not None:
            self._has_watched = False
            watches.serve(now_ms)

    def _take_letter(self, letter: Letter, now_ms: i64) -> None:
        """A fault in what is done with one letter harms nothing else, as with messages."""
        try:
            self._handlers[letter.kind].take(letter, now_ms)
        except MemoryError:
            raise
        except Exception as e:
            self.bugs += 1
            self._complaints.bug(e)

    # --- what comes in -----------------------------------------------------------------------------------------------

    def _receive_from_all(self, waiter: Waiter, timeout_ms: i64) -> i64:
        """How many datagrams were read; letters stand in the batch's list, messages over TCP in the streams' own.

        Waits as long as the timers allow.
        """
        exchange = self.exchange
        streams = self.streams
        letters = self._batch.letters
        watches = self._asking.watches
        if watches is not None and watches.count > 0 and not self._is_watching:
            self._is_watching = True
            waiter.put(_WATCHES_PLACE, watches.fileno())
        while True:
            ready = waiter.wait_and_read(self._io, 0 if self._expects_more else self._patience_ms(timeout_ms))
            count = waiter.came
            if exchange is not None and ready & MAIL_READY:
                exchange.mailbox.receive(letters)
            came: i64 = count + len(letters)
            if streams is not None and ready & STREAMS_READY:
                streams.serve(_clock_ns() // 1_000_000)
                # What failed and who was reached has to be told at once, too.
                came += len(streams.received) + len(streams.failed) + len(streams.reached)
            self._has_watched = self._is_watching and ready & WATCHES_READY != 0
            if came > 0 or not self._expects_more:
                # Where several came at a time, others have come while these were handled.
                self._expects_more = came >= _SEVERAL
                return count
            self._expects_more = False

    def _patience_ms(self, timeout_ms: i64) -> i64:
        """Until the next timer, `timeout_ms` (FOREVER: no limit) at most."""
        waits = self._asking.count > 0
        is_narrow = self._admission is not None and self._admission.is_narrow()
        if not self._has_timers and not waits and not is_narrow:
            return timeout_ms
        if self._wait_ms != _UNKNOWN and not is_narrow:
            # The batch that was handled since has not taken a tick of the timers.
            return _sooner(self._wait_ms, timeout_ms)
        now_ms: i64 = _clock_ns() // 1_000_000
        next_ms = self.engine.next_timer_ms(now_ms) if self._engine_has_timers or waits else FOREVER
        streams = self.streams
        if streams is not None:
            next_ms = _sooner(next_ms, streams.next_timer_ms(now_ms))
        if self._is_draining:
            next_ms = _sooner(next_ms, _TELL_MS)
        if is_narrow:
            next_ms = _sooner(next_ms, ASK_AGAIN_MS)
        return _sooner(next_ms, timeout_ms)

    def _hand_over(self, exchange: Exchange, datagrams: i64) -> None:
        """Those of others into their mailboxes; the batch keeps our own."""
        io = self._io
        post = exchange.post
        own: list[int] = []
        dropped: i64 = 0
        i = datagrams
        while i > 0:
            i -= 1
            if self._is_dropped(io.data[i]):
                dropped += 1
                continue
            call_id = call_id_hash(io.data[i])
            owner = call_id % exchange.owners
            if call_id < 0 or owner == exchange.number:
                own.append(int(i))
            else:
                datagram.put(post, owner, self._listener.index, io.sources[i].sockaddr, io.data[i])
        # Those that are ours are not chosen from once more.
        if self._admission is not None:
            self._admission.chooses = False
        post.flush()
        self.handed_over += datagrams - dropped - len(own)
        self._batch.choose(own)

    def _take_received(self, received: Received, now_ms: i64) -> None:
        """A message that came over TCP: into the mailbox of whose it is, or our own to the engine."""
        connection, data = received.connection, received.data
        if connection.is_doomed:
            return
        if len(data) == 0:
            connection.is_doomed = True
            self._outbox.append(Send(b"", connection.peer, connection.listener, connection.number))
            return
        exchange = self.exchange
        if exchange is not None:
            owner = _owner(data, connection.number, exchange)
            if owner != exchange.number:
                listener, peer = connection.listener.index, connection.peer.sockaddr
                tcp_message.put(exchange.post, owner, listener, connection.number, peer, data)
                self.handed_over += 1
                return
        loop = self._loop_number
        self.handle(data, connection.peer, connection.listener, now_ms, connection.number)
        if self._loop_number != loop:
            return
        # Where the engine closes the connection, what came by it in the same breath is not handled any more.
        out = self._outbox
        if len(out) > 0 and len(out[-1].data) == 0 and out[-1].connection == connection.number:
            connection.is_doomed = True

    def _tell_reached(self, streams: Streams, exchange: Exchange, now_ms: i64) -> None:
        """Who has waited for a connection goes on, here or elsewhere; that may ask for the next one."""
        while streams.reached:
            reached = streams.reached.pop(0)
            if reached.sender == exchange.number:
                self._asking.take(int(reached.question), reached.error, now_ms)
            else:
                tcp_reached.put(exchange.post, reached.sender, reached.question, reached.error)

    def handle(self, data: bytes, source: Address, listener: ListenSocket, now_ms: i64, connection: i64) -> None:
        """A message: to the engine. If its route waits, `_loop_number` is another when this returns."""
        self.received += 1
        try:
            self.engine.handle(data, source, listener, now_ms, connection)
        except MemoryError:
            self.short_of_memory += 1
            self._complaints.no_memory(now_ms)
        except Exception as e:
            self.bugs += 1
            self._complaints.bug(e)

    def drain(self, retry_after_s: i64) -> None:
        """The server is to end: nothing new is begun, and the process table is told how much is left."""
        self.engine.drain(retry_after_s)
        self._is_draining = True

    def _tell_unfinished(self, now_ms: i64) -> None:
        self._tell_ms = now_ms + _TELL_MS
        if self._entry is not None:
            self._entry.tell(self.unfinished())

    def unfinished(self) -> int:
        return self.engine.under_way() if self.keeps_state else int(self._asking.runs)

    # --- time --------------------------------------------------------------------------------------------------------

    def _run_timers(self, now_ms: i64) -> None:
        """What is due by now; under load this is asked after every batch."""
        wait_ms = self.engine.next_timer_ms(now_ms) if self._engine_has_timers or self._asking.count > 0 else FOREVER
        if wait_ms == 0:
            loop = self._loop_number
            self.engine.run_timers(now_ms)
            if self._loop_number != loop:
                return
            wait_ms = _UNKNOWN
        streams = self.streams
        if streams is not None:
            wait_ms = _UNKNOWN
            if streams.next_timer_ms(now_ms) == 0:
                streams.look_over(now_ms)
        # While the server is to end it has something else to do at times.
        self._wait_ms = _UNKNOWN if self._is_draining else wait_ms

    # --- what goes out -----------------------------------------------------------------------------------------------

    def _settle(self, now_ms: i64) -> None:
        """Write it all; where it fails, the modules may have something else sent."""
        outgoing = self.outgoing
        rounds: i64 = 0
        while True:
            outgoing.write(now_ms)
            if outgoing.failures:
                outgoing.report(outgoing.failures, now_ms)
                if self.keeps_state and rounds < _SECOND_THOUGHTS:
                    self._unsettled.extend(outgoing.failures)
                outgoing.failures = []
            if not self._unsettled:
                return
            rounds += 1
            self._wait_ms = _UNKNOWN
            while self._unsettled:
                loop = self._loop_number
                self.engine.note_failure(self._unsettled.pop(0).send, now_ms)
                if self._loop_number != loop:
                    return


def _owner(data: bytes, connection: i64, exchange: Exchange) -> i64:
    """Whose message this is that came by a connection: without a Call-ID it is nobody's, and the process that gets it finds that out."""
    owners = exchange.owners
    if owners == 0:
        return exchange.number
    call_id = call_id_hash(data)
    return call_id % owners if call_id >= 0 else connection % owners


def _sooner(a_ms: i64, b_ms: i64) -> i64:
    """The shorter one of two waits; FOREVER is the longest."""
    if a_ms < 0:
        return b_ms
    return a_ms if b_ms < 0 or a_ms < b_ms else b_ms
