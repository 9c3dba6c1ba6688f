"""Timers of modules in a running server: once per server in a process of its own, or in each worker."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest
from patience import eventually

from server.conftest import StartServer, alive
from server.control_clients import Controlled

# A module whose timers send a datagram with their name and the process's number to PORT.
TIMER_ROUTES = """
from typing import Final
from runtime.routing.config import Config, Listen
from runtime.routing.context import Context
from runtime.routing.module import Module
from runtime.routing.program import Program
from runtime.routing.timer import Timer
from runtime.routing.world import World
from runtime.sip.address import Address
from runtime.sip.transport import Send

CONFIG: Final = Config({config})

class Ticking(Module):
    def __init__(self) -> None:
        super().__init__("ticking")
        self.keeps_state = {state}

    def start_worker(self, world: World) -> None:
        self.world = world

    def timers(self) -> list[Timer]:
        return [Timer("once", 50, self.once), Timer("each", 50, self.each, once_per_server=False)]

    def once(self, now_ms: int, sends: list[Send]) -> None:
        self.tell(b"once", sends)

    def each(self, now_ms: int, sends: list[Send]) -> None:
        self.tell(b"each", sends)

    def tell(self, name: bytes, sends: list[Send]) -> None:
        text = b"%s %d" % (name, self.world.pid)
        sends.append(Send(text, Address.parse("127.0.0.1", {port}), self.world.sockets.sockets[0]))

def route(ctx: Context) -> int:
    ctx.sends.append(Send(b"%d" % ctx.world.pid, ctx.source, ctx.socket, ctx.connection))
    return 1

PROGRAM: Final = Program(config=CONFIG, modules=(Ticking(),), request=route)
"""


class Ticks:
    """A port that timers send to."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(20)

    def next(self, name: str) -> int:
        """The process in which that timer ran next."""
        while True:
            text, pid = self.socket.recv(100).decode().split()
            if text == name:
                return int(pid)


@pytest.fixture(params=["True", "False"], ids=["stateful", "stateless"])
def ticks(request: pytest.FixtureRequest, start: StartServer, tmp_path: Path) -> tuple[Controlled, Ticks]:
    ticks = Ticks()
    routes = TIMER_ROUTES.replace("{state}", request.param)
    controlled = Controlled(start, tmp_path, routes=routes.replace("{port}", str(ticks.socket.getsockname()[1])))
    controlled.server.all_workers(5)
    return controlled, ticks


def test_the_timer_process_stands_behind_the_receivers(ticks: tuple[Controlled, Ticks]) -> None:
    controlled, _ = ticks
    assert [what.split(" child=")[0] for _, _, what in controlled.ps()][3:] == [
        "receiver",
        "receiver",
        "timer",
        "dns resolver",
    ]


def test_a_timer_once_per_server_runs_in_the_timer_process_alone(ticks: tuple[Controlled, Ticks]) -> None:
    controlled, port = ticks
    assert {port.next("once") for _ in range(5)} == {controlled.pid_of("timer")}


def test_a_timer_of_each_worker_runs_in_all_of_them(ticks: tuple[Controlled, Ticks]) -> None:
    controlled, port = ticks
    receivers = {int(pid) for _, pid, what in controlled.ps() if what.startswith("receiver")}
    seen: set[int] = set()

    def all_seen() -> bool:
        seen.add(port.next("each"))
        return seen == receivers

    assert eventually(all_seen)


def test_another_process_goes_on_when_the_timer_process_dies(ticks: tuple[Controlled, Ticks]) -> None:
    controlled, port = ticks
    killed = port.next("once")
    os.kill(killed, signal.SIGKILL)
    assert eventually(lambda: port.next("once") != killed)
    assert alive(controlled.pid_of("timer"))


def test_the_timer_process_tells_its_counts(ticks: tuple[Controlled, Ticks]) -> None:
    controlled, port = ticks
    port.next("once")
    os.kill(controlled.server.pid, signal.SIGUSR1)
    assert controlled.server.logs(f"timer (pid {controlled.pid_of('timer')}, 0 restarts): ")


def test_a_server_without_such_timers_has_no_timer_process(start: StartServer, tmp_path: Path) -> None:
    controlled = Controlled(start, tmp_path)
    controlled.server.all_workers(4)
    assert "timer" not in [what for _, _, what in controlled.ps()]


def test_a_single_process_has_a_timer_process_too(start: StartServer, tmp_path: Path) -> None:
    port = Ticks()
    routes = TIMER_ROUTES.replace("{state}", "True").replace("{port}", str(port.socket.getsockname()[1]))
    controlled = Controlled(start, tmp_path, config="fork=False", routes=routes)
    assert port.next("once") == controlled.pid_of("timer")
    assert port.next("each") == controlled.server.pid
