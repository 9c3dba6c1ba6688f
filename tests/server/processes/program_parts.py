"""What programs of test_reload_load.py consist of: a program that serc writes has no classes of its own either."""

from __future__ import annotations

from mypy_extensions import i64

from runtime.routing.asking import Kind, Question
from runtime.routing.module import Module
from runtime.routing.world import World


class Parts(Module):
    """Knows the name of its program, or cannot start."""

    def __init__(self, text: bytes, cannot_start: bool = False) -> None:
        super().__init__("parts")
        self.keeps_state = True
        self.text = text
        self._cannot_start = cannot_start

    def start_worker(self, world: World) -> None:
        if self._cannot_start:
            raise RuntimeError("no")
        self.kind = Kind("pause", 20, 1000)


class Pause(Question[bytes]):
    """Nobody answers it."""

    def ask(self, now_ms: i64) -> None:
        pass
