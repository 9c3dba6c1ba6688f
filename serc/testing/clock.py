"""The time of day of a server under test."""

from __future__ import annotations

from runtime.routing.ports import Clock


class Wall(Clock):
    """The time of day is `now_s`, which stands still unless somebody moves it."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 1_100_000_000

    def unix_s(self) -> int:
        return self.now_s
