"""Pings that keep the bindings of NATs open: four zero bytes to every registered client, at a steady pace. Reference modules-main, chapter 13."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.modules.usrloc.contact import NAT, Contact
from runtime.modules.usrloc.locations import Locations
from runtime.modules.usrloc.store import StoreError
from runtime.routing.dns_records import NameQuestion
from runtime.routing.locating import Search
from runtime.routing.names import Names, Waiting
from runtime.routing.ports import L_ERR
from runtime.routing.sockets import SocketName
from runtime.routing.world import World
from runtime.sip.address import UDP, Address
from runtime.sip.transport import ListenSocket, Send
from runtime.sip.uri import BadUri, parse_uri

PING: Final = b"\0\0\0\0"
# How often some are sent.
TURN_MS: Final = 200
# So many users are looked at in one turn at most: a server that is late must not flood its clients.
_USERS_MAX: Final = 20_000


@final
class Pinger:
    """Pings all clients once in `interval_ms`; `nated_only`: those behind NATs alone. `socket`: what it sends from,
    None: the one that leads there.

    Lives in one process, which calls `turn` every TURN_MS.
    """

    def __init__(
        self, world: World, locations: Locations, interval_ms: int, nated_only: bool, socket: ListenSocket | None
    ) -> None:
        self._world: Final = world
        self._locations: Final = locations
        self._interval_ms: Final = interval_ms
        self._nated_only: Final = nated_only
        self._socket: Final = socket
        # The round: when it began, the users there were, those that have had their turn, and where to go on.
        self._began_ms = -1
        self._users = 0
        self._seen = 0
        self._place = 0
        self._after: bytes | None = None

    def turn(self, now_ms: int, sends: list[Send]) -> None:
        """Ping those whose turn has come."""
        locations = self._locations
        locations.store.enter()
        try:
            if self._began_ms < 0 or (
                now_ms - self._began_ms >= self._interval_ms and self._place == len(locations.tables)
            ):
                self._begin(now_ms)
            # So that the last ones are due when the round is over.
            passed_ms = now_ms - self._began_ms + TURN_MS
            due = -(-self._users * passed_ms // self._interval_ms) - self._seen
            if passed_ms >= self._interval_ms:
                due = _USERS_MAX
            self._ping_some(min(due, _USERS_MAX), now_ms, sends)
        except StoreError as e:
            self._world.log.write(L_ERR, f"ERROR: nathelper: pings: cannot read the contacts: {e}")
            self._began_ms = -1

    def _begin(self, now_ms: int) -> None:
        locations = self._locations
        self._began_ms = now_ms
        self._users = sum([locations.store.count(table.number) for table in locations.tables])
        self._seen = 0
        self._place = 0
        self._after = None

    def _ping_some(self, most: int, now_ms: int, sends: list[Send]) -> None:
        locations = self._locations
        now_s = locations.now_s(now_ms)
        while most > 0 and self._place < len(locations.tables):
            part = locations.tables[self._place].part(self._after, most)
            for aor, contacts in part:
                self._after = aor
                for contact in contacts:
                    if contact.is_valid(now_s) and (not self._nated_only or contact.flags & NAT != 0):
                        self._ping(contact, now_ms, sends)
            self._seen += len(part)
            if len(part) < most:
                self._place += 1
                self._after = None
            most -= len(part)

    def _ping(self, contact: Contact, now_ms: int, sends: list[Send]) -> None:
        text = contact.received or contact.uri
        try:
            uri = parse_uri(text, 0, len(text))
        except BadUri:
            # It was registered so; a call to it says what is wrong with it.
            return
        if uri.transport not in (0, UDP) or uri.secure:
            return
        host = uri.host().decode("latin-1")
        try:
            destination = Address.parse(host, int(uri.port) or 5060)
        except ValueError:
            search = Search(uri.host(), uri.port, UDP, [UDP], 0)
            self._world.names.wait(NamedPing(self._world, self, search), now_ms)
            return
        self.send(destination, sends)

    def send(self, destination: Address, sends: list[Send]) -> None:
        """One ping, if there is a socket for it."""
        socket = self._socket or self._socket_for(destination)
        if socket is not None and len(socket.address.ip) == len(destination.ip):
            sends.append(Send(PING, destination, socket))

    def _socket_for(self, destination: Address) -> ListenSocket | None:
        world = self._world
        if world.mhomed:
            ip = world.resolver.outgoing_ip(destination)
            for socket in world.sockets.sockets:
                if socket.proto == UDP and socket.address.ip == ip:
                    return socket
        return world.sockets.default_for(UDP, destination.is_ipv6)


@final
class NamedPing(Waiting):
    """A ping to a host whose address is looked for."""

    def __init__(self, world: World, pinger: Pinger, search: Search) -> None:
        super().__init__(world.names)
        self._world: Final = world
        self._pinger: Final = pinger
        self._search: Final = search

    def missing(self, names: Names, now_ms: i64) -> NameQuestion | None:
        return self._search.run(names, now_ms)

    def go_on(self, now_ms: i64) -> None:
        hop = self._search.first()
        if hop is not None and hop.destination is not None:
            self._pinger.send(hop.destination, self._world.outbox)


def parse_socket(text: str) -> SocketName:
    """`[proto:]host[:port]`, as force_socket has it. Raises ValueError."""
    proto, colon, rest = text.partition(":")
    if not colon or proto.lower() not in ("udp", "tcp", "tls"):
        proto, rest = "", text
    host, port = rest, ""
    if rest.startswith("["):
        host, _, port = rest.partition("]")
        host, port = host + "]", port.removeprefix(":")
    elif rest.count(":") == 1:
        host, _, port = rest.partition(":")
    if not host or (port and not (port.isdecimal() and 0 < int(port) < 65536)):
        raise ValueError(f'"{text}" names no socket: write [proto:]host[:port]')
    return SocketName(proto.lower(), host, int(port or 0))
