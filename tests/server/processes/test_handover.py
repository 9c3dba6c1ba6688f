"""Several workers and a program that keeps state: all messages of a Call-ID meet in one process."""

from __future__ import annotations

import os
import signal
import socket
import time

import pytest
from ports import free_port

from runtime.sip.callid import call_id_hash
from server.conftest import OPTIONS, STATEFUL_ROUTES, Server, StartServer


def message(call_id: bytes, cseq: int = 1, mark: bytes = b"") -> bytes:
    return (
        OPTIONS.replace(b"call-1", call_id).replace(b"CSeq: 1", b"CSeq: %d" % cseq).replace(b"alice", b"alice" + mark)
    )


def client() -> socket.socket:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(20)
    return s


def ask(server: Server, data: bytes, port: int = 0) -> tuple[int, int]:
    """From a port of its own: the worker that handled it, and how many messages of that Call-ID it has seen."""
    with client() as s:
        s.sendto(data, ("127.0.0.1", port or server.port))
        answer, source = s.recvfrom(65536)
        assert source == ("127.0.0.1", port or server.port)
        worker, count, _ = answer.split()
        return int(worker), int(count)


def test_a_call_id_has_one_worker_whoever_receives_it(start: StartServer) -> None:
    other = free_port()
    server = start("-n", "4", "-l", f"udp:127.0.0.1:{other}", routes=STATEFUL_ROUTES)
    server.all_workers(8)
    workers = set()
    for call in range(12):
        call_id = b"call-%d@host" % call
        answers = [ask(server, message(call_id), other if i % 2 else 0) for i in range(12)]
        assert [count for _, count in answers] == list(range(1, 13))
        assert len({worker for worker, _ in answers}) == 1
        workers.add(answers[0][0])
    assert len(workers) > 1


def test_messages_of_a_call_stay_in_order(start: StartServer) -> None:
    server = start("-n", "4", routes=STATEFUL_ROUTES)
    server.all_workers(4)
    with client() as s:
        answers: list[list[bytes]] = []
        # In portions: all answers at once are more than the receive buffer of a socket holds.
        for first in range(1, 101, 20):
            for cseq in range(first, first + 20):
                for call in range(3):
                    s.sendto(message(b"call-%d" % call, cseq), ("127.0.0.1", server.port))
            answers += [s.recv(65536).split() for _ in range(60)]
    assert [count for _, count, _ in answers] == [cseq for _, _, cseq in answers]


def test_a_message_without_call_id_is_handled_where_it_arrives(start: StartServer) -> None:
    server = start("-n", "4", routes=STATEFUL_ROUTES)
    server.all_workers(4)
    workers = {ask(server, message(b"x").replace(b"Call-ID: x\r\n", b""))[0] for _ in range(40)}
    assert len(workers) > 1


@pytest.mark.parametrize("children", ["1", "3"])
def test_timers_run_without_anything_coming(start: StartServer, children: str) -> None:
    server = start("-n", children, routes=STATEFUL_ROUTES)
    server.all_workers(int(children))
    began = time.monotonic()
    ask(server, message(b"a", mark=b"later"))
    assert 0.049 <= time.monotonic() - began < 20


def test_timers_run_under_load(start: StartServer) -> None:
    server = start("-n", "1", routes=STATEFUL_ROUTES)
    server.all_workers(1)
    with client() as s, client() as other:
        began = time.monotonic()
        s.sendto(message(b"a", mark=b"later"), ("127.0.0.1", server.port))
        s.setblocking(False)
        while time.monotonic() - began < 20:
            other.sendto(message(b"b"), ("127.0.0.1", server.port))
            other.recv(65536)
            try:
                s.recv(65536)
            except BlockingIOError:
                continue
            break
        assert 0.049 <= time.monotonic() - began < 20


def test_a_module_has_something_else_sent_when_the_kernel_refuses(start: StartServer) -> None:
    server = start("-n", "2", routes=STATEFUL_ROUTES)
    server.all_workers(2)
    assert ask(server, message(b"a", mark=b"nowhere"))[1] == 1


def test_a_killed_worker_takes_only_its_own_state(start: StartServer) -> None:
    server = start("-n", "4", routes=STATEFUL_ROUTES)
    before = server.all_workers(4)
    calls = [b"call-%d" % i for i in range(20)]
    owners = {call: ask(server, message(call))[0] for call in calls}
    victim = owners[calls[0]]
    os.kill(victim, signal.SIGKILL)
    for call in calls:
        if owners[call] == victim:
            continue
        # Those that the kernel gave to the dead worker's socket wait there for its successor.
        assert ask(server, message(call)) == (owners[call], 2)
    began = time.monotonic()
    successor, count = ask(server, message(calls[0]))
    assert time.monotonic() - began < 20
    assert successor not in before and count == 1
    assert {ask(server, message(call))[0] for call in calls if owners[call] == victim} == {successor}


@pytest.mark.parametrize(
    "line",
    [
        b"Call-ID: abc@host",
        b"call-id:abc@host",
        b"CALL-ID \t :\t abc@host  ",
        b"i: abc@host",
        b"I:abc@host\t",
        b"i :\r\n abc@host",
        b"Call-ID:\n\tabc@host\r\n ",
    ],
)
def test_every_spelling_of_a_call_id_is_found(line: bytes) -> None:
    head = b"\r\n\r\nINVITE sip:call-id:i: SIP/2.0\r\nInfo: i\r\nCall-Info: <x>\r\nCall-ID2: y\r\nContact: i:3\r\n"
    wanted = call_id_hash(OPTIONS.replace(b"call-1", b"abc@host"))
    assert wanted >= 0
    assert call_id_hash(head + line + b"\r\nCSeq: 1 INVITE\r\n\r\n") == wanted
    assert call_id_hash(head.replace(b"\r", b"") + line + b"\n") == wanted
    assert call_id_hash(head + line) == wanted


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n",
        b"Call-ID: abc",
        b"INVITE sip:a SIP/2.0\r\n",
        b"INVITE sip:a SIP/2.0\r\nCall-ID:\r\n",
        b"INVITE sip:a SIP/2.0\r\nCall-ID: \r\nTo: x\r\n\r\n",
        b"INVITE sip:a SIP/2.0\r\nCall-I",
        b"INVITE sip:a SIP/2.0\r\ni",
        b"INVITE sip:a SIP/2.0\r\ni \r\n",
        b"INVITE sip:a SIP/2.0\r\nTo: x\r\n\r\nCall-ID: abc\r\n",
    ],
)
def test_no_call_id_is_no_number(data: bytes) -> None:
    assert call_id_hash(data) == -1


def test_different_call_ids_spread_evenly() -> None:
    counts = [0] * 4
    for i in range(4000):
        counts[call_id_hash(message(b"%d-31245@10.0.0.1" % i)) % 4] += 1
    assert all(800 < count < 1200 for count in counts)
