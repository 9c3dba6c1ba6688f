"""Names to addresses, with a name server of the test's own. Reference core, 6.5."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from engine import Lines
from runtime.server.resolver import ServerResolver
from runtime.sip.address import TCP, TLS, UDP, Address

ZONE = {
    ("example.test.", "A"): ["192.0.2.1"],
    ("six.test.", "AAAA"): ["2001:db8::6"],
    ("_sip._udp.service.test.", "SRV"): [
        "20 100 5099 example.test.",
        "10 5 5062 missing.test.",
        "10 5 5063 example.test.",
        "10 90 5061 missing.test.",
    ],
    ("_sip._tcp.service.test.", "SRV"): ["0 0 5090 example.test."],
    ("_sips._tcp.service.test.", "SRV"): ["0 0 5091 example.test."],
    ("service.test.", "A"): ["192.0.2.9"],
    ("_sip._udp.nowhere.test.", "SRV"): ["0 0 0 ."],
    ("nowhere.test.", "A"): ["192.0.2.10"],
    ("1.1.9.4.e164.test.", "NAPTR"): [
        r'10 60 "u" "E2U+sip" "!^\\+49(.*)$!sip:\\1@h!" .',
        r'10 50 "u" "E2U+sip" "!^.*$!sip:a@h!" .',
        r'5 90 "s" "x" "" target.test.',
    ],
    ("1.2.0.192.in-addr.arpa.", "PTR"): ["Example.test.", "other.test."],
}


class NameServer:
    """Answers from ZONE; what starts with "silent" gets no answer. `asked` lists the questions."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.ttl = 300
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            wire, sender = self._socket.recvfrom(4096)
            if not wire:
                return
            query = dns.message.from_wire(wire)
            question = query.question[0]
            name, kind = question.name.to_text().lower(), dns.rdatatype.to_text(question.rdtype)
            self.asked.append(f"{kind} {name}")
            if name.startswith("silent"):
                continue
            answer = dns.message.make_response(query)
            answer.flags |= dns.flags.RA
            records = ZONE.get((name, kind))
            if records:
                answer.answer.append(dns.rrset.from_text(question.name, self.ttl, "IN", kind, *records))
            elif not any(known == name for known, _ in ZONE):
                answer.set_rcode(dns.rcode.NXDOMAIN)
            self._socket.sendto(answer.to_wire(), sender)

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()


@pytest.fixture
def name_server() -> Iterator[NameServer]:
    server = NameServer()
    yield server
    server.close()


@pytest.fixture
def resolver(name_server: NameServer, tmp_path: Path) -> ServerResolver:
    hosts = tmp_path / "hosts"
    hosts.write_text(
        "# hosts\n127.0.0.1 localhost Local.Name # a comment\n::1 localhost six\nnonsense x\n\n10.0.0.9 six\n"
    )
    return ServerResolver(Lines(), ["127.0.0.1"], name_server.port, str(hosts))


def at(text: str, port: int) -> Address:
    return Address.parse(text, port)


def test_a_name_with_a_port_has_addresses(resolver: ServerResolver, name_server: NameServer) -> None:
    assert resolver.resolve(b"example.test", 5080, UDP) == [at("192.0.2.1", 5080)]
    assert name_server.asked == ["A example.test."]


def test_ipv6_where_there_is_no_ipv4(resolver: ServerResolver) -> None:
    assert resolver.resolve(b"six.test", 5080, UDP) == [at("2001:db8::6", 5080)]


def test_srv_by_priority_then_weight_downwards_the_first_that_resolves(resolver: ServerResolver) -> None:
    assert resolver.resolve(b"service.test", 0, UDP)[0] == at("192.0.2.1", 5063)


@pytest.mark.parametrize("proto, port", [(TCP, 5090), (TLS, 5091)])
def test_srv_depends_on_the_protocol(resolver: ServerResolver, proto: int, port: int) -> None:
    assert resolver.resolve(b"service.test", 0, proto)[0] == at("192.0.2.1", port)


