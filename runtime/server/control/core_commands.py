"""The commands that the server itself has. Reference core, 7.3 and 7.4; modules-more, D.1."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final

from runtime.routing.command import LINE, MASTER, STREAM, Command, Inquiry
from runtime.routing.world import SERVER
from runtime.server.host.process_table import ProcessTable

# SER's room for the text of `print`, its end included.
PRINT_BYTES: Final = 256


class CoreCommands:
    """Answers as the FIFO (`by_fifo`) or the Unix socket spells them; `since_s` is Unix time, where `uptime` begins.

    `modules` are the modules' commands, `database` is DB where there is one. `wants_end` is set when somebody has given `kill`.
    """

    def __init__(
        self,
        by_fifo: bool,
        table: ProcessTable,
        arguments: list[str],
        since_s: float,
        modules: list[Command],
        database: Command | None = None,
    ) -> None:
        self._by_fifo: Final = by_fifo
        self._table: Final = table
        self._arguments: Final = arguments
        self._since_s: Final = since_s
        self._ok: Final = b"200 ok\n" if by_fifo else b"200 OK\n"
        self.wants_end = False
        bodies: dict[str, Callable[[Inquiry], bytes]] = {
            "kill": self._kill,
            "ps": self._ps,
            "which": self._which,
            "arg": self._arg,
            "pwd": self._pwd,
            "version": self._version,
            "uptime": self._uptime,
            "print": self._print,
        }
        own = [database] if database is not None else []
        own += [_command(name, bodies[name]) for name in (_FIFO_ORDER if by_fifo else _SOCKET_ORDER)]
        self.commands: Final = [*own, RELOAD, TRACE, LOG_LEVEL]
        self._own_names: Final = [command.name for command in own]
        self._names: list[str] = []
        self.renew(modules)

    def renew(self, modules: list[Command]) -> None:
        """From now on these are the modules' commands."""
        # Newest first, as SER's list grows. What SER has not is not in it.
        newest = [command.name for command in reversed(modules) if self._by_fifo or command.by_socket]
        self._names = [*self._own_names, *newest]

    def _ps(self, inquiry: Inquiry) -> bytes:
        return self._ok + self._table.text()

    def _which(self, inquiry: Inquiry) -> bytes:
        return self._ok + "".join(name + "\n" for name in self._names).encode()

    def _arg(self, inquiry: Inquiry) -> bytes:
        return self._ok + b"".join(os.fsencode(argument) + b"\n" for argument in self._arguments)

    def _pwd(self, inquiry: Inquiry) -> bytes:
        try:
            return self._ok + os.getcwdb() + b"\n"
        except OSError:
            return b"500 getcwd failed\n"

    def _version(self, inquiry: Inquiry) -> bytes:
        return self._ok + b"Server: " + SERVER + b"\r\n"

    def _uptime(self, inquiry: Inquiry) -> bytes:
        now_s = time.time()
        text = f"Now: {time.ctime(now_s)}\nUp Since: {time.ctime(self._since_s)}\n"
        return self._ok + f"{text}Up time: {max(0, int(now_s) - int(self._since_s))} [sec]\n".encode()

    def _print(self, inquiry: Inquiry) -> bytes:
        # SER's text ends at a NUL.
        text = inquiry.word(0).partition(b"\0")[0]
        if self._by_fifo and (inquiry.is_cut or len(text) + 1 >= PRINT_BYTES):
            return b"500 print_fifo_cmd: too big text"
        return self._ok + text + b"\n"

    def _kill(self, inquiry: Inquiry) -> bytes:
        self.wants_end = True
        return b"200 killing now..." if self._by_fifo else b"200 Killing now\n"


def _command(name: str, body: Callable[[Inquiry], bytes]) -> Command:
    """One that answers at once, and only who wants to know."""
    return Command(
        name, lambda inquiry: inquiry.answer(body(inquiry)), LINE if name == "print" else "", runs_unasked=False
    )


def _by_master(inquiry: Inquiry) -> None:
    """Never called: others have the body."""
    raise NotImplementedError


# Its word: nothing, check, diff, test, rollback, show (what runs) or status.
RELOAD: Final = Command("reload", _by_master, LINE, where=MASTER, answers_late=True)
# Its line: which calls, and how many (control/tracing.py). Who wants no answer wants no trace.
TRACE: Final = Command("trace", _by_master, LINE, where=STREAM, runs_unasked=False)
# Its line: nothing, or a level, of what (processes/levels.py).
LOG_LEVEL: Final = Command("log_level", _by_master, LINE, where=MASTER, answers_late=True)
# What a control process asks the master before.
PROBES: Final = Command("probes", _by_master, LINE, where=MASTER, answers_late=True)

_FIFO_ORDER: Final = ("kill", "ps", "which", "arg", "pwd", "version", "uptime", "print")
CORE_NAMES: Final = frozenset((*_FIFO_ORDER, "reload", "trace", "log_level"))
# The Unix socket lists them otherwise.
_SOCKET_ORDER: Final = ("kill", "arg", "pwd", "ps", "which", "uptime", "version", "print")
