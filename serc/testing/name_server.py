"""The name server of a server under test."""

from __future__ import annotations

from runtime.routing.dns_records import AAAA, NAPTR, PTR, SRV, A, Answer, NameQuestion, Naptr, Srv, reverse_name
from runtime.routing.ports import Resolver
from runtime.sip.address import Address

LIFE_MS = 300_000


class NameServer(Resolver):
    """`hosts` are names with their IPs, `srv` names with a server of any protocol, `naptr` the records of domains, `outgoing` the IP
    of the kernel's choice. What was asked for is in `asked`.

    `records` are further answers. While it `is_late` answers come by `Engine.take_name` only. `silent` names get no answer at all.
    """

    def __init__(
        self,
        hosts: dict[str, str] | None = None,
        srv: dict[str, tuple[str, int]] | None = None,
        naptr: dict[bytes, list[Naptr]] | None = None,
        outgoing: str = "",
        is_late: bool = False,
    ) -> None:
        self.hosts = {name.encode(): Address.parse(ip, 0).ip for name, ip in (hosts or {}).items()}
        self._naptr = naptr or {}
        self._outgoing = Address.parse(outgoing, 0).ip if outgoing else b""
        self._srv: dict[bytes, Srv] = {}
        for name, (ip, port) in (srv or {}).items():
            self._srv[name.encode()] = Srv(10, 10, port, b"server." + name.encode())
            self.hosts[b"server." + name.encode()] = Address.parse(ip, 0).ip
        self.is_late = is_late
        self.silent: set[bytes] = set()
        self.records: dict[NameQuestion, Answer] = {}
        self.asked: list[NameQuestion] = []

    def ask(self, kind: int, name: bytes) -> Answer | None:
        self.asked.append((kind, name))
        return None if self.is_late or name in self.silent else self.look_up(kind, name)

    def look_up(self, kind: int, name: bytes) -> Answer:
        """What is known, for five minutes."""
        if (kind, name) in self.records:
            return self.records[kind, name]
        answer = Answer(LIFE_MS)
        ip = self.hosts.get(name)
        if ip is not None and len(ip) == (4 if kind == A else 16) and kind in (A, AAAA):
            answer.ips = [ip]
        if kind == SRV and name.count(b".") > 1:
            service = self._srv.get(name.split(b".", 2)[2])
            answer.services = [] if service is None else [service]
        if kind == NAPTR:
            answer.rules = self._naptr.get(name + b".", [])
        if kind == PTR:
            answer.names = [host for host, known in self.hosts.items() if reverse_name(known) == name]
        return answer

    def record(self, kind: int, name: bytes) -> Answer:
        """The answer to a question, to which the caller adds records."""
        return self.records.setdefault((kind, name), Answer(LIFE_MS))

    def hosts_ips(self, name: bytes) -> list[bytes]:
        return []

    def hosts_names(self, ip: bytes) -> list[bytes]:
        return []

    def addresses(self, host: bytes) -> list[bytes]:
        known = self.records.get((A, host.lower()))
        if known is not None:
            return list(known.ips)
        ip = self.hosts.get(host.lower())
        return [] if ip is None else [ip]

    def outgoing_ip(self, destination: Address) -> bytes:
        return self._outgoing
