"""Where a worker answers what the control interface asks the modules; compiled in the native build."""

from __future__ import annotations

import zlib
from typing import Final, final

from mypy_extensions import i64

from runtime.routing.command import Command, Inquiry
from runtime.routing.ports import L_ERR, Log
from runtime.server.mail.exchange import Exchange
from runtime.server.mail.letters import answer
from runtime.server.mail.letters.run_command import RunCommandLetter


@final
class AskedInquiry(Inquiry):
    """An inquiry out of a mailbox; its answer goes to the process that has asked."""

    def __init__(self, exchange: Exchange, letter: RunCommandLetter, now_ms: i64) -> None:
        super().__init__(letter.words, letter.by_fifo, now_ms)
        self._exchange: Final = exchange
        self._asker: Final = letter.asker
        self._number: Final = letter.question
        self.is_answered = False

    def answer(self, text: bytes) -> None:
        assert not self.is_answered
        self.is_answered = True
        exchange = self._exchange
        answer.put(exchange.post, self._asker, exchange.number, self._number, text)

    def tell(self, text: bytes) -> None:
        assert not self.is_answered
        exchange = self._exchange
        answer.put(exchange.post, self._asker, exchange.number, self._number, text, True)


@final
class Desk:
    """Takes questions for the modules' commands. `bugs` counts exceptions of the modules."""

    def __init__(self, commands: list[Command], exchange: Exchange, log: Log) -> None:
        self._commands = commands
        self._mark = mark_of(commands)
        self._exchange: Final = exchange
        self._log: Final = log
        self.bugs: i64 = 0

    def renew(self, commands: list[Command]) -> None:
        """From now on these are run."""
        self._commands = commands
        self._mark = mark_of(commands)

    def take(self, letter: RunCommandLetter, now_ms: i64) -> None:
        """Run the command; its answer goes into the post."""
        inquiry = AskedInquiry(self._exchange, letter, now_ms)
        if letter.mark != self._mark:
            inquiry.answer(b"500 the program is being exchanged: ask again\n")
            return
        command = self._commands[letter.place]
        try:
            command.body(inquiry)
        except Exception as e:  # a bug in a module, which must not end the worker
            self.bugs += 1
            self._log.write(L_ERR, f"BUG: command {command.name}: {type(e).__name__}: {e}")
            if not inquiry.is_answered:
                inquiry.answer(b"500 server error\n")


def mark_of(commands: list[Command]) -> int:
    """A number for the list: who asks by a place in it must have the same one."""
    return zlib.crc32("\n".join([command.name for command in commands]).encode("utf-8"))
