"""The receive loop with the real engine, over both ways of reading datagrams."""

from __future__ import annotations

import gc
import socket
from collections.abc import Iterator

import pytest
from engine import Lines

from runtime.routing.config import Config
from runtime.routing.context import Context
from runtime.routing.engine import Engine
from runtime.routing.module import Module
from runtime.routing.ports import Resolver
from runtime.routing.program import Program
from runtime.routing.sockets import SocketTable
from runtime.server.worker.collecting import MESSAGES
from runtime.server.worker.loop import Worker
from runtime.sip.address import UDP, Address
from runtime.sip.transport import ListenSocket, Send
from server.conftest import OPTIONS, MakeIO


class Nervous(Module):
    """A module with a bug outside of any route."""

    def __init__(self) -> None:
        super().__init__("nervous")
        self.filters_requests = True

    def on_request(self, ctx: Context) -> bool:
        if b"BOO" in ctx.message.buf:
            raise RuntimeError("who is there?")
        return True


def route(ctx: Context) -> int:
    """An answer, and before it one that cannot go anywhere."""
    if b"nowhere" in ctx.message.buf:
        ctx.sends.append(Send(b"x", Address.parse("127.0.0.1", 0), ctx.socket))
    ctx.sends.append(Send(ctx.message.buf, ctx.source, ctx.socket))
    return 1


class Site:
    def __init__(self, make_io: MakeIO) -> None:
        self.server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.server.bind(("127.0.0.1", 0))
        self.client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.client.bind(("127.0.0.1", 0))
        self.client.settimeout(20)
        listener = ListenSocket(0, UDP, b"127.0.0.1", Address.parse("127.0.0.1", self.server.getsockname()[1]))
        self.log = Lines(2)
        config = Config()
        program = Program(config=config, modules=(Nervous(),), request=route)
        engine = Engine(program, config, SocketTable([listener], []), self.log, Resolver())
        engine.bind()
        self.engine = engine
        self.worker = Worker(engine, make_io(self.server, [self.server]), listener, self.log)

    def say(self, data: bytes) -> None:
        self.client.sendto(data, self.server.getsockname())

    def serve(self, number: int) -> None:
        """Until so many datagrams have been received in all."""
        while self.worker.received < number:
            assert self.worker.step(2000)


@pytest.fixture
def site(make_io: MakeIO) -> Iterator[Site]:
    made = Site(make_io)
    yield made
    made.server.close()
    made.client.close()


def test_every_request_is_answered_in_order(site: Site) -> None:
    requests = [OPTIONS.replace(b"call-1", b"call-%d" % i) for i in range(70)]
    for data in requests:
        site.say(data)
    site.serve(70)
    assert [site.client.recv(65536) for _ in requests] == requests
    assert (site.worker.received, site.worker.outgoing.sent, site.worker.outgoing.failed) == (70, 70, 0)


def test_what_messages_leave_is_looked_at_every_hundred_of_them(site: Site) -> None:
    """Also where as much goes as comes, so that Python's own count never grows: see MESSAGES."""
    looks: list[int] = []

    def look(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            looks.append(info["generation"])

    thresholds = gc.get_threshold()
    gc.set_threshold(0)
    gc.callbacks.append(look)
    try:
        for number in range(1, 2 * MESSAGES + 1):
            site.say(OPTIONS)
            site.serve(number)
    finally:
        gc.callbacks.remove(look)
        gc.set_threshold(*thresholds)
    assert looks == [0, 0]


def test_a_quiet_line_gives_the_loop_a_chance_to_end(site: Site) -> None:
    asked: list[int] = []

    def goes_on() -> bool:
        asked.append(1)
        return len(asked) < 3

    site.worker.run(goes_on, 5)
    assert len(asked) == 3


def test_failed_sends_are_counted_and_logged_once_a_second(site: Site) -> None:
    for _ in range(10):
        site.say(OPTIONS.replace(b"call-1", b"nowhere"))
    site.serve(10)
    assert (site.worker.outgoing.sent, site.worker.outgoing.failed) == (10, 10)
    assert len(site.log.lines) == 1
    assert site.log.lines[0].startswith("ERROR: cannot send 1 bytes to 127.0.0.1:0: Invalid argument")


def test_a_bug_in_a_module_costs_one_message(site: Site) -> None:
    site.say(OPTIONS.replace(b"call-1", b"BOO"))
    site.say(OPTIONS)
    site.serve(2)
    assert site.client.recv(65536) == OPTIONS
    assert site.engine.world.bugs.count == 1
    assert "RuntimeError: who is there?" in site.log.lines[0]
