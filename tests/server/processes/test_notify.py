"""What a service manager hears: sd_notify(3)."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from patience import eventually

from server.conftest import STATEFUL_ROUTES, Server, StartServer, needs_root


class Manager:
    """The socket of a service manager."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + name[1:] if name.startswith("@") else name)

    def hears(self, within: float = 20.0) -> list[str]:
        """The lines of the next datagram; nothing if none comes."""
        self._socket.settimeout(within)
        try:
            return self._socket.recv(4096).decode().split("\n")
        except TimeoutError:
            return []

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    name = str(tmp_path / "notify") if request.param == "path" else f"@ser-test-{os.getpid()}"
    manager = Manager(name)
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    yield manager
    manager.close()


def ready(server: Server, manager: Manager) -> None:
    first = manager.hears()
    assert first[:2] == ["READY=1", f"MAINPID={server.pid}"], server.log.read_text()
    assert re.fullmatch(r"STATUS=\d+ processes beside the master serve", first[2])


@pytest.mark.parametrize("config", ["", "fork=False"])
def test_ready_and_stopping_are_told(start: StartServer, manager: Manager, config: str) -> None:
    server = start(config=config)
    ready(server, manager)
    os.kill(server.pid, signal.SIGTERM)
    assert manager.hears() == ["STOPPING=1"]
    assert server.wait() == 0
    assert manager.hears(0.1) == []


def test_stopping_is_told_when_the_draining_begins(start: StartServer, manager: Manager) -> None:
    server = start(routes=STATEFUL_ROUTES)
    ready(server, manager)
    os.kill(server.pid, signal.SIGTERM)
    assert manager.hears() == ["STOPPING=1"]
    assert server.wait() == 0


def test_a_start_that_fails_is_not_ready(start: StartServer, manager: Manager) -> None:
    assert start("-w", "/nonexistent").wait() == 1
    assert manager.hears(0.1) == []


@needs_root
def test_the_manager_is_reached_out_of_another_root(start: StartServer, manager: Manager, tmp_path: Path) -> None:
    (tmp_path / "jail").mkdir()
    ready(start("-t", str(tmp_path / "jail"), "-u", "nobody"), manager)


def test_only_the_master_has_the_socket(start: StartServer, manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    with_manager = start()
    ready(with_manager, manager)
    monkeypatch.delenv("NOTIFY_SOCKET")
    without = start()
    without.all_workers(2)
    assert sockets(with_manager.pid) == sockets(without.pid) + 1
    assert {sockets(pid) for pid in with_manager.workers()} == {sockets(pid) for pid in without.workers()}


def sockets(pid: int) -> int:
    """How many the process has open."""
    return sum(os.readlink(fd).startswith("socket:") for fd in Path(f"/proc/{pid}/fd").iterdir())


@pytest.mark.parametrize("config", ["", "fork=False"])
def test_signs_of_life_come_while_all_processes_answer(
    start: StartServer, manager: Manager, config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "400000")
    server = start(config=config)
    ready(server, manager)
    began = time.monotonic()
    assert [manager.hears() for _ in range(10)] == [["WATCHDOG=1"]] * 10
    if config == "":
        assert time.monotonic() - began > 0.7
        silent = min(server.workers())
        os.kill(silent, signal.SIGSTOP)
        while manager.hears(0.5):
            pass
        assert server.logs(f"(pid {silent}) does not answer")
        os.kill(silent, signal.SIGKILL)
        # Another one is there, and all is well again.
        assert eventually(lambda: manager.hears() == ["WATCHDOG=1"])


def test_who_is_not_watched_gives_no_signs(
    start: StartServer, manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "100000")
    monkeypatch.setenv("WATCHDOG_PID", "1")
    ready(start(), manager)
    assert manager.hears(0.3) == []


def test_a_manager_that_is_gone_is_no_reason_to_stop(start: StartServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/nonexistent/notify")
    server = start()
    server.ask()
    assert server.logs("WARNING: cannot reach the service manager at /nonexistent/notify: No such file or directory")
    assert server.stop() == 0


def test_systemd_takes_the_unit_file(tmp_path: Path) -> None:
    unit = Path(__file__).parents[3] / "contrib" / "ser.service"
    if not unit.exists() or shutil.which("systemd-analyze") is None:
        pytest.skip("no unit file beside the tests, or no systemd-analyze")
    copy = tmp_path / "ser.service"
    copy.write_text(unit.read_text().replace("/usr/bin/ser ", f"{sys.executable} "))
    done = subprocess.run(["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, timeout=30)
    assert (done.returncode, [line for line in done.stderr.splitlines() if "ser.service" in line]) == (0, [])
