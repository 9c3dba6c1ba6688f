"""TCP from outside: a server as an administrator starts it, and peers of all manners. Reference core, 6.7."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from patience import eventually, let_pass
from ports import free_port

from server.conftest import OPTIONS, STATEFUL_ROUTES, Server, StartServer

MESSAGE = OPTIONS.replace(b"\r\n\r\n", b"\r\nContent-Length: 0\r\n\r\n").replace(b"/UDP", b"/TCP")

# Forwards over TCP to the port of the Request-URI, whatever the message came by; REGISTER asks for an alias of port 7.
FORWARDING_ROUTES = """
from typing import Final
from runtime.modules import core
from runtime.routing.config import Config, Listen
from runtime.routing.context import Context
from runtime.routing.program import Program
from runtime.routing.replying import send_reply

CONFIG: Final = Config({config})

def route(ctx: Context) -> int:
    if b"alias" in ctx.uri():
        core.force_tcp_alias(ctx, 7)
        return 1 if send_reply(ctx, 200, b"OK", b"") else -1
    if b"bad" in ctx.uri():
        send_reply(ctx, 200, b"OK", b"")
        return -1
    return 1 if core.forward_uri(ctx, core.TCP, core.URI_PORT) else -1

PROGRAM: Final = Program(config=CONFIG, request=route)
"""


def message(call_id: bytes = b"call-1", cseq: int = 1, uri: bytes = b"sip:bob@example.com", mark: bytes = b"") -> bytes:
    data = MESSAGE.replace(b"call-1", call_id).replace(b"CSeq: 1", b"CSeq: %d" % cseq)
    return data.replace(b"sip:bob@example.com SIP", uri + b" SIP").replace(b"alice", b"alice" + mark)


def connect(server: Server, host: str = "127.0.0.1") -> socket.socket:
    """A connection to the server from an address of ours; waits until it serves."""
    assert server.logs("processes serve")
    return socket.create_connection(("127.0.0.1", server.port), 5, source_address=(host, 0))


def ask(s: socket.socket, data: bytes = MESSAGE) -> list[bytes]:
    """The words of the answer of ROUTES, which is shorter than a segment."""
    s.sendall(data)
    return s.recv(65536).split()


def read(s: socket.socket, messages: int) -> list[bytes]:
    """So many SIP messages without bodies."""
    data = b""
    while data.count(b"\r\n\r\n") < messages:
        more = s.recv(65536)
        assert more, data
        data += more
    return data.split(b"\r\n\r\n")[:messages]


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """A peer that the server can connect to."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(5)
        s.settimeout(20)
        yield s


def start_tcp(start: StartServer, *arguments: str, config: str = "", routes: str | None = None) -> Server:
    """Both protocols on the same port."""
    more = {} if routes is None else {"routes": routes}
    port = free_port()
    server = start("-DEd", "-l", f"127.0.0.1:{port}", *arguments, config=config, bare=True, **more)
    server.port = port
    return server


def test_an_answer_comes_on_the_connection_of_its_request(start: StartServer) -> None:
    server = start_tcp(start, "-n", "2", "-N", "2")
    with connect(server) as s, connect(server) as other:
        for _ in range(3):
            assert ask(s)[1] == b"%d" % server.port
            assert ask(other)[1] == b"%d" % server.port
    assert server.ask()


def test_n_and_capital_n_count_processes(start: StartServer) -> None:
    server = start_tcp(start, "-n", "2", "-N", "3")
    # And the one that accepts.
    server.all_workers(2 + 3 + 1)


def test_as_many_tcp_processes_as_udp_ones_unless_told(start: StartServer) -> None:
    start_tcp(start, "-n", "2").all_workers(2 + 2 + 1)


def test_tcp_children_in_ser_cfg_counts_more_than_capital_n(start: StartServer) -> None:
    start_tcp(start, "-n", "1", "-N", "4", config="tcp_children=2").all_workers(1 + 2 + 1)


