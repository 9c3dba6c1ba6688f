"""The master has the program compiled with probes when somebody wants to watch calls; that of each version once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from runtime.server.host.errors import StartError
from runtime.server.mail.board import Board
from runtime.server.processes.errand import Errand
from runtime.server.processes.reload import Reload
from runtime.server.start.probes import packed_statements
from runtime.server.start.source import Source

COMPILE_S: Final = 60.0

Tell = Callable[[bytes], None]


class Probing:
    """`board` is where the program is shown."""

    def __init__(self, source: Source, reload: Reload, board: Board) -> None:
        self._source: Final = source
        self._reload: Final = reload
        self._board: Final = board
        self._errand: Errand | None = None
        # Of the program that is being compiled, or was the last.
        self._version = 0
        self._answer = b""
        self._waiting: list[Tell] = []

    def is_busy(self) -> bool:
        return self._errand is not None or bool(self._waiting)

    def ask(self, tell: Tell, now_s: float) -> None:
        """`tell` hears `200 VERSION SIZE` when the statements of the program that runs stand on the board, else why not."""
        self._waiting.append(tell)
        self.look(now_s)

    def _begin(self, version: int, text: str, now_s: float) -> None:
        self._version = version
        self._answer = b""

        def work() -> tuple[int]:
            data = packed_statements(version, self._source.with_probes(text))
            self._board.show(data)
            return (len(data),)

        try:
            self._errand = Errand(work, now_s + COMPILE_S, f"the compiler was not done within {COMPILE_S:.0f} s")
        except StartError as e:
            self._tell(f"500 {e}\n".encode())

    def look(self, now_s: float) -> None:
        """Go on, if there is something to go on with."""
        errand = self._errand
        if errand is not None and not errand.look(now_s):
            return
        # Which program runs is not certain while it is exchanged.
        if not self._waiting or self._reload.holds_forks():
            if errand is None:
                return
        self._errand = None
        if errand is not None and errand.result is not None:
            self._answer = b"200 %d %d\n" % (self._version, errand.result[0])
        elif errand is not None:
            why = errand.why.splitlines()[0] if errand.why else ""
            self._answer = f"500 {why}\n".encode("utf-8", "surrogateescape")
        if self._reload.holds_forks():
            return
        version, text = self._reload.running()
        if version != self._version or not self._answer:
            self._begin(version, text, now_s)
        else:
            self._tell(self._answer)

    def abandon(self) -> None:
        """The server ends."""
        if self._errand is not None:
            self._errand.abandon()
            self._errand = None

    def _tell(self, text: bytes) -> None:
        waiting, self._waiting = self._waiting, []
        for tell in waiting:
            tell(text)
