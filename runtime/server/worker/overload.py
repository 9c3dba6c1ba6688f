"""When a worker has more to do than it can; compiled in the native build."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.routing.ports import L_NOTICE, L_WARN, Log
from runtime.tx.timers import NEVER

# A queue that is long for a moment, since the process did not run, shortens by itself.
PATIENCE_MS: Final[i64] = 100
# So long after an overload the next one is taken for the same.
MEMORY_MS: Final[i64] = 1000
# Of the receive buffer: where it is small, it is full before anything in it is old.
FULL_PERCENT: Final[i64] = 50


@final
class Overload:
    """Decides for every batch whether what is new in it should be refused.

    That is when the oldest datagram has waited for longer than `limit_ms`, or the receive buffer is half full, and either has been so in
    all batches of PATIENCE_MS, or the last overload was just now. Refusing is cheap, so the queue is short again soon, and so on:
    the queue stays about as long as `limit_ms`. `times` counts overloads.
    """

    def __init__(self, log: Log, limit_ms: i64) -> None:
        self._log: Final = log
        self._limit_ms: Final = limit_ms
        # Since when the queue has been too long, and when something was last refused.
        self._long_since_ms: i64 = NEVER
        self._last_ms: i64 = NEVER
        self._began_ms: i64 = NEVER
        self._refused_before: i64 = 0
        self.times: i64 = 0

    def look(self, age_ms: i64, percent: i64, now_ms: i64, refused: i64) -> bool:
        """True if what is new in the batch that was just read should be refused.

        `age_ms` is how long its first datagram has waited, `percent` how full the receive buffer still is; both 0 where the batch has
        left little of the queue. `refused` counts what has been refused so far.
        """
        if age_ms <= self._limit_ms and percent < FULL_PERCENT:
            self._long_since_ms = NEVER
            if self._began_ms != NEVER and now_ms - self._last_ms >= MEMORY_MS:
                self._end(now_ms, refused)
            return False
        if self._long_since_ms == NEVER:
            self._long_since_ms = now_ms
        if self._began_ms == NEVER:
            if now_ms - self._long_since_ms < PATIENCE_MS:
                return False
            self._begin(age_ms, now_ms, refused)
        self._last_ms = now_ms
        return True

    def is_remembered(self) -> bool:
        """True if `look` has to be asked also where the queue is empty."""
        return self._began_ms != NEVER or self._long_since_ms != NEVER

    def _begin(self, age_ms: i64, now_ms: i64, refused: i64) -> None:
        self.times += 1
        self._began_ms = now_ms
        self._refused_before = refused
        self._log.write(
            L_WARN,
            f"WARNING: overload: datagrams wait for {age_ms} ms before they are read; new requests get 503 until it is less",
        )

    def _end(self, now_ms: i64, refused: i64) -> None:
        seconds = (self._last_ms - self._began_ms) / 1000
        count = refused - self._refused_before
        self._began_ms = NEVER
        self._log.write(L_NOTICE, f"NOTICE: overload: over after {seconds:.1f} s, {count} requests were refused")
