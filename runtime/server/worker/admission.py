"""What becomes of what is new in each batch of a worker: taken, refused, dropped, or not even let in; compiled in the native build."""

from __future__ import annotations

import time
from typing import Final, final

from mypy_extensions import i64

from runtime.routing.draining import Draining
from runtime.routing.engine import Engine
from runtime.server.host.batch import BATCH
from runtime.server.worker.batch import Batch
from runtime.server.worker.overload import ADMIT, DROP, REFUSE, SHARES, Overload
from runtime.server.worker.sifting import Sifting
from runtime.server.worker.udp.datagrams import DatagramIO
from runtime.server.worker.udp.sieve import WHOLE, Sieve
from runtime.sip.glance import is_surely_new

# A worker that lets only a part in asks again after so long whether it still has to, where nothing has come.
ASK_AGAIN_MS: Final[i64] = 20

_clock_ns: Final = time.monotonic_ns


@final
class Admission:
    """Asks `overload` about each batch of `io` and has the engine do what it says; `sieve` is in front of the socket.

    `chooses`: not all of the batch is taken, so what each datagram is has to be seen before it is handled. `is_watching`: it wants to hear of
    the batch's end.
    """

    def __init__(self, engine: Engine, io: DatagramIO, overload: Overload, sieve: Sieve | None) -> None:
        self._engine: Final = engine
        self._io: Final = io
        self._overload: Final = overload
        self._sieve: Final = sieve
        self._sifting: Final = Sifting()
        self._fate: i64 = ADMIT
        # As they were before the batch.
        self._refused_before: i64 = 0
        self._dropped_before: i64 = 0
        self.chooses = False
        self.is_watching = False

    def begin(self, now_ms: i64) -> None:
        """What is new in this batch may have to be refused, or dropped."""
        io, overload = self._io, self._overload
        if io.age_ms > 0 or io.filled_percent > 0 or self.is_watching or overload.is_remembered():
            self._look(now_ms)

    def _look(self, now_ms: i64) -> None:
        io, overload = self._io, self._overload
        guard = self._engine.guard
        if guard is None:
            return
        fate = overload.look(io.age_ms, io.filled_percent, now_ms, guard.refused, guard.dropped)
        self._fate = fate
        self.chooses = fate == DROP or overload.kept < SHARES
        self._refused_before = guard.refused
        self._dropped_before = guard.dropped
        self.is_watching = fate != ADMIT or self.is_narrow()
        self._engine.set_overloaded(fate != ADMIT, fate == DROP)

    def drops(self, data: bytes) -> bool:
        """True for what is to be dropped and was known for it at a glance: what the engine would drop costs a good deal more."""
        guard = self._engine.guard
        if guard is None:
            return False
        if is_surely_new(data):
            if self._fate != DROP:
                return False
        elif self._overload.keeps():
            return False
        guard.dropped += 1
        return True

    def end(self, batch: Batch) -> None:
        """It has been handled: what did that cost, and is there less to be let in, or more?"""
        guard, sieve = self._engine.guard, self._sieve
        if guard is None or batch.came == 0:
            return
        took_ns = _clock_ns() - batch.read_ns
        if self._fate == REFUSE:
            self._overload.spend(took_ns * (guard.refused - self._refused_before) // batch.came)
        if sieve is not None:
            dropped = guard.dropped - self._dropped_before
            told_ns = took_ns if batch.came >= BATCH else 0
            if self._sifting.note(batch.came, dropped, self._fate == ADMIT, told_ns, batch.now_ms):
                self._narrow(guard, sieve)

    def is_narrow(self) -> bool:
        """True if not everything is let in."""
        return self._sieve is not None and self._sieve.share < WHOLE

    def when_idle(self) -> None:
        """Nothing has come: whatever comes next is welcome."""
        sieve, guard = self._sieve, self._engine.guard
        if sieve is not None and guard is not None and sieve.share < WHOLE:
            self._sifting.open()
            self._narrow(guard, sieve)

    def _narrow(self, guard: Draining, sieve: Sieve) -> None:
        """Let in the share that is right now; what the old one has kept out is counted."""
        guard.dropped += sieve.dropped()
        sieve.narrow(self._sifting.share)
