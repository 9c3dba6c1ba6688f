"""What modules want done again and again: when it is called, and what a mistake in it costs."""

from __future__ import annotations

from engine import Lines

from runtime.routing.bugs import Bugs
from runtime.routing.timer import Schedule, Timer
from runtime.sip.transport import Send


class Calls:
    """A body that remembers when it was called."""

    def __init__(self) -> None:
        self.times: list[int] = []

    def __call__(self, now_ms: int, sends: list[Send]) -> None:
        self.times.append(now_ms)


def schedule(*timers: Timer) -> tuple[Schedule, Lines, Bugs]:
    log = Lines()
    bugs = Bugs("ser.cfg", log)
    made = Schedule(log, bugs)
    made.add(list(timers))
    return made, log, bugs


def run(made: Schedule, *times: int) -> None:
    for now_ms in times:
        made.run(now_ms, [])


def test_a_timer_is_called_every_period_first_one_period_after_the_start() -> None:
    calls = Calls()
    made, _, _ = schedule(Timer("t", 1000, calls))
    run(made, *range(500, 4001, 250))
    assert calls.times == [1500, 2500, 3500]


def test_what_a_busy_process_missed_is_not_made_up_for() -> None:
    calls = Calls()
    made, _, _ = schedule(Timer("t", 1000, calls))
    run(made, 0, 1000, 5500, 5600, 6400, 6500)
    assert calls.times == [1000, 5500, 6500]


def test_the_next_is_the_soonest_of_all() -> None:
    made, _, _ = schedule(Timer("slow", 7000, Calls()), Timer("quick", 300, Calls()))
    waits = [made.next_ms(0), made.next_ms(100), made.next_ms(300), made.next_ms(900)]
    assert waits == [300, 200, 0, 0]


def test_without_timers_nothing_is_due() -> None:
    made, _, _ = schedule()
    assert made.next_ms(0) == -1 and made.count == 0


def test_a_bug_is_reported_and_stops_neither_this_timer_nor_the_others() -> None:
    def broken(now_ms: int, sends: list[Send]) -> None:
        raise ValueError("a bug")

    calls = Calls()
    made, log, bugs = schedule(Timer("broken", 1000, broken), Timer("sound", 1000, calls))
    run(made, 0, 1000, 2000)
    assert calls.times == [1000, 2000]
    assert bugs.count == 2 and "a bug" in log.lines[0]
