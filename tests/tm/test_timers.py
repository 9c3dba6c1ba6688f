"""The timer wheel: nothing early, nothing late by more than a tick, whatever is set, moved and cleared."""

from __future__ import annotations

import random

import pytest

from runtime.tx.timers import NEVER, SLOTS, TICK_MS, Timed, Wheel


def popped(wheel: Wheel, now_ms: int) -> list[Timed]:
    found = []
    while (timed := wheel.pop_due(now_ms)) is not None:
        found.append(timed)
    return found


def test_a_deadline_is_met_within_a_tick() -> None:
    wheel, timed = Wheel(5000), Timed()
    wheel.set(timed, 5123)
    assert popped(wheel, 5122) == []
    assert popped(wheel, 5123 + TICK_MS) == [timed]
    assert timed.due_ms == NEVER and wheel.count == 0


def test_a_cleared_deadline_is_never_met() -> None:
    wheel, timed = Wheel(0), Timed()
    wheel.set(timed, 100)
    wheel.clear(timed)
    wheel.clear(timed)
    assert popped(wheel, 10_000) == [] and wheel.next_ms(10_000) == NEVER


def test_a_deadline_in_the_past_is_met_with_the_next_tick() -> None:
    wheel, timed = Wheel(1000), Timed()
    wheel.set(timed, 10)
    assert popped(wheel, 1000 + TICK_MS) == [timed]


@pytest.mark.parametrize("rounds", [1, 2, 5])
def test_a_deadline_beyond_the_wheel_waits_its_rounds(rounds: int) -> None:
    wheel, timed = Wheel(0), Timed()
    due = rounds * SLOTS * TICK_MS + 70
    wheel.set(timed, due)
    now = 0
    while (step := wheel.next_ms(now)) != NEVER:
        now += max(1, step)
        if popped(wheel, now):
            break
    assert due <= now <= due + TICK_MS


def test_sleeping_long_loses_nothing() -> None:
    wheel = Wheel(0)
    several = [Timed() for _ in range(100)]
    for i, timed in enumerate(several):
        wheel.set(timed, i * 997)
    assert set(popped(wheel, 10 * SLOTS * TICK_MS)) == set(several)


@pytest.mark.parametrize("seed", range(20))
def test_random_use_agrees_with_a_list(seed: int) -> None:
    chance = random.Random(seed)
    wheel, now = Wheel(0), 0
    all_of_them = [Timed() for _ in range(50)]
    due: dict[Timed, int] = {}
    for _ in range(2000):
        timed = chance.choice(all_of_them)
        if chance.random() < 0.7:
            due[timed] = now + chance.choice((0, 5, 500, 30_000, 120_000))
            wheel.set(timed, due[timed])
        else:
            due.pop(timed, None)
            wheel.clear(timed)
        now += chance.choice((0, 1, 10, 1000))
        for found in popped(wheel, now):
            assert due.pop(found) <= now
        assert all(when + TICK_MS > now for when in due.values())
        assert wheel.count == len(due)


@pytest.mark.parametrize("seed", range(5))
def test_the_next_deadline_is_never_told_too_late_and_within_a_round_not_too_early(seed: int) -> None:
    """Whatever was set, moved and cleared before: what `next_ms` remembers of empty slots stays true."""
    chance = random.Random(seed)
    now_ms = chance.randrange(100_000)
    wheel, timed = Wheel(now_ms), [Timed() for _ in range(6)]
    for _ in range(400):
        one = chance.choice(timed)
        match chance.randrange(4):
            case 0:
                wheel.set(
                    one, now_ms + chance.choice((-50, 5, 500, 32_000, SLOTS * TICK_MS, 120_000)) + chance.randrange(20)
                )
            case 1:
                wheel.clear(one)
            case 2:
                now_ms += chance.choice((1, 10, 200, 5_000, 90_000))
                popped(wheel, now_ms)
        wait_ms = wheel.next_ms(now_ms)
        due = [one.due_ms for one in timed if one.due_ms != NEVER]
        if not due:
            assert wait_ms == NEVER
            continue
        met = max(min(due), now_ms) - now_ms
        assert 0 <= wait_ms <= met + TICK_MS
        if max(due) - now_ms < (SLOTS - 1) * TICK_MS:
            assert wait_ms >= met - TICK_MS


def test_looking_for_the_next_deadline_passes_each_empty_slot_once() -> None:
    wheel, timed = Wheel(0), Timed()
    wheel.set(timed, 30_000)
    assert wheel.next_ms(0) == 30_000
    # Where the search begins the next time: at what it found, not 3,000 slots before it.
    assert wheel._first == 30_000 // TICK_MS
    wheel.set(Timed(), 20_000)
    assert wheel._first == 20_000 // TICK_MS and wheel.next_ms(0) == 20_000
