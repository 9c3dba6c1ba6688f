"""Questions that nobody answers but the test."""

from __future__ import annotations

from runtime.routing.asking import Asking, Kind, Question
from runtime.routing.context import Context

DEADLINE_MS = 2000


class Row(Question[bytes]):
    """A question about `key`. It asks nobody: the test answers."""

    def __init__(self, kind: Kind, key: bytes, at_once: bytes | None = None, asking: Asking | None = None) -> None:
        super().__init__(kind)
        self.key = key
        self.at_once = at_once
        self.asking = asking
        self.given_up = False

    def ask(self, now_ms: int) -> None:
        if self.asking is not None:
            self.asking.take(self.number, self.at_once, now_ms)

    def give_up(self) -> None:
        self.given_up = True


class Desk:
    """Asks in routes, and remembers what was asked."""

    def __init__(self, deadline_ms: int = DEADLINE_MS, limit: int = 100) -> None:
        self.kind = Kind("rows", deadline_ms, limit)
        self.asked: list[Row] = []

    def row(self, ctx: Context, key: bytes) -> bytes:
        question = Row(self.kind, key)
        self.asked.append(question)
        return ctx.wait(question) or b"none"
