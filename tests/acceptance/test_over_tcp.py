"""Calls of sipp over TCP, and what connections cost those who use none."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from acceptance.conftest import Ser, options
from acceptance.proxy import Parties, Serve, expect, scenario
from acceptance.proxy import parties as parties  # the fixtures
from acceptance.proxy import serve as serve
from acceptance.sipp import Cutter

TCP = ("-l", "tcp:127.0.0.1:{port}")
IDLE = 300
SLOW = 50
CONNECTION_MAX_BYTES = 20_000


@pytest.mark.parametrize(
    "children, transport, caller",
    [
        ("1", "t1", ("-sn", "uac")),
        # A connection for each call.
        ("4", "tn", ("-sn", "uac")),
        ("4", "t1", scenario("uac_with_routes")),
    ],
)
def test_whole_calls(children: str, transport: str, caller: tuple[str, str], serve: Serve, parties: Parties) -> None:
    callee = parties.callee("-sn", "uas", "-t", "t1")
    ser = serve(f'if (uri == myself) {{ t_relay_to_tcp("127.0.0.1", "{callee.port}"); break; }}', "-n", children, *TCP)
    expect(ser, parties.caller(ser.port, *caller, "-t", transport, "-max_socket", "4000"), callee)


def test_every_byte_by_itself(serve: Serve, parties: Parties) -> None:
    callee = parties.callee("-sn", "uas", "-t", "t1")
    with ExitStack() as stack:
        far = stack.enter_context(closing(Cutter(callee.port)))
        ser = serve(f't_relay_to_tcp("127.0.0.1", "{far.port}"); break;', "-n", "2", *TCP)
        near = stack.enter_context(closing(Cutter(ser.port)))
        # What is addressed to the relay is for the callee as well.
        expect(ser, parties.caller(near.port, "-sn", "uac", "-t", "tn", "-max_socket", "4000", rate=30), callee)
        assert near.passed_bytes > 0 and far.passed_bytes > 0


def private_bytes(ser: Ser) -> int:
    """What all processes of the server have of memory for themselves."""
    found = 0
    for pid in ser.processes():
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Private"):
                found += int(line.split()[1]) * 1024
    return found


@contextmanager
def slow_senders(port: int) -> Iterator[None]:
    """Connections that send a byte from time to time."""
    over = threading.Event()
    with ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(SLOW)]

        def send() -> None:
            while True:
                for c in b"OPTIONS sip:x SIP/2.0\r\nX: ":
                    for one in slow:
                        one.send(bytes([c]))
                    if over.wait(0.1):
                        return

        sender = threading.Thread(target=send)
        sender.start()
        try:
            yield
        finally:
            over.set()
            sender.join()


def idle(port: int, count: int) -> list[socket.socket]:
    """Connections of which the server has taken in all."""
    opened = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
    # All of one host are in one process, in their order: the last one is answered after the others have come in.
    opened[-1].settimeout(20)
    opened[-1].sendall(options(port, 9).replace(b"\r\n\r\n", b"\r\nContent-Length: 0\r\n\r\n"))
    assert opened[-1].recv(65536).startswith(b"SIP/2.0 200 ")
    return opened


@pytest.mark.parametrize("children", ["1", "4"])
def test_idle_and_slow_connections_cost_little_and_hinder_nobody(children: str, serve: Serve, parties: Parties) -> None:
    callee = parties.callee("-sn", "uas")
    ser = serve(f'if (uri == myself) rewritehostport("127.0.0.1:{callee.port}");', "-n", children, *TCP)
    with ExitStack() as stack:
        # The first ones find the processes still growing.
        for one in idle(ser.port, IDLE):
            stack.enter_context(one)
        before = private_bytes(ser)
        for one in idle(ser.port, IDLE):
            stack.enter_context(one)
        stack.enter_context(slow_senders(ser.port))
        assert (private_bytes(ser) - before) / (IDLE + SLOW) < CONNECTION_MAX_BYTES
        # Nothing is repeated: so each message has been answered within half a second.
        expect(ser, parties.caller(ser.port, "-sn", "uac"), callee)
