"""Which addresses the server listens on and which names are its own. Reference core, 1.5 and 1.7."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from typing import Final

from runtime.routing.config import Config, Listen
from runtime.routing.ports import Log
from runtime.routing.sockets import Alias, SocketTable
from runtime.server.errors import StartError
from runtime.server.interfaces import ipv4_addresses
from runtime.server.log import NOTICE, WARN
from runtime.server.lookup import Found, is_literal, lookup_all
from runtime.sip.address import PROTO_NAMES, UDP, Address
from runtime.sip.transport import ListenSocket

_PROTO: Final = {name: number for number, name in enumerate(PROTO_NAMES)}


@dataclass
class _Entry:
    """One listener on its way from a name to an address."""

    name: str
    port: int
    ip: str = ""


def socket_table(config: Config, log: Log) -> SocketTable:
    """Resolved listeners without duplicates, and all aliases, oldest first.

    Raises StartError: a name that does not resolve, TCP, nothing left to listen on.
    """
    aliases = [_alias_of(a) for a in config.alias]
    entries = _expanded(_udp_entries(config, log))
    _resolve(entries, aliases, log)
    _drop_duplicates(entries, aliases)
    if not entries:
        raise StartError("no address to listen on")
    sockets: list[ListenSocket] = []
    for e in entries:
        address = Address.parse(e.ip, e.port)
        multicast = ipaddress.ip_address(e.ip).is_multicast
        sockets.append(ListenSocket(len(sockets), UDP, e.name.encode(), address, multicast))
    return SocketTable(sockets, aliases)


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


def _udp_entries(config: Config, log: Log) -> list[_Entry]:
    """What `listen` and -l ask for, without TCP; an entry with the host "" or "*" stands for every interface."""
    wanted = []
    any_proto = not config.listen
    for entry in config.listen:
        if entry.proto in ("tcp", "tls"):
            if not config.disable_tcp:
                raise StartError(f"listen={entry.proto}:{entry.host}: not supported yet: only UDP is served")
            log.write(WARN, f"WARNING: listen={entry.proto}:{entry.host} is left out, TCP is disabled")
            continue
        any_proto = any_proto or not entry.proto
        wanted.append(_Entry("" if entry.host == "*" else entry.host, entry.port or config.port))
    if any_proto and not config.disable_tcp:
        log.write(NOTICE, "TCP is not supported yet: listening on UDP only")
    return wanted or ([] if config.listen else [_Entry("", config.port)])


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


def _resolve(entries: list[_Entry], aliases: list[Alias], log: Log) -> None:
    """Addresses of names; names of addresses as aliases. Raises StartError for a name without an address."""
    found = lookup_all([e.name.strip("[]") for e in entries])
    for e in entries:
        bare = e.name.strip("[]")
        answer = found[bare]
        if is_literal(bare):
            e.ip = bare
            if answer is None or not answer.name:
                log.write(WARN, f"WARNING: could not rev. resolve {bare}" + (" in time" if answer is None else ""))
                continue
        elif answer is None or not answer.addresses:
            raise StartError(
                f"cannot resolve {e.name}" + (" in time" if answer is None else "") + ", an address to listen on"
            )
        else:
            e.ip = answer.addresses[0]
        _take_names(e, answer, aliases)


def _take_names(entry: _Entry, answer: Found, aliases: list[Alias]) -> None:
    literal = entry.ip == entry.name.strip("[]")
    if not literal and answer.name.lower() != entry.name.lower():
        _add_alias(aliases, entry.name, entry.port)
        entry.name = answer.name
    for name in ((answer.name,) if literal else ()) + answer.aliases:
        _add_alias(aliases, name, entry.port)


def _add_alias(aliases: list[Alias], name: str, port: int) -> None:
    """SER adds no alias that an older one covers already."""
    wanted = name.lower().encode()
    for a in aliases:
        if a.name == wanted and a.port in (0, port) and a.proto in (0, UDP):
            return
    aliases.append(Alias(UDP, wanted, port))


def _drop_duplicates(entries: list[_Entry], aliases: list[Alias]) -> None:
    """The first of two entries with one address and port stays, the other's name becomes an alias."""
    kept: dict[tuple[bytes, int], _Entry] = {}
    for e in entries:
        first = kept.setdefault((ipaddress.ip_address(e.ip).packed, e.port), e)
        if first is not e and first.name.lower() != e.name.lower():
            _add_alias(aliases, e.name, e.port)
    entries[:] = kept.values()
