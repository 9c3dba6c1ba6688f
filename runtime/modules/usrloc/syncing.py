"""Waiting for the disk: a thread in each process has it write, so that routes wait and their worker does not.

All that has been appended to the journal when the thread begins is written in one go, for as many registrations as there are.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from queue import Empty, SimpleQueue
from typing import Final, final

from mypy_extensions import i64

from runtime.modules.usrloc.batch import Batch, Follower
from runtime.modules.usrloc.journal import Journal
from runtime.modules.usrloc.store import StoreError
from runtime.routing.asking import LATE, Asking, Kind, Question
from runtime.routing.context import Context
from runtime.routing.ports import Watched, Watches

# A disk may be slow. Clients give up after 32 s.
DEADLINE_MS: Final = 10_000
WAITING_MAX: Final = 10_000


class Kept(Question[str]):
    """Is all that has been staged so far on the disk? The answer is "", or why not."""

    def __init__(self, kind: Kind, syncer: Syncer, batch: Batch) -> None:
        super().__init__(kind)
        self._syncer: Final = syncer
        self._batch: Final = batch
        self.is_deferred = True

    def ask(self, now_ms: i64) -> None:
        self._batch.wait(Appended(self._syncer, self.number))


@final
class Appended(Follower):
    """What question `number` is about has been appended to the journal, and the disk has to write it."""

    def __init__(self, syncer: Syncer, number: int) -> None:
        self._syncer: Final = syncer
        self._number: Final = number

    def follow(self) -> None:
        self._syncer.add(self._number)


@final
class Syncer(Watched):
    """The thread of this process, and how it tells that it is done."""

    def __init__(self, journal: Journal, asking: Asking, watches: Watches) -> None:
        super().__init__(os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC))
        self._journal: Final = journal
        self._asking: Final = asking
        self._watches: Final = watches
        # Questions that the thread has not answered.
        self._pending: i64 = 0
        self._wanted: Final[SimpleQueue[int]] = SimpleQueue()
        self._done: Final[deque[tuple[list[int], str]]] = deque()
        threading.Thread(target=self._serve, name="usrloc: keep", daemon=True).start()

    def add(self, number: int) -> None:
        if self._pending == 0:
            self._watches.watch(self)
        self._pending += 1
        self._wanted.put(number)

    def _serve(self) -> None:
        # Signals are for the process's own loop.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while True:
            numbers = [self._wanted.get()]
            try:
                while True:
                    numbers.append(self._wanted.get_nowait())
            except Empty:
                pass
            self._done.append((numbers, _write_out(self._journal)))
            os.eventfd_write(self.fd, 1)

    def is_ready(self, now_ms: i64) -> None:
        os.eventfd_read(self.fd)
        while self._done:
            numbers, why_not = self._done.popleft()
            self._pending -= len(numbers)
            if self._pending == 0:
                self._watches.forget(self)
            for number in numbers:
                self._asking.take(number, why_not, now_ms)


def _write_out(journal: Journal) -> str:
    try:
        journal.sync()
    except OSError as e:
        return str(e)
    return ""


@final
class Disk:
    """Has what was changed survive: `wait` returns when it does."""

    def __init__(self, journal: Journal) -> None:
        self._journal: Final = journal
        self._kind: Final = Kind("disk", DEADLINE_MS, WAITING_MAX)
        self._syncer: Syncer | None = None
        self._pid = 0

    def wait(self, ctx: Context | None, batch: Batch) -> None:
        """Return when all that this process has changed, and what it has staged in `batch`, is on the disk: the run of `ctx` waits, with None
        the process does. Raises StoreError.
        """
        watches = None if ctx is None else ctx.world.asking.watches
        if ctx is None or watches is None:
            if ctx is not None:
                ctx.world.asking.deferrals.finish(ctx.now_ms)
            answer: str | None = _write_out(self._journal)
        else:
            syncer = self._syncer
            if syncer is None or self._pid != os.getpid():
                syncer = self._syncer = Syncer(self._journal, ctx.world.asking, watches)
                self._pid = os.getpid()
            question = Kept(self._kind, syncer, batch)
            answer = ctx.wait(question)
            if answer is None:
                late = f"the disk has not written within {DEADLINE_MS} ms"
                answer = late if question.fate == LATE else "too many wait for the disk already"
        if answer:
            raise StoreError(f"the journal: {answer}")
