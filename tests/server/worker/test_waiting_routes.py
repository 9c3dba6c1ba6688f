"""A server with one worker whose routes wait for programs. Each waits for a FIFO, which the test writes to."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from patience import eventually

from server.conftest import OPTIONS, Server, StartServer

# A message with "gate=NAME" waits for the FIFO of that name. The answer is what was written into it.
ROUTES = """
from typing import Final
from runtime.modules.exec import Exec
from runtime.modules.tm import Tm
from runtime.routing.config import Config, Listen
from runtime.routing.context import Context
from runtime.routing.program import Program
from runtime.routing.verdict import verdict
from runtime.sip.transport import Send

CONFIG: Final = Config({config})
programs: Final = Exec()
tm: Final = Tm()

def route(ctx: Context) -> int:
    _, _, gate = ctx.message.buf.partition(b"gate=")
    if gate:
        programs.exec_dset(ctx, b"read line < " + gate.split(b";")[0] + b"; echo $line #")
    call_id = ctx.message.value(ctx.message.call_id)
    ctx.sends.append(Send(b"%s %s" % (call_id, ctx.uri()), ctx.source, ctx.socket, ctx.connection))
    return 1

PROGRAM: Final = Program(config=CONFIG, modules=(programs, tm), request=route)
"""


class Client:
    def __init__(self, server: Server) -> None:
        self.server = server
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", server.port))
        self.socket.settimeout(20)

    def say(self, call_id: str, gate: str = "") -> None:
        more = f"X: gate={gate};\r\n" if gate else ""
        self.socket.send(OPTIONS.replace(b"call-1\r\n", f"{call_id}\r\n{more}".encode()))

    def hear(self) -> str:
        try:
            return self.socket.recv(65536).decode()
        except TimeoutError:
            raise AssertionError(self.server.log.read_text()) from None

    def gate(self, name: str) -> Path:
        path = self.server.folder / name
        os.mkfifo(path)
        return path


@pytest.fixture(params=["fork=False", "children=1"])
def client(request: pytest.FixtureRequest, start: StartServer) -> Iterator[Client]:
    server = start("-n", "1", "--queue", "0", config=request.param, routes=ROUTES)
    server.ask()
    # A worker may answer before others are there, and a signal ends a start at once.
    assert request.param == "fork=False" or server.logs("processes serve")
    made = Client(server)
    yield made
    made.socket.close()


def test_other_messages_are_handled_while_a_route_waits_for_a_program(client: Client) -> None:
    gates = [client.gate(f"gate{i}") for i in range(40)]
    for i in range(40):
        client.say(f"slow{i}", f"gate{i}")
    for i in range(40):
        client.say(f"quick{i}")
    assert [client.hear() for _ in range(40)] == [f"quick{i} sip:bob@example.com" for i in range(40)]
    # In any order, each with what is his.
    for i in sorted(range(40), key=lambda i: i * 7 % 40):
        gates[i].write_text(f"sip:row{i}@h\n")
        assert client.hear() == f"slow{i} sip:row{i}@h"
        client.say(f"between{i}")
        assert client.hear() == f"between{i} sip:bob@example.com"
    assert "BUG" not in client.server.log.read_text()


def test_a_repetition_of_a_request_that_waits_is_absorbed(client: Client) -> None:
    gate = client.gate("gate")
    for _ in range(3):
        client.say("slow", "gate")
    client.say("quick")
    assert client.hear().startswith("quick")
    gate.write_text("sip:row@h\n")
    assert client.hear() == "slow sip:row@h"
    client.say("last")
    assert client.hear().startswith("last")


def test_a_server_ends_while_a_route_waits_for_ever(client: Client) -> None:
    client.gate("never")
    client.say("slow", "never")
    client.say("quick")
    assert client.hear().startswith("quick")
    # The second signal cuts off what the first one waits for.
    os.kill(client.server.pid, signal.SIGTERM)
    assert client.server.logs("INFO: shutting down")
    assert client.server.stop() == 0
    assert "Traceback" not in client.server.log.read_text() and "BUG" not in client.server.log.read_text()


def test_a_server_that_is_to_end_waits_for_a_route_that_waits(start: StartServer) -> None:
    server = start("-n", "1", routes=ROUTES)
    server.ask()
    client = Client(server)
    gate = client.gate("gate")
    client.say("slow", "gate")
    client.say("quick")
    assert client.hear().startswith("quick")
    assert server.logs("processes serve")
    os.kill(server.pid, signal.SIGTERM)
    assert server.logs("INFO: shutting down")
    gate.write_text("sip:row@h\n")
    assert client.hear() == "slow sip:row@h"
    assert server.wait() == 0 and eventually(lambda: "Traceback" not in server.log.read_text())
    client.socket.close()
