"""What a worker has of names: /etc/hosts, and a mailbox to send its questions to. Reference core, 6.5.

The answers come back as letters, from the process that runtime.server.helpers.dns.service is.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Final

from runtime.routing.dns_records import Answer
from runtime.routing.ports import Resolver
from runtime.server.helpers.dns.lookup import lookup_all
from runtime.server.mail.exchange import Exchange
from runtime.server.mail.letters import name_question
from runtime.sip.address import Address

# The kind of the process that asks name servers, in the directory of mailboxes.
NAME_SERVICE: Final = "dns"

# A question at the start of the server may take so long.
START_DEADLINE_S: Final = 3.0


class ServerResolver(Resolver):
    """The resolver of one process. `hosts` is read once, here. Until `connect` has told the way nobody can be asked."""

    def __init__(self, hosts: str = "/etc/hosts") -> None:
        super().__init__()
        self._by_name, self._by_ip = _read_hosts(hosts)
        self._exchange: Exchange | None = None

    def connect(self, exchange: Exchange) -> None:
        """From now on questions leave with the post of `exchange`."""
        self._exchange = exchange

    def ask(self, kind: int, name: bytes) -> Answer | None:
        exchange = self._exchange
        if exchange is None:
            return Answer(0, True)
        name_question.put(exchange.post, exchange.directory[NAME_SERVICE].start, exchange.number, kind, name)
        return None

    def hosts_ips(self, name: bytes) -> list[bytes]:
        return self._by_name.get(name, [])

    def hosts_names(self, ip: bytes) -> list[bytes]:
        return self._by_ip.get(ip, [])

    def addresses(self, host: bytes) -> list[bytes]:
        name = host.decode("latin-1")
        found = lookup_all([name], START_DEADLINE_S)[name]
        return [] if found is None else [ipaddress.ip_address(literal).packed for literal in found.addresses]

    def outgoing_ip(self, destination: Address) -> bytes:
        family = socket.AF_INET6 if destination.is_ipv6 else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as scratch:
            try:
                scratch.connect(destination.pair())
            except OSError:
                return b""
            own: str = scratch.getsockname()[0]
            return socket.inet_pton(family, own.partition("%")[0])


def _read_hosts(path: str) -> tuple[dict[bytes, list[bytes]], dict[bytes, list[bytes]]]:
    """Packed addresses by name (IPv4 alone where there is one) and names by address. An unreadable file is an empty one."""
    by_name: dict[bytes, list[bytes]] = {}
    by_ip: dict[bytes, list[bytes]] = {}
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:
        lines = []
    for line in lines:
        words = line.partition("#")[0].split()
        try:
            ip = ipaddress.ip_address(words[0].partition("%")[0]).packed if words else b""
        except ValueError:
            continue
        for word in words[1:]:
            name = word.lower().encode()
            by_name.setdefault(name, []).append(ip)
            by_ip.setdefault(ip, []).append(name)
    for name, ips in by_name.items():
        by_name[name] = [ip for ip in ips if len(ip) == 4] or ips
    return by_name, by_ip
