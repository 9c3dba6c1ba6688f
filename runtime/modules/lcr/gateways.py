"""Gateways, and which of them a call may take. Reference modules-main, chapter 27."""

from __future__ import annotations

import marshal
import socket
import sys
from typing import Final, final

from runtime.routing.database import Row, Value
from runtime.routing.published import Published
from runtime.sip.address import TCP, TLS, UDP

_SIPS: Final = 2
_TRANSPORTS: Final = {UDP: b";transport=udp", TCP: b";transport=tcp", TLS: b";transport=tls"}


@final
class Gateway:
    """`ip` is packed; `port` and `transport` are 0 where the gateway does not say. `prefix` stands before the user."""

    def __init__(self, ip: bytes, port: int, scheme: int, transport: int, group: int, prefix: bytes) -> None:
        self.ip: Final = ip
        self.port: Final = port
        self.scheme: Final = scheme
        self.transport: Final = transport
        self.group: Final = group
        self.prefix: Final = prefix

    def uri(self, user: bytes) -> bytes:
        """Where a call for `user` goes."""
        return b"".join([self._scheme(), self.prefix, user, b"@", self._place()])

    def shown(self) -> bytes:
        """A line about it."""
        return self._scheme() + self._place() + b"\n"

    def fields(self) -> tuple[bytes, int, int, int, int, bytes]:
        return self.ip, self.port, self.scheme, self.transport, self.group, self.prefix

    def _scheme(self) -> bytes:
        return b"sips:" if self.scheme == _SIPS else b"sip:"

    def _place(self) -> bytes:
        port = b":%d" % self.port if self.port else b""
        return socket.inet_ntoa(self.ip).encode("ascii") + port + _TRANSPORTS.get(self.transport, b"")


def gateway_of(row: Row) -> Gateway | None:
    """The gateway of a row (address, port, scheme, transport, group, prefix); None if it has no address or no group.

    The address is the number that its four bytes are in memory, as SER stores it.
    """
    address, port, scheme, transport, group, prefix = row
    number = _number(address)
    if number is None or group is None or not 0 < number < 0x1_0000_0000:
        return None
    ip = number.to_bytes(4, sys.byteorder)
    text = prefix if isinstance(prefix, bytes) else b""
    return Gateway(ip, _number(port) or 0, _number(scheme) or 0, _number(transport) or 0, int(group), text)


def _number(value: Value) -> int | None:
    return None if value is None or (isinstance(value, bytes) and not value.isdigit()) else int(value)


@final
class Route:
    """A row of the table lcr: calls of callers like `caller` to users that begin with `prefix` may take the gateways of `group`."""

    def __init__(self, prefix: bytes, caller: bytes, group: int, priority: int) -> None:
        self.prefix: Final = prefix
        self.caller: Final = caller
        self.group: Final = group
        self.priority: Final = priority

    def fits(self, caller: bytes, user: bytes) -> bool:
        return is_like(user, self.prefix + b"%") and is_like(caller, self.caller)


def route_of(row: Row) -> Route | None:
    """The route of a row (prefix, caller, group, priority); None where a column is NULL, as SQL compares with NULL."""
    prefix, caller, group, priority = row
    if not isinstance(prefix, bytes) or not isinstance(caller, bytes) or group is None:
        return None
    return Route(prefix, caller, int(group), _number(priority) or 0)


def is_like(text: bytes, pattern: bytes) -> bool:
    r"""SQL's LIKE, in any case: `%` is anything, `_` one character, `\` takes the meaning from the next one."""
    text = text.lower()
    pattern = pattern.lower()
    at = place = 0
    # Where the last % was, and how much of the text it has taken so far.
    anything = taken = -1
    while at < len(text):
        if place < len(pattern) and pattern[place : place + 1] == b"%":
            anything = place
            taken = at
            place += 1
            continue
        step = _step(text, at, pattern, place)
        if step > 0:
            at += 1
            place += step
        elif anything >= 0:
            taken += 1
            at = taken
            place = anything + 1
        else:
            return False
    return pattern[place:].strip(b"%") == b""


def _step(text: bytes, at: int, pattern: bytes, place: int) -> int:
    """How much of the pattern stands for this character of the text, 0 if nothing does."""
    if place >= len(pattern):
        return 0
    one = pattern[place : place + 1]
    if one == b"\\" and place + 1 < len(pattern):
        return 2 if text[at] == pattern[place + 1] else 0
    return 1 if one == b"_" or text[at] == pattern[place] else 0


def chosen(
    routes: list[Route], gateways: list[Gateway], caller: bytes, user: bytes, lots: list[float]
) -> list[Gateway]:
    """The gateways for a call, the best first: by the longest prefix, the lowest priority, then by lot (a number for each gateway).

    An address comes once.
    """
    found: list[tuple[int, int, float, int]] = []
    for route in routes:
        if route.fits(caller, user):
            for place in range(len(gateways)):
                if gateways[place].group == route.group:
                    found.append((-len(route.prefix), route.priority, lots[place], place))
    ordered: list[Gateway] = []
    known: set[bytes] = set()
    for _, _, _, place in sorted(found):
        gateway = gateways[place]
        if gateway.ip not in known:
            known.add(gateway.ip)
            ordered.append(gateway)
    return ordered


@final
class Gateways:
    """The addresses that are gateways, as every process knows them; `published` has those that were loaded since the start."""

    def __init__(self, gateways: list[Gateway], published: Published) -> None:
        self._published: Final = published
        self._number = published.number()
        self._gateways = gateways
        self._ips = {gateway.ip for gateway in gateways}

    def has(self, ip: bytes) -> bool:
        self._look()
        return ip in self._ips

    def shown(self) -> bytes:
        """A line each."""
        self._look()
        return b"".join([gateway.shown() for gateway in self._gateways])

    def replace(self, gateways: list[Gateway]) -> bool:
        """Take these from now on, in every process; False if they do not fit into the memory."""
        return self._published.publish(packed(gateways))

    def _look(self) -> None:
        if self._published.number() == self._number:
            return
        self._number, text = self._published.read()
        rows: list[tuple[bytes, int, int, int, int, bytes]] = marshal.loads(text)
        self._gateways = [Gateway(*row) for row in rows]
        self._ips = {gateway.ip for gateway in self._gateways}


def packed(gateways: list[Gateway]) -> bytes:
    """The gateways on their way to other processes."""
    return marshal.dumps([gateway.fields() for gateway in gateways])
