"""What is forwarded over TCP without state waits until there is a connection, so that the script hears of a refusal."""

from __future__ import annotations

from engine import Server
from script import program_of
from server.conftest import OPTIONS

from runtime.routing.ports import Connections
from runtime.sip.address import Address
from runtime.sip.transport import ListenSocket


class Nowhere(Connections):
    """There is no connection; who asks for one is never told."""

    def __init__(self) -> None:
        super().__init__()
        self.wanted: list[int] = []

    def leads_to(self, destination: Address) -> bool:
        return False

    def reach(self, question: int, destination: Address, socket: ListenSocket) -> None:
        self.wanted.append(destination.port)


def test_a_request_waits_and_an_ack_does_not() -> None:
    """Nobody can be told of an ACK; and the BYE behind it, which tm sends at once, must not overtake it."""
    connections = Nowhere()
    program = program_of('route { forward_tcp("127.0.0.1", 5090); }')
    server = Server(program, ("udp:127.0.0.1:5070", "tcp:127.0.0.1:5070"), connections=connections)
    assert server.say(OPTIONS) == []
    assert connections.wanted == [5090]
    assert len(server.say(OPTIONS.replace(b"OPTIONS", b"ACK"))) == 1
    assert connections.wanted == [5090]
