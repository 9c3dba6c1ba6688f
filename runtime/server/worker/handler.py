"""Who takes the letters of one kind; compiled in the native build."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from runtime.routing.ports import L_ERR, Log
from runtime.server.mail.mailbox import Letter


class Handler:
    """What a subclass does with a letter of its kind. One that is no subclass has nothing to do with any: the letter is logged as a
    bug."""

    def __init__(self, log: Log) -> None:
        self.log: Final = log

    def take(self, letter: Letter, now_ms: i64) -> None:
        self.log.write(L_ERR, f"BUG: a letter of kind {letter.kind} reached a process that cannot handle it")

    def when_idle(self, now_ms: i64) -> None:
        """Nothing is to be done at the moment; asked of who takes new programs."""
