"""Deadlines of many things, set and taken back far more often than met. Times are milliseconds of any steady clock."""

from __future__ import annotations

from typing import Final, final

from librt.vecs import vec
from mypy_extensions import i64, mypyc_attr

NEVER: Final[i64] = -1
TICK_MS: Final[i64] = 10
SLOTS: Final[i64] = 4096

# The list of those that are due and have not been given out.
_DUE: Final[i64] = 4096


@mypyc_attr(acyclic=True)
class Timed:
    """What can wait in a wheel. `due_ms` is its deadline, NEVER when it has none.

    The garbage collector of the native build looks at none: what they know of each other ends when they are forgotten.
    """

    def __init__(self) -> None:
        self.due_ms: i64 = NEVER
        self._slot: i64 = NEVER
        self._before: Timed | None = None
        self._behind: Timed | None = None


# Copied by each Wheel: a test file starts thousands of servers.
_NO_SIZES: Final = vec[i64]([0] * (int(SLOTS) + 1))


@final
class Wheel:
    """A timer wheel: setting, moving and clearing a deadline cost the same however many wait.

    A slot is a doubly linked list of all whose deadline falls into its TICK_MS, in this round or a later one. Nothing is early,
    nothing is late by more than a tick.
    """

    def __init__(self, now_ms: i64) -> None:
        self._heads: Final[list[Timed | None]] = [None] * (SLOTS + 1)
        # How many each slot has: quicker to look at than the objects.
        self._sizes = _NO_SIZES[:]
        # All ticks up to this one have been looked at.
        self._tick: i64 = now_ms // TICK_MS
        # Nothing is in the slots of the ticks between `_tick` and this one; so `next_ms` looks at no empty slot twice.
        self._first: i64 = self._tick + SLOTS
        self.count: i64 = 0

    def set(self, timed: Timed, due_ms: i64) -> None:
        """Give `timed` this deadline in place of the one it may have. One in the past is met with the next tick."""
        if timed._slot >= 0:
            self._unlink(timed)
        else:
            self.count += 1
        timed.due_ms = due_ms
        tick = (due_ms + TICK_MS - 1) // TICK_MS
        if tick <= self._tick:
            tick = self._tick + 1
        slot = tick % SLOTS
        # Its slot is looked at once in every round, for the first time at this tick.
        visit = self._tick + 1 + (tick - self._tick - 1) % SLOTS
        if visit < self._first:
            self._first = visit
        self._link(timed, slot)

    def clear(self, timed: Timed) -> None:
        """Take the deadline back; nothing happens if there is none."""
        if timed._slot >= 0:
            self._unlink(timed)
            self.count -= 1
            timed.due_ms = NEVER

    def pop_due(self, now_ms: i64) -> Timed | None:
        """One whose deadline has come, and which has none from now on; None when there are no more."""
        limit = now_ms // TICK_MS
        while True:
            head = self._heads[_DUE]
            if head is not None:
                self.clear(head)
                return head
            if self._tick >= limit:
                return None
            if self.count == 0:
                self._tick = limit
                return None
            if limit - self._tick > SLOTS:
                # Once around the wheel shows all.
                self._tick = limit - SLOTS
            self._tick += 1
            self._collect(self._tick)

    def next_ms(self, now_ms: i64) -> i64:
        """Milliseconds until `pop_due` may have something, NEVER if nothing waits. May be too early, never too late."""
        if self.count == 0:
            return NEVER
        if self._sizes[_DUE] > 0:
            return 0
        tick = self._tick + 1
        if tick < self._first:
            tick = self._first
        last = self._tick + SLOTS
        while tick < last and self._sizes[tick % SLOTS] == 0:
            tick += 1
        self._first = tick
        wait = tick * TICK_MS - now_ms
        return wait if wait > 0 else 0

    def _collect(self, tick: i64) -> None:
        timed = self._heads[tick % SLOTS]
        while timed is not None:
            behind = timed._behind
            if timed.due_ms <= tick * TICK_MS:
                self._unlink(timed)
                self._link(timed, _DUE)
            timed = behind

    def _link(self, timed: Timed, slot: i64) -> None:
        head = self._heads[slot]
        self._sizes[slot] += 1
        timed._slot = slot
        timed._behind = head
        if head is not None:
            head._before = timed
        self._heads[slot] = timed

    def _unlink(self, timed: Timed) -> None:
        before = timed._before
        behind = timed._behind
        self._sizes[timed._slot] -= 1
        if before is not None:
            before._behind = behind
        else:
            self._heads[timed._slot] = behind
        if behind is not None:
            behind._before = before
        timed._before = None
        timed._behind = None
        timed._slot = NEVER
