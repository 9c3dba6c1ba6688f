"""What modules want done again and again: declared with a period, run by each worker or by one process for the whole server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

from mypy_extensions import i64

from runtime.routing.bugs import Bugs
from runtime.routing.ports import Log
from runtime.sip.transport import Send
from runtime.tx.timers import NEVER


@final
class Timer:
    """`body(now_ms, sends)` is called every `period_ms`, the first time one period after the process began; what is to be
    sent goes into `sends`.

    `once_per_server`: in the timer process alone. Else in each process that runs the program.
    Where a process was busy for longer than a period, the calls that it missed are not made up for.
    """

    def __init__(
        self, name: str, period_ms: int, body: Callable[[int, list[Send]], None], once_per_server: bool = True
    ) -> None:
        assert period_ms > 0
        self.name: Final = name
        self.period_ms: Final = period_ms
        self.body: Final = body
        self.once_per_server: Final = once_per_server
        # When it is due; set by its `body` too, for who wants another turn sooner or later. NEVER until the process has looked at it for the first time.
        self.due_ms: i64 = NEVER


@final
class Schedule:
    """The timers that one process runs. Reads no clock."""

    def __init__(self, log: Log, bugs: Bugs) -> None:
        self._log: Final = log
        self._bugs: Final = bugs
        self._timers: Final[list[Timer]] = []
        self.count: i64 = 0

    def add(self, timers: list[Timer]) -> None:
        self._timers.extend(timers)
        self.count = len(self._timers)

    def replace(self, timers: list[Timer]) -> None:
        """Run these instead. One that was there before, by its name and period, is due when it was."""
        due: dict[tuple[str, int], int] = {(timer.name, timer.period_ms): int(timer.due_ms) for timer in self._timers}
        for timer in timers:
            timer.due_ms = due.get((timer.name, timer.period_ms), NEVER)
        self._timers.clear()
        self.add(timers)

    def next_ms(self, now_ms: i64) -> i64:
        """Milliseconds until `run` has something to do, -1 if there are no timers."""
        soonest: i64 = NEVER
        for timer in self._timers:
            if timer.due_ms < 0:
                timer.due_ms = now_ms + timer.period_ms
            wait: i64 = timer.due_ms - now_ms
            if wait < 0:
                wait = 0
            if soonest < 0 or wait < soonest:
                soonest = wait
        return soonest

    def run(self, now_ms: i64, sends: list[Send]) -> None:
        """Call what is due. An exception is a bug of the module: it is reported, and the timer goes on."""
        # One that waits may see them exchanged.
        for timer in list(self._timers):
            if timer.due_ms < 0:
                timer.due_ms = now_ms + timer.period_ms
            elif now_ms >= timer.due_ms:
                timer.due_ms = now_ms + timer.period_ms
                try:
                    timer.body(int(now_ms), sends)
                except Exception as e:
                    self._bugs.report(e, None)
                self._log.about = None
