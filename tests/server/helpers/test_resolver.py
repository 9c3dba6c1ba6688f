"""What a worker has of names beside its cache: /etc/hosts, the kernel's routes, and the C library's answers at the start."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.routing.dns_records import A
from runtime.server.helpers.dns.resolver import ServerResolver
from runtime.sip.address import Address

LOCAL = bytes([127, 0, 0, 1])


@pytest.fixture
def resolver(tmp_path: Path) -> ServerResolver:
    hosts = tmp_path / "hosts"
    hosts.write_text(
        "# hosts\n127.0.0.1 localhost Local.Name # a comment\n::1 localhost six\nnonsense x\n\n10.0.0.9 six\n"
    )
    return ServerResolver(str(hosts))


def test_hosts_of_the_file(resolver: ServerResolver) -> None:
    assert resolver.hosts_ips(b"localhost") == [LOCAL]
    assert resolver.hosts_ips(b"local.name") == [LOCAL]
    assert resolver.hosts_ips(b"six") == [bytes([10, 0, 0, 9])]
    assert resolver.hosts_ips(b"x") == resolver.hosts_ips(b"seven") == []
    assert resolver.hosts_names(LOCAL) == [b"localhost", b"local.name"]
    assert resolver.hosts_names(bytes([192, 0, 2, 1])) == []


def test_without_the_file_there_are_no_hosts() -> None:
    assert ServerResolver("/nonexistent").hosts_ips(b"localhost") == []


def test_before_there_is_anybody_to_ask_every_question_fails(resolver: ServerResolver) -> None:
    answer = resolver.ask(A, b"example.test")
    assert answer is not None and answer.failed


@pytest.mark.parametrize("host, found", [(b"localhost", True), (b"nosuch.invalid", False), (b"x" * 70, False)])
def test_addresses_at_the_start(resolver: ServerResolver, host: bytes, found: bool) -> None:
    assert (resolver.addresses(host) == [LOCAL]) is found


def test_the_outgoing_ip_is_the_kernels_choice(resolver: ServerResolver) -> None:
    assert resolver.outgoing_ip(Address.parse("127.0.0.77", 5060)) == LOCAL
    assert resolver.outgoing_ip(Address.parse("255.255.255.255", 5060)) == b""
