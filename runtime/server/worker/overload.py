"""When a worker has more to do than it can; compiled in the native build."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.routing.ports import L_NOTICE, L_WARN, Log
from runtime.tx.timers import NEVER

# A queue that is long for a moment, since the process did not run, shortens by itself.
PATIENCE_MS: Final[i64] = 100
# But one that has become so much longer in so long does not.
GROWTH_MS: Final[i64] = 5
GROWTH_PATIENCE_MS: Final[i64] = 40
# So long after an overload the next one is taken for the same.
MEMORY_MS: Final[i64] = 1000
# Of the receive buffer: where it is small, it is full before anything in it is old.
FULL_PERCENT: Final[i64] = 50

# Where the queue is so many times too long for so long on end, although what is new is refused, what belongs to something under way is too
# much as well.
CROWD_TIMES: Final[i64] = 2
CROWD_PATIENCE_MS: Final[i64] = 300
# And while less of it is taken than all.
CROWD_AGAIN_MS: Final[i64] = 60
# Of that so many of SHARES are taken, fewer or more of them after so long.
SHARES: Final[i64] = 64
ADJUST_MS: Final[i64] = 20

# What is done with what is new in a batch.
ADMIT: Final[i64] = 0
REFUSE: Final[i64] = 1
DROP: Final[i64] = 2

# Of its time a worker spends so much on refusing; what it has not spent it keeps, up to what it may spend at a time.
REFUSING_PERCENT: Final[i64] = 5
AT_A_TIME_NS: Final[i64] = 10_000_000
_NS_PER_MS: Final[i64] = 1_000_000


@final
class Overload:
    """Decides for every batch what becomes of what is new in it: ADMIT, REFUSE or DROP.

    It is refused when the oldest datagram has waited for longer than `limit_ms`, or the receive buffer is half full,
    and either has been so in all batches of PATIENCE_MS (GROWTH_PATIENCE_MS where they wait longer and longer), or
    the last overload was just now. Refusing is cheap, so the queue is short again soon, and so on: the queue stays
    about as long as `limit_ms`. But a 503 costs a datagram, and where many times more comes than can be done,
    refusing all of it would be all that is done: beyond REFUSING_PERCENT of the time what is new is dropped. `times`
    counts overloads.

    What belongs to something under way is taken, as far as anybody can tell: a To tag is quickly invented, and so are ACKs and replies.
    Where the queue does not become short although nothing new is taken, that is what makes it long: then `kept` of SHARES of it are taken,
    so that the queue is short for all that is, and for what is new. What is lost so is repeated by those who mean it.
    """

    def __init__(self, log: Log, limit_ms: i64) -> None:
        self._log: Final = log
        self._limit_ms: Final = limit_ms
        # Since when the queue has been too long, and when something was last refused or dropped.
        self._long_since_ms: i64 = NEVER
        self._first_age_ms: i64 = 0
        self._last_ms: i64 = NEVER
        self._began_ms: i64 = NEVER
        self._refused_before: i64 = 0
        self._dropped_before: i64 = 0
        # What may be spent on refusing, as of when; below 0 after a batch that took more.
        self.left_ns: i64 = AT_A_TIME_NS
        self._counted_ms: i64 = 0
        self._drops = False
        self.times: i64 = 0
        self.kept: i64 = SHARES
        # Since when it has been so much too long, and whether that has been for long enough and it has not been short since.
        self._crowded_since_ms: i64 = NEVER
        self._is_crowded = False
        self._adjusted_ms: i64 = 0
        self._share: i64 = 0

    def look(self, age_ms: i64, percent: i64, now_ms: i64, refused: i64, dropped: i64) -> i64:
        """What to do with what is new in the batch that was just read.

        `age_ms` is how long its first datagram has waited, `percent` how full the receive buffer still is; both 0 where the batch has
        left little of the queue. `refused` and `dropped` count what has been so far.
        """
        if age_ms <= self._limit_ms and percent < FULL_PERCENT:
            self._long_since_ms = NEVER
            self._crowded_since_ms = NEVER
            self._is_crowded = False
            if self.kept < SHARES:
                self._keep_more(now_ms)
            if self._began_ms != NEVER and now_ms - self._last_ms >= MEMORY_MS:
                self._end(now_ms, refused, dropped)
            return ADMIT
        if self._long_since_ms == NEVER:
            self._long_since_ms = now_ms
            self._first_age_ms = age_ms
        if self._began_ms == NEVER:
            grows = age_ms >= self._first_age_ms + GROWTH_MS
            if now_ms - self._long_since_ms < (GROWTH_PATIENCE_MS if grows else PATIENCE_MS):
                return ADMIT
            self._begin(age_ms, now_ms, refused, dropped)
        self._look_at_crowd(age_ms, percent, now_ms)
        self._last_ms = now_ms
        self._earn(now_ms)
        if self.left_ns > 0:
            return REFUSE
        if not self._drops:
            self._drops = True
            self._log.write(
                L_WARN,
                f"WARNING: overload: refusing takes {REFUSING_PERCENT} % of the time: what is new beyond that gets no answer",
            )
        return DROP

    def keeps(self) -> bool:
        """True if the next message of something under way is taken: `kept` of SHARES are, evenly."""
        self._share += self.kept
        if self._share < SHARES:
            return False
        self._share -= SHARES
        return True

    def _look_at_crowd(self, age_ms: i64, percent: i64, now_ms: i64) -> None:
        """The queue is too long, and what is new is refused: is it so by what is not new?"""
        if age_ms <= CROWD_TIMES * self._limit_ms and percent < FULL_PERCENT:
            self._crowded_since_ms = NEVER
        elif self._crowded_since_ms == NEVER:
            self._crowded_since_ms = now_ms
        patience_ms = CROWD_PATIENCE_MS if self.kept == SHARES else CROWD_AGAIN_MS
        if self._crowded_since_ms != NEVER and now_ms - self._crowded_since_ms >= patience_ms:
            self._is_crowded = True
        if self._is_crowded:
            self._keep_less(age_ms, now_ms)

    def _keep_less(self, age_ms: i64, now_ms: i64) -> None:
        if now_ms - self._adjusted_ms < ADJUST_MS:
            return
        self._adjusted_ms = now_ms
        if self.kept == SHARES:
            self._log.write(
                L_WARN,
                f"WARNING: overload: datagrams wait for {age_ms} ms although nothing new is taken: of what belongs to calls under way, or "
                "says so, a part is dropped",
            )
        self.kept = max(1, self.kept * 3 // 4)

    def _keep_more(self, now_ms: i64) -> None:
        if now_ms - self._adjusted_ms >= ADJUST_MS:
            self._adjusted_ms = now_ms
            self.kept = min(SHARES, self.kept + max(1, self.kept // 16))

    def spend(self, ns: i64) -> None:
        """So long it took to refuse what was new in the batch."""
        self.left_ns -= ns

    def _earn(self, now_ms: i64) -> None:
        earned = (now_ms - self._counted_ms) * _NS_PER_MS * REFUSING_PERCENT // 100
        self._counted_ms = now_ms
        self.left_ns = min(self.left_ns + earned, AT_A_TIME_NS)

    def is_remembered(self) -> bool:
        """True if `look` has to be asked also where the queue is empty."""
        return self._began_ms != NEVER or self._long_since_ms != NEVER or self.kept < SHARES

    def _begin(self, age_ms: i64, now_ms: i64, refused: i64, dropped: i64) -> None:
        self.times += 1
        self._began_ms = now_ms
        self._refused_before = refused
        self._dropped_before = dropped
        self._drops = False
        self._log.write(
            L_WARN,
            f"WARNING: overload: datagrams wait for {age_ms} ms before they are read; new requests get 503 until it is less",
        )

    def _end(self, now_ms: i64, refused: i64, dropped: i64) -> None:
        seconds = (self._last_ms - self._began_ms) / 1000
        text = f"{refused - self._refused_before} requests were refused"
        if dropped > self._dropped_before:
            text += f", {dropped - self._dropped_before} dropped"
        self._began_ms = NEVER
        self._log.write(L_NOTICE, f"NOTICE: overload: over after {seconds:.1f} s, {text}")
