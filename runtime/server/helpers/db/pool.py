"""The connections to one database, a thread for each: several that read, and one that writes.

So writes keep their order, and those that come in a burst are one transaction. While the database cannot be reached questions
fail at once, but for one in half a second, which tries again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Final

from runtime.routing.database import DatabaseError
from runtime.routing.ports import L_ERR, L_NOTICE, Log
from runtime.storage.connection import Connection, connect
from runtime.storage.errors import Late, Refused, Unavailable
from runtime.storage.statement import Result, Statement
from runtime.storage.url import Url

# Connections that read.
READERS: Final = 4
# So many questions become one transaction at most.
BURST_MAX: Final = 128
# A transaction is to take no longer: who comes meanwhile waits for its end.
_TRANSACTION_S: Final = 0.5
# A database that could not be reached is not tried for so long.
REST_S: Final = 0.5
# A connection that is silent for so much longer than its deadline is cut off.
_GRACE_S: Final = 0.5


class Job:
    """The statements of one question, what is to be done with their results, and until when somebody waits for them."""

    def __init__(
        self, statements: list[Statement], until_s: float, done: Callable[[list[Result] | DatabaseError], None]
    ) -> None:
        self.statements: Final = statements
        self.until_s: Final = until_s
        self.done: Final = done

    @property
    def reads(self) -> bool:
        return all([s.shape.reads for s in self.statements])


class Pool:
    """The database of one URL. `done` of a job is called in a thread of the pool."""

    def __init__(self, url: Url, deadline_ms: int, log: Log) -> None:
        self.url: Final = url
        self._deadline_ms: Final = deadline_ms
        self._log: Final = log
        self._reads: Final[SimpleQueue[Job]] = SimpleQueue()
        self._writes: Final[SimpleQueue[Job]] = SimpleQueue()
        self._rests_until_s = 0.0
        self._why = ""
        # Imports SQLAlchemy and the driver now: nobody waits yet.
        self._lanes: Final = [self._lane(index) for index in range(READERS + 1)]

    def put(self, job: Job) -> None:
        """Have it done."""
        (self._reads if job.reads else self._writes).put(job)

    def look_after(self, now_s: float) -> None:
        """Cut off connections that do not answer; called now and then."""
        for lane in self._lanes:
            lane.look_after(now_s)

    def is_busy(self) -> bool:
        return any([lane.busy_until_s > 0 for lane in self._lanes])

    def _lane(self, index: int) -> _Lane:
        queue, burst = (self._reads, 1) if index else (self._writes, BURST_MAX)
        lane = _Lane(self, queue, burst, connect(self.url, self._deadline_ms), self._deadline_ms / 1000 + _GRACE_S)
        threading.Thread(target=lane.run, name=f"{self.url} {index}", daemon=True).start()
        return lane

    def rest(self) -> DatabaseError | None:
        """Why nothing is tried now; None if it is."""
        return Unavailable(self._why) if time.monotonic() < self._rests_until_s else None

    def went_well(self) -> None:
        if self._why:
            self._why = ""
            self._log.write(L_NOTICE, f"NOTICE: {self.url}: the database can be reached again")

    def went_wrong(self, e: DatabaseError) -> None:
        if isinstance(e, Unavailable) and e.could_not_connect:
            self._rests_until_s = time.monotonic() + REST_S
            if not self._why:
                self._log.write(L_ERR, f"ERROR: {e}: the database cannot be reached; retrying")
            self._why = str(e)

    def bug(self, e: Exception) -> DatabaseError:
        self._log.write(L_ERR, f"BUG: {self.url}: {type(e).__name__}: {e}")
        return Refused(f"{self.url}: a bug: {type(e).__name__}")


class _Lane:
    """One thread and its connection. `busy_until_s`: when what it does should have an end, 0 if it does nothing."""

    def __init__(
        self, pool: Pool, queue: SimpleQueue[Job], burst: int, connection: Connection, patience_s: float
    ) -> None:
        self._pool: Final = pool
        self._queue: Final = queue
        self._burst: Final = burst
        self._connection: Final = connection
        self._patience_s: Final = patience_s
        # How long a question took the last two times: one that stood in somebody's way tells nothing of the next.
        self._last_s = 0.0
        self._before_s = 0.0
        self.busy_until_s = 0.0

    def look_after(self, now_s: float) -> None:
        if 0 < self.busy_until_s < now_s:
            self._connection.interrupt()

    def run(self) -> None:
        """Serve for ever."""
        while True:
            jobs = [self._queue.get()]
            each_s = min(self._last_s, self._before_s)
            most = self._burst if each_s * self._burst <= _TRANSACTION_S else int(_TRANSACTION_S / each_s)
            while len(jobs) < most:
                try:
                    jobs.append(self._queue.get_nowait())
                except Empty:
                    break
            self._serve(jobs, each_s)

    def _serve(self, jobs: list[Job], each_s: float) -> None:
        """Do what can be done in time: else a database that is too slow for all would answer all of them too late."""
        now_s = time.monotonic()
        # A guess that is wrong is found out by who has just come.
        end_s = now_s + min(each_s * len(jobs), self._patience_s / 2)
        waited_for = [job for job in jobs if job.until_s > end_s]
        for job in jobs:
            if job.until_s <= end_s:
                job.done(Late(f"{self._pool.url}: nothing was done within the deadline"))
        if waited_for:
            self._before_s = self._last_s
            done = self._do(waited_for)
            self._last_s = (time.monotonic() - now_s) / done

    def _do(self, jobs: list[Job]) -> int:
        """How many of them have been done: of those that were cut off one at most."""
        if len(jobs) > 1:
            together = self._try([s for job in jobs for s in job.statements])
            if not isinstance(together, Refused):
                self._share_out(jobs, together)
                return 1 if isinstance(together, Late) else len(jobs)
        # One of them is at fault: the others shall not suffer.
        for job in jobs:
            job.done(self._try(job.statements))
        return len(jobs)

    def _share_out(self, jobs: list[Job], together: list[Result] | DatabaseError) -> None:
        at = 0
        for job in jobs:
            count = len(job.statements)
            job.done(together if isinstance(together, DatabaseError) else together[at : at + count])
            at += count

    def _try(self, statements: list[Statement]) -> list[Result] | DatabaseError:
        resting = self._pool.rest()
        if resting is not None:
            return resting
        self.busy_until_s = time.monotonic() + self._patience_s
        try:
            results = self._connection.run(statements)
        except DatabaseError as e:
            self._pool.went_wrong(e)
            return e
        except Exception as bug:  # here or in a driver: it costs one question, not the thread
            self._connection.close()
            return self._pool.bug(bug)
        finally:
            self.busy_until_s = 0.0
        self._pool.went_well()
        return results
