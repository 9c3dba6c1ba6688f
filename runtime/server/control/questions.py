"""Commands of modules, asked in the control process. Reference core, 7.3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from runtime.routing.command import HERE, Command, Question
from runtime.routing.ports import Log
from runtime.server.control.framing import Request
from runtime.server.log import ERR

Give = Callable[[bytes], None]


class LocalQuestion(Question):
    """A question to a module in this very process."""

    def __init__(self, words: list[bytes], by_fifo: bool, now_ms: int, give: Give) -> None:
        super().__init__(words, by_fifo, now_ms)
        self._give: Final = give

    def answer(self, text: bytes) -> None:
        self._give(text)


class ModuleCommands:
    """The commands that one kind of control process has: of the FIFO (`by_fifo`) or of the Unix socket."""

    def __init__(self, commands: list[Command], by_fifo: bool, log: Log) -> None:
        self._by_fifo: Final = by_fifo
        self._log: Final = log
        self._by_name: Final = {
            command.name.lower().encode(): command for command in commands if by_fifo or command.by_socket
        }

    def names(self) -> list[str]:
        """As `which` lists them, the newest first."""
        return [command.name for command in reversed(self._by_name.values())]

    def pattern(self, name: bytes) -> str | None:
        """What the command reads; None if there is no such command. `name` is in lower case."""
        command = self._by_name.get(name)
        return None if command is None else command.pattern

    def ask(self, request: Request, give: Give, now_ms: int) -> None:
        """Have the command of that name run; `give` gets its answer."""
        command = self._by_name[request.name.lower()]
        assert command.where == HERE
        try:
            command.body(LocalQuestion(request.words, self._by_fifo, now_ms, give))
        except Exception as e:  # a bug in the module, which must not end the process
            self._log.write(ERR, f"BUG: command {command.name}: {type(e).__name__}: {e}")
            give(b"500 server error\n")
