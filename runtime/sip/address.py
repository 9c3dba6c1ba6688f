"""IP addresses, transport addresses and networks, as values."""

from __future__ import annotations

import ipaddress
import socket
from typing import Final, final

from mypy_extensions import i64, mypyc_attr

UDP: Final = 1
TCP: Final = 2
TLS: Final = 3

PROTO_NAMES: Final = ("", "udp", "tcp", "tls")


@final
@mypyc_attr(acyclic=True)
class Address:
    """An IP address and a port.

    `ip` is the packed address (4 or 16 bytes), `text` its textual form without brackets, `sockaddr` the C structure
    that the kernel takes (sockaddr_in or sockaddr_in6), made once because it is needed for every datagram.
    """

    def __init__(self, ip: bytes, port: i64, text: bytes) -> None:
        self.ip: Final = ip
        self.port: Final = port
        self.text: Final = text
        self.sockaddr: Final = _sockaddr(ip, port)
        self._source_text = b""

    @staticmethod
    def parse(text: str, port: i64) -> Address:
        """From an IPv4 or IPv6 literal (brackets allowed); raises ValueError for anything else."""
        return from_packed(ipaddress.ip_address(text.strip("[]")).packed, port)

    @property
    def is_ipv6(self) -> bool:
        return len(self.ip) == 16

    def source_text(self) -> bytes:
        """As the Warning header of a reply names the source of a request, made once."""
        if len(self._source_text) == 0:
            self._source_text = b"%s req_src_port=%d in_uri=" % (self.text, self.port)
        return self._source_text

    def host(self) -> bytes:
        """As it stands in a URI or Via: IPv6 in brackets."""
        return b"[" + self.text + b"]" if len(self.ip) == 16 else self.text

    def pair(self) -> tuple[str, int]:
        """For Python's socket module."""
        return self.text.decode("ascii"), self.port

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Address) and self.ip == other.ip and self.port == other.port

    def __hash__(self) -> int:
        return hash(self.sockaddr)

    def __repr__(self) -> str:
        return f"Address({self.host().decode('ascii')}:{self.port})"


def _sockaddr(ip: bytes, port: i64) -> bytes:
    # The family is in the byte order of the machine, the port in that of the network (netinet/in.h).
    high: int = port >> 8
    low: int = port & 255
    if len(ip) == 4:
        return _FAMILY_IPV4 + bytes([high, low]) + ip + bytes(8)
    return _FAMILY_IPV6 + bytes([high, low]) + bytes(4) + ip + bytes(4)


def _native16(value: int) -> bytes:
    import sys

    return value.to_bytes(2, "little" if sys.byteorder == "little" else "big")


_FAMILY_IPV4: Final = _native16(int(socket.AF_INET))
_FAMILY_IPV6: Final = _native16(int(socket.AF_INET6))


def from_packed(ip: bytes, port: i64) -> Address:
    """From the 4 or 16 bytes of an address and a port."""
    family = socket.AF_INET if len(ip) == 4 else socket.AF_INET6
    return Address(ip, port, socket.inet_ntop(family, ip).encode("ascii"))


def from_sockaddr(raw: bytes) -> Address:
    """From a sockaddr_in (16 bytes) or sockaddr_in6 (28 bytes)."""
    port: i64 = raw[2] * 256 + raw[3]
    if raw[0:2] == _FAMILY_IPV4:
        return from_packed(raw[4:8], port)
    return from_packed(raw[8:24], port)


@final
class Network:
    """An IPv4 or IPv6 network: prefix and mask, both packed."""

    def __init__(self, prefix: bytes, mask: bytes) -> None:
        assert len(prefix) == len(mask)
        self.mask: Final = mask
        self.prefix: Final = bytes([p & m for p, m in zip(prefix, mask)])

    @staticmethod
    def parse(text: str) -> Network:
        """From `address`, `address/length` or `address/mask`; bits beyond the mask are ignored, as SER does.

        Raises ValueError for bad syntax. A mask need not be contiguous.
        """
        address, slash, rest = text.partition("/")
        ip = ipaddress.ip_address(address.strip("[]"))
        bits = len(ip.packed) * 8
        if not slash:
            mask = b"\xff" * len(ip.packed)
        elif rest.isdigit():
            if int(rest) > bits:
                raise ValueError(f"prefix length {rest} is over {bits}")
            mask = (((1 << int(rest)) - 1) << (bits - int(rest))).to_bytes(len(ip.packed), "big")
        else:
            mask = ipaddress.ip_address(rest.strip("[]")).packed
            if len(mask) != len(ip.packed):
                raise ValueError("address and mask are of different families")
        return Network(ip.packed, mask)

    def contains(self, ip: bytes) -> bool:
        """`ip` packed; another address family is never inside."""
        if len(ip) != len(self.prefix):
            return False
        i: i64 = 0
        n: i64 = len(ip)
        while i < n:
            if ip[i] & self.mask[i] != self.prefix[i]:
                return False
            i += 1
        return True
