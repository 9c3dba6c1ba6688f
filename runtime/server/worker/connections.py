"""What the program may do with TCP connections, wherever they are; compiled in the native build."""

from __future__ import annotations

import time
from typing import Final, final

from runtime.routing.ports import Connections
from runtime.server.mail.exchange import Exchange
from runtime.server.mail.letters import tcp_alias, tcp_reach
from runtime.server.streams.streams import Streams
from runtime.sip.address import Address
from runtime.sip.transport import ListenSocket


@final
class ServerConnections(Connections):
    """Connections of this process (`streams`) and of others."""

    def __init__(self, exchange: Exchange, streams: Streams | None) -> None:
        super().__init__()
        self._exchange: Final = exchange
        self._streams: Final = streams

    def add_alias(self, connection: int, peer: Address, port: int) -> bool:
        exchange = self._exchange
        to = exchange.receiver_of(connection)
        if to == exchange.number:
            assert self._streams is not None
            return self._streams.add_alias(connection, peer, port, time.monotonic_ns() // 1_000_000)
        tcp_alias.put(exchange.post, to, connection, port, peer.sockaddr)
        return True

    def leads_to(self, destination: Address) -> bool:
        streams = self._streams
        return streams is not None and streams.leads_to(destination)

    def reach(self, question: int, destination: Address, socket: ListenSocket) -> None:
        exchange, streams = self._exchange, self._streams
        to = exchange.receiver_for(destination)
        if streams is not None and to == exchange.number:
            streams.reach(destination, socket, exchange.number, question, time.monotonic_ns() // 1_000_000)
        else:
            tcp_reach.put(exchange.post, to, exchange.number, question, destination.sockaddr)
