"""Arguments and parameters that are addresses: hosts, ports, networks, URIs."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from runtime.routing.destination import Destination
from runtime.routing.sockets import SocketName
from runtime.sip.address import Network
from runtime.spec.declare import Arg, ArgumentKind
from runtime.spec.kinds import parse_integer, wire
from runtime.spec.values import BadArgument, Constant, Doubt

LARGEST_PORT: Final = 65535

_HOST: Final = re.compile(r"[A-Za-z0-9_]([-A-Za-z0-9_.]*[A-Za-z0-9_])?\.?\Z")
_DOTTED_NUMBERS: Final = re.compile(r"[0-9]+(\.[0-9]+)*\Z")
_SIP_URI: Final = re.compile(r"sips?:([^@\s]+@)?[^@\s]+\Z", re.IGNORECASE)


def is_ip(text: str) -> bool:
    """True for an IPv4 or IPv6 literal, the latter with or without brackets."""
    try:
        ipaddress.ip_address(text[1:-1] if text.startswith("[") and text.endswith("]") else text)
    except ValueError:
        return False
    return True


def is_host_name(text: str) -> bool:
    """True for what has the form of a host name. Underscores are in names of real hosts."""
    return _HOST.match(text) is not None


def host_mistake(text: str) -> str:
    """Why `text` can be neither a host name nor an IP address; "" when it can."""
    if is_ip(text):
        return ""
    if _DOTTED_NUMBERS.match(text):
        return f'"{text}" is not an IPv4 address: it wants four numbers from 0 to 255'
    return "" if is_host_name(text) else f'"{text}" is neither a host name nor an IP address'


def _host(text: str) -> bytes:
    mistake = host_mistake(text)
    if not mistake:
        return wire(text)
    hint = ""
    if re.match(r"sips?:", text, re.IGNORECASE):
        hint = "write the host alone, without sip:"
    elif text.rpartition(":")[2].isdigit():
        hint = "the port is an argument of its own"
    raise BadArgument(mistake, hint)


def _port(text: str) -> int:
    try:
        return parse_integer(text, 0, LARGEST_PORT)
    except BadArgument as e:
        raise BadArgument(str(e), f"ports are 0 to {LARGEST_PORT}, 0 asks DNS") from None


def _address(text: str) -> bytes:
    if not text or _DOTTED_NUMBERS.match(text) and not is_ip(text):
        raise BadArgument(f'"{text}" is not an IP address')
    return wire(text)


def _address_doubt(text: str) -> Doubt | None:
    return None if is_ip(text) else Doubt(f'"{text}" is not an IP address, it is written into the message as it stands')


def network_constant(text: str) -> Constant[Network]:
    """The network that is written `address[/length or mask]`, of either version."""
    return Constant(Network, (text,), "NETWORK", method="parse")


def destination_constant(host: bytes, port: int) -> Constant[Destination]:
    """A next hop; port 0 asks DNS."""
    return Constant(Destination, (host, port), "HOST")


def socket_constant(proto: str, host: str, port: int) -> Constant[SocketName]:
    """One of the server's own sockets; "" any protocol, 0 any port."""
    return Constant(SocketName, (proto, host, port), "SOCKET")


def _network(text: str) -> Constant[Network]:
    address, slash, rest = text.partition("/")
    try:
        ipaddress.IPv4Address(address)
        if slash and (not rest.isdigit() or int(rest) > 32):
            ipaddress.IPv4Address(rest)
    except ValueError:
        raise BadArgument(f'"{text}" is not an IPv4 network', "write a.b.c.d/length or a.b.c.d/m.m.m.m") from None
    return network_constant(text)


HOST: Final = ArgumentKind[bytes]("host", "a host name or IP address", _host)
PORT: Final = ArgumentKind[int]("port", "a port number in quotes", _port)
ADDRESS: Final = ArgumentKind[bytes]("address", "an IP address", _address, _address_doubt)
NETWORK: Final = ArgumentKind[Network]("network", "an IPv4 network", _network)


def host(name: str = "host") -> Arg[bytes]:
    return Arg(name, HOST)


def port(name: str = "port") -> Arg[int]:
    return Arg(name, PORT)


def address(name: str = "address") -> Arg[bytes]:
    return Arg(name, ADDRESS)


def network(name: str = "network") -> Arg[Network]:
    return Arg(name, NETWORK)


def sip_uri_doubt(text: str) -> Doubt | None:
    """For parameters that SER copies into messages without a look at them."""
    return None if _SIP_URI.match(text) else Doubt(f'"{text}" is not a SIP URI', "write sip:user@host")


def _realm_doubt(text: str) -> Doubt | None:
    """Phones look for the password of this name: any text, but the same in all places."""
    scheme = re.match(r"sips?:", text, re.IGNORECASE)
    if scheme is None and "@" not in text:
        return None
    host = re.split("[:@]", text)[-1]
    return Doubt(f'"{text}" is a URI, and a realm is the name of a domain', f'write "{host}"' if host else "")


REALM: Final = ArgumentKind[bytes]("realm", "a realm", wire, _realm_doubt, True)


def realm(name: str = "realm") -> Arg[bytes]:
    """The name under which passwords are asked for."""
    return Arg(name, REALM)