@pytest.mark.parametrize("off", ["-T", "disable_tcp"])
def test_without_tcp_connections_are_refused(start: StartServer, off: str) -> None:
    arguments, config = (["-T"], "") if off == "-T" else ([], "disable_tcp=True")
    server = start_tcp(start, "-n", "2", *arguments, config=config)
    server.ask()
    server.all_workers(2)
    with pytest.raises(ConnectionRefusedError):
        connect(server)


def test_a_protocol_in_listen_is_for_that_alone(start: StartServer) -> None:
    udp, tcp = free_port(), free_port()
    server = start("-DEd", "-n", "1", "-l", f"udp:127.0.0.1:{udp}", "-l", f"tcp:127.0.0.1:{tcp}", bare=True)
    server.port = udp
    server.ask()
    with pytest.raises(ConnectionRefusedError):
        connect(server)
    server.port = tcp
    with connect(server) as s:
        assert ask(s)[1] == b"%d" % tcp


def test_a_port_that_is_taken_stops_the_start(start: StartServer, listening: socket.socket) -> None:
    port = listening.getsockname()[1]
    server = start("-DE", "-l", f"tcp:127.0.0.1:{port}", bare=True)
    assert server.wait() == 1
    assert f"cannot listen on tcp:127.0.0.1:{port}: Address already in use" in server.log.read_text()


def test_single_bytes_and_joined_messages_are_the_same(start: StartServer) -> None:
    server = start_tcp(start, "-n", "1", routes=STATEFUL_ROUTES)
    with connect(server) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(len(MESSAGE)):
            s.sendall(MESSAGE[i : i + 1])
        assert s.recv(100).split()[1] == b"1"
        s.sendall(b"\r\n\r\n" + message(cseq=2) + b"\r\n" + message(cseq=3) + message(cseq=4)[:50])
        got = b""
        while got.count(b" ") < 4:
            got += s.recv(100)
        s.sendall(message(cseq=4)[50:])
        while got.count(b" ") < 6:
            got += s.recv(100)
        pid = server.all_workers(1 + 1 + 1) and got.split()[0]
        assert got == b"".join(b"%s %d %d" % (pid, i, i) for i in (2, 3, 4))


def test_all_messages_of_a_call_id_meet_whatever_they_come_by(start: StartServer) -> None:
    server = start_tcp(start, "-n", "3", "-N", "2", routes=STATEFUL_ROUTES)
    server.all_workers(3 + 2 + 1)
    workers = set()
    for call in range(6):
        answers = []
        for i in range(4):
            call_id = b"call-%d" % call
            with connect(server, f"127.0.0.{i + 2}") as s:
                answers.append(ask(s, message(call_id)))
            answers.append(server.ask(message(call_id)).split())
        assert [int(a[1]) for a in answers] == list(range(1, 9))
        assert len({a[0] for a in answers}) == 1
        workers.add(answers[0][0])
    assert len(workers) > 1


def test_a_server_of_tcp_alone_keeps_state_too(start: StartServer) -> None:
    port = free_port()
    server = start("-DEd", "-l", f"tcp:127.0.0.1:{port}", "-N", "3", bare=True, routes=STATEFUL_ROUTES)
    server.port = port
    server.all_workers(3 + 1)
    workers = set()
    for call in range(6):
        answers = []
        for i in range(5):
            with connect(server, f"127.0.0.{i + 2}") as s:
                answers.append(ask(s, message(b"call-%d" % call)))
        assert [int(a[1]) for a in answers] == [1, 2, 3, 4, 5]
        assert len({a[0] for a in answers}) == 1
        workers.add(answers[0][0])
    assert len(workers) > 1
    with connect(server) as s:
        began = time.monotonic()
        ask(s, message(b"x", mark=b"later"))
        assert 0.049 <= time.monotonic() - began < 20


