"""Waiting for datagrams and other things, and reading the datagrams that have come: in one call in the native build."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from types import ModuleType

import pytest

from runtime.server.host.batch import BATCH
from runtime.server.worker.udp.datagrams import BatchIO, DatagramIO, PlainIO
from runtime.server.worker.waiting import NativeWaiter, PlainWaiter, Waiter
from server.worker.test_datagrams import address_of, bound

UDP_READY = 1
OTHER_READY = 2


class Desk:
    """A socket with datagrams, something else that is waited for, and two clients."""

    def __init__(self, mmsg: ModuleType | None, host: str) -> None:
        self.server = bound(host)
        self.server.settimeout(None)
        self.clients = [bound(host), bound(host)]
        self.near, self.far = socket.socketpair()
        fds = [self.server.fileno(), self.near.fileno(), -1, -1]
        self.waiter: Waiter = PlainWaiter(fds) if mmsg is None else NativeWaiter(fds, mmsg)
        self.io: DatagramIO = self.new_io(mmsg)

    def new_io(self, mmsg: ModuleType | None) -> DatagramIO:
        return PlainIO(self.server, [self.server]) if mmsg is None else BatchIO(self.server, [self.server], mmsg)

    def say(self, number: int, data: bytes) -> None:
        self.clients[number].sendto(data, self.server.getsockname())

    def read(self, timeout_ms: int = 1000) -> tuple[int, list[tuple[int, bytes]]]:
        """What is ready, and the datagrams with the numbers of their clients."""
        ready = self.waiter.wait_and_read(self.io, timeout_ms)
        names = [address_of(client) for client in self.clients]
        places = range(self.waiter.came)
        return int(ready), [(names.index(self.io.sources[i]), self.io.data[i]) for i in places]

    def close(self) -> None:
        for one in (self.server, *self.clients, self.near, self.far):
            one.close()


@pytest.fixture(params=["plain", "native"])
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    made = Desk(None if request.param == "plain" else request.getfixturevalue("mmsg"), "127.0.0.1")
    yield made
    made.close()


def test_it_tells_what_is_ready_and_reads_the_datagrams(desk: Desk) -> None:
    assert desk.read(0) == (0, [])
    desk.far.send(b"x")
    assert desk.read() == (OTHER_READY, [])
    desk.say(0, b"one")
    assert desk.read() == (UDP_READY | OTHER_READY, [(0, b"one")])
    desk.near.recv(10)
    assert desk.read(0) == (0, [])


def test_each_datagram_has_its_own_sender_whoever_was_in_its_place_before(desk: Desk) -> None:
    for number, text in ((0, b"a"), (0, b"bb"), (1, b""), (1, b"c" * 9000), (0, b"d")):
        desk.say(number, text)
        assert desk.read() == (UDP_READY, [(number, text)])


def test_many_are_read_in_their_order(desk: Desk) -> None:
    sent = [(number % 3 // 2, b"%d" % number * number) for number in range(2 * BATCH)]
    for number, text in sent:
        desk.say(number, text)
    came: list[tuple[int, bytes]] = []
    while len(came) < len(sent):
        ready, more = desk.read()
        assert ready == UDP_READY
        came += more
    assert came == sent


def test_a_read_by_itself_between_confuses_nobody(desk: Desk) -> None:
    desk.say(0, b"a")
    assert desk.read() == (UDP_READY, [(0, b"a")])
    desk.say(1, b"b")
    assert desk.io.receive(1000) == 1 and desk.io.sources[0] == address_of(desk.clients[1])
    desk.say(1, b"c")
    assert desk.read() == (UDP_READY, [(1, b"c")])


def test_an_error_that_somebody_else_has_earned_is_no_datagram(desk: Desk) -> None:
    gone = bound("127.0.0.1")
    name = gone.getsockname()
    gone.close()
    desk.server.connect(name)
    desk.server.send(b"x")
    assert desk.read() == (UDP_READY, [])


def test_senders_over_ipv6_are_told_apart(mmsg: ModuleType) -> None:
    try:
        desk = Desk(mmsg, "::1")
    except OSError:
        pytest.skip("no ::1 here")
    for number in (0, 0, 1, 0, 1, 1):
        desk.say(number, b"x")
        assert desk.read() == (UDP_READY, [(number, b"x")])
    desk.close()


@pytest.mark.parametrize("build", ["plain", "native"])
def test_what_has_no_datagrams_is_waited_for_alone(build: str, request: pytest.FixtureRequest) -> None:
    near, far = socket.socketpair()
    fds = [-1, near.fileno(), -1, -1]
    server = bound("127.0.0.1")
    if build == "plain":
        waiter: Waiter = PlainWaiter(fds)
        io: DatagramIO = PlainIO(server, [server])
    else:
        mmsg = request.getfixturevalue("mmsg")
        waiter, io = NativeWaiter(fds, mmsg), BatchIO(server, [server], mmsg)
    server.sendto(b"nobody reads it", server.getsockname())
    far.send(b"x")
    assert waiter.wait_and_read(io, 1000) == OTHER_READY and waiter.came == 0
    for one in (near, far, server):
        one.close()
