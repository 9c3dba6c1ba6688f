"""The fixed destinations of forward() and send(): a name resolved once, when the server starts."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.routing.ports import Resolver
from runtime.sip.address import Address, from_packed
from runtime.sip.uri import parse_ipv4


class UnresolvableDestination(Exception):
    """A forward() or send() names a host that has no address: the server must not start."""


@final
class Destination:
    """Host and port as ser.cfg names them (port 0: not given), and the addresses once `resolve` has run.

    After an error in sending, the next message goes to the next address (reference core 5.5).
    """

    def __init__(self, host: bytes, port: int) -> None:
        self.host: Final = host
        self.port: Final = port
        self._addresses: list[Address] = []
        self._current: i64 = 0

    def resolve(self, resolver: Resolver) -> None:
        """Look the name up; raises UnresolvableDestination."""
        literal = literal_address(self.host, self.port or 5060)
        if literal is not None:
            self._addresses = [literal]
            return
        packed = resolver.addresses(self.host)
        if not packed:
            raise UnresolvableDestination(
                f"cannot resolve {self.host.decode('latin-1')}, where a forward or send goes: "
                "check the name (getent hosts asks for it), or write an IP address"
            )
        self._addresses = [from_packed(ip, self.port or 5060) for ip in packed]

    def address(self) -> Address:
        return self._addresses[self._current]

    def failed(self) -> None:
        """Sending to the current address failed: take the next one from now on."""
        self._current = (self._current + 1) % len(self._addresses)


def plain_host(host: bytes) -> bytes:
    """The spelling of a host that all others mean, which reach the same one: in lower case, without a final dot (RFC 1034 3.1), of an IP address
    the shortest, without brackets, and that of IPv4 where IPv6 only leads there (RFC 4291 2.5.5.2).

    "127.1" and "0x7f.0.0.1", which other programs take for addresses, are names to us, of hosts that there are not.
    """
    host = host.lower()
    if host.endswith(b"."):
        host = host[:-1]
    address = literal_address(host, 0)
    if address is None:
        return host
    if address.ip.startswith(_MAPPED):
        return from_packed(address.ip[len(_MAPPED) :], 0).text
    return from_packed(address.ip, 0).text


# Behind it are the four bytes of an IPv4 address.
_MAPPED: Final = bytes(10) + b"\xff\xff"


def literal_address(host: bytes, port: i64) -> Address | None:
    """The address that `host` spells (IPv4, or IPv6 with or without brackets), None when it is a name."""
    if len(host) == 0:
        return None
    first: i64 = host[0]
    if 48 <= first <= 57:
        packed = parse_ipv4(host, 0, len(host))
        if len(packed) == 4:
            return Address(packed, port, host)
    # Between bytes `in` is 3,000 instructions: Python asks first whether the left side is a number, by an exception.
    if host.find(b":") >= 0:
        try:
            return Address.parse(host.decode("latin-1"), port)
        except ValueError:
            return None
    return None
