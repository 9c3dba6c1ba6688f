"""The connections of one process that are open: found by descriptor, number or address, and how many of them there may be."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.server.streams.connection import Connection
from runtime.sip.address import Address, from_packed

ALIASES_MAX: Final[i64] = 3


@final
class ConnectionTable:
    """At most `limit` connections, half of them opened from here, so that there is room for who comes; `one_host` of them opened by one
    host, and as many opened to it, so that none can take all.

    A number may be any sender's word: who asks for one also says where it must lead.
    """

    def __init__(self, limit: i64, one_host: i64) -> None:
        self._limit: Final = limit
        self._ours_limit: Final[i64] = (limit + 1) // 2
        self._one_host: Final = one_host
        self._by_fd: Final[dict[int, Connection]] = {}
        self._by_number: Final[dict[int, Connection]] = {}
        self._by_name: Final[dict[bytes, Connection]] = {}
        # How many each host has opened, and how many were opened to it.
        self._from_host: Final[dict[bytes, int]] = {}
        self._to_host: Final[dict[bytes, int]] = {}
        self._ours: i64 = 0

    def __len__(self) -> int:
        return len(self._by_fd)

    def all(self) -> list[Connection]:
        return list(self._by_fd.values())

    def of_descriptor(self, fd: int) -> Connection | None:
        return self._by_fd.get(fd)

    def numbered(self, number: i64, destination: Address) -> Connection | None:
        """Connection `number`, if it leads to the host of `destination` (RFC 3261 18.2.2)."""
        connection = self._by_number.get(int(number))
        return connection if connection is not None and connection.peer.ip == destination.ip else None

    def named(self, destination: Address) -> Connection | None:
        """The connection that what is meant for `destination` goes by."""
        return self._by_name.get(destination.sockaddr)

    # --- room --------------------------------------------------------------------------------------------------------

    def why_none_from(self, peer: Address) -> str:
        """Why the host of `peer` cannot open one more; "" if it can."""
        if len(self._by_fd) >= self._limit:
            return f"{self._limit} connections are open"
        if self._from_host.get(_host_of(peer), 0) >= self._one_host:
            return f"{peer.host().decode()} has {self._one_host} connections open"
        return ""

    def why_none_to(self, peer: Address) -> str:
        """Why no more can be opened to the host of `peer`; "" if one can."""
        if len(self._by_fd) >= self._limit:
            return f"{self._limit} connections are open"
        if self._ours >= self._ours_limit:
            return f"{self._ours} connections were opened from here"
        if self._to_host.get(_host_of(peer), 0) >= self._one_host:
            return f"{self._one_host} connections were opened to {peer.host().decode()}"
        return ""

    # --- coming and going --------------------------------------------------------------------------------------------

    def add(self, connection: Connection) -> None:
        self._by_fd[connection.fd] = connection
        self._by_number[int(connection.number)] = connection
        # An older connection with the same name keeps it.
        if connection.peer.sockaddr not in self._by_name:
            self._name(connection, connection.peer.sockaddr)

    def count(self, connection: Connection, is_ours: bool) -> None:
        """`connection` was opened by its peer, or from here."""
        connection.is_ours = is_ours
        if is_ours:
            self._ours += 1
        of_host = self._to_host if is_ours else self._from_host
        host = _host_of(connection.peer)
        of_host[host] = of_host.get(host, 0) + 1

    def remove(self, connection: Connection) -> None:
        self.release_names(connection)
        del self._by_number[int(connection.number)]
        del self._by_fd[connection.fd]
        if connection.is_ours:
            self._ours -= 1
        of_host = self._to_host if connection.is_ours else self._from_host
        host = _host_of(connection.peer)
        left = of_host[host] - 1
        if left:
            of_host[host] = left
        else:
            del of_host[host]

    # --- names -------------------------------------------------------------------------------------------------------

    def _name(self, connection: Connection, name: bytes) -> None:
        self._by_name[name] = connection
        connection.names.append(name)

    def release_names(self, connection: Connection) -> None:
        """From now on nothing is sent by `connection` but what names its number."""
        for name in connection.names:
            del self._by_name[name]
        connection.names = []

    def alias(self, connection: Connection, port: i64) -> str:
        """Let what goes to `port` of its peer take `connection`; "" or why not.

        Not if another connection has the name: that would let one client take what is meant for another.
        """
        name = from_packed(connection.peer.ip, port).sockaddr
        owner = self._by_name.get(name)
        if owner is connection:
            return ""
        if owner is not None:
            return (
                f"port {port} of {connection.shown()} belongs to another connection, alias refused "
                "(possible port hijack attempt)"
            )
        if len(connection.names) > ALIASES_MAX:
            return f"{connection.shown()} wants over {ALIASES_MAX} aliases"
        self._name(connection, name)
        return ""


def _host_of(peer: Address) -> bytes:
    """Who counts as one: of IPv6 the network of 64 bits, in which a host can have any address (RFC 4291 2.5.4)."""
    return peer.ip[:8] if peer.is_ipv6 else peer.ip
