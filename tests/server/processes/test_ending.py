"""SIGTERM lets transactions come to their end, and refuses new ones. RFC 3261 21.5.4."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from patience import eventually, readable

from server.conftest import Server, StartServer, alive
from server.control_clients import Controlled

# Forwards everything statefully to its Request-URI.
TM_ROUTES = """
from typing import Final
from runtime.modules.tm import Tm
from runtime.routing.config import Config, Listen
from runtime.routing.context import Context
from runtime.routing.program import Program
from runtime.routing.verdict import verdict

CONFIG: Final = Config({config})
tm: Final = Tm()

def route(ctx: Context) -> int:
    return tm.t_relay(ctx)

PROGRAM: Final = Program(config=CONFIG, modules=(tm,), request=route)
"""


class Phone:
    """One end of a call."""

    def __init__(self, server_port: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(20)
        self.port: int = self.socket.getsockname()[1]
        self._server = ("127.0.0.1", server_port)

    def request(self, method: str, to: int, call: str, tag: str = "", cseq: int = 1) -> None:
        """To the phone with port `to`."""
        lines = [
            f"{method} sip:bob@127.0.0.1:{to} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{call}{cseq}{'' if method == 'CANCEL' else method}",
            "From: <sip:alice@example.com>;tag=a",
            f"To: <sip:bob@example.com>{tag and ';tag='}{tag}",
            f"Call-ID: {call}",
            f"CSeq: {cseq} {method}",
            "Content-Length: 0",
        ]
        self.socket.sendto("\r\n".join([*lines, "", ""]).encode(), self._server)

    def receive(self, method: str = "") -> str:
        """The next message, or the next with this method; 100 is left out."""
        while True:
            text = self.socket.recv(65536).decode()
            if not text.startswith("SIP/2.0 100") and text.startswith(method):
                return text

    def reply(self, request: str, status: str) -> None:
        kept = [h for h in request.split("\r\n")[1:] if h.split(":")[0] in ("Via", "From", "Call-ID", "CSeq", "To")]
        kept = [h + ";tag=b" if h.startswith("To:") else h for h in kept]
        text = "\r\n".join([f"SIP/2.0 {status}", *kept, "Content-Length: 0", "", ""])
        self.socket.sendto(text.encode(), self._server)


class Call:
    """Two phones, and a server between them on which one call rings."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.alice = Phone(server.port)
        self.bob = Phone(server.port)
        until = time.monotonic() + 30
        # Until the server is there, all of it: a signal during the start ends it at once. The call itself is sent once, so that nothing else is under way.
        while not self._probe(0.2) or (server.workers() and "processes serve" not in server.log.read_text()):
            assert server.process.poll() is None and time.monotonic() < until, server.log.read_text()
        self.alice.request("INVITE", self.bob.port, "ringing")
        self.invite = self.bob.receive("INVITE")
        self.bob.reply(self.invite, "180 Ringing")
        while "\r\nCSeq: 1 INVITE\r\n" not in (ringing := self.alice.receive()):
            """A late answer to a probe."""
        assert ringing.startswith("SIP/2.0 180")

    def is_refused(self) -> bool:
        """A new request is answered with 503; until then Bob answers."""
        answer = self._probe(5)
        return answer.startswith("SIP/2.0 503 Service Unavailable\r\n") and "\r\nRetry-After: " in answer

    def _probe(self, timeout_s: float) -> str:
        """The answer to a new request, from the server or from Bob; "" if none comes in time. Answers to earlier ones are passed over."""
        call = f"new-{time.monotonic()}"
        self.alice.request("OPTIONS", self.bob.port, call)
        while True:
            ready = readable([self.alice.socket, self.bob.socket], timeout_s)
            if not ready:
                return ""
            if self.bob.socket in ready:
                self.bob.reply(self.bob.socket.recv(65536).decode(), "200 OK")
            if self.alice.socket in ready and f"Call-ID: {call}\r\n" in (answer := self._read_alice()):
                return answer

    def _read_alice(self) -> str:
        try:
            return self.alice.socket.recv(65536).decode()
        except ConnectionRefusedError:  # Nobody has listened yet.
            return ""

    def close(self) -> None:
        self.alice.socket.close()
        self.bob.socket.close()


@pytest.fixture
def calls() -> Iterator[list[Call]]:
    found: list[Call] = []
    yield found
    for call in found:
        call.close()


@pytest.fixture(params=["", "fork=False", "children=1"])
def call(request: pytest.FixtureRequest, start: StartServer, calls: list[Call]) -> Call:
    calls.append(Call(start(config=request.param, routes=TM_ROUTES)))
    return calls[0]


def test_a_ringing_call_is_waited_for_and_new_requests_are_refused(call: Call) -> None:
    os.kill(call.server.pid, signal.SIGTERM)
    assert eventually(call.is_refused)
    assert call.server.process.poll() is None
    # What belongs to the call passes: a repetition, which does not reach Bob again, and his answer.
    call.alice.request("INVITE", call.bob.port, "ringing")
    assert call.alice.receive().startswith("SIP/2.0 180")
    call.bob.reply(call.invite, "200 OK")
    assert call.alice.receive().startswith("SIP/2.0 200")
    assert call.server.wait() == 0
    assert "unfinished" not in call.server.log.read_text()


