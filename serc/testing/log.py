"""The log of a server under test."""

from __future__ import annotations

from runtime.routing.ports import Log


class Lines(Log):
    """Everything that was logged, as (level, line)."""

    def __init__(self, level: int = 4) -> None:
        super().__init__(level)
        self.records: list[tuple[int, str]] = []

    def write(self, level: int, line: str) -> None:
        if level <= self.level:
            self.records.append((level, line))

    @property
    def lines(self) -> list[str]:
        return [line for _, line in self.records]
