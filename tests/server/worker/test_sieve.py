"""What the kernel drops before it is in the queue: the filter on real sockets, and who says how much comes through."""

from __future__ import annotations

import errno
import random
import socket
import struct
from collections import deque
from collections.abc import Iterator
from typing import Any

import pytest
from engine import Lines

from runtime.server.worker.overload import ADMIT, DROP, REFUSE, REFUSING_PERCENT, Overload
from runtime.server.worker.sifting import PERIOD_MS, Sifting
from runtime.server.worker.udp.sieve import WHOLE, Sieve
from runtime.server.worker.udp.sieving import filters
from runtime.sip.message import parse
from runtime.sip.reply import to_tag_of
from runtime.sip.scan import BadMessage

REQUEST = (
    b"%s sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK1\r\n%s"
    b"From: <sip:a@example.com>;tag=x\r\nCall-ID: a@b\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)
NEW = REQUEST % (b"INVITE", b"To: <sip:bob@example.com>\r\n")
WITHIN = REQUEST % (b"INVITE", b"To: <sip:bob@example.com>;tag=y\r\n")


class Pair:
    """A socket behind a sieve, and one that sends to it."""

    def __init__(self) -> None:
        self.own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.own.bind(("127.0.0.1", 0))
        self.own.setblocking(False)
        self.peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.peer.connect(self.own.getsockname())
        self.sieve = Sieve(self.own, filters())

    def passes(self, data: bytes) -> bool:
        """On the loopback device a datagram is there, or is not, as soon as it has been sent."""
        self.peer.send(data)
        try:
            assert self.own.recv(65536) == data
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        self.own.close()
        self.peer.close()


@pytest.fixture
def pair() -> Iterator[Pair]:
    pair = Pair()
    yield pair
    pair.close()


def test_an_open_sieve_lets_all_through(pair: Pair) -> None:
    assert pair.passes(NEW) and pair.passes(b"\r\n\r\n") and pair.sieve.dropped() == 0


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        (b"INVITE", b"To: <sip:bob@example.com;transport=udp>;user=phone\r\n"),
        (b"INVITE", b"TO:  Bob <sip:bob@example.com>\r\n"),
        (b"REGISTER", b"Max-Forwards: 70\r\nto: sip:bob@example.com\r\n"),
        (b"OPTIONS", b"X: y\r\nTo: <sip:*98@example.com>\r\n"),
        (b"OPTIONS", b"X: yz\r\nTo: <sip:*98@example.com>\r\n"),
    ],
)
def test_what_begins_something_is_dropped(pair: Pair, method: bytes, headers: bytes) -> None:
    pair.sieve.narrow(0)
    assert not pair.passes(REQUEST % (method, headers))
    assert pair.sieve.dropped() == 1 and pair.sieve.dropped() == 0


@pytest.mark.parametrize(
    "data",
    [
        WITHIN,
        REQUEST % (b"BYE", b"To: <sip:bob@example.com;transport=tcp>;user=phone; TAG = y\r\n"),
        REQUEST % (b"INVITE", b"To: <sip:bob@example.com>\r\n ;tag=y\r\n"),
        REQUEST % (b"INVITE", b"To: <sip:bob@example.com>\r\n\t;tag=y\r\n"),
        REQUEST % (b"INVITE", b"To: <sip:%b@example.com>;tag=y\r\n" % (b"b" * 300)),
        REQUEST % (b"INVITE", b"t: <sip:bob@example.com>\r\n"),
        REQUEST % (b"INVITE", b"To : <sip:bob@example.com>\r\n"),
        REQUEST % (b"INVITE", b"Reply-To: <sip:a@b>\r\nX: *To: y\r\nTo: <sip:bob@example.com>;tag=y\r\n"),
        REQUEST % (b"ACK", b"To: <sip:bob@example.com>\r\n"),
        REQUEST % (b"CANCEL", b"To: <sip:bob@example.com>\r\n"),
        NEW.replace(b"INVITE sip:bob@example.com SIP/2.0", b"SIP/2.0 200 OK"),
        b"\r\n\r\n",
        b"",
        bytes(200),
        NEW[:95],
    ],
)
def test_all_else_comes_through(pair: Pair, data: bytes) -> None:
    pair.sieve.narrow(0)
    assert pair.passes(data)


