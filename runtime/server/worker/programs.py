"""A process exchanges its program when the master says so; compiled in the native build."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

from mypy_extensions import i64

from runtime.routing.config import Config
from runtime.routing.engine import Engine, Ready
from runtime.routing.ports import L_DBG, Log
from runtime.server.mail.board import Board
from runtime.server.mail.exchange import Exchange
from runtime.server.mail.letters import new_program, program_done
from runtime.server.mail.letters.new_program import MAKE_READY, SWITCH, NewProgramLetter
from runtime.server.mail.mailbox import Letter
from runtime.server.start.namespaces import Namespaces
from runtime.server.start.source import unpacked
from runtime.server.worker.handler import Handler

# While there is nothing to do, programs that nobody may use any more are looked for so often.
_LOOK_EVERY_MS: Final = 1_000


@final
class Programs(Handler):
    """`effective` applies the command line to a program's parameters; `switched` is called when another program runs."""

    def __init__(
        self,
        engine: Engine,
        effective: Callable[[Config], Config],
        board: Board,
        exchange: Exchange,
        log: Log,
        switched: Callable[[], None],
    ) -> None:
        super().__init__(log)
        self.engine: Final = engine
        self._effective: Final = effective
        self._board: Final = board
        self._exchange: Final = exchange
        self._switched: Final = switched
        # Of all programs that came after that of the start, and of those with probes.
        self.namespaces: Final = Namespaces(engine.world.kept.all)
        self._look_ms: i64 = 0
        self._ready: Ready | None = None
        # Of the version that is ready, and of the one that runs. Letters about them may come twice, and a process in the place of a dead one
        # reads those that were meant for it.
        self._ready_version: i64 = 0
        self.version: i64 = board.version

    def take(self, letter: Letter, now_ms: i64) -> None:
        asked = new_program.read(letter)
        if asked.what == MAKE_READY:
            self._make_ready(asked)
        elif asked.what == SWITCH:
            self._switch(asked)
        elif asked.version == self._ready_version:
            self._discard()
        if asked.what != MAKE_READY:
            self.namespaces.look()

    def when_idle(self, now_ms: i64) -> None:
        """There is nothing to do at the moment: programs whose last transaction has ended go."""
        if self.namespaces.count > 1 and now_ms >= self._look_ms:
            self._look_ms = now_ms + _LOOK_EVERY_MS
            self.namespaces.look(1)

    def _make_ready(self, asked: NewProgramLetter) -> None:
        why = ""
        if asked.version > self.version and asked.version != self._ready_version:
            self._discard()
            try:
                program = unpacked(self._board.read(asked.size), self.namespaces)
                self._ready = self.engine.ready(program, self._effective(program.config))
                self._ready_version = asked.version
            except Exception as e:  # whatever a module does in its `bind`: the master hears of it, and nothing changes
                why = str(e) or type(e).__name__
        self._answer(asked, why)

    def _switch(self, asked: NewProgramLetter) -> None:
        ready = self._ready
        if ready is not None and self._ready_version == asked.version:
            self.engine.switch(ready)
            self._ready = None
            self._ready_version = 0
            self.version = asked.version
            self._switched()
            self.log.write(L_DBG, f"DEBUG: runs version {asked.version} of the program")
        if self.version == asked.version:
            self._answer(asked, "")

    def _discard(self) -> None:
        if self._ready is not None:
            self.engine.discard(self._ready)
            self._ready = None
        self._ready_version = 0

    def _answer(self, asked: NewProgramLetter, why: str) -> None:
        exchange = self._exchange
        program_done.put(exchange.post, asked.asker, exchange.number, asked.what, asked.version, why)