def test_no_srv_without_a_protocol_or_with_a_port(resolver: ServerResolver) -> None:
    assert resolver.resolve(b"service.test", 0, 0) == [at("192.0.2.9", 5060)]
    assert resolver.resolve(b"service.test", 5070, UDP) == [at("192.0.2.9", 5070)]


@pytest.mark.parametrize("proto, port", [(UDP, 5060), (TCP, 5060), (TLS, 5061)])
def test_without_srv_the_default_port(resolver: ServerResolver, proto: int, port: int) -> None:
    assert resolver.resolve(b"example.test", 0, proto)[0] == at("192.0.2.1", port)


def test_an_srv_record_that_says_no_falls_back_as_in_ser(resolver: ServerResolver) -> None:
    assert resolver.resolve(b"nowhere.test", 0, UDP) == [at("192.0.2.10", 5060)]


def test_what_does_not_exist_has_no_address(resolver: ServerResolver) -> None:
    assert resolver.resolve(b"missing.test", 0, UDP) == []


@pytest.mark.parametrize("host", [b"", b"\xff", b"a..b", b"x" * 70, b"a b", b"." * 300])
def test_what_is_no_name_has_no_address(resolver: ServerResolver, host: bytes) -> None:
    assert resolver.resolve(host, 0, UDP) == []
    assert resolver.addresses(host) == []


def test_hosts_goes_before_dns(resolver: ServerResolver, name_server: NameServer) -> None:
    assert resolver.resolve(b"LOCALHOST", 0, UDP) == [at("127.0.0.1", 5060)]
    assert resolver.addresses(b"local.name") == [bytes([127, 0, 0, 1])]
    assert resolver.addresses(b"six") == [bytes([10, 0, 0, 9])]
    assert resolver.names(bytes([127, 0, 0, 1])) == [b"localhost", b"local.name"]
    assert name_server.asked == []


def test_names_of_an_address_in_lower_case(resolver: ServerResolver) -> None:
    assert sorted(resolver.names(bytes([192, 0, 2, 1]))) == [b"example.test", b"other.test"]
    assert resolver.names(bytes([192, 0, 2, 200])) == []


def test_answers_and_failures_are_kept(resolver: ServerResolver, name_server: NameServer) -> None:
    for _ in range(3):
        resolver.resolve(b"example.test", 5060, UDP)
        resolver.resolve(b"missing.test", 5060, UDP)
    assert sorted(name_server.asked) == ["A example.test.", "A missing.test.", "AAAA missing.test."]


def test_answers_are_not_kept_longer_than_they_may(resolver: ServerResolver, name_server: NameServer) -> None:
    name_server.ttl = 1
    resolver.addresses(b"example.test")
    resolver.addresses(b"example.test")
    assert len(name_server.asked) == 1
    time.sleep(1.05)
    resolver.addresses(b"example.test")
    assert len(name_server.asked) == 2


def test_a_server_that_does_not_answer_costs_the_deadline_once(name_server: NameServer) -> None:
    log = Lines()
    resolver = ServerResolver(log, ["127.0.0.1"], name_server.port, "/nonexistent", deadline_s=0.2)
    began = time.monotonic()
    for _ in range(5):
        assert resolver.resolve(b"silent.test", 5060, UDP) == []
    assert time.monotonic() - began < 1
    assert "WARNING: DNS: A of silent.test: no answer in time" in log.lines


def test_the_outgoing_ip_is_the_kernels_choice(resolver: ServerResolver) -> None:
    assert resolver.outgoing_ip(at("127.0.0.77", 5060)) == bytes([127, 0, 0, 1])
    assert resolver.outgoing_ip(at("255.255.255.255", 5060)) == b""


def test_naptr_by_order_and_preference(resolver: ServerResolver) -> None:
    found = resolver.naptr(b"1.1.9.4.e164.test.")
    assert [(r.order, r.preference, r.flags, r.services, r.regexp) for r in found] == [
        (5, 90, "s", "x", ""),
        (10, 50, "u", "E2U+sip", "!^.*$!sip:a@h!"),
        (10, 60, "u", "E2U+sip", r"!^\+49(.*)$!sip:\1@h!"),
    ]
    assert resolver.naptr(b"2.1.9.4.e164.test.") == []
