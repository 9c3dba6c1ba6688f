"""The end of a server that lets running transactions finish."""

from __future__ import annotations

from typing import Final

from runtime.routing.ports import L_INFO, L_WARN, Log
from runtime.server.mail.letters import drain
from runtime.server.processes.workers import Workers


class Ending:
    """Has the workers begin nothing new, and tells when it is time to go. Times are seconds of the monotonic clock.

    `limit_s` is how long transactions may take. `keeps_state` False: there are none.
    """

    def __init__(self, workers: Workers, log: Log, limit_s: int, keeps_state: bool) -> None:
        self._workers: Final = workers
        self._log: Final = log
        self._limit_s: Final = limit_s if keeps_state else 0
        self._until_s: float | None = None

    def has_begun(self) -> bool:
        return self._until_s is not None

    def begin(self, now_s: float) -> None:
        workers = self._workers
        self._until_s = now_s + self._limit_s
        if self._limit_s:
            self._log.write(
                L_INFO, f"INFO: shutting down: new requests get 503; running transactions have {self._limit_s} s"
            )
            for worker in workers.mailboxes:
                drain.put(workers.exchange.post, worker, self._limit_s)
            workers.exchange.post.flush()

    def is_over(self, now_s: float) -> bool:
        """True when nothing is left, or the time is."""
        if self._until_s is None:
            return False
        left = self._workers.unfinished() if self._limit_s else 0
        if left and now_s >= self._until_s:
            self._log.write(
                L_WARN, f"WARNING: shutting down with {left} transactions unfinished after {self._limit_s} s"
            )
        return left == 0 or now_s >= self._until_s
