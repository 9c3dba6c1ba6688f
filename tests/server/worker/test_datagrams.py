"""Reading and writing datagrams: both implementations keep the same promises."""

from __future__ import annotations

import errno
import os
import signal
import socket
import struct
import time
from collections.abc import Iterator

import pytest
from patience import eventually

from runtime.server.worker.udp.datagrams import FOREVER, DatagramIO
from runtime.sip.address import UDP, Address
from runtime.sip.transport import ListenSocket, Send
from server.conftest import MakeIO


def bound(host: str) -> socket.socket:
    s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((host, 0))
    s.settimeout(20)
    return s


def address_of(s: socket.socket) -> Address:
    host, port = s.getsockname()[:2]
    return Address.parse(host, port)


class Pair:
    """A server's socket with its reader and writer, and a client."""

    def __init__(self, make_io: MakeIO, host: str) -> None:
        self.server = bound(host)
        self.server.settimeout(None)
        self.client = bound(host)
        self.io: DatagramIO = make_io(self.server, [self.server])
        self.listener = ListenSocket(0, UDP, host.encode(), address_of(self.server))

    def say(self, data: bytes) -> None:
        self.client.sendto(data, self.server.getsockname())

    def reply(self, data: bytes, to: Address | None = None) -> Send:
        return Send(data, to or address_of(self.client), self.listener)


@pytest.fixture(params=["127.0.0.1", "::1"])
def pair(request: pytest.FixtureRequest, make_io: MakeIO) -> Iterator[Pair]:
    try:
        made = Pair(make_io, request.param)
    except OSError:
        pytest.skip(f"no {request.param} here")
    yield made
    made.server.close()
    made.client.close()


def read(io: DatagramIO, number: int) -> list[bytes]:
    """The next `number` datagrams."""
    got: list[bytes] = []
    while len(got) < number:
        count = io.receive(FOREVER)
        got += io.data[:count]
    return got


def test_a_datagram_comes_with_its_sender(pair: Pair) -> None:
    pair.say(b"hello")
    assert pair.io.receive(FOREVER) == 1
    assert pair.io.data[0] == b"hello"
    assert pair.io.sources[0] == address_of(pair.client)


def test_a_known_sender_is_the_same_object(pair: Pair) -> None:
    pair.say(b"1")
    pair.io.receive(FOREVER)
    first = pair.io.sources[0]
    pair.say(b"2")
    pair.io.receive(FOREVER)
    assert pair.io.sources[0] is first


def test_many_waiting_datagrams_come_in_order(pair: Pair) -> None:
    sent = [b"%d" % i for i in range(100)]
    for data in sent:
        pair.say(data)
    assert read(pair.io, 100) == sent


@pytest.mark.parametrize("size", [0, 1, 1472, 65507])
def test_every_size_survives_both_ways(pair: Pair, size: int) -> None:
    data = os.urandom(size)
    pair.say(data)
    pair.io.receive(FOREVER)
    assert pair.io.data[0] == data
    pair.io.send([pair.reply(data)])
    assert pair.client.recv(65536) == data
    assert not pair.io.failures


def test_a_batch_larger_than_the_structures_goes_out_in_order(pair: Pair) -> None:
    sends = [b"%d" % i for i in range(75)]
    pair.io.send([pair.reply(data) for data in sends])
    assert [pair.client.recv(100) for _ in sends] == sends


def test_large_datagrams_share_no_memory(pair: Pair) -> None:
    sends = [bytes([i]) * 60000 for i in range(3)]
    for _ in range(3):
        pair.io.send([pair.reply(data) for data in sends])
        assert [pair.client.recv(65536) for _ in sends] == sends


def test_a_datagram_that_cannot_go_does_not_hold_up_the_others(pair: Pair) -> None:
    too_long = pair.reply(bytes(65536 + 100))
    no_port = pair.reply(b"x", Address(pair.listener.address.ip, 0, pair.listener.address.text))
    pair.io.send([pair.reply(b"1"), too_long, pair.reply(b"2"), no_port, pair.reply(b"3")])
    assert [pair.client.recv(100) for _ in range(3)] == [b"1", b"2", b"3"]
    assert sorted((f.send.data[:1], f.error) for f in pair.io.failures) == [
        (b"\0", errno.EMSGSIZE),
        (b"x", errno.EINVAL),
    ]


def test_failures_are_those_of_the_last_batch(pair: Pair) -> None:
    pair.io.send([pair.reply(bytes(65536))])
    assert [f.error for f in pair.io.failures] == [errno.EMSGSIZE]
    pair.io.send([pair.reply(b"1")])
    assert not pair.io.failures


def test_the_other_address_family_is_an_error_of_that_datagram(make_io: MakeIO) -> None:
    pair = Pair(make_io, "127.0.0.1")
    pair.io.send([pair.reply(b"x", Address.parse("::1", 5060)), pair.reply(b"1")])
    assert [f.error for f in pair.io.failures] == [errno.EAFNOSUPPORT]
    assert pair.client.recv(100) == b"1"


def test_destinations_of_a_batch_may_differ_and_change_places(pair: Pair) -> None:
    others = [bound(pair.client.getsockname()[0]) for _ in range(3)]
    for _ in range(2):
        others.reverse()
        pair.io.send([pair.reply(b"%d" % i, address_of(s)) for i, s in enumerate(others)])
        assert [s.recv(100) for s in others] == [b"0", b"1", b"2"]


