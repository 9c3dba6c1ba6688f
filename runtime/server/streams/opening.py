"""Sockets of new connections: those that peers have opened, which come in by the door, and those to a peer. Nothing waits here."""

from __future__ import annotations

import errno
import socket
from typing import Final, final

from runtime.routing.sockets import SocketTable
from runtime.sip.address import TCP, Address
from runtime.sip.transport import ListenSocket

# So many that have gone again are passed over at a time.
_GONE_MAX: Final = 64


@final
class Arrival:
    """A connection that `peer` has opened to `listener`."""

    def __init__(self, own: socket.socket, peer: Address, listener: ListenSocket) -> None:
        self.socket: Final = own
        self.peer: Final = peer
        self.listener: Final = listener


def arrival(door: socket.socket, table: SocketTable) -> Arrival | None:
    """The next connection that the acceptor has for this process (runtime.server.streams.acceptor), or None."""
    for _ in range(_GONE_MAX):
        try:
            data, fds, _, _ = socket.recv_fds(door, 8, 1)
        except OSError as e:
            if e.errno != errno.EAGAIN and e.errno != errno.EINTR:
                raise
            return None
        if not fds:
            return None
        own = socket.socket(fileno=fds[0])
        own.setblocking(False)
        try:
            name = own.getpeername()
        except OSError:
            own.close()
            continue
        host: str = name[0]
        peer = Address.parse(host.partition("%")[0], name[1])
        return Arrival(own, peer, table.sockets[int.from_bytes(data, "little")])
    return None


def connecting(peer: Address) -> tuple[int, socket.socket | None]:
    """0 and a socket that connects to `peer`; where not even that works, the errno and None."""
    try:
        own = socket.socket(socket.AF_INET6 if peer.is_ipv6 else socket.AF_INET, socket.SOCK_STREAM)
    except OSError as e:
        return e.errno or errno.EIO, None
    own.setblocking(False)
    error = own.connect_ex(peer.pair())
    if error not in (0, errno.EINPROGRESS, errno.EINTR):
        own.close()
        return error, None
    return 0, own


def listener_of(own: socket.socket, table: SocketTable, default: ListenSocket) -> ListenSocket:
    """The listener that has the near end's address; what comes by this connection counts as received there."""
    ip: str = own.getsockname()[0]
    near = Address.parse(ip.partition("%")[0], 0).ip
    for s in table.sockets:
        if s.proto == TCP and s.address.ip == near:
            return s
    return default
