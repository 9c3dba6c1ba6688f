"""When a worker refuses what is new: a queue that stays long, under a clock of the test's; and the worker that asks."""

from __future__ import annotations

import socket

from engine import Lines

from runtime.modules.sl import Sl
from runtime.routing.config import Config
from runtime.routing.context import Context
from runtime.routing.engine import Engine
from runtime.routing.ports import Resolver
from runtime.routing.program import Program
from runtime.routing.sockets import SocketTable
from runtime.server.worker.loop import Worker
from runtime.server.worker.overload import FULL_PERCENT, MEMORY_MS, PATIENCE_MS, Overload
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

    def batches(self, ms: int, age_ms: int, percent: int = 0) -> set[bool]:
        """One every millisecond, for so long, each with a first datagram of that age: what is decided."""
        found: set[bool] = set()
        for _ in range(ms):
            self.now_ms += 1
            decided = self.overload.look(age_ms, percent, self.now_ms, self.refused)
            self.refused += decided
            found.add(decided)
        return found


def test_a_short_queue_is_no_overload() -> None:
    queue = Queue()
    assert queue.batches(10_000, LIMIT_MS, FULL_PERCENT - 1) == {False}
    assert queue.overload.times == 0 and queue.log.lines == []


def test_a_queue_that_is_long_for_a_moment_is_no_overload() -> None:
    queue = Queue()
    for _ in range(100):
        assert queue.batches(int(PATIENCE_MS) - 1, 5 * LIMIT_MS) == {False}
        assert queue.batches(1, LIMIT_MS) == {False}


def test_a_queue_that_stays_long_is_one() -> None:
    queue = Queue()
    assert queue.batches(int(PATIENCE_MS), LIMIT_MS + 1) == {False}
    assert queue.batches(500, LIMIT_MS + 1) == {True}
    assert queue.overload.times == 1
    assert queue.log.lines == [
        "WARNING: overload: datagrams wait for 21 ms before they are read; new requests get 503 until it is less"
    ]


def test_a_receive_buffer_that_stays_half_full_is_one() -> None:
    queue = Queue()
    queue.batches(int(PATIENCE_MS), 1, int(FULL_PERCENT))
    assert queue.batches(10, 1, int(FULL_PERCENT)) == {True}


def test_within_an_overload_the_queue_is_kept_short_without_patience() -> None:
    queue = Queue()
    queue.batches(int(PATIENCE_MS) + 1, LIMIT_MS + 1)
    for _ in range(50):
        assert queue.batches(20, LIMIT_MS) == {False}
        assert queue.batches(1, LIMIT_MS + 1) == {True}
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
    assert queue.batches(int(PATIENCE_MS), LIMIT_MS + 1) == {False}


def answer(ctx: Context) -> int:
    ctx.sends.append(Send(b"handled", ctx.source, ctx.socket))
    return 1


def test_the_worker_refuses_while_its_queue_is_long(make_io: MakeIO) -> None:
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.bind(("127.0.0.1", 0))
    client.settimeout(10)
    listener = ListenSocket(0, UDP, b"127.0.0.1", Address.parse("127.0.0.1", server.getsockname()[1]))
    config = Config()
    log = Lines()
    engine = Engine(
        Program(config=config, modules=(Sl(),), request=answer), config, SocketTable([listener], []), log, Resolver()
    )
    engine.bind()
    engine.guard_against_overload(5)
    # It does not measure: the queue is as long as the test says.
    io: DatagramIO = make_io(server, [server])
    worker = Worker(engine, io, listener, log, overload=Overload(log, LIMIT_MS))

    def asked() -> bytes:
        data = OPTIONS.replace(b"127.0.0.1:9", b"127.0.0.1:%d" % client.getsockname()[1])
        client.sendto(data, server.getsockname())
        while not worker.step(10_000):
            pass
        return client.recv(65536)

    assert asked() == b"handled"
    io.age_ms = LIMIT_MS + 1
    answers = [asked()]
    while answers[-1] == b"handled":
        answers.append(asked())
    assert answers[-1].startswith(b"SIP/2.0 503 Service Unavailable\r\n")
    counts = worker.counts()
    assert (counts["refused_overload"], counts["refused"], counts["overloads"]) == (1, 0, 1)
    io.age_ms = 0
    assert asked() == b"handled"
    server.close()
    client.close()
