"""The commands that the server itself has. Reference core, 7.3 and 7.4; modules-more, D.1."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final

from runtime.routing.command import LINE
from runtime.routing.world import SERVER
from runtime.server.control.framing import Request
from runtime.server.host.process_table import ProcessTable

# SER's room for the text of `print`, its end included.
PRINT_BYTES: Final = 256


class CoreCommands:
    """Answers core commands as the FIFO (`by_fifo`) or the Unix socket spells them; `since_s` is Unix time, where `uptime` begins.

    `wants_end` is set when somebody has given `kill`.
    """

    def __init__(
        self, by_fifo: bool, table: ProcessTable, arguments: list[str], since_s: float, module_names: list[str]
    ) -> None:
        self._by_fifo: Final = by_fifo
        self._table: Final = table
        self._arguments: Final = arguments
        self._since_s: Final = since_s
        self._module_names: Final = module_names
        bodies: dict[bytes, Callable[[Request], bytes]] = {
            b"kill": self._kill,
            b"ps": self._ps,
            b"which": self._which,
            b"arg": self._arg,
            b"pwd": self._pwd,
            b"version": self._version,
            b"uptime": self._uptime,
            b"print": self._print,
        }
        self._bodies: Final = {name: bodies[name] for name in (bodies if by_fifo else _SOCKET_ORDER)}
        self._ok: Final = b"200 ok\n" if by_fifo else b"200 OK\n"
        self.wants_end = False

    def pattern(self, name: bytes) -> str | None:
        """What the command reads; None if it is no core command. `name` is in lower case."""
        if name not in self._bodies:
            return None
        return LINE if name == b"print" else ""

    def answer(self, request: Request) -> bytes:
        return self._bodies[request.name.lower()](request)

    def _ps(self, request: Request) -> bytes:
        return self._ok + self._table.text()

    def _which(self, request: Request) -> bytes:
        """Newest first, as SER's list grows."""
        names = [*self._bodies, *(name.encode() for name in self._module_names)]
        return self._ok + b"".join(name + b"\n" for name in names)

    def _arg(self, request: Request) -> bytes:
        return self._ok + b"".join(os.fsencode(argument) + b"\n" for argument in self._arguments)

    def _pwd(self, request: Request) -> bytes:
        try:
            return self._ok + os.getcwdb() + b"\n"
        except OSError:
            return b"500 getcwd failed\n"

    def _version(self, request: Request) -> bytes:
        return self._ok + b"Server: " + SERVER + b"\r\n"

    def _uptime(self, request: Request) -> bytes:
        now_s = time.time()
        text = f"Now: {time.ctime(now_s)}\nUp Since: {time.ctime(self._since_s)}\n"
        return self._ok + f"{text}Up time: {max(0, int(now_s) - int(self._since_s))} [sec]\n".encode()

    def _print(self, request: Request) -> bytes:
        text = request.words[0] if request.words else b""
        if self._by_fifo and (request.mistake or len(text) + 1 >= PRINT_BYTES):
            return b"500 print_fifo_cmd: too big text"
        return self._ok + text + b"\n"

    def _kill(self, request: Request) -> bytes:
        self.wants_end = True
        return b"200 killing now..." if self._by_fifo else b"200 Killing now\n"


# The Unix socket lists them otherwise.
_SOCKET_ORDER: Final = (b"kill", b"arg", b"pwd", b"ps", b"which", b"uptime", b"version", b"print")