@pytest.mark.parametrize("udp", [True, False])
def test_a_module_hears_of_a_connection_that_cannot_be_made(start: StartServer, udp: bool) -> None:
    nowhere = free_port()
    port = free_port()
    listen = [f"udp:127.0.0.1:{port}"] if udp else []
    arguments = [word for a in [*listen, f"tcp:127.0.0.1:{port}"] for word in ("-l", a)]
    server = start("-DEd", "-n", "2", *arguments, bare=True, routes=STATEFUL_ROUTES)
    server.port = port
    for i in range(5):
        with connect(server, f"127.0.0.{i + 2}") as s:
            assert ask(s, message(b"call-%d" % i, mark=b"nowhere=%d@" % nowhere).replace(b"@@", b"@"))[1] == b"1"
    assert server.logs(f"to 127.0.0.1:{nowhere}: Connection refused")


def test_a_request_goes_on_over_one_connection_and_its_replies_come_back(
    start: StartServer, listening: socket.socket
) -> None:
    server = start_tcp(start, "-n", "2", "-N", "2", routes=FORWARDING_ROUTES)
    uri = b"sip:bob@127.0.0.1:%d" % listening.getsockname()[1]
    with connect(server, "127.0.0.2") as one, connect(server, "127.0.0.3") as two:
        # So that the server's own Via must lead back, their Vias name ports where nobody listens.
        one.sendall(message(b"one", uri=uri))
        peer, _ = listening.accept()
        with peer:
            peer.settimeout(20)
            requests = read(peer, 1)
            two.sendall(message(b"two", uri=uri))
            requests += read(peer, 1)
            for request in reversed(requests):
                lines = [line for line in request.split(b"\r\n")[1:] if not line.startswith(b"Max")]
                assert re.search(rb"^Via: SIP/2.0/TCP 127.0.0.1:\d+;branch=\S+;i=[0-9a-f]+$", lines[0])
                peer.sendall(b"\r\n".join([b"SIP/2.0 200 OK", *lines]) + b"\r\n\r\n")
            assert b"Call-ID: one" in read(one, 1)[0]
            assert b"Call-ID: two" in read(two, 1)[0]


# A script that answers what it could not forward, in a program that keeps state (then other processes have the connections) or not.
REFUSED_ROUTES = """
from typing import Final
from runtime.modules import core
from runtime.modules.{module} import {kind}
from runtime.modules.sl import Sl
from runtime.routing.config import Config, Listen
from runtime.routing.context import Context
from runtime.routing.destination import Destination
from runtime.routing.program import Program

CONFIG: Final = Config({{config}})
other: Final = {kind}()
sl: Final = Sl()
HOST_1: Final = Destination(b"127.0.0.1", {port})

def route(ctx: Context) -> int:
    if b"fixed" in ctx.uri():
        sent = core.forward(ctx, HOST_1, core.TCP)
    elif b"raw" in ctx.uri():
        sent = core.send(ctx, HOST_1, core.TCP)
    else:
        sent = core.forward_uri(ctx, core.TCP, core.URI_PORT)
    if not sent:
        sl.sl_reply_error(ctx)
    return 1

PROGRAM: Final = Program(config=CONFIG, modules=(other, sl), request=route, destinations=(HOST_1,))
"""


@pytest.mark.parametrize("module", ["tm:Tm", "maxfwd:Maxfwd"])
def test_a_script_hears_that_a_connection_is_refused(start: StartServer, listening: socket.socket, module: str) -> None:
    nowhere = free_port()
    name, _, kind = module.partition(":")
    routes = REFUSED_ROUTES.format(module=name, kind=kind, port=nowhere)
    server = start_tcp(start, "-n", "2", "-N", "2", routes=routes)
    uris = [b"sip:bob@127.0.0.1:%d;transport=tcp" % nowhere, b"sip:fixed@x", b"sip:raw@x", b"sip:bob@127.0.0.4:1"]
    with connect(server, "127.0.0.2") as s, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as u:
        u.bind(("127.0.0.1", 0))
        u.settimeout(10)
        s.settimeout(10)
        for i, uri in enumerate(uris):
            s.sendall(message(b"tcp-%d" % i, uri=uri))
            assert read(s, 1)[0].startswith(b"SIP/2.0 477 "), uri
            via = b"Via: SIP/2.0/UDP 127.0.0.1:%d;" % u.getsockname()[1]
            u.sendto(
                message(b"udp-%d" % i, uri=uri).replace(b"Via: SIP/2.0/TCP 127.0.0.1:9;", via),
                ("127.0.0.1", server.port),
            )
            assert u.recv(65536).startswith(b"SIP/2.0 477 "), uri
        # While one waits for a connection the others go on, and what can be reached is.
        u.sendto(message(b"ok", uri=b"sip:bob@127.0.0.1:%d" % listening.getsockname()[1]), ("127.0.0.1", server.port))
        peer, _ = listening.accept()
        with peer:
            peer.settimeout(20)
            assert b"Call-ID: ok" in read(peer, 1)[0]
    assert server.logs("cannot connect to")


