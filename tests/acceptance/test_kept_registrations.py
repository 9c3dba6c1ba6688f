"""A server that is killed as a whole amid registrations: every contact that got its 200 is there after the restart."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

import pytest
from patience import eventually, readable

from acceptance.conftest import Ser

ROUTES = """
route {
    if (method=="REGISTER") { save("location"); break; };
    if (method=="OPTIONS") { sl_send_reply("200", "OK"); break; };
    if (lookup("location")) { sl_send_reply("302", "Moved"); break; };
    sl_send_reply("404", "Not Found");
}
"""
LOADS = "".join(f'loadmodule "{name}.so"\n' for name in ("sl", "usrloc", "registrar"))
# Requests that are on their way at the same time.
WINDOW = 64


def config_in(folder: Path, parameters: str, loads: str = "") -> Path:
    path = folder / "ser.cfg"
    path.write_text(f'fifo="{folder}/fifo"\n{loads}{LOADS}{parameters}\n{ROUTES}')
    return path


def message(method: str, user: str, server: Ser, port: int, contact: str = "") -> bytes:
    lines = [
        f"{method} sip:{user}@127.0.0.1:{server.port} SIP/2.0",
        f"Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{method}{user}",
        f"From: <sip:{user}@127.0.0.1>;tag=1",
        f"To: <sip:{user}@127.0.0.1>",
        f"Call-ID: {user}",
        f"CSeq: 1 {method}",
        *([f"Contact: {contact}"] if contact else []),
        "Content-Length: 0",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


class Phones:
    """Phones that register one after the other, with several on their way; `answered` are those that got their 200. `kind` is the
    beginning of their names."""

    def __init__(self, kind: str = "user") -> None:
        self._kind = kind
        self.answered: set[str] = set()
        self.refused: set[str] = set()
        self._next = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)

    def register(self, server: Ser, number: int, within_s: float) -> None:
        """That many more, or as many as get an answer within that time."""
        until = time.monotonic() + within_s
        last = self._next + number
        waiting: set[str] = set()
        port = self._socket.getsockname()[1]
        while (self._next < last or waiting) and time.monotonic() < until:
            while self._next < last and len(waiting) < WINDOW:
                user = f"{self._kind}{self._next}"
                self._next += 1
                waiting.add(user)
                contact = f"<sip:{user}@127.0.0.1:9>;expires=3600"
                self._socket.sendto(message("REGISTER", user, server, port, contact), ("127.0.0.1", server.port))
            waiting -= self._take(0.5)

    def _take(self, wait_s: float) -> set[str]:
        """Those who have got an answer by now."""
        if not readable([self._socket], wait_s):
            # Lost on the way, or the server is gone: who has no answer does not count.
            return set()
        found: set[str] = set()
        while True:
            try:
                answer = self._socket.recv(65536)
            except (BlockingIOError, ConnectionError):
                return found
            user = answer.partition(b"Call-ID: ")[2].partition(b"\r")[0].decode()
            found.add(user)
            (self.answered if answer.startswith(b"SIP/2.0 200 ") else self.refused).add(user)

    def missing(self, server: Ser) -> set[str]:
        """Those who got their 200 and are nowhere."""
        return missing_of(server, self.answered)


def missing_of(server: Ser, users: set[str]) -> set[str]:
    """Those of the users who are nowhere."""
    lost: set[str] = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        s.settimeout(2.0)
        for user in users:
            answer = b""
            for _ in range(5):
                s.sendto(message("MESSAGE", user, server, s.getsockname()[1]), ("127.0.0.1", server.port))
                try:
                    answer = s.recv(65536)
                except TimeoutError:
                    continue
                if f"Call-ID: {user}\r".encode() in answer:
                    break
            if not answer.startswith(b"SIP/2.0 302 ") or f"sip:{user}@127.0.0.1:9".encode() not in answer:
                lost.add(user)
    return lost


def started(folder: Path, config: Path, *arguments: str) -> Ser:
    server = Ser(folder, config, "-n", "3", *arguments)
    server.wait_ready(60.0)
    return server


def kill_all(server: Ser) -> None:
    """The whole server at once, the master first: nobody of it gets to do anything any more."""
    for pid in sorted(server.processes()):
        os.kill(pid, signal.SIGKILL)
    server.process.wait()


@pytest.mark.slow
def test_every_contact_that_was_answered_is_there_after_the_whole_server_was_killed(tmp_path: Path) -> None:
    config = config_in(tmp_path, 'modparam("usrloc", "keep", "kept")')
    phones = Phones()
    for turn in range(3):
        server = started(tmp_path, config)
        try:
            assert phones.missing(server) == set(), server.log.read_text()
            before = len(phones.answered)
            phones.register(server, 400, 20.0)
            # Killed with registrations on their way.
            phones.register(server, 400, 0.1 + 0.1 * turn)
            assert len(phones.answered) > before
        finally:
            kill_all(server)
    server = started(tmp_path, config)
    try:
        assert phones.missing(server) == set() and not phones.refused
    finally:
        server.kill()


@pytest.mark.slow
def test_no_process_that_dies_takes_a_contact_with_it(tmp_path: Path) -> None:
    server = started(tmp_path, config_in(tmp_path, 'modparam("usrloc", "keep", "kept")'))
    phones = Phones()
    try:
        for victim in sorted(server.processes() - {server.process.pid}):
            phones.register(server, 200, 0.2)
            os.kill(victim, signal.SIGKILL)
            phones.register(server, 50, 5.0)
            assert eventually(lambda: victim not in server.processes(), 20.0)
        phones.register(server, 200, 20.0)
        assert phones.missing(server) == set() and len(phones.answered) > 200
        kill_all(server)
        server = started(tmp_path, tmp_path / "ser.cfg")
        assert phones.missing(server) == set()
    finally:
        server.kill()


@pytest.mark.slow
def test_a_second_server_on_the_folder_does_not_start(tmp_path: Path) -> None:
    config = config_in(tmp_path, 'modparam("usrloc", "keep", "kept")')
    server = started(tmp_path, config)
    other = tmp_path / "other"
    other.mkdir()
    try:
        second = Ser(other, config)
        assert second.process.wait(60.0) == 1
        assert f"is in use by another server (pid {server.process.pid})" in second.log.read_text()
    finally:
        server.kill()
