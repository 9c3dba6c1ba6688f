"""Opens the sockets that are listened to. Reference core, 1.4, 6.7, 6.8 and the parameters `maxbuffer` and `mcast_*` of chapter 4."""

from __future__ import annotations

import errno
import os
import socket
import struct
from typing import Final

from runtime.routing.config import Config
from runtime.routing.ports import L_DBG, L_WARN, Log
from runtime.routing.sockets import SocketTable
from runtime.server.host.cures import of_address
from runtime.server.host.errors import StartError
from runtime.sip.address import TCP, UDP
from runtime.sip.transport import ListenSocket

_STEP_BYTES: Final = 2048
# <asm-generic/socket.h>; Python does not name it.
_SO_RCVBUFFORCE: Final = 33
# Connections that may wait to be accepted (SER: 10); net.core.somaxconn bounds it.
_BACKLOG: Final = 4096
_FIRST_FREE_PORT: Final = 1024


def bind_all(table: SocketTable, config: Config, log: Log, readers: int) -> list[list[socket.socket]]:
    """The bound UDP sockets of each listener, in the order of the table: one for each of its `readers`.

    Readers with sockets of their own get each peer's datagrams from the kernel in the order in which they came, for the kernel
    hashes source and destination (SO_REUSEPORT). Readers of one shared socket would overtake each other: a BYE would be
    forwarded before its ACK. Of a multicast group every socket gets a copy, so its readers share one.

    Raises StartError and closes all when one fails.
    """
    opened: list[list[socket.socket]] = []
    for s in table.sockets:
        if s.proto != UDP:
            continue
        try:
            opened.append(_bind_group(s, config, log, 1 if s.multicast else readers))
        except OSError as e:
            for group in opened:
                close_all(group)
            raise StartError(f"cannot listen on {_where(s)}: {of_address(e, tcp=False)}") from e
    return opened


def listen_all(table: SocketTable) -> list[tuple[int, socket.socket]]:
    """The listening TCP sockets, each with its place in the table. Raises StartError, with nothing left open."""
    opened: list[tuple[int, socket.socket]] = []
    for s in table.sockets:
        if s.proto != TCP:
            continue
        try:
            opened.append((int(s.index), _listen(s)))
        except OSError as e:
            close_all([own for _, own in opened])
            raise StartError(f"cannot listen on {_where(s)}: {of_address(e, tcp=True)}") from e
    return opened


def check_addresses(table: SocketTable) -> None:
    """Returns if this machine has the addresses, and we may listen on their ports; who else may listen there is not asked.

    Raises StartError.
    """
    for s in table.sockets:
        address = s.address
        kind = socket.SOCK_DGRAM if s.proto == UDP else socket.SOCK_STREAM
        with socket.socket(socket.AF_INET6 if address.is_ipv6 else socket.AF_INET, kind) as scratch:
            try:
                # Any free port tells whether the address is there; a port of root's whether we may.
                scratch.bind((address.pair()[0], address.port if address.port < _FIRST_FREE_PORT else 0))
            except OSError as e:
                if e.errno != errno.EADDRINUSE:
                    raise StartError(f"cannot listen on {_where(s)}: {of_address(e, tcp=s.proto == TCP)}") from e


def _listen(listener: ListenSocket) -> socket.socket:
    """Raises OSError."""
    address = listener.address
    opened = socket.socket(socket.AF_INET6 if address.is_ipv6 else socket.AF_INET, socket.SOCK_STREAM)
    try:
        # Over TCP this only lets a server start while connections of its predecessor are still winding up.
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if address.is_ipv6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind(address.pair())
        opened.listen(_BACKLOG)
        opened.setblocking(False)
    except OSError:
        opened.close()
        raise
    return opened


def _where(listener: ListenSocket) -> str:
    return f"{listener.proto_name}:{listener.address.host().decode()}:{listener.address.port}"


def close_all(sockets: list[socket.socket]) -> None:
    for one in sockets:
        one.close()


def _bind_group(listener: ListenSocket, config: Config, log: Log, readers: int) -> list[socket.socket]:
    """Raises OSError, with nothing left open."""
    if readers == 1:
        return [_bind(listener, config, log, False)]
    # With SO_REUSEPORT a second server of the same user could join in silently; without it the kernel says who was first.
    _bind(listener, config, log, False).close()
    group: list[socket.socket] = []
    try:
        for _ in range(readers):
            group.append(_bind(listener, config, log, True))
    except OSError:
        close_all(group)
        raise
    return group


def _bind(listener: ListenSocket, config: Config, log: Log, shared_port: bool) -> socket.socket:
    """Raises OSError."""
    address = listener.address
    family = socket.AF_INET6 if address.is_ipv6 else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if listener.multicast:
            # SER sets this on every socket. With UDP it lets a second server take the port of the first one silently,
            # which is only wanted where all are to get a copy.
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared_port:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if address.is_ipv6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind(address.pair())
        _probe_receive_buffer(opened, config.maxbuffer, log)
        _set_multicast(opened, listener, config, log)
    except OSError:
        opened.close()
        raise
    return opened


def _probe_receive_buffer(opened: socket.socket, maximum: int, log: Log) -> None:
    """The largest SO_RCVBUF that the kernel grants up to `maximum` bytes: doubled first, then in small steps."""
    size = _receive_buffer(opened)
    initial = size
    doubling = True
    while size < maximum:
        wanted = min(maximum, size * 2 if doubling else size + _STEP_BYTES)
        granted = _try_receive_buffer(opened, wanted)
        if granted >= wanted:
            size = wanted
        elif doubling:
            doubling = False
        else:
            break
    if size != initial:
        _try_receive_buffer(opened, size)
    # The kernel counts its own needs too and so reports twice what was asked for.
    log.write(
        L_DBG, f"DEBUG: receive buffer: {initial} bytes at first, asked for {size}, got {_receive_buffer(opened)}"
    )


def _receive_buffer(opened: socket.socket) -> int:
    return opened.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)


def _try_receive_buffer(opened: socket.socket, size: int) -> int:
    try:
        # Privileged, whatever net.core.rmem_max says.
        opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, size)
    except OSError:
        try:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
        except OSError:
            return 0
    return _receive_buffer(opened)


def _set_multicast(opened: socket.socket, listener: ListenSocket, config: Config, log: Log) -> None:
    """Joins the group on the default interface; loop and TTL on every socket. Failures only warn, as in SER."""
    v6 = listener.address.is_ipv6
    level = socket.IPPROTO_IPV6 if v6 else socket.IPPROTO_IP
    loop = socket.IPV6_MULTICAST_LOOP if v6 else socket.IP_MULTICAST_LOOP
    options: list[tuple[str, int, int | bytes]] = [("mcast_loopback", loop, int(config.mcast_loopback))]
    if config.mcast_ttl >= 0:
        ttl = socket.IPV6_MULTICAST_HOPS if v6 else socket.IP_MULTICAST_TTL
        options.append(("mcast_ttl", ttl, config.mcast_ttl))
    if listener.multicast:
        join = socket.IPV6_JOIN_GROUP if v6 else socket.IP_ADD_MEMBERSHIP
        group = listener.address.ip + (struct.pack("@I", 0) if v6 else b"\0\0\0\0")
        options.append((f"joining {listener.address.text.decode()}", join, group))
    for what, option, value in options:
        try:
            opened.setsockopt(level, option, value)
        except OSError as e:
            log.write(L_WARN, f"WARNING: {what}: {os.strerror(e.errno or 0)}")