def test_a_signal_for_all_processes_means_the_server(call: Call) -> None:
    """As timeout(1), a terminal and a service manager send it."""
    for pid in {call.server.pid, *call.server.workers()}:
        os.kill(pid, signal.SIGTERM)
    assert eventually(call.is_refused)
    call.bob.reply(call.invite, "200 OK")
    assert call.alice.receive().startswith("SIP/2.0 200")
    assert call.server.wait() == 0
    assert "ERROR" not in call.server.log.read_text()


def test_a_call_can_end_while_the_server_does(call: Call) -> None:
    os.kill(call.server.pid, signal.SIGTERM)
    assert eventually(call.is_refused)
    call.alice.request("BYE", call.bob.port, "other", tag="b", cseq=2)
    bye = call.bob.receive("BYE")
    call.bob.reply(bye, "200 OK")
    assert call.alice.receive().startswith("SIP/2.0 200")
    call.alice.request("CANCEL", call.bob.port, "ringing")
    cancel = call.bob.receive("CANCEL")
    call.bob.reply(cancel, "200 OK")
    call.bob.reply(call.invite, "487 Request Terminated")
    assert call.bob.receive("ACK")


def test_a_refused_invite_is_acknowledged_without_the_script(call: Call) -> None:
    os.kill(call.server.pid, signal.SIGTERM)
    assert eventually(call.is_refused)
    # One process may learn later than another that nothing new is taken.
    answer = ""
    while not answer.startswith("SIP/2.0 503"):
        second = f"second-{time.monotonic()}"
        call.alice.request("INVITE", call.bob.port, second)
        answer = call.alice.socket.recv(65536).decode()
    tag = answer.partition("\r\nTo: ")[2].partition("\r\n")[0].partition("tag=")[2]
    call.alice.request("INVITE", call.bob.port, second)
    assert call.alice.receive() == answer
    via = answer.partition("\r\nVia: ")[2].partition("\r\n")[0]
    ack = [f"ACK sip:bob@127.0.0.1:{call.bob.port} SIP/2.0", f"Via: {via}", "From: <sip:alice@example.com>;tag=a"]
    ack += [f"To: <sip:bob@example.com>;tag={tag}", f"Call-ID: {second}", "CSeq: 1 ACK", "Content-Length: 0", "", ""]
    call.alice.socket.sendto("\r\n".join(ack).encode(), ("127.0.0.1", call.server.port))
    call.bob.socket.settimeout(0.2)
    with pytest.raises(TimeoutError):
        call.bob.receive("ACK")


def test_a_second_sigterm_ends_at_once(call: Call) -> None:
    os.kill(call.server.pid, signal.SIGTERM)
    assert eventually(call.is_refused)
    began = time.monotonic()
    os.kill(call.server.pid, signal.SIGTERM)
    assert call.server.wait() == 0
    # Not after the ten seconds that running transactions have.
    assert time.monotonic() - began < 9


def test_sigint_ends_at_once(call: Call) -> None:
    os.kill(call.server.pid, signal.SIGINT)
    assert call.server.wait(9) == 0


def test_the_time_is_limited(start: StartServer, calls: list[Call]) -> None:
    call = Call(start("--drain", "1", routes=TM_ROUTES))
    calls.append(call)
    began = time.monotonic()
    os.kill(call.server.pid, signal.SIGTERM)
    assert eventually(call.is_refused)
    assert call.server.wait() == 0
    assert 0.5 < time.monotonic() - began < 9
    assert "WARNING: shutting down with 1 transactions unfinished after 1 s" in call.server.log.read_text()


def test_without_drain_it_ends_as_ser_did(start: StartServer, calls: list[Call]) -> None:
    call = Call(start("--drain", "0", routes=TM_ROUTES))
    calls.append(call)
    os.kill(call.server.pid, signal.SIGTERM)
    assert call.server.wait(9) == 0


def test_a_worker_that_died_is_not_waited_for_nor_replaced(start: StartServer, calls: list[Call]) -> None:
    call = Call(start(routes=TM_ROUTES))
    calls.append(call)
    os.kill(call.server.pid, signal.SIGTERM)
    assert eventually(call.is_refused)
    workers = call.server.workers()
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    assert call.server.wait() == 0
    assert not any(alive(pid) for pid in workers)
    assert "not restarting it: the server is shutting down" in call.server.log.read_text()


def test_the_command_kill_does_not_wait(start: StartServer, tmp_path: Path, calls: list[Call]) -> None:
    controlled = Controlled(start, tmp_path, routes=TM_ROUTES)
    calls.append(Call(controlled.server))
    assert controlled.ask("kill").startswith("200")
    assert controlled.server.wait(1.5) == 0