def test_a_send_leaves_by_the_socket_that_it_names(make_io: MakeIO) -> None:
    first, second, client = bound("127.0.0.1"), bound("127.0.0.1"), bound("127.0.0.1")
    io = make_io(first, [first, second])
    listeners = [ListenSocket(i, UDP, b"127.0.0.1", address_of(s)) for i, s in enumerate((first, second))]
    io.send([Send(b"%d" % i, address_of(client), listeners[i]) for i in (0, 1, 1, 0)])
    got = {client.recvfrom(100) for _ in range(4)}
    assert got == {(b"0", first.getsockname()), (b"1", second.getsockname())}


def test_nobody_there_stops_neither_reading_nor_writing(pair: Pair) -> None:
    gone = bound(pair.client.getsockname()[0])
    nowhere = address_of(gone)
    gone.close()
    for i in range(5):
        pair.io.send([pair.reply(b"x", nowhere), pair.reply(b"%d" % i)])
        assert pair.client.recv(100) == b"%d" % i
        pair.say(b"still there?")
        assert read(pair.io, 1) == [b"still there?"]


def test_a_refusal_reported_by_the_kernel_is_survived(make_io: MakeIO) -> None:
    pair = Pair(make_io, "127.0.0.1")
    ip_recverr = 11  # Linux: report ICMP errors on a socket that is not connected
    pair.server.setsockopt(socket.IPPROTO_IP, ip_recverr, 1)
    gone = bound("127.0.0.1")
    nowhere = address_of(gone)
    gone.close()
    pair.io.send([pair.reply(b"x", nowhere)])
    pair.io.send([pair.reply(b"1"), pair.reply(b"2")])
    assert [pair.client.recv(100) for _ in range(2)] == [b"1", b"2"]
    pair.io.send([pair.reply(b"x", nowhere)])
    pair.say(b"hello")
    assert read(pair.io, 1) == [b"hello"]


def test_a_read_can_have_a_limit_and_lose_it_again(pair: Pair) -> None:
    began = time.monotonic()
    assert pair.io.receive(30) == 0
    assert 0.02 < time.monotonic() - began < 20
    pair.say(b"late")
    assert pair.io.receive(FOREVER) == 1
    assert pair.io.data[0] == b"late"


def test_a_shorter_limit_counts_at_once(pair: Pair) -> None:
    pair.say(b"1")
    assert pair.io.receive(60_000) == 1
    began = time.monotonic()
    assert pair.io.receive(20) == 0
    assert time.monotonic() - began < 20


def test_a_longer_limit_counts_at_least_after_an_idle_read(pair: Pair) -> None:
    assert pair.io.receive(5) == 0
    began = time.monotonic()
    assert pair.io.receive(60) == 0
    assert time.monotonic() - began > 0.05


def test_a_signal_ends_no_read_with_an_error(pair: Pair) -> None:
    seen: list[int] = []

    def handler(number: int, frame: object) -> None:
        seen.append(number)
        pair.say(b"after")

    before = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        # The read may return 0 for the signal or go on by itself; the handler's datagram arrives in either case.
        assert pair.io.receive(1000) == 1 or pair.io.receive(1000) == 1
    finally:
        signal.signal(signal.SIGALRM, before)
    assert seen == [signal.SIGALRM]
    assert pair.io.data[0] == b"after"


SO_TIMESTAMPNS = 35


@pytest.fixture
def stamped() -> Iterator[None]:
    """The kernel stamps what arrives: it begins a moment after somebody has asked for it, if nobody had before."""
    with bound("127.0.0.1") as s:
        s.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)

        def is_stamped() -> bool:
            s.sendto(b"x", s.getsockname())
            before_ns = time.time_ns() + 1_000_000
            while time.time_ns() < before_ns:
                continue
            ((_, _, stamp),) = s.recvmsg(100, 100)[1]
            seconds, ns = struct.unpack("qq", stamp)
            return bool(seconds * 1_000_000_000 + ns < before_ns)

        assert eventually(is_stamped)
        yield


@pytest.mark.usefixtures("stamped")
def test_the_age_of_the_oldest_datagram_is_known_where_a_queue_is_left(pair: Pair) -> None:
    pair.io.measure_age()
    began_ns = time.monotonic_ns()
    for i in range(200):
        pair.say(b"%d" % i * 100)
    while time.monotonic_ns() < began_ns + 20_000_000:
        pair.say(b"more")
    assert pair.io.receive(FOREVER) >= 1
    assert 19 <= pair.io.age_ms <= (time.monotonic_ns() - began_ns) // 1_000_000 + 1
    assert pair.io.filled_percent > 0


def test_a_queue_that_was_emptied_has_no_age(pair: Pair) -> None:
    pair.io.measure_age()
    pair.say(b"x")
    assert pair.io.receive(FOREVER) == 1
    assert (pair.io.age_ms, pair.io.filled_percent) in ((0, 0), (pair.io.age_ms, 0))
    assert pair.io.receive_now() == 0
    assert (pair.io.age_ms, pair.io.filled_percent) == (0, 0)


def test_a_few_datagrams_are_no_queue_however_old(pair: Pair) -> None:
    """A phone that repeats its request while a busy machine lets the server wait is no overload."""
    pair.io.measure_age()
    for i in range(20):
        pair.say(b"%d" % i)
    began_ns = time.monotonic_ns()
    while time.monotonic_ns() < began_ns + 30_000_000:
        pass
    assert pair.io.receive(FOREVER) >= 1
    assert (pair.io.age_ms, pair.io.filled_percent) == (0, 0)
