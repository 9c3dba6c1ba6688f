"""Where the servers of a host are. RFC 3263 4, RFC 2782."""

from __future__ import annotations

from collections import Counter

import pytest
from engine import Lines, Names

from runtime.routing import names as cache
from runtime.routing.asking import Asking
from runtime.routing.bugs import Bugs
from runtime.routing.dns_records import AAAA, NAPTR, SRV, A, Answer, Naptr, Srv
from runtime.routing.locating import Search, in_turn
from runtime.sip.address import TCP, TLS, UDP, Address

PROTOS = {UDP: "udp", TCP: "tcp", TLS: "tls"}


class Zone(Names):
    """`a`, `srv` and `naptr` give the records of a name as texts; those in `dead` are not answered by anybody."""

    def __init__(
        self,
        a: dict[str, list[str]] | None = None,
        srv: dict[str, list[tuple[int, int, int, str]]] | None = None,
        naptr: dict[str, list[tuple[int, int, str, str, str]]] | None = None,
        dead: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        for name, ips in (a or {}).items():
            for kind in (A, AAAA):
                answer = Answer(60_000)
                answer.ips = [Address.parse(ip, 0).ip for ip in ips if (":" in ip) == (kind == AAAA)]
                self.records[kind, name.encode()] = answer
        for name, services in (srv or {}).items():
            answer = self.records[SRV, name.encode()] = Answer(60_000)
            answer.services = [Srv(p, w, port, target.encode()) for p, w, port, target in services]
        for name, rules in (naptr or {}).items():
            answer = self.records[NAPTR, name.encode()] = Answer(60_000)
            answer.rules = [Naptr(o, p, flags, service, "", to.encode()) for o, p, flags, service, to in rules]
        for name in dead:
            for kind in (A, AAAA, SRV, NAPTR):
                self.records[kind, name.encode()] = Answer(15_000, True)
        self.file: dict[bytes, list[bytes]] = {}

    def hosts_ips(self, name: bytes) -> list[bytes]:
        return self.file.get(name, [])

    def look_up(self, kind: int, name: bytes) -> Answer:
        return self.records.get((kind, name)) or Answer(60_000)


def found(zone: Zone, host: str, port: int = 0, proto: int = 0, protos: list[int] | None = None) -> list[str]:
    """`udp:192.0.2.1:5060` for each server, in the order to try."""
    log = Lines()
    search = Search(host.encode(), port, proto, protos or [UDP, TCP], 0)
    assert search.run(cache.Names(zone, log, Asking(log, Bugs("", log))), 0) is None
    return [f"{PROTOS[hop.proto]}:{hop.destination.text.decode()}:{hop.destination.port}" for hop in search.hops if hop.destination]  # fmt: skip


HOST = {"h.test": ["192.0.2.1"], "six.test": ["2001:db8::6"], "s1.test": ["192.0.2.11"], "s2.test": ["192.0.2.12"]}
BOTH = {"_sip._udp.h.test": [(1, 1, 5081, "s1.test")], "_sip._tcp.h.test": [(1, 1, 5082, "s2.test")]}


@pytest.mark.parametrize(
    "host, port, proto, expected, asked",
    [
        ("h.test", 5080, 0, ["udp:192.0.2.1:5080"], [A]),
        ("H.Test.", 5080, TCP, ["tcp:192.0.2.1:5080"], [A]),
        ("six.test", 5080, UDP, ["udp:2001:db8::6:5080"], [A, AAAA]),
        ("h.test", 0, UDP, ["udp:192.0.2.1:5060"], [SRV, A]),
        ("h.test", 0, TLS, ["tls:192.0.2.1:5061"], [SRV, A]),
        ("h.test", 0, 0, ["udp:192.0.2.1:5060"], [NAPTR, SRV, SRV, A]),
        ("none.test", 0, 0, [], [NAPTR, SRV, SRV, A, AAAA]),
        ("a..b", 0, 0, [], []),
    ],
)
def test_a_host_with_addresses_alone(host: str, port: int, proto: int, expected: list[str], asked: list[int]) -> None:
    zone = Zone(HOST)
    assert found(zone, host, port, proto) == expected
    assert [kind for kind, _ in zone.asked] == asked


@pytest.mark.parametrize(
    "proto, protos, expected",
    [
        (UDP, [UDP, TCP], "udp:192.0.2.11:5081"),
        (TCP, [UDP, TCP], "tcp:192.0.2.12:5082"),
        (TCP, [UDP], "tcp:192.0.2.12:5082"),
        (0, [UDP, TCP], "udp:192.0.2.11:5081"),
        (0, [TCP], "tcp:192.0.2.12:5082"),
    ],
)
def test_srv_by_the_protocol_given_else_by_those_that_can_be_sent_by(
    proto: int, protos: list[int], expected: str
) -> None:
    assert found(Zone(HOST, BOTH), "h.test", 0, proto, protos) == [expected]


def test_a_port_that_is_given_lets_srv_not_count() -> None:
    assert found(Zone(HOST, BOTH), "h.test", 5070) == ["udp:192.0.2.1:5070"]


def test_naptr_chooses_the_protocol_and_the_service() -> None:
    rules = [(10, 10, "s", "SIP+D2T", "_sip._tcp.h.test"), (20, 10, "S", "sip+d2u", "_sip._udp.h.test")]
    zone = Zone(HOST, BOTH, {"h.test": rules})
    assert found(zone, "h.test") == ["tcp:192.0.2.12:5082"]
    assert found(zone, "h.test", protos=[UDP]) == ["udp:192.0.2.11:5081"]
    assert found(zone, "h.test", proto=UDP) == ["udp:192.0.2.11:5081"]


def test_naptr_records_of_other_services_do_not_count() -> None:
    rules = [
        (1, 1, "u", "E2U+sip", ""),
        (2, 1, "s", "SIPS+D2T", "_sips._tcp.h.test"),
        (3, 1, "a", "SIP+D2T", "s2.test"),
        (4, 1, "s", "SIP+D2S", "_sip._sctp.h.test"),
    ]
    assert found(Zone(HOST, BOTH, {"h.test": rules}), "h.test") == ["udp:192.0.2.11:5081"]


def test_a_naptr_record_that_leads_nowhere_leaves_it_to_the_next_and_then_to_the_addresses() -> None:
    rules = [(1, 1, "s", "SIP+D2T", "_none.test"), (2, 1, "s", "SIP+D2U", "_sip._udp.h.test")]
    assert found(Zone(HOST, BOTH, {"h.test": rules}), "h.test") == ["udp:192.0.2.11:5081"]
    assert found(Zone(HOST, None, {"h.test": rules}), "h.test") == ["udp:192.0.2.1:5060"]


def test_all_servers_of_a_service_by_priority() -> None:
    services = [(1, 0, 5081, "none.test"), (2, 0, 5082, "s2.test"), (3, 0, 5083, "s1.test")]
    zone = Zone(HOST, {"_sip._udp.h.test": services})
    assert found(zone, "h.test", proto=UDP) == ["udp:192.0.2.12:5082", "udp:192.0.2.11:5083"]


def test_srv_records_whose_targets_have_no_address_leave_it_to_the_host_as_in_ser() -> None:
    assert found(Zone(HOST, {"_sip._udp.h.test": [(1, 0, 1, "none.test")]}), "h.test", 0, UDP) == ["udp:192.0.2.1:5060"]


def test_an_srv_record_that_says_no_means_it() -> None:
    assert found(Zone(HOST, {"_sip._udp.h.test": [(0, 0, 0, "")]}), "h.test", proto=UDP) == []
    assert found(Zone(HOST, BOTH | {"_sip._udp.h.test": [(0, 0, 0, "")]}), "h.test") == ["tcp:192.0.2.12:5082"]


def test_hosts_of_the_file_have_neither_naptr_nor_srv() -> None:
    zone = Zone(HOST, BOTH)
    zone.file[b"h.test"] = [bytes([10, 0, 0, 1])]
    assert found(zone, "h.test") == ["udp:10.0.0.1:5060"] and zone.asked == []


def test_a_name_server_that_does_not_answer_is_not_asked_for_ipv6_too() -> None:
    zone = Zone(dead=("h.test", "_sip._udp.h.test", "_sip._tcp.h.test"))
    assert found(zone, "h.test") == []
    assert sorted(kind for kind, _ in zone.asked) == [A, SRV, SRV, NAPTR]


def test_what_will_probably_be_needed_is_asked_for_at_the_same_time() -> None:
    zone = Zone(HOST)
    zone.is_late = True
    log = Lines()
    names = cache.Names(zone, log, Asking(log, Bugs("", log)))
    search = Search(b"h.test", 0, 0, [UDP, TCP], 0)
    assert search.run(names, 0) == (NAPTR, b"h.test") and search.hops == []
    assert sorted(kind for kind, _ in zone.asked) == [A, SRV, SRV, NAPTR]
    for question in list(zone.asked):
        names.take(question, zone.look_up(*question), 0)
    assert search.run(names, 0) is None and len(search.hops) == 1


def test_equal_records_are_chosen_by_weight_and_always_the_same_for_one_message() -> None:
    services = [Srv(1, 0, 1, b"zero"), Srv(1, 25, 2, b"quarter"), Srv(1, 75, 3, b"rest"), Srv(2, 100, 4, b"last")]
    firsts: Counter[bytes] = Counter()
    for chance in range(4000):
        order = in_turn(services, chance * 7919)
        assert order[3].target == b"last" and len({r.target for r in order}) == 4
        assert [r.target for r in in_turn(services, chance * 7919)] == [r.target for r in order]
        firsts[order[0].target] += 1
    assert firsts[b"zero"] < 100
    assert 0.2 < firsts[b"quarter"] / 4000 < 0.3


def test_addresses_of_one_name_take_turns() -> None:
    zone = Zone({"two.test": ["192.0.2.1", "192.0.2.2"]})
    log = Lines()
    names = cache.Names(zone, log, Asking(log, Bugs("", log)))
    first = []
    for chance in (0, 1):
        search = Search(b"two.test", 5060, UDP, [UDP], chance)
        search.run(names, 0)
        assert len(search.hops) == 2
        hop = search.first()
        assert hop is not None and hop.destination is not None
        first.append(hop.destination.text)
    assert first == [b"192.0.2.1", b"192.0.2.2"]
