"""When a worker refuses what is new: a queue that stays long, under a clock of the test's; and the worker that asks."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from engine import Lines

from runtime.modules.sl import Sl
from runtime.routing.config import Config
from runtime.routing.context import Context
from runtime.routing.engine import Engine
from runtime.routing.ports import Resolver
from runtime.routing.program import Program
from runtime.routing.sockets import SocketTable
from runtime.server.worker.counting import counts_of
from runtime.server.worker.loop import Worker
from runtime.server.worker.overload import (
    ADMIT,
    AT_A_TIME_NS,
    DROP,
    FULL_PERCENT,
    GROWTH_PATIENCE_MS,
    MEMORY_MS,
    PATIENCE_MS,
    REFUSE,
    REFUSING_PERCENT,
    SHARES,
    Overload,
)
from runtime.server.worker.udp.datagrams import DatagramIO
from runtime.sip.address import UDP, Address
from runtime.sip.transport import ListenSocket, Send
from server.conftest import OPTIONS, MakeIO

LIMIT_MS = 20


class Queue:
    """What a worker sees of its queue from one batch to the next."""

    def __init__(self) -> None:
        self.log = Lines()
        self.overload = Overload(self.log, LIMIT_MS)
        self.now_ms = 1000
        self.refused = 0
        self.dropped = 0

    def batches(self, ms: int, age_ms: int, percent: int = 0, refusing_ns: int = 0) -> set[int]:
        """One every millisecond, for so long, each with one request, of that age, which it takes so long to refuse: what is decided."""
        found: set[int] = set()
        for _ in range(ms):
            self.now_ms += 1
            decided = self.overload.look(age_ms, percent, self.now_ms, self.refused, self.dropped)
            self.refused += decided == REFUSE
            self.dropped += decided == DROP
            if decided == REFUSE:
                self.overload.spend(refusing_ns)
            found.add(int(decided))
        return found


def test_a_short_queue_is_no_overload() -> None:
    queue = Queue()
    assert queue.batches(10_000, LIMIT_MS, FULL_PERCENT - 1) == {ADMIT}
    assert queue.overload.times == 0 and queue.log.lines == []


def test_a_queue_that_is_long_for_a_moment_is_no_overload() -> None:
    queue = Queue()
    for _ in range(100):
        assert queue.batches(int(PATIENCE_MS) - 1, 5 * LIMIT_MS) == {ADMIT}
        assert queue.batches(1, LIMIT_MS) == {ADMIT}


def test_a_queue_that_stays_long_is_one() -> None:
    queue = Queue()
    assert queue.batches(int(PATIENCE_MS), LIMIT_MS + 1) == {ADMIT}
    assert queue.batches(500, LIMIT_MS + 1) == {REFUSE}
    assert queue.overload.times == 1
    assert queue.log.lines == [
        "WARNING: overload: datagrams wait for 21 ms before they are read; new requests get 503 until it is less"
    ]


def test_one_that_becomes_longer_and_longer_is_one_sooner() -> None:
    queue = Queue()
    ages = [LIMIT_MS + 1 + ms // 4 for ms in range(200)]
    decided = [queue.batches(1, age_ms) for age_ms in ages]
    assert decided.index({REFUSE}) == int(GROWTH_PATIENCE_MS)


def test_one_that_shortens_again_after_a_pause_is_none() -> None:
    queue = Queue()
    for _ in range(10):
        assert {ADMIT} == set().union(*(queue.batches(1, 5 * LIMIT_MS - ms) for ms in range(99)))


def test_a_receive_buffer_that_stays_half_full_is_one() -> None:
    queue = Queue()
    queue.batches(int(PATIENCE_MS), 1, int(FULL_PERCENT))
    assert queue.batches(10, 1, int(FULL_PERCENT)) == {REFUSE}


def test_within_an_overload_the_queue_is_kept_short_without_patience() -> None:
    queue = Queue()
    queue.batches(int(PATIENCE_MS) + 1, LIMIT_MS + 1)
    for _ in range(50):
        assert queue.batches(20, LIMIT_MS) == {ADMIT}
        assert queue.batches(1, LIMIT_MS + 1) == {REFUSE}
    assert queue.overload.times == 1 and len(queue.log.lines) == 1


def test_its_end_is_told_once_with_what_it_has_cost() -> None:
    queue = Queue()
    queue.batches(int(PATIENCE_MS), LIMIT_MS + 1)
    queue.batches(201, LIMIT_MS + 1)
    queue.batches(int(MEMORY_MS) - 1, 0)
    assert len(queue.log.lines) == 1 and queue.overload.is_remembered()
    queue.batches(1, 0)
    assert not queue.overload.is_remembered()
    assert queue.log.lines[1:] == ["NOTICE: overload: over after 0.2 s, 201 requests were refused"]
    # The next one needs patience again.
    assert queue.batches(int(PATIENCE_MS), LIMIT_MS + 1) == {ADMIT}


def test_only_a_share_of_the_time_is_spent_on_refusing() -> None:
    queue = Queue()
    queue.batches(int(PATIENCE_MS), LIMIT_MS + 1)
    # Each refusal takes a tenth of a millisecond.
    queue.batches(10_000, LIMIT_MS + 1, refusing_ns=100_000)
    ahead = int(AT_A_TIME_NS) // 100_000
    assert queue.refused + queue.dropped == 10_000
    assert abs(queue.refused - ahead - 10_000 * 10 * int(REFUSING_PERCENT) // 100) <= 2


def test_what_can_be_refused_within_that_share_is_not_dropped() -> None:
    queue = Queue()
    queue.batches(int(PATIENCE_MS), LIMIT_MS + 1)
    assert queue.batches(10_000, LIMIT_MS + 1, refusing_ns=10_000 * int(REFUSING_PERCENT)) == {REFUSE}
    assert len(queue.log.lines) == 1


def test_refusals_that_took_long_are_paid_back_before_the_next() -> None:
    queue = Queue()
    queue.batches(int(PATIENCE_MS), LIMIT_MS + 1)
    assert queue.batches(1, LIMIT_MS + 1, refusing_ns=2 * int(AT_A_TIME_NS)) == {REFUSE}
    pause_ms = int(AT_A_TIME_NS) // 1_000_000 * 100 // int(REFUSING_PERCENT)
    assert queue.batches(pause_ms - 1, LIMIT_MS + 1) == {DROP}
    assert REFUSE in queue.batches(2, LIMIT_MS + 1)


def test_dropping_is_told_once_and_counted() -> None:
    queue = Queue()
    for _ in range(2):
        queue.batches(int(PATIENCE_MS), LIMIT_MS + 1)
        queue.batches(500, LIMIT_MS + 1, refusing_ns=int(AT_A_TIME_NS))
        queue.batches(int(MEMORY_MS), 0)
    first, second, third, *again = queue.log.lines
    assert "new requests get 503" in first
    assert second == "WARNING: overload: refusing takes 5 % of the time: what is new beyond that gets no answer"
    assert third.startswith("NOTICE: overload: over after 0.5 s, ") and third.endswith(" dropped")
    assert len(again) == 3, "the next overload is told anew"


# What a worker needs for a request, in ns: for one that it serves, refuses, and drops. It can do 33,333 a second.
SERVE_NS = 30_000
REFUSE_NS = 10_000
DROP_NS = 1_500
BATCH = 32


def goodput(per_second: int, seconds: int = 3) -> tuple[float, int]:
    """What share of all that a worker could do it does while so many new requests come, and how long the oldest of them waited, in ms."""
    overload = Overload(Lines(), LIMIT_MS)
    gap_ns = 1_000_000_000 // per_second
    start_ns = now_ns = 10**12
    taken = served = refused = dropped = oldest_ms = 0
    while now_ns < start_ns + seconds * 10**9:
        waiting = (now_ns - start_ns) // gap_ns - taken
        if waiting <= 0:
            now_ns += gap_ns
            continue
        count = min(BATCH, waiting)
        age_ms = (now_ns - start_ns - taken * gap_ns) // 1_000_000 if count == BATCH else 0
        fate = overload.look(age_ms, 0, now_ns // 1_000_000, refused, dropped)
        taken += count
        if fate == ADMIT:
            served += count
            now_ns += count * SERVE_NS
            oldest_ms = max(oldest_ms, age_ms)
        elif fate == REFUSE:
            refused += count
            now_ns += count * REFUSE_NS
            overload.spend(count * REFUSE_NS)
        else:
            dropped += count
            now_ns += count * DROP_NS
    return served * SERVE_NS / (now_ns - start_ns), oldest_ms


@pytest.mark.parametrize("times", [1.1, 1.5, 2, 5, 10])
def test_several_times_too_much_leaves_most_of_what_could_be_done(times: float) -> None:
    """What is dropped costs something as well: ten times too much takes half of the time."""
    share, oldest_ms = goodput(int(times * 10**9 / SERVE_NS))
    dropping = (times - 1) * DROP_NS / SERVE_NS
    assert share > 0.97 - int(REFUSING_PERCENT) / 100 - dropping
    # Until its patience has an end the queue grows.
    assert oldest_ms <= LIMIT_MS + (int(PATIENCE_MS) if times < 1.2 else int(GROWTH_PATIENCE_MS)) + 1


def test_what_can_be_done_is_done() -> None:
    share, _ = goodput(30_000)
    assert share > 0.89


def crowd(within: float, new: float, seconds: int = 6) -> tuple[float, int, list[int]]:
    """While so many times what a worker can do says that it is under way, and so many times that is new: the share of the time that it serves,
    how long the oldest message waits from the third second on, in ms, and how much of both kinds is served in that time.
    """
    overload = Overload(Lines(), LIMIT_MS)
    start_ns = now_ns = 10**12
    gap_ns = int(SERVE_NS / (within + new))
    kinds = [number * within // (within + new) != (number + 1) * within // (within + new) for number in range(1000)]
    taken = refused = dropped = oldest_ms = serving_ns = 0
    served = [0, 0]
    while now_ns < start_ns + seconds * 10**9:
        waiting = (now_ns - start_ns) // gap_ns - taken
        if waiting <= 0:
            now_ns += gap_ns
            continue
        count = min(BATCH, waiting)
        age_ms = (now_ns - start_ns - taken * gap_ns) // 1_000_000 if count == BATCH else 0
        fate = overload.look(age_ms, 0, now_ns // 1_000_000, refused, dropped)
        is_late = now_ns > start_ns + 3 * 10**9
        for number in range(taken, taken + count):
            is_within = kinds[number % 1000]
            if not is_within and fate == REFUSE:
                refused += 1
                now_ns += REFUSE_NS
                overload.spend(REFUSE_NS)
            elif (is_within and not overload.keeps()) or (not is_within and fate == DROP):
                dropped += 1
                now_ns += DROP_NS
            else:
                now_ns += SERVE_NS
                if is_late:
                    served[is_within] += 1
                    serving_ns += SERVE_NS
        if is_late:
            oldest_ms = max(oldest_ms, age_ms)
        taken += count
    return serving_ns / ((seconds - 3) * 10**9), oldest_ms, served


@pytest.mark.parametrize("within", [1.5, 3.0, 8.0])
def test_who_invents_tags_takes_a_share_and_makes_nobody_wait(within: float) -> None:
    """Without that the queue is as long as its buffer, and nothing new is taken at all."""
    share, oldest_ms, (new, _) = crowd(within, 0.2)
    assert share > 0.9 - within * DROP_NS / SERVE_NS
    assert oldest_ms < 4 * LIMIT_MS
    assert new > 0.2 * 3 * 10**9 / SERVE_NS / 4, "a quarter of what is new is served at least"


def test_what_is_under_way_is_taken_as_long_as_it_is_what_could_be_done() -> None:
    """Whatever is new beside it."""
    for within, new in ((0.8, 0.5), (0.5, 5.0), (0.3, 2.0), (0.9, 0.9)):
        _, oldest_ms, (_, kept) = crowd(within, new)
        assert kept >= within * 3 * 10**9 / SERVE_NS * 0.97, (within, new)
        assert oldest_ms < 3 * LIMIT_MS


def test_all_is_taken_again_when_it_is_over() -> None:
    queue = Queue()
    queue.batches(2000, 10 * LIMIT_MS)
    assert queue.overload.kept < SHARES and [queue.overload.keeps() for _ in range(1000)].count(True) < 1000
    (told,) = [line for line in queue.log.lines if "although nothing new is taken" in line]
    queue.batches(10_000, 0)
    assert queue.overload.kept == SHARES and all(queue.overload.keeps() for _ in range(1000))
    assert not queue.overload.is_remembered()


def answer(ctx: Context) -> int:
    ctx.sends.append(Send(b"handled", ctx.source, ctx.socket))
    return 1


class Proxy:
    """A worker that answers everything, and a phone. It does not measure: the queue is as long as the test says."""

    def __init__(self, make_io: MakeIO) -> None:
        self.server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.server.bind(("127.0.0.1", 0))
        self.client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.client.bind(("127.0.0.1", 0))
        self.client.settimeout(10)
        listener = ListenSocket(0, UDP, b"127.0.0.1", Address.parse("127.0.0.1", self.server.getsockname()[1]))
        config = Config()
        self.log = Lines()
        program = Program(config=config, modules=(Sl(),), request=answer)
        engine = Engine(program, config, SocketTable([listener], []), self.log, Resolver())
        engine.bind()
        engine.guard_against_overload(5)
        self.io: DatagramIO = make_io(self.server, [self.server])
        self.overload = Overload(self.log, LIMIT_MS)
        self.worker = Worker(engine, self.io, listener, self.log, overload=self.overload)

    def say(self, data: bytes = OPTIONS) -> None:
        here = b"127.0.0.1:%d" % self.client.getsockname()[1]
        self.client.sendto(data.replace(b"127.0.0.1:9", here), self.server.getsockname())
        while not self.worker.step(10_000):
            pass

    def asked(self, data: bytes = OPTIONS) -> bytes:
        self.say(data)
        return self.client.recv(65536)

    def overload_begins(self) -> None:
        """And the first request is refused."""
        self.io.age_ms = LIMIT_MS + 1
        while self.asked() == b"handled":
            pass

    def close(self) -> None:
        self.server.close()
        self.client.close()


@pytest.fixture
def proxy(make_io: MakeIO) -> Iterator[Proxy]:
    proxy = Proxy(make_io)
    yield proxy
    proxy.close()


def test_the_worker_refuses_while_its_queue_is_long(proxy: Proxy) -> None:
    assert proxy.asked() == b"handled"
    proxy.overload_begins()
    counts = counts_of(proxy.worker)
    assert (counts["refused_overload"], counts["refused"], counts["overloads"]) == (1, 0, 1)
    assert proxy.asked().startswith(b"SIP/2.0 503 Service Unavailable\r\n")
    proxy.io.age_ms = 0
    assert proxy.asked() == b"handled"


def test_beyond_its_time_for_refusing_it_drops_what_is_new_and_goes_on_with_the_rest(proxy: Proxy) -> None:
    proxy.overload_begins()
    # As long as the test may take.
    proxy.overload.spend(10**15)
    for data in (OPTIONS, OPTIONS.replace(b"To: <sip:bob@example.com>", b'To: <sip:bob@example.com>;x=";tag"')):
        proxy.say(data)
    in_dialog = OPTIONS.replace(b"To: <sip:bob@example.com>", b"To: <sip:bob@example.com>;tag=there")
    assert proxy.asked(in_dialog) == b"handled", "the others would have been answered before"
    counts = counts_of(proxy.worker)
    assert (counts["refused_overload"], counts["dropped_overload"]) == (1, 2)
    proxy.io.age_ms = 0
    assert proxy.asked() == b"handled"


def test_where_refusing_does_not_help_a_part_of_all_is_dropped(proxy: Proxy) -> None:
    proxy.overload_begins()
    in_dialog = OPTIONS.replace(b"To: <sip:bob@example.com>", b"To: <sip:bob@example.com>;tag=invented")
    assert [proxy.asked(in_dialog) for _ in range(5)] == [b"handled"] * 5
    proxy.overload.kept = SHARES // 2
    before = counts_of(proxy.worker)["dropped_overload"]
    for _ in range(4):
        proxy.say(in_dialog)
    proxy.client.setblocking(False)
    answers = 0
    while True:
        try:
            answers += proxy.client.recv(65536) == b"handled"
        except BlockingIOError:
            break
    assert 1 <= answers <= 3
    assert counts_of(proxy.worker)["dropped_overload"] - before == 4 - answers


def test_what_refusing_takes_is_measured(proxy: Proxy) -> None:
    proxy.overload_begins()
    before = proxy.overload.left_ns
    while proxy.overload.left_ns >= before:
        assert proxy.asked().startswith(b"SIP/2.0 503 ")
