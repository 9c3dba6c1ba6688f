"""Peers behind connections: whether there is one, or can be, before what is sent there counts as sent.

A datagram is gone when it is sent. Over TCP the peer can refuse, and a script that forwards without state has nobody else to tell it.
"""

from __future__ import annotations

import os
from typing import Final, final

from mypy_extensions import i64

from runtime.routing import errors
from runtime.routing.asking import ANSWERED, Kind, Question
from runtime.routing.context import Context
from runtime.routing.ports import Connections
from runtime.sip import methods
from runtime.sip.address import Address
from runtime.sip.transport import ListenSocket

# Messages of a process that wait for a connection at the same time.
WAITING_MAX: Final = 2048
# Who opens it gives up in time by himself; this is for one that died meanwhile.
_GRACE_MS: Final = 2000


@final
class Reached(Question[int]):
    """The answer is 0 when the connection is open, else an errno."""

    def __init__(self, kind: Kind, connections: Connections, destination: Address, socket: ListenSocket) -> None:
        super().__init__(kind)
        self._connections: Final = connections
        self._destination: Final = destination
        self._socket: Final = socket

    def ask(self, now_ms: i64) -> None:
        self._connections.reach(self.number, self._destination, self._socket)


def is_reached(ctx: Context, destination: Address, socket: ListenSocket, who: str) -> bool:
    """Wait until a connection to `destination` is open; False, with `ctx.error` set and a line of `who` in the log, if that fails.

    An ACK waits for nothing: nobody can be told, and the BYE behind it, which `tm` sends at once, must not overtake it.
    """
    world = ctx.world
    connections = world.connections
    if connections is None or ctx.method == methods.ACK or connections.leads_to(destination):
        return True
    kind = world.asking.kind("connection", world.config.tcp_connect_timeout * 1000 + _GRACE_MS, WAITING_MAX)
    question = Reached(kind, connections, destination, socket)
    error = ctx.wait(question)
    if question.fate == ANSWERED and error == 0:
        return True
    why = os.strerror(error) if error is not None else "nobody could tell in time"
    return ctx.fail(errors.SEND, f"ERROR: {who}: cannot connect to {destination}: {why}")