INVITE_ROUTES = """
from typing import Final
from runtime.modules.tm import Tm
from runtime.routing.config import Config, Listen
from runtime.routing.context import Context
from runtime.routing.program import Program

CONFIG: Final = Config({config})
tm: Final = Tm()

def route(ctx: Context) -> int:
    return tm.t_relay(ctx)

PROGRAM: Final = Program(config=CONFIG, modules=(tm,), request=route)
"""


def test_a_call_to_who_refuses_the_connection_ends_at_once(start: StartServer) -> None:
    """The 100 and the INVITE reach the process of the connections together, and what fails then waits for no other event.

    It did: until the connections were looked over the next time, five seconds later.
    """
    server = start_tcp(start, routes=INVITE_ROUTES)
    uri = b"sip:bob@127.0.0.1:%d;transport=tcp" % free_port()
    with connect(server) as s:
        s.settimeout(4.5)
        s.sendall(message(b"call", uri=uri).replace(b"OPTIONS", b"INVITE"))
        trying, refused = read(s, 2)
    assert trying.startswith(b"SIP/2.0 100 ") and refused.startswith(b"SIP/2.0 477 ")


def test_what_goes_to_an_alias_takes_the_connection(start: StartServer) -> None:
    server = start_tcp(start, "-n", "2", "-N", "2", routes=FORWARDING_ROUTES)
    with connect(server, "127.0.0.5") as phone, connect(server) as caller:
        phone.sendall(message(b"reg", uri=b"sip:alias@x"))
        assert read(phone, 1)[0].startswith(b"SIP/2.0 200 OK\r\n")
        caller.sendall(message(b"call", uri=b"sip:phone@127.0.0.5:7"))
        assert b"Call-ID: call" in read(phone, 1)[0]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(message(b"udp", uri=b"sip:phone@127.0.0.5:7"), ("127.0.0.1", server.port))
        assert b"Call-ID: udp" in read(phone, 1)[0]


def test_a_script_that_ends_badly_ends_the_connection_behind_its_reply(start: StartServer) -> None:
    server = start_tcp(start, "-n", "1", routes=FORWARDING_ROUTES)
    with connect(server) as s:
        s.sendall(message(uri=b"sip:bad@x") + message(b"second", uri=b"sip:bad@x"))
        got = b""
        while more := s.recv(65536):
            got += more
        assert got.count(b"SIP/2.0 200") == 1


@pytest.mark.parametrize("stateful", [True, False])
@pytest.mark.parametrize(
    "garbage",
    [b"GET / HTTP/1.1\r\n\r\n", OPTIONS, MESSAGE.replace(b"Via", b"Vja"), bytes(70000), os.urandom(2000) + b"\n\n"],
)
def test_garbage_ends_its_own_connection_only(start: StartServer, garbage: bytes, stateful: bool) -> None:
    routes = STATEFUL_ROUTES if stateful else None
    server = start_tcp(start, "-n", "2", "-N", "1", routes=routes)
    workers = server.all_workers(2 + 1 + 1)
    with connect(server) as good, connect(server) as bad:
        ask(good)
        bad.sendall(garbage)
        try:
            assert bad.recv(100) == b""
        except ConnectionResetError:
            pass
        ask(good)
    assert server.workers() == workers


