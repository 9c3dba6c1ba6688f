"""A process that has the program logs as much as the master says; compiled in the native build."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.routing.engine import Engine
from runtime.routing.ports import Log
from runtime.server.mail.letters import log_level
from runtime.server.mail.letters.log_level import ALL_AS_CONFIGURED, AS_TOLD, LogLevelLetter
from runtime.server.mail.mailbox import Letter
from runtime.server.worker.handler import Handler


@final
class LogLevels(Handler):
    """Takes what the administrator has set."""

    def __init__(self, engine: Engine, log: Log) -> None:
        super().__init__(log)
        self._engine: Final = engine

    def take(self, letter: Letter, now_ms: i64) -> None:
        obey(log_level.read(letter), self._engine)


def obey(letter: LogLevelLetter, engine: Engine) -> None:
    """The same for a process that reads its letters itself."""
    loudness = engine.loudness
    if letter.what == ALL_AS_CONFIGURED:
        loudness.clear()
    else:
        loudness.take(letter.word, int(letter.level) if letter.what == AS_TOLD else None)