def test_what_is_dropped_has_no_tag(pair: Pair) -> None:
    """Whatever bytes come, but for a To in a body, before which it read none."""
    pair.sieve.narrow(0)
    chance = random.Random(1)
    pieces = [
        b"\r\n",
        b"\n",
        b"To: ",
        b"t: ",
        b"tag",
        b";tag=x",
        b" ",
        b"\t",
        b"*",
        b"T",
        b"To:",
        b"<sip:b@c>",
        b"ack ",
        b"X: y",
    ]
    dropped = 0
    for _ in range(3000):
        data = bytearray(chance.choice((NEW, WITHIN)))
        for _ in range(chance.randrange(4)):
            at = chance.randrange(len(data))
            data[at : at + chance.randrange(3)] = chance.choice(pieces)
        if not pair.passes(bytes(data)) and b"\n\r" not in data[:-2] and b"\n\n" not in data:
            dropped += 1
            try:
                assert to_tag_of(parse(bytes(data))) == b"", bytes(data)
            except BadMessage:
                continue
    assert dropped > 300


def test_a_share_comes_through(pair: Pair) -> None:
    pair.sieve.narrow(WHOLE // 4)
    came = sum(pair.passes(NEW) for _ in range(2000))
    assert 350 < came < 650
    assert pair.sieve.dropped() == 2000 - came
    assert all(pair.passes(WITHIN) for _ in range(50))
    pair.sieve.narrow(WHOLE)
    assert all(pair.passes(NEW) for _ in range(50))


def test_it_is_open_for_the_next_who_has_the_socket(pair: Pair) -> None:
    pair.sieve.narrow(0)
    again = Sieve(pair.own, filters())
    assert again.share == WHOLE and pair.passes(NEW)


class Unwilling(socket.socket):
    """A kernel that takes no filter, or none that is longer than so many instructions."""

    longest = 0
    error = errno.EPERM

    def setsockopt(self, *arguments: Any) -> None:
        value = arguments[2]
        if isinstance(value, bytes) and struct.unpack("@HP", value)[0] > self.longest:
            raise OSError(self.error, "no")
        super().setsockopt(*arguments)


@pytest.mark.parametrize(
    ("error", "longest", "works"), [(errno.ENOMEM, 1000, True), (errno.ENOMEM, 10, False), (errno.EPERM, 1000, False)]
)
def test_what_the_kernel_does_not_take_leaves_it_open_or_shorter(error: int, longest: int, works: bool) -> None:
    own = Unwilling(socket.AF_INET, socket.SOCK_DGRAM)
    own.error, own.longest = error, longest
    try:
        sieve = Sieve(own, filters())
        sieve.narrow(5)
        assert sieve.works() == works and sieve.share == (5 if works else WHOLE)
    finally:
        own.close()


# What a worker can do in a millisecond, and what it needs for one that it takes, and for one that it drops.
CAN = 50
TAKE_NS = 20_000
DROP_NS = 4_000


def shares(sifting: Sifting, ms: int, times: float, begin_ms: int = 1000) -> list[int]:
    """For so long so many times of what a worker can do comes, all of it new: the share after each millisecond."""
    found = []
    for now_ms in range(begin_ms, begin_ms + ms):
        let_in = int(CAN * times * int(sifting.share) / int(WHOLE))
        taken = min(let_in, CAN)
        sifting.note(taken, 0, True, taken * TAKE_NS, now_ms)
        if let_in > taken:
            sifting.note(let_in - taken, let_in - taken, False, (let_in - taken) * DROP_NS, now_ms)
        found.append(int(sifting.share))
    return found


@pytest.mark.parametrize("times", [1.6, 2, 5, 10])
def test_about_as_much_is_let_in_as_can_be_done(times: float) -> None:
    settled = shares(Sifting(), 2000, times)[1000:]
    wanted = int(WHOLE) / times
    assert all(wanted * 0.95 < share < wanted * 1.4 for share in settled), set(settled)


def goodput(times: float, has_sieve: bool, seconds: int = 3) -> float:
    """What share of all that a worker could do it does while so many times too much comes, which is new, with the rule for its queue in front
    of it, and the sieve, or without."""
    overload, sifting, chance = Overload(Lines(), 20), Sifting(), random.Random(1)
    start_ns = now_ns = 10**12
    next_ns, gap_ns = now_ns, int(TAKE_NS / times)
    queue: deque[int] = deque()
    done = refused = dropped = 0
    while now_ns < start_ns + seconds * 10**9:
        while next_ns <= now_ns:
            if sifting.share == WHOLE or chance.randrange(int(WHOLE)) < sifting.share:
                queue.append(next_ns)
            next_ns += gap_ns
        if not queue:
            now_ns = next_ns
            continue
        came = min(32, len(queue))
        age_ms = (now_ns - queue[0]) // 1_000_000 if len(queue) > 80 else 0
        for _ in range(came):
            queue.popleft()
        now_ms = now_ns // 1_000_000
        fate = overload.look(age_ms, 0, now_ms, refused, dropped)
        took_ns = came * {ADMIT: TAKE_NS, REFUSE: TAKE_NS // 2, DROP: DROP_NS}[int(fate)]
        now_ns += took_ns
        done += came * (fate == ADMIT)
        refused += came * (fate == REFUSE)
        if fate == REFUSE:
            overload.spend(took_ns)
        if has_sieve and sifting.note(came, came if fate == DROP else 0, fate == ADMIT, took_ns, now_ms):
            now_ns += 1_000_000
    return done * TAKE_NS / (now_ns - start_ns)


@pytest.mark.parametrize("times", [1.1, 1.7, 2, 4, 8])
def test_however_much_comes_nearly_all_that_can_be_done_is(times: float) -> None:
    """The rest of the time goes into refusing, and into the first half second."""
    assert goodput(times, has_sieve=True) > 0.98 - int(REFUSING_PERCENT) / 100 - (0.18 if times > 5 else 0.06)


def test_without_a_sieve_to_read_what_is_dropped_takes_all_the_time() -> None:
    assert goodput(2, has_sieve=False) < 0.75
    assert goodput(5, has_sieve=False) < 0.1


def test_it_becomes_narrower_by_a_part_at_a_time_and_never_shuts() -> None:
    sifting, found = Sifting(), []
    for ms in range(1000, 3000):
        sifting.note(1000, 1000, False, 10**6, ms)
        found.append(int(sifting.share))
    assert found[int(PERIOD_MS)] == WHOLE // 4 and min(found) == found[-1] == 1


def test_where_nothing_has_to_be_dropped_it_stays_open() -> None:
    assert set(shares(Sifting(), 3000, 0.99)) == {WHOLE}
    sifting = Sifting()
    assert not any(sifting.note(32, 0, False, 10**6, ms) for ms in range(1000, 3000)), "refused only"


def test_messages_that_come_one_by_one_do_not_keep_it_narrow() -> None:
    """They take longer, so that the load seems to be more than it is."""
    sifting = Sifting()
    shares(sifting, 1000, 10)
    for now_ms in range(3000, 4000):
        assert sifting.share == WHOLE or now_ms < 3900
        sifting.note(25, 0, True, 0, now_ms)


def test_a_process_that_did_not_run_for_a_moment_is_not_taken_for_a_slow_one() -> None:
    sifting = Sifting()
    before = shares(sifting, 2000, 2)[-1]
    sifting.note(32, 0, True, 100_000_000, 3000)
    sifting.note(5000, 5000, False, 20_000_000, 3100)
    shares(sifting, 200, 2, begin_ms=3120)
    assert before * 2 // 3 < sifting.share


def test_a_share_that_is_nearly_right_stays() -> None:
    """Each change costs something."""
    found = shares(Sifting(), 5000, 2)
    assert sum(a != b for a, b in zip(found, found[1:], strict=False)) <= 3


def test_it_is_open_again_soon_after_the_load_is_over() -> None:
    sifting = Sifting()
    shares(sifting, 2000, 10)
    assert sifting.share < WHOLE // 5
    assert shares(sifting, 500, 0.5, begin_ms=4000)[-1] == WHOLE
    shares(sifting, 2000, 10, begin_ms=6000)
    sifting.open()
    assert sifting.share == WHOLE