def test_idle_slow_and_silent_peers_delay_nobody(start: StartServer) -> None:
    server = start_tcp(start, "-n", "1", "-N", "1")
    crowd = [connect(server) for _ in range(120)]
    try:
        for i, s in enumerate(crowd):
            if i % 3:
                s.sendall(MESSAGE[: i * 2])
        # One that asks and asks and never reads an answer.
        deaf = crowd[0]
        deaf.setblocking(False)
        with pytest.raises(BlockingIOError):
            while True:
                deaf.sendall(MESSAGE * 100)
        with connect(server) as s:
            began = time.monotonic()
            for _ in range(50):
                ask(s)
                server.ask()
            assert time.monotonic() - began < 20
        # Those in the middle of a message can still end it.
        crowd[1].sendall(MESSAGE[2:])
        crowd[1].settimeout(20)
        assert crowd[1].recv(100)
    finally:
        for s in crowd:
            s.close()


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="needs prlimit")
def test_without_descriptors_the_connections_that_are_there_go_on(start: StartServer) -> None:
    port = free_port()
    server = start("-DEd", "-n", "1", "-l", f"127.0.0.1:{port}", bare=True, prefix=("prlimit", "--nofile=100:100"))
    server.port = port
    with connect(server) as s:
        ask(s)
        # From many hosts: one alone is held to its share before that.
        crowd = [connect(server, f"127.0.0.{2 + n % 20}") for n in range(200)]
        assert server.logs("connections are open, another one refused")
        ask(s)
        assert server.ask()
        for one in crowd:
            one.close()

    def serves_again() -> bool:
        with connect(server) as s:
            s.settimeout(1)
            try:
                return bool(ask(s))
            except OSError:
                return False

    assert eventually(serves_again)


@pytest.mark.parametrize("victim", ["tcp receiver", "tcp main process"])
def test_a_killed_process_is_replaced(start: StartServer, victim: str) -> None:
    server = start_tcp(start, "-n", "1", "-N", "1")
    # Made in this order: the UDP worker, the one with the connections, the one that accepts.
    pids = sorted(server.all_workers(3))
    with connect(server) as s:
        ask(s)
        os.kill(pids[1 if victim == "tcp receiver" else 2], signal.SIGKILL)
        began = time.monotonic()
        if victim == "tcp receiver":
            assert s.recv(100) == b""
        with connect(server) as another:
            another.settimeout(20)
            ask(another)
        assert time.monotonic() - began < 20
        if victim == "tcp main process":
            ask(s)
    assert server.logs(f"{victim} (pid")
    assert server.ask()


def test_numbers_of_connections_begin_anew_elsewhere(start: StartServer, listening: socket.socket) -> None:
    """A reply that names a connection of a dead process must not reach whoever came in its place."""
    server = start_tcp(start, "-n", "1", "-N", "1", routes=FORWARDING_ROUTES)
    pids = sorted(server.all_workers(3))
    uri = b"sip:bob@127.0.0.1:%d" % listening.getsockname()[1]
    numbers = []
    let_pass(1, "numbers begin at a place that the second of the process's start gives")
    for _ in range(2):
        with connect(server) as s:
            s.sendall(message(uri=uri))
            peer, _ = listening.accept()
            with peer:
                found = re.search(rb";i=([0-9a-f]+)", read(peer, 1)[0])
                assert found is not None
                # The number follows eight digits that nobody else could have written.
                numbers.append(int(found[1][8:][::-1], 16))
        if len(numbers) == 1:
            os.kill(pids[1], signal.SIGKILL)
            assert server.logs("tcp receiver was restarted")
    assert numbers[0] == 1
    assert numbers[1] >= 4096


def test_connections_cost_little_memory(start: StartServer) -> None:
    server = start_tcp(start, "-n", "1", "-N", "1")
    pid = sorted(server.all_workers(3))[1]
    with connect(server) as s:
        ask(s)
        before = _private_kb(pid)
        crowd = [connect(server) for _ in range(400)]
        ask(s)
        assert (_private_kb(pid) - before) / 400 < 20
        for one in crowd:
            one.close()
        ask(s)


def _private_kb(pid: int) -> int:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Private_"))
