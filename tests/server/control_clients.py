"""Clients of the control interface, as an administrator's programs are."""

from __future__ import annotations

import os
import socket
import time
from itertools import count
from pathlib import Path
from typing import Final

from patience import eventually, readable, rest

from server.conftest import Server, StartServer

_NUMBERS: Final = count()


class Controlled:
    """A running server with FIFO and Unix socket, and a client of both."""

    def __init__(self, start: StartServer, folder: Path, *arguments: str, config: str = "", routes: str = "") -> None:
        self.folder = folder / f"control{next(_NUMBERS)}"
        self.folder.mkdir()
        self.fifo = self.folder / "fifo"
        self.socket = self.folder / "socket"
        files = f"fifo='{self.fifo}', fifo_dir='{self.folder}/', unix_sock='{self.socket}'"
        more = {"routes": routes} if routes else {}
        self.server: Server = start(*arguments, config=", ".join(filter(None, [files, config])), **more)
        assert eventually(lambda: self.socket.exists() and self.fifo.exists()), self.server.log.read_text()

    def write(self, data: bytes) -> None:
        """Into the FIFO as it is."""
        fd = os.open(self.fifo, os.O_WRONLY)
        while data:
            data = data[os.write(fd, data) :]
        os.close(fd)

    def pipe(self) -> str:
        """The name of a new reply pipe."""
        name = f"reply{next(_NUMBERS)}"
        os.mkfifo(self.folder / name)
        return name

    def ask(self, command: str, *lines: str, within: float = 5.0) -> str:
        """The answer that comes through the FIFO; "" if none does."""
        name = self.pipe()
        fd = os.open(self.folder / name, os.O_RDONLY | os.O_NONBLOCK)
        self.write("\n".join([f":{command}:{name}", *lines, "", ""]).encode())
        try:
            return read_all(fd, within)
        finally:
            os.close(fd)
            os.unlink(self.folder / name)

    def ask_socket(self, text: str, within: float = 5.0) -> str:
        """The answer to this datagram; "" if none comes."""
        name = self.folder / f"client{next(_NUMBERS)}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.bind(str(name))
            s.settimeout(within)
            s.sendto(text.encode(), str(self.socket))
            try:
                return s.recv(65536).decode()
            except TimeoutError:
                return ""
            finally:
                name.unlink()

    def ps(self) -> list[list[str]]:
        """Index, pid and description of each process."""
        return [line.split("\t") for line in self.ask("ps").splitlines()[1:]]

    def pid_of(self, description: str) -> int:
        return next(int(pid) for _, pid, what in self.ps() if what.startswith(description))


def read_all(fd: int, within: float) -> str:
    """What comes through a reply pipe until its writer closes it; "" if nothing comes in time."""
    text = b""
    until = time.monotonic() + within
    while time.monotonic() < until:
        readable([fd], max(0.0, until - time.monotonic()))
        try:
            piece = os.read(fd, 65536)
        except BlockingIOError:
            continue
        if piece:
            text += piece
        elif text:
            break
        else:
            rest()
    return text.decode()
