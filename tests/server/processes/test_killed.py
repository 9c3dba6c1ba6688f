"""Processes that are killed under load: the others go on, another one takes the place, and nothing outlives the master."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from patience import eventually
from ports import free_port

from server.conftest import OPTIONS, STATEFUL_ROUTES, Server, StartServer, alive
from server.control_clients import Controlled

# A client repeats its request so often, as SIP's timers do, before it is lost.
ATTEMPTS: Final = 8
PATIENCE_S: Final = 0.25


class Client(threading.Thread):
    """Asks without a pause until it is told to stop; `lost` are requests that nobody has answered, `answered` the others."""

    def __init__(self, kind: str, ask: Callable[[int], bool]) -> None:
        super().__init__()
        self.kind = kind
        self.answered = 0
        self.lost = 0
        self._ask = ask
        self._over = False

    def run(self) -> None:
        while not self._over:
            if any(self._ask(self.answered) for _ in range(ATTEMPTS)):
                self.answered += 1
            else:
                self.lost += 1

    def stop(self) -> None:
        self._over = True
        self.join()


def by_udp(port: int) -> Callable[[int], bool]:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(PATIENCE_S)

    def ask(number: int) -> bool:
        s.sendto(
            OPTIONS.replace(b"call-1", b"udp-%d" % number).replace(b"1 OPT", b"%d OPT" % number), ("127.0.0.1", port)
        )
        try:
            # A late answer may be that to an earlier repetition.
            while int(s.recv(100).split()[2]) != number:
                pass
        except TimeoutError:
            return False
        return True

    return ask


def by_tcp(port: int, host: str) -> Callable[[int], bool]:
    """Over one connection until that breaks."""
    request = OPTIONS.replace(b"UDP", b"TCP").replace(b"\r\n\r\n", b"\r\nContent-Length: 0\r\n\r\n")
    own: socket.socket | None = None

    def ask(number: int) -> bool:
        nonlocal own
        try:
            if own is None:
                own = socket.create_connection(("127.0.0.1", port), PATIENCE_S, source_address=(host, 0))
            own.sendall(request.replace(b"call-1", f"tcp-{host}-{number}".encode()))
            if own.recv(100):
                return True
        except OSError:
            pass
        if own is not None:
            own.close()
            own = None
        return False

    return ask


class Load:
    """Clients of every kind."""

    def __init__(self, controlled: Controlled, tcp_port: int) -> None:
        port = controlled.server.port
        self.clients = [Client(f"udp {i}", by_udp(port)) for i in range(2)]
        # The host decides which of the TCP processes has the connection.
        self.clients += [
            Client(f"tcp {host}", by_tcp(tcp_port, host)) for host in ("127.0.0.1", "127.0.0.2", "127.0.0.3")
        ]
        self.clients.append(
            Client("fifo", lambda n: controlled.ask("print", str(n), within=PATIENCE_S) == f"200 ok\n{n}\n")
        )
        self.clients.append(
            Client("socket", lambda n: controlled.ask_socket(f":print:\n{n}\n\n", PATIENCE_S) == f"200 OK\n{n}\n")
        )

    def __enter__(self) -> Load:
        for client in self.clients:
            client.start()
        return self

    def __exit__(self, *_: object) -> None:
        for client in self.clients:
            client.stop()

    def goes_on(self) -> bool:
        """Whether each client has some more answers soon."""
        before = [client.answered for client in self.clients]
        return eventually(lambda: all(c.answered > b + 2 for c, b in zip(self.clients, before)), 30)


def test_each_kind_of_process_can_be_killed_under_load(start: StartServer, tmp_path: Path) -> None:
    tcp_port = free_port()
    arguments = ("-l", f"tcp:127.0.0.1:{tcp_port}", "-N", "2")
    controlled = Controlled(start, tmp_path, *arguments, routes=STATEFUL_ROUTES)
    # The last ones have no pid before.
    assert eventually(lambda: "processes serve" in controlled.server.log.read_text())
    kinds = {what.partition(" child=")[0]: what for _, _, what in controlled.ps() if what != "attendant"}
    assert {"receiver", "tcp receiver", "tcp main process", "fifo server", "unix domain socket server"} <= set(kinds)
    with Load(controlled, tcp_port) as load:
        assert load.goes_on()
        for kind, what in kinds.items():
            before = controlled.ps()
            victim = controlled.pid_of(what)
            os.kill(victim, signal.SIGKILL)
            assert load.goes_on(), kind
            assert eventually(lambda: controlled.pid_of(what) not in (0, victim)), kind
            after = controlled.ps()
            assert [a for a, b in zip(after, before) if a != b] == [
                [i, p, w] for i, p, w in after if p == str(controlled.pid_of(what))
            ]
            assert alive(controlled.pid_of(what))
        assert load.goes_on()
    assert {client.kind: client.lost for client in load.clients if client.lost} == {}
    log = controlled.server.log
    assert eventually(lambda: log.read_text().count("was restarted") == len(kinds))
    assert log.read_text().count("was killed by signal 9") == len(kinds)
    assert controlled.server.stop() == 0
    assert os.listdir(controlled.folder) == []


def gone(server: Server, pids: set[int]) -> bool:
    """No process is left, and the port can be had."""
    if any(alive(pid) for pid in pids):
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", server.port))
    return True


@pytest.mark.parametrize("config", ["", "fork=False"])
def test_nothing_outlives_the_master(start: StartServer, tmp_path: Path, config: str) -> None:
    """And what it leaves behind does not hinder the next start."""
    tcp_port = free_port()
    arguments = ("-l", f"tcp:127.0.0.1:{tcp_port}", "-N", "2", "-P", str(tmp_path / "pid"))
    controlled = Controlled(start, tmp_path, *arguments, config=config, routes=STATEFUL_ROUTES)
    server = controlled.server
    ask = by_udp(server.port)
    assert eventually(lambda: ask(1))
    pids = server.workers()
    assert (tmp_path / "pid").read_text() == f"{server.pid}\n"
    client = Client("udp", ask)
    client.start()
    server.process.kill()
    assert eventually(lambda: gone(server, pids))
    client.stop()
    assert sorted(os.listdir(controlled.folder)) == ["fifo", "socket"]
    files = f"fifo='{controlled.fifo}', fifo_dir='{controlled.folder}/', unix_sock='{controlled.socket}'"
    bare = ("-DEd", "-l", f"udp:127.0.0.1:{server.port}", "-n", "2")
    again = start(*bare, *arguments, config=", ".join(filter(None, [files, config])), bare=True, routes=STATEFUL_ROUTES)
    assert eventually(lambda: ask(2))
    assert controlled.ask("version").startswith("200 ok")
    assert controlled.ask_socket(":version:\n\n").startswith("200 OK")
    assert again.stop() == 0
    assert os.listdir(controlled.folder) == [] and not (tmp_path / "pid").exists()
