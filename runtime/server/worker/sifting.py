"""How much of what is new a worker with too much to do needs to see at all; compiled in the native build."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.server.worker.udp.sieve import WHOLE

# So often the share may change: each change takes the kernel about a millisecond.
PERIOD_MS: Final[i64] = 50
# Less is dropped by the worker itself: a share that is too small for a moment would cost more.
MUCH_PERCENT: Final[i64] = 150
# Let in is so much of what can be done: what is too much costs little, and what is missing is lost.
AIM_PERCENT: Final[i64] = 110
# Where nothing had to be refused, so much more is let in, whatever the load seems to be: messages that come one by one take longer.
MORE_PERCENT: Final[i64] = 25
# A share that is wrong by less stays.
SLACK_PERCENT: Final[i64] = 12
# A message seems to take longer where the process did not run all the time; that is believed by this part of it at a time.
DOUBT: Final[i64] = 8

_NS_PER_MS: Final[i64] = 1_000_000


@final
class Sifting:
    """`share` of WHOLE is what the kernel is to let through of what is new.

    To read and to drop a datagram takes a fifth of the time that a REGISTER takes: with twice too much that would be most of what cannot be
    done, and with four times nothing else would be. So the load is measured, as soon as anything has had to be dropped: all that came in a
    period, and how long each message takes that is taken. That tells what share the worker can do, and so, where much more comes, what is to
    be let in.
    """

    def __init__(self) -> None:
        self.share: i64 = WHOLE
        self._since_ms: i64 = 0
        self._came: i64 = 0
        self._was_too_much = False
        # Messages of full batches that were taken, and how long they took.
        self._taken: i64 = 0
        self._took_ns: i64 = 0
        # How long one takes, as far as that is known; else 0.
        self._one_ns: i64 = 0

    def note(self, came: i64, dropped: i64, is_taken: bool, took_ns: i64, now_ms: i64) -> bool:
        """A batch of `came` messages of which `dropped` were dropped; `is_taken` if all of it was taken; it took so long, 0 where that does
        not tell how long a message takes. True if `share` has changed."""
        if self._came == 0:
            if self.share == WHOLE and dropped == 0:
                return False
            self._since_ms = now_ms
        self._came += came
        if not is_taken:
            self._was_too_much = True
        elif took_ns > 0:
            self._taken += came
            self._took_ns += took_ns
        if now_ms - self._since_ms < PERIOD_MS:
            return False
        before = self.share
        self.share = self._fitting(now_ms - self._since_ms)
        self._begin_again()
        return self.share != before

    def open(self) -> None:
        """There is nothing to do."""
        self.share = WHOLE
        self._begin_again()

    def _begin_again(self) -> None:
        self._was_too_much = False
        self._came = 0
        self._taken = 0
        self._took_ns = 0

    def _fitting(self, period_ms: i64) -> i64:
        """The share that would have been right in a period that was so long; at most twice the present one, and at least half of it."""
        if self._taken > 0:
            one_ns = max(1, self._took_ns // self._taken)
            is_faster = self._one_ns == 0 or one_ns < self._one_ns
            self._one_ns = one_ns if is_faster else self._one_ns + (one_ns - self._one_ns) // DOUBT
        if self._one_ns == 0 and self._was_too_much:
            # All the time went into what was not taken.
            return max(1, self.share // 4)
        load_percent = max(1, self._came * self._one_ns * 100 // (period_ms * _NS_PER_MS))
        if self.share == WHOLE and load_percent < MUCH_PERCENT:
            return WHOLE
        right = self.share * AIM_PERCENT // load_percent
        if not self._was_too_much:
            right = max(right, self.share + 1, self.share * (100 + MORE_PERCENT) // 100)
        right = max(1, min(right, 2 * self.share), self.share // 2)
        if right >= WHOLE:
            return WHOLE
        off = right - self.share if right > self.share else self.share - right
        return right if off * 100 > SLACK_PERCENT * self.share else self.share
