"""Processes and databases that die amid registrations, up to a thousand a second: no 200 lies, and others are served on."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest
from acceptance.conftest import Ser
from acceptance.test_kept_registrations import Phones, config_in, kill_all, missing_of, started
from patience import eventually

from storage.servers import DatabaseServer
from storage.test_registrations import RECOVERY_S, config, made, users

# So many REGISTERs in so long; where the server cannot take as many, it gets as many as it answers.
NUMBER = 50
EVERY_S = 0.05


class Stream:
    """Registrations without an end, in a thread of their own. `answered` may be looked at meanwhile."""

    def __init__(self, server: Ser) -> None:
        self.phones = Phones()
        self._server = server
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        next_s = time.monotonic()
        while not self._ends.wait(max(0.0, next_s - time.monotonic())):
            next_s = max(next_s, time.monotonic() - EVERY_S) + EVERY_S
            self.phones.register(self._server, NUMBER, 1.0)

    def answered(self) -> int:
        return len(self.phones.answered)

    def goes_on(self, within_s: float = 20.0) -> bool:
        """Whether others than until now are answered within that time."""
        before = self.answered()
        return eventually(lambda: self.answered() > before, within_s)

    def end(self) -> None:
        self._ends.set()
        self._thread.join()


def has_gone(server: Ser, pid: int) -> bool:
    return eventually(lambda: pid not in server.processes())


def place(kind: str, folder: Path, request: pytest.FixtureRequest) -> tuple[Path, str]:
    """ser.cfg of a server whose contacts last, and the URL of its database, if it has one."""
    if kind == "keep":
        return config_in(folder, 'modparam("usrloc", "keep", "kept")'), ""
    if kind in ("sqlite", "dbtext"):
        url = f"{kind}://{folder}/database"
    else:
        database = request.getfixturevalue(kind)
        assert isinstance(database, DatabaseServer)
        url = database.url("amid")
    return config(folder, made(url), 1), url


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["keep", "sqlite", "dbtext", "postgres", "mariadb"])
def test_every_process_and_then_the_whole_server_is_killed(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    file, url = place(kind, tmp_path, request)
    server = started(tmp_path, file)
    try:
        stream = Stream(server)
        try:
            for victim in sorted(server.processes() - {server.process.pid}):
                assert stream.goes_on(), server.log.read_text()
                os.kill(victim, signal.SIGKILL)
                assert has_gone(server, victim)
            assert stream.goes_on(), server.log.read_text()
            kill_all(server)
        finally:
            stream.end()
        assert not url or stream.phones.answered <= users(url)
        server = started(tmp_path, file)
        assert stream.phones.missing(server) == set(), server.log.read_text()
    finally:
        server.kill()


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("kind", ["postgres", "mariadb"])
def test_the_database_ends_and_comes_back(
    kind: str, end: signal.Signals, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """In good order, and at once."""
    file, url = place(kind, tmp_path, request)
    database = request.getfixturevalue(kind)
    assert isinstance(database, DatabaseServer)
    server = started(tmp_path, file)
    try:
        stream = Stream(server)
        try:
            assert stream.goes_on(), server.log.read_text()
            known = set(list(stream.phones.answered)[:50])
            database.stop(end)
            assert eventually(lambda: len(stream.phones.refused) > 0, 20.0), server.log.read_text()
            # Calls to those who are known go on meanwhile.
            assert missing_of(server, known) == set(), server.log.read_text()
            database.start()
            assert stream.goes_on(RECOVERY_S), server.log.read_text()
        finally:
            stream.end()
            if database.process is None:
                database.start()
        assert stream.phones.answered <= users(url)
        assert stream.phones.missing(server) == set(), server.log.read_text()
    finally:
        server.kill()
