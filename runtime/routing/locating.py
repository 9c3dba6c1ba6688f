"""Where the servers of a host are: NAPTR, SRV, A and AAAA records in turn. RFC 3263 4, RFC 2782, reference core 6.5."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64, mypyc_attr

from runtime.routing.dns_records import AAAA, NAPTR, SRV, A, NameQuestion, Srv, host_name
from runtime.routing.names import Names, Waiting
from runtime.sip.address import TCP, TLS, UDP, Address, from_packed

# The names that SRV records of each protocol stand under, by the protocol's number.
_SERVICES: Final = (b"", b"_sip._udp.", b"_sip._tcp.", b"_sips._tcp.")

# Servers that SRV records name and that are tried, the first in turn: of each further names have to be asked for.
_SERVERS_MAX: Final = 16

_BY_NAPTR: Final[dict[str, int]] = {"sip+d2u": UDP, "sip+d2t": TCP, "sips+d2t": TLS}


@final
@mypyc_attr(acyclic=True, free_list_len=1)
class Hop:
    """Where a request goes next: to `destination` by `proto`. None: `search` is still under way.

    Where a name was looked up `search` has the other servers that could take its place.
    """

    def __init__(self, destination: Address | None, proto: i64, search: Search | None = None) -> None:
        self.destination: Final = destination
        self.proto: Final = proto
        self.search: Final = search


@final
class Search:
    """A host whose servers are looked for. `port` 0: none was given, so that SRV records count; `proto` 0: no protocol was given
    either, so that NAPTR records count. `protos` are those that can be sent by, the preferred first.

    `chance` decides among equals. It comes out of the message, so that a repetition goes the same way (RFC 3263 4.4).
    """

    def __init__(self, host: bytes, port: i64, proto: i64, protos: list[int], chance: i64) -> None:
        self._name: Final = host_name(host)
        self._port: Final = port
        self._proto: Final = proto
        self._protos: Final = protos
        self._chance: Final = chance
        # The servers in the order to try, when `run` has found everything that it needs.
        self.hops: list[Hop] = []

    def run(self, names: Names, now_ms: i64) -> NameQuestion | None:
        """Find the servers in what is known; None if that was enough, else what is still missing, and being asked for."""
        self.hops = []
        name = self._name
        if not name:
            return None
        proto = self._proto or UDP
        if self._port:
            return self._hosts(names, name, self._port, proto, now_ms)
        port: i64 = 5061 if proto == TLS else 5060
        if names.hosts_ips(name):
            return self._hosts(names, name, port, proto, now_ms)
        missing = self._by_services(names, name, now_ms)
        if missing is not None or self.hops or self._is_denied(names, name, proto, now_ms):
            return missing
        return self._hosts(names, name, port, proto, now_ms)

    def first(self) -> Hop | None:
        """The best of what `run` has found."""
        return self.hops[0] if self.hops else None

    def _by_services(self, names: Names, name: bytes, now_ms: i64) -> NameQuestion | None:
        """By SRV records: those that NAPTR records lead to, or those of the host itself."""
        protos = self._protos
        if self._proto:
            protos = [int(self._proto)]
        else:
            rules = names.answer_to(NAPTR, name, now_ms)
            if rules is None:
                self._ask_ahead(names, name, protos, now_ms)
                return NAPTR, name
            is_ruled = False
            for rule in rules.rules:
                proto = _BY_NAPTR.get(rule.services.lower(), 0) if rule.flags.lower() == "s" else 0
                if proto not in protos:
                    continue
                is_ruled = True
                missing = self._servers(names, host_name(rule.replacement), proto, now_ms)
                if missing is not None or self.hops:
                    return missing
            if is_ruled:
                return None
        for proto in protos:
            # Only sips URIs go by TLS unasked.
            if proto != TLS or self._proto == TLS:
                missing = self._servers(names, _SERVICES[proto] + name, proto, now_ms)
                if missing is not None:
                    self._ask_ahead(names, name, protos, now_ms)
                    return missing
                if self.hops:
                    return None
        return None

    def _ask_ahead(self, names: Names, name: bytes, protos: list[int], now_ms: i64) -> None:
        """Most hosts have none of the records that come first: what is then needed is asked for at the same time."""
        for proto in protos:
            if proto != TLS or self._proto == TLS:
                names.answer_to(SRV, _SERVICES[proto] + name, now_ms)
        names.answer_to(A, name, now_ms)

    def _is_denied(self, names: Names, name: bytes, proto: i64, now_ms: i64) -> bool:
        """True if an SRV record says that there is no such service (RFC 2782)."""
        answer = names.answer_to(SRV, _SERVICES[proto] + name, now_ms)
        return answer is not None and len(answer.services) == 1 and not answer.services[0].target

    def _servers(self, names: Names, service: bytes, proto: i64, now_ms: i64) -> NameQuestion | None:
        """By the SRV records of `service`: the first whose target has an address, and all behind it that are known."""
        if not service:
            return None
        answer = names.answer_to(SRV, service, now_ms)
        if answer is None:
            return SRV, service
        for record in in_turn(answer.services, self._chance)[:_SERVERS_MAX]:
            if record.target:
                missing = self._hosts(names, record.target, record.port, proto, now_ms)
                if missing is not None and not self.hops:
                    return missing
        return None

    def _hosts(self, names: Names, name: bytes, port: i64, proto: i64, now_ms: i64) -> NameQuestion | None:
        """By the addresses of a host: IPv4, and only where there is none IPv6."""
        ips = names.hosts_ips(name)
        if not ips:
            answer = names.answer_to(A, name, now_ms)
            if answer is None:
                return A, name
            if not answer.ips and not answer.failed:
                answer = names.answer_to(AAAA, name, now_ms)
                if answer is None:
                    return AAAA, name
            ips = answer.ips
        count: i64 = len(ips)
        i: i64 = 0
        while i < count:
            self.hops.append(Hop(from_packed(ips[(self._chance + i) % count], port), proto))
            i += 1
        return None


@final
class Located(Waiting):
    """Waits until a search has found all that it needs."""

    def __init__(self, names: Names, search: Search) -> None:
        super().__init__(names)
        self._search: Final = search

    def missing(self, names: Names, now_ms: i64) -> NameQuestion | None:
        return self._search.run(names, now_ms)


def in_turn(services: list[Srv], chance: i64) -> list[Srv]:
    """The records in the order to try: by priority, and of equal ones more often those of greater weight first (RFC 2782).

    `services` are sorted by priority, then weight, upwards.
    """
    if len(services) < 2:
        return services
    left = list(services)
    found: list[Srv] = []
    while left:
        total: i64 = 0
        count: i64 = 0
        for record in left:
            if record.priority != left[0].priority:
                break
            total += record.weight
            count += 1
        chance = (chance * 1103515245 + 12345) & 0x7FFFFFFF
        picked = (chance >> 8) % (total + 1)
        place: i64 = 0
        while place < count - 1 and picked > left[place].weight:
            picked -= left[place].weight
            place += 1
        found.append(left.pop(place))
    return found
