"""The addresses that the server listens on, its aliases, and the question "is this me?"."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.routing.destination import plain_host
from runtime.sip.address import PROTO_NAMES, TCP, TLS, UDP
from runtime.sip.transport import ListenSocket


@final
class Alias:
    """A further name of this server: `proto` 0 any, `port` 0 any. `name` in lower case."""

    def __init__(self, proto: i64, name: bytes, port: i64) -> None:
        self.proto: Final = proto
        self.name: Final = name.lower()
        self.port: Final = port


@final
class SocketName:
    """What force_send_socket asks for: "" any proto, 0 any port; resolved by `SocketTable.find` at start-up."""

    def __init__(self, proto: str, host: str, port: int) -> None:
        self.proto: Final = proto
        self.host: Final = host
        self.port: Final = port

    def text(self) -> str:
        """As ser.cfg writes it."""
        return (self.proto + ":" if self.proto else "") + self.host + (f":{self.port}" if self.port else "")


@final
class SocketTable:
    """All listening sockets and aliases. Reference core, 5.4 and 6.5."""

    def __init__(self, sockets: list[ListenSocket], aliases: list[Alias]) -> None:
        self.sockets: Final = sockets
        self.aliases: Final = aliases
        # With fork=no the only one that is read. Nothing is sent from the others: no reply would be seen there.
        self.alone: ListenSocket | None = None
        # The protocols that there are sockets for, UDP first.
        self.protos: Final = [proto for proto in (UDP, TCP, TLS) if any([s.proto == proto for s in sockets])]
        # An alias answers at a port that no socket has.
        ports = [s.address.port for s in sockets]
        self._is_elsewhere: Final = any([a.port not in ports for a in aliases])
        # Answers by the host, and by port and protocol as one number.
        self._known: dict[bytes, dict[int, bool]] = {}
        self._known_count = 0

    def is_myself(self, host: bytes, port: i64, proto: i64) -> bool:
        """SER's check_self: `port` 0 and `proto` 0 match any. Brackets around an IPv6 `host` are allowed."""
        may_be = port == 0 or self._is_elsewhere
        for s in self.sockets:
            # Nearly always it is one of our addresses as we write it; many are not even asked for by their port.
            if s.address.port == port:
                may_be = True
                if (proto == 0 or proto == s.proto) and s.address.text == host:
                    return True
        if not may_be:
            return False
        number: int = port << 2 | proto
        answers = self._known.get(host)
        if answers is not None:
            known = answers.get(number)
            if known is not None:
                return known
        answer = self._check_self(plain_host(host), port, proto)
        if self._known_count >= _KNOWN_LIMIT:
            self._known.clear()
            self._known_count = 0
        self._known.setdefault(host, {})[number] = answer
        self._known_count += 1
        return answer

    def _check_self(self, host: bytes, port: i64, proto: i64) -> bool:
        for s in self.sockets:
            if (proto == 0 or proto == s.proto) and (port == 0 or port == s.address.port) and _is_at(s, host):
                return True
        for a in self.aliases:
            if plain_host(a.name) == host and (a.port == 0 or port == 0 or a.port == port):
                if a.proto == 0 or proto == 0 or a.proto == proto:
                    return True
        return False

    def find(self, wanted: SocketName) -> ListenSocket | None:
        """The first listener that `wanted` names, UDP before TCP before TLS; None when there is none."""
        host = plain_host(wanted.host.encode("latin-1"))
        for proto in (UDP, TCP, TLS):
            if wanted.proto and wanted.proto != PROTO_NAMES[proto]:
                continue
            for s in self.sockets:
                if s.proto == proto and wanted.port in (0, s.address.port) and _is_at(s, host):
                    return s
        return None

    def receives_at(self, socket: ListenSocket) -> bool:
        """False for a socket that nobody reads: all but the first UDP one with fork=no."""
        return self.alone is None or socket is self.alone

    def default_for(self, proto: i64, is_ipv6: bool) -> ListenSocket | None:
        """The socket that sends when nothing else decides: the first that is not loopback, else the first."""
        first: ListenSocket | None = None
        for s in self.sockets:
            if s.proto == proto and s.address.is_ipv6 == is_ipv6 and self.receives_at(s):
                if is_ipv6 or not s.address.text.startswith(b"127."):
                    return s
                if first is None:
                    first = s
        return first


_KNOWN_LIMIT: Final = 4096


def _is_at(socket: ListenSocket, host: bytes) -> bool:
    """True if the socket has this name or address, which `plain_host` has spelt."""
    return plain_host(socket.address.text) == host or plain_host(socket.name) == host
