"""Connections of one process over real sockets, with a clock that the test moves."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from engine import Lines
from patience import readable

from runtime.routing.sockets import SocketTable
from runtime.server.streams.acceptor import Acceptor, Doors
from runtime.server.streams.channels import CHANNELS, NewChannel
from runtime.server.streams.connection import QUEUE_MAX_BYTES, Connection
from runtime.server.streams.limits import IDLE_MS, Limits
from runtime.server.streams.streams import Streams
from runtime.sip.address import TCP, UDP, Address
from runtime.sip.transport import ListenSocket, Send
from server.conftest import OPTIONS

MESSAGE = OPTIONS.replace(b"\r\n\r\n", b"\r\nContent-Length: 0\r\n\r\n")


class Site:
    """One TCP process of one, and the process that accepts for it, both here. The clock begins at 1,000,000 ms."""

    def __init__(self, limits: Limits, channels: dict[int, NewChannel] = CHANNELS) -> None:
        self.listening = _listening()
        self.address = Address.parse("127.0.0.1", self.listening.getsockname()[1])
        self.listener = ListenSocket(1, TCP, b"127.0.0.1", self.address)
        table = SocketTable([ListenSocket(0, UDP, b"127.0.0.1", self.address), self.listener], [])
        self.log = Lines(2)
        self.doors = Doors(1)
        self.acceptor = Acceptor([(1, self.listening)], self.doors.outside, self.log)
        self.streams = Streams(0, 1, 1, self.doors.inside[0], table, limits, self.log, channels)
        self.now_ms = 1_000_000
        self.clients: list[socket.socket] = []

    def close(self) -> None:
        for s in [self.listening, *self.clients, *self.doors.inside, *self.doors.outside]:
            s.close()

    def address_of(self, far: socket.socket) -> Address:
        """Where somebody else listens."""
        return Address.parse("127.0.0.1", far.getsockname()[1])

    def client(self, host: str = "127.0.0.1") -> socket.socket:
        """Connected, accepted and taken in."""
        s = socket.create_connection(self.address.pair(), 5, source_address=(host, 0))
        self.clients.append(s)
        before = self.streams.connections() + self.streams.refused
        self.until(lambda: self.streams.connections() + self.streams.refused > before)
        return s

    def until(self, done: object) -> None:
        """Serve until `done()`; fails when that takes twenty seconds."""
        assert callable(done)
        end = time.monotonic() + 20
        while not done():
            assert time.monotonic() < end
            self.acceptor.step(0)
            readable([self.streams.fileno(), self.listening.fileno()], 0.01)
            self.streams.serve(self.now_ms)

    def pass_by(self, ms: int) -> None:
        """The clock moves on; what is due by then is done."""
        self.now_ms += ms
        if self.streams.next_timer_ms(self.now_ms) == 0:
            self.streams.look_over(self.now_ms)

    def messages(self, count: int) -> list[bytes]:
        self.until(lambda: len(self.streams.received) >= count)
        taken = [r.data for r in self.streams.received]
        self.streams.received.clear()
        return taken

    def send(self, data: bytes, to: Address, connection: int = 0, ticket: int = 0) -> None:
        self.streams.send(Send(data, to, self.listener, connection), 0, ticket, self.now_ms)

    def open(self) -> list[Connection]:
        return self.streams._connections.all()

    def connection(self, number: int) -> Connection:
        return next(c for c in self.open() if c.number == number)

    def failures(self) -> list[tuple[int, int]]:
        """(ticket, errno) of what could not be delivered."""
        failed = [(int(f.out.ticket), f.error) for f in self.streams.failed]
        self.streams.failed.clear()
        return failed


def _listening() -> socket.socket:
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.bind(("127.0.0.1", 0))
    s.listen(20)
    s.setblocking(False)
    return s


def address_of(s: socket.socket) -> Address:
    name = s.getsockname()
    return Address.parse(name[0], name[1])


def is_closed(s: socket.socket) -> bool:
    """Whether the server has ended the connection; waits a little for it."""
    s.settimeout(0.3)
    try:
        return s.recv(65536) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site(Limits(100, 10_000, 10_000, 100))
    yield made
    made.close()


def test_messages_come_with_their_connection(site: Site) -> None:
    one, two = site.client(), site.client()
    one.sendall(b"\r\n\r\n" + MESSAGE)
    two.sendall(MESSAGE)
    site.until(lambda: len(site.streams.received) == 2)
    by_number = {r.connection.number: r for r in site.streams.received}
    assert sorted(by_number) == [1, 2]
    assert by_number[1].data == MESSAGE and by_number[1].connection.peer == address_of(one)
    assert by_number[2].connection.listener is site.listener


def test_a_reply_takes_the_connection_that_it_names(site: Site) -> None:
    one, two = site.client(), site.client()
    site.send(b"reply", address_of(one), connection=2)
    assert two.recv(100) == b"reply"
    site.send(b"reply", address_of(one), connection=77)
    assert one.recv(100) == b"reply"
    assert site.failures() == []


def test_but_not_if_that_leads_to_another_host(site: Site) -> None:
    one, other = site.client(), site.client("127.0.0.2")
    site.send(b"reply", address_of(one), connection=2)
    assert one.recv(100) == b"reply"
    site.send(b"", address_of(one), connection=2)
    assert not is_closed(other)
    site.send(b"for you", address_of(other), connection=1)
    assert other.recv(100) == b"for you"
    assert not is_closed(one)


def test_a_destination_is_connected_to_once(site: Site) -> None:
    with _listening() as callee:
        for i in range(3):
            site.send(b"message %d" % i, address_of(callee))
        callee.settimeout(20)
        site.until(lambda: not site.streams._waiting)
        peer, name = callee.accept()
        site.clients.append(peer)
        peer.settimeout(20)
        assert peer.recv(100) == b"message 0message 1message 2"
        peer.sendall(MESSAGE)
        assert site.messages(1) == [MESSAGE]
        peer.close()
        site.until(lambda: not site.streams.leads_to(address_of(callee)))
        site.send(b"again", address_of(callee))
        callee.settimeout(20)
        peer, _ = callee.accept()
        site.clients.append(peer)


def test_what_nobody_listens_to_fails_with_its_ticket(site: Site) -> None:
    with _listening() as gone:
        nowhere = address_of(gone)
    site.send(b"a", nowhere, ticket=5)
    site.send(b"b", nowhere, ticket=6)
    site.until(lambda: len(site.streams.failed) == 2)
    assert sorted(site.failures()) == [(5, errno.ECONNREFUSED), (6, errno.ECONNREFUSED)]
    assert site.streams.connections() == 0


def test_a_host_that_does_not_answer_fails_in_time() -> None:
    site = Site(Limits(100, 3000, 10_000, 100))
    # A queue of one connection that nobody accepts: the kernel lets further ones wait.
    with socket.socket() as full, socket.socket() as filler, socket.socket() as another:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for s in (filler, another):
            s.setblocking(False)
            s.connect_ex(full.getsockname())
        site.send(b"a", address_of(full), ticket=5)
        site.until(lambda: True)
        site.pass_by(2900)
        assert site.failures() == []
        site.pass_by(300)
        assert site.failures() == [(5, errno.ETIMEDOUT)]
    site.close()


def test_a_peer_that_does_not_read_is_dropped_in_time(site: Site) -> None:
    slow, other = site.client(), site.client()
    data = bytes(65000)
    number = 0
    while site.connection(1).queued_bytes < QUEUE_MAX_BYTES // 2:
        number += 1
        site.send(data, address_of(slow), 1, number)
    waiting = site.connection(1).queued_bytes
    assert site.failures() == []
    site.send(b"quick", address_of(other), 2)
    assert other.recv(100) == b"quick"
    site.pass_by(9_900)
    assert site.streams.connections() == 2
    site.pass_by(400)
    assert site.streams.connections() == 1
    assert len(site.failures()) >= waiting // len(data)


def test_one_for_whom_too_much_waits_is_dropped_at_once(site: Site) -> None:
    slow, other = site.client(), site.client()
    data = bytes(65000)
    for ticket in range(1, 200):
        if site.streams.knows(1, address_of(slow)):
            site.send(data, address_of(slow), 1, ticket)
    failed = site.failures()
    assert site.streams.connections() == 1
    assert len(failed) >= QUEUE_MAX_BYTES // len(data) and {error for _, error in failed} == {errno.ENOBUFS}
    assert "does not read" in site.log.lines[0] and len(site.log.lines) == 1
    site.send(b"quick", address_of(other), 2)
    assert other.recv(100) == b"quick"


def test_one_host_cannot_take_all_connections() -> None:
    site = Site(Limits(10, 1000, 1000, 3))
    greedy = [site.client() for _ in range(8)]
    assert [is_closed(s) for s in greedy] == [False] * 3 + [True] * 5
    assert site.streams.refused == 5 and len(site.log.lines) == 1
    assert not is_closed(site.client("127.0.0.2"))
    greedy[0].close()
    site.until(lambda: site.streams.connections() == 3)
    assert not is_closed(site.client())
    assert is_closed(site.client())
    site.close()


def test_connections_of_ours_do_not_count_for_the_host_that_they_lead_to() -> None:
    site = Site(Limits(10, 1000, 1000, 1))
    with _listening() as far:
        site.send(b"x", site.address_of(far))
        site.until(lambda: site.streams.connections() == 1)
        assert not is_closed(site.client())
    site.close()


def test_connections_of_ours_leave_room_for_who_comes() -> None:
    site = Site(Limits(6, 1000, 1000, 6))
    with ExitStack() as stack:
        far = [site.address_of(stack.enter_context(_listening())) for _ in range(4)]
        for ticket, address in enumerate(far, 1):
            site.send(b"x", address, ticket=ticket)
        assert site.failures() == [(4, errno.EMFILE)]
        assert "3 connections were opened from here" in site.log.lines[0]
        assert not any(is_closed(site.client()) for _ in range(3))
        site.streams.close(next(c for c in site.open() if c.is_ours), 0)
        site.send(b"x", far[3], ticket=5)
        assert site.failures() == []
    site.close()


def test_so_many_are_opened_to_a_host_as_it_may_open() -> None:
    site = Site(Limits(10, 1000, 1000, 2))
    with ExitStack() as stack:
        far = [site.address_of(stack.enter_context(_listening())) for _ in range(3)]
        for ticket, address in enumerate(far, 1):
            site.send(b"x", address, ticket=ticket)
        assert site.failures() == [(3, errno.EMFILE)]
        assert "2 connections were opened to 127.0.0.1" in site.log.lines[0]
        site.send(b"x", Address.parse("127.0.0.2", 9), ticket=4)
        assert site.failures() == []
    site.close()


def test_who_may_not_connect_takes_a_connection_that_is_there(site: Site) -> None:
    with _listening() as far:
        address = site.address_of(far)
        unasked = Send(b"y", address, site.listener, 0, False)
        site.streams.send(unasked, 0, 1, site.now_ms)
        assert site.failures() == [(1, errno.ENOTCONN)] and site.streams.connections() == 0
        site.send(b"x", address, ticket=2)
        site.streams.send(unasked, 0, 3, site.now_ms)
        assert site.failures() == [] and site.streams.connections() == 1


def test_a_peer_that_reads_slowly_gets_everything(site: Site) -> None:
    slow = site.client()
    data = bytes(range(250)) * 250
    for _ in range(10):
        site.send(data, address_of(slow), 1)
    slow.settimeout(0.01)
    got = bytearray()
    while len(got) < 10 * len(data):
        site.pass_by(5000)
        try:
            got += slow.recv(65536)
        except TimeoutError:
            site.streams.serve(site.now_ms)
            continue
        site.streams.serve(site.now_ms)
    assert bytes(got) == data * 10
    assert site.failures() == []


def test_an_idle_connection_is_closed_after_two_minutes(site: Site) -> None:
    silent, talking, dribbling = site.client(), site.client(), site.client()
    for _ in range(11):
        site.pass_by(10_000)
        talking.sendall(b"\r\n\r\n")
        dribbling.sendall(b"x")
        site.until(lambda: not readable([site.streams.fileno()], 0.02))
    site.pass_by(IDLE_MS - 110_001)
    assert site.streams.connections() == 3
    site.pass_by(5_001)
    assert is_closed(silent) and is_closed(dribbling)
    assert not is_closed(talking)


def test_close_comes_after_what_was_sent_before(site: Site) -> None:
    client = site.client()
    site.send(bytes(65000) * 10, address_of(client), 1)
    site.send(b"", address_of(client), 1)
    client.settimeout(20)
    got = 0
    while chunk := client.recv(65536):
        got += len(chunk)
        site.streams.serve(site.now_ms)
    assert got == 650_000
    assert site.streams.connections() == 0


def test_a_client_that_has_said_its_last_word_gets_what_is_left(site: Site) -> None:
    client = site.client()
    site.send(bytes(65000) * 10, address_of(client), 1)
    client.shutdown(socket.SHUT_WR)
    client.settimeout(20)
    got = 0
    while chunk := client.recv(65536):
        got += len(chunk)
        site.streams.serve(site.now_ms)
    assert got == 650_000


def test_who_has_asked_and_said_his_last_word_gets_his_answers(site: Site) -> None:
    client = site.client()
    client.sendall(MESSAGE * 2)
    client.shutdown(socket.SHUT_WR)
    assert site.messages(2) == [MESSAGE] * 2
    site.until(lambda: site.connection(1).is_half_closed)
    site.pass_by(30_000)
    for reply in (b"SIP/2.0 100 Trying", b"SIP/2.0 200 OK", b"SIP/2.0 486 Busy"):
        assert site.streams.connections() == 1
        site.send(reply, address_of(client), 1)
        assert client.recv(100) == reply
    assert client.recv(100) == b""
    site.until(lambda: site.streams.connections() == 0)
    assert site.failures() == []


def test_who_never_gets_an_answer_is_let_go_as_one_who_says_nothing(site: Site) -> None:
    client = site.client()
    client.sendall(MESSAGE)
    client.shutdown(socket.SHUT_WR)
    site.messages(1)
    site.until(lambda: site.connection(1).is_half_closed)
    site.pass_by(IDLE_MS + 5001)
    assert site.streams.connections() == 0 and is_closed(client)


def test_who_is_gone_altogether_is_noticed_when_he_is_answered(site: Site) -> None:
    client = site.client()
    client.sendall(MESSAGE * 2)
    site.messages(2)
    client.close()
    site.until(lambda: site.connection(1).is_half_closed)
    name = site.connection(1).peer
    site.send(b"SIP/2.0 200 OK", name, 1)
    site.until(lambda: site.streams.connections() == 0)


@pytest.mark.parametrize(
    ("asked", "replies"), [(2, [b"SIP/2.0 180 Ringing"]), (1, [b"SIP/2.0 100 Trying", b"SIP/2.0 200 OK"])]
)
def test_who_is_gone_altogether_gets_his_answers_where_he_listens(site: Site, asked: int, replies: list[bytes]) -> None:
    client = site.client()
    far = _listening()
    site.clients.append(far)
    client.sendall(MESSAGE * asked)
    site.messages(asked)
    client.close()
    site.until(lambda: site.connection(1).is_half_closed)
    for reply in replies:
        site.send(reply, address_of(far), 1)
    site.until(lambda: readable([far], 0))
    taken, _ = far.accept()
    site.clients.append(taken)
    taken.settimeout(0)
    got = b""
    while len(got) < len(b"".join(replies)):
        site.until(lambda: readable([taken], 0))
        got += taken.recv(1000)
    assert got == b"".join(replies)
    assert site.failures() == [] and site.streams.connections() == 1


@pytest.mark.parametrize("last", [b"", b"ACK" + MESSAGE[7:], b"SIP/2.0 200 OK" + MESSAGE[MESSAGE.index(b"\r\n") :]])
def test_who_waits_for_nothing_is_let_go_at_once(site: Site, last: bytes) -> None:
    client = site.client()
    client.sendall(last)
    client.shutdown(socket.SHUT_WR)
    site.until(lambda: site.streams.connections() == 0)
    assert [r.data for r in site.streams.received] == ([last] if last else [])


def test_nonsense_ends_its_connection_behind_the_messages_before_it(site: Site) -> None:
    client = site.client()
    client.sendall(MESSAGE + OPTIONS)
    assert site.messages(2) == [MESSAGE, b""]
    assert "no Content-Length" in site.log.lines[0]


def test_over_the_limit_connections_are_refused() -> None:
    site = Site(Limits(2, 1000, 1000, 2))
    first, _second, third = site.client(), site.client(), site.client()
    assert is_closed(third) and site.streams.refused == 1
    site.send(b"x", Address.parse("127.0.0.1", 9), ticket=3)
    assert site.failures() == [(3, errno.EMFILE)]
    first.close()
    site.until(lambda: site.streams.connections() == 1)
    assert not is_closed(site.client())
    site.close()


def test_an_alias_leads_to_its_connection_until_that_ends(site: Site) -> None:
    client = site.client()
    with _listening() as behind:
        port = behind.getsockname()[1]
        assert site.streams.add_alias(1, address_of(client), port, site.now_ms)
        assert site.streams.add_alias(1, address_of(client), port, site.now_ms)
        site.send(b"request", address_of(behind))
        assert client.recv(100) == b"request"
        client.close()
        site.until(lambda: site.streams.connections() == 0)
        site.send(b"request", address_of(behind))
        behind.settimeout(20)
        site.until(lambda: not site.streams._waiting)
        peer, _ = behind.accept()
        assert peer.recv(100) == b"request"
        peer.close()


def test_nobody_gets_an_alias_that_belongs_to_another(site: Site) -> None:
    one, two = site.client(), site.client()
    assert not site.streams.add_alias(2, address_of(two), address_of(one).port, site.now_ms)
    assert "possible port hijack attempt" in site.log.lines[0]
    assert site.streams.add_alias(1, address_of(one), 7000, site.now_ms)
    assert not site.streams.add_alias(2, address_of(two), 7000, site.now_ms)
    assert not site.streams.add_alias(2, Address.parse("127.0.0.9", 1), 7001, site.now_ms)
    assert not site.streams.add_alias(77, address_of(two), 7001, site.now_ms)


def test_a_connection_has_three_aliases(site: Site) -> None:
    client = site.client()
    given = [site.streams.add_alias(1, address_of(client), 7000 + i, site.now_ms) for i in range(5)]
    assert given == [True, True, True, False, False]


def test_descriptors_are_given_back(site: Site) -> None:
    for _ in range(50):
        site.client().close()
        site.until(lambda: site.streams.connections() == 0)
    assert site.open() == [] and site.streams._connections._by_name == {} and site.streams._waiting == {}


def test_connections_wait_for_a_process_that_is_slow_to_take_them() -> None:
    """More of them than the kernel keeps for it, and none is refused."""
    wanted = 600
    site = Site(Limits(wanted, 10_000, 10_000, wanted))
    for _ in range(wanted):
        site.clients.append(socket.create_connection(site.address.pair(), 5))
        site.acceptor.step(0)
    assert site.acceptor.accepted < wanted
    site.until(lambda: site.streams.connections() == wanted)
    assert site.acceptor.accepted == wanted and site.acceptor.refused == 0
    assert site.log.lines == []
    site.close()


def asked(site: Site) -> list[tuple[int, int, int]]:
    """(process, question, errno) of the connections that were asked for, as far as it is known."""
    told = [(int(r.sender), int(r.question), r.error) for r in site.streams.reached]
    site.streams.reached.clear()
    return told


def test_who_asks_for_a_connection_hears_what_becomes_of_it(site: Site) -> None:
    with _listening() as callee, _listening() as gone:
        nowhere, there = address_of(gone), address_of(callee)
        gone.close()
        site.streams.reach(nowhere, site.listener, 3, 41, site.now_ms)
        site.streams.reach(nowhere, site.listener, 4, 42, site.now_ms)
        site.streams.reach(there, site.listener, 3, 43, site.now_ms)
        assert not site.streams.leads_to(there)
        site.until(lambda: len(site.streams.reached) == 3)
        # Somebody has to look at them.
        assert site.streams.next_timer_ms(site.now_ms) == 0
        assert sorted(asked(site)) == [(3, 41, errno.ECONNREFUSED), (3, 43, 0), (4, 42, errno.ECONNREFUSED)]
        assert site.streams.leads_to(there) and not site.streams.leads_to(nowhere)
        # What is open already is known at once, and used.
        site.streams.reach(there, site.listener, 3, 44, site.now_ms)
        assert asked(site) == [(3, 44, 0)]
        site.send(b"request", there)
        callee.settimeout(20)
        peer, _ = callee.accept()
        site.clients.append(peer)
        peer.settimeout(20)
        assert peer.recv(100) == b"request"
        assert site.streams.connections() == 1


def test_a_connection_that_nobody_answers_is_unreachable_in_time(site: Site) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        site.streams.reach(address_of(full), site.listener, 1, 7, site.now_ms)
        site.pass_by(10_000)
        assert asked(site) == [(1, 7, errno.ETIMEDOUT)]
        for filler in fillers:
            filler.close()


def test_what_waits_for_all_peers_together_is_bounded() -> None:
    """Who has the most waiting loses his connection; the others, and who comes later, are served."""
    site = Site(Limits(100, 10_000, 10_000, 100, 3 << 20))
    modest, greedy, late = site.client("127.0.0.2"), site.client("127.0.0.3"), site.client("127.0.0.4")
    piece = bytes(60_000)
    own = site.open()
    for connection, size in zip(own, (400_000, 1_000_000)):
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        while connection.queued_bytes < size:
            site.send(piece, connection.peer)
    before = site.streams._queued_bytes
    assert before == sum(c.queued_bytes for c in own)
    crowd = [site.client(f"127.0.1.{n}") for n in range(4)]
    for connection in site.open()[3:]:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        while connection.is_open and connection.queued_bytes < 700_000:
            site.send(piece, connection.peer)
        assert site.streams._queued_bytes <= 3 << 20
    assert not own[1].is_open and own[0].is_open
    assert {e for _, e in site.failures()} == {errno.ENOBUFS}
    assert "wait for peers that do not read" in site.log.lines[0]
    site.send(b"hello", address_of(late))
    assert late.recv(100) == b"hello"
    for connection in site.open():
        site.streams.close(connection, 0)
    assert site.streams._queued_bytes == 0
    assert modest and greedy and crowd
    site.close()
