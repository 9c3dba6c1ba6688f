"""Which addresses the server listens on and which names are its own. Reference core, 1.5 and 1.7."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from typing import Final

from runtime.routing.config import Config, Listen
from runtime.routing.ports import L_WARN, Log
from runtime.routing.sockets import Alias, SocketTable
from runtime.server.helpers.dns.lookup import Found, is_literal, lookup_all
from runtime.server.host.errors import StartError
from runtime.server.host.interfaces import ipv4_addresses
from runtime.sip.address import PROTO_NAMES, TCP, UDP, Address
from runtime.sip.transport import ListenSocket

_PROTO: Final = {name: number for number, name in enumerate(PROTO_NAMES)}


@dataclass
class _Entry:
    """One listener on its way from a name to an address."""

    name: str
    port: int
    ip: str = ""


def socket_table(config: Config, log: Log) -> SocketTable:
    """Resolved listeners without duplicates, UDP before TCP, and all aliases, oldest first.

    Raises StartError: a name that does not resolve, TLS, nothing left to listen on.
    """
    aliases = [_alias_of(a) for a in config.alias]
    lists = {UDP: _expanded(_wanted(config, UDP, log))}
    if has_tcp(config):
        lists[TCP] = _expanded(_wanted(config, TCP, log))
    found = lookup_all([e.name.strip("[]") for entries in lists.values() for e in entries])
    _remark(found, log)
    sockets: list[ListenSocket] = []
    for proto, entries in lists.items():
        names = _Aliases(aliases, proto)
        _resolve(entries, found, names)
        for e in _without_duplicates(entries, names):
            multicast = ipaddress.ip_address(e.ip).is_multicast
            if multicast and proto == TCP:
                log.write(
                    L_WARN, f"WARNING: {e.name} is not used for TCP: no connection can be made to a multicast address"
                )
                continue
            sockets.append(ListenSocket(len(sockets), proto, e.name.encode(), Address.parse(e.ip, e.port), multicast))
    if not sockets:
        raise StartError(
            "no address to listen on: add one (-l, listen=), or allow TCP (no -T, disable_tcp=no, fork=yes)"
        )
    return SocketTable(sockets, aliases)


def has_tcp(config: Config) -> bool:
    """A single process (fork=no) serves UDP alone, as in SER."""
    return config.fork and not config.disable_tcp


def describe(table: SocketTable) -> str:
    """The lists that SER prints on standard output at every start, aliases newest first."""
    lines = ["Listening on "]
    for s in table.sockets:
        mark = " mcast" if s.multicast else ""
        lines.append(f"{_INDENT}{s.proto_name}: {s.name.decode()} [{s.address.text.decode()}]:{s.address.port}{mark}")
    lines.append("Aliases: ")
    for a in reversed(table.aliases):
        lines.append(f"{_INDENT}{PROTO_NAMES[a.proto] or '*'}: {a.name.decode()}:{a.port or '*'}")
    return "\n".join(lines) + "\n\n"


_INDENT: Final = " " * 13


def _alias_of(entry: Listen) -> Alias:
    return Alias(_PROTO[entry.proto], entry.host.encode(), entry.port)


def _wanted(config: Config, proto: int, log: Log) -> list[_Entry]:
    """What `listen` and -l ask for of one protocol; an entry with the host "" stands for every interface."""
    wanted = []
    for entry in config.listen:
        if entry.proto == "tls":
            raise StartError(f"listen=tls:{entry.host}: not supported yet: TLS; listen on udp: or tcp:")
        if not entry.proto or _PROTO[entry.proto] == proto:
            wanted.append(_Entry("" if entry.host == "*" else entry.host, entry.port or config.port))
        elif proto == UDP and not has_tcp(config):
            why = "TCP is disabled" if config.disable_tcp else "a single process (fork=no) serves UDP only"
            log.write(L_WARN, f"WARNING: listen={entry.proto}:{entry.host} is ignored, {why}")
    return wanted if config.listen else [_Entry("", config.port)]


def _expanded(wanted: list[_Entry]) -> list[_Entry]:
    """Interfaces replaced by their IPv4 addresses, at the end of the list as in SER."""
    try:
        known = ipv4_addresses()
    except OSError:
        known = []
    kept, added = [], []
    for e in wanted:
        addresses = [ip for name, ip, up in known if (up if not e.name else e.name in (name, name.partition(":")[0]))]
        if e.name and not addresses:
            kept.append(e)
        elif not addresses:
            kept.append(_Entry(os.uname().nodename, e.port))
        else:
            added += [_Entry(ip, e.port) for ip in addresses]
    return kept + added


class _Aliases:
    """The aliases that the names of one protocol's listeners become."""

    def __init__(self, aliases: list[Alias], proto: int) -> None:
        self._aliases: Final = aliases
        self._proto: Final = proto

    def add(self, name: str, port: int) -> None:
        """SER adds no alias that an older one covers already."""
        wanted = name.lower().encode()
        for a in self._aliases:
            if a.name == wanted and a.port in (0, port) and a.proto in (0, self._proto):
                return
        self._aliases.append(Alias(self._proto, wanted, port))


def _remark(found: dict[str, Found | None], log: Log) -> None:
    """Which addresses have no name."""
    for host, answer in found.items():
        if is_literal(host) and (answer is None or not answer.name):
            late = " in time" if answer is None else ""
            log.write(
                L_WARN, f"WARNING: could not rev. resolve {host}{late}: it has no name here unless alias= gives it one"
            )


def _resolve(entries: list[_Entry], found: dict[str, Found | None], aliases: _Aliases) -> None:
    """Addresses of names; names of addresses as aliases. Raises StartError for a name without an address."""
    for e in entries:
        bare = e.name.strip("[]")
        answer = found[bare]
        if is_literal(bare):
            e.ip = bare
            if answer is None or not answer.name:
                continue
        elif answer is None or not answer.addresses:
            late = " in time" if answer is None else ""
            raise StartError(
                f"cannot resolve {e.name}{late}, an address to listen on: it is neither an interface (ip link lists them) "
                "nor a name that the name server knows; give an IP address (-l, listen=)"
            )
        else:
            e.ip = answer.addresses[0]
        _take_names(e, answer, aliases)


def _take_names(entry: _Entry, answer: Found, aliases: _Aliases) -> None:
    literal = entry.ip == entry.name.strip("[]")
    if not literal and answer.name.lower() != entry.name.lower():
        aliases.add(entry.name, entry.port)
        entry.name = answer.name
    for name in ((answer.name,) if literal else ()) + answer.aliases:
        aliases.add(name, entry.port)


def _without_duplicates(entries: list[_Entry], aliases: _Aliases) -> list[_Entry]:
    """The first of two entries with one address and port stays, the other's name becomes an alias."""
    kept: dict[tuple[bytes, int], _Entry] = {}
    for e in entries:
        first = kept.setdefault((ipaddress.ip_address(e.ip).packed, e.port), e)
        if first is not e and first.name.lower() != e.name.lower():
            aliases.add(e.name, e.port)
    return list(kept.values())
