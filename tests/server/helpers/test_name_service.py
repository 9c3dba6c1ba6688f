"""The process that asks name servers: what it makes of their answers, and its letters."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import dns.flags
import dns.message
import pytest
from engine import Lines
from patience import eventually

from runtime.routing.dns_records import AAAA, NAPTR, PTR, SRV, A, Answer
from runtime.server.helpers.dns.query import wire_of
from runtime.server.helpers.dns.service import NameClient
from server.conftest import StartServer, alive
from server.name_server import NameServer


@pytest.fixture
def name_server() -> Iterator[NameServer]:
    server = NameServer()
    yield server
    server.close()


@pytest.fixture
def client(name_server: NameServer) -> NameClient:
    return NameClient(Lines(), ["127.0.0.1"], name_server.port, deadline_s=0.6)


def ask(client: NameClient, kind: int, name: bytes) -> Answer:
    return asyncio.run(client.look_up((kind, name)))


def shown(answer: Answer) -> list[object]:
    services = [(r.priority, r.weight, r.port, r.target) for r in answer.services]
    rules = [(r.order, r.preference, r.flags, r.services, r.regexp, r.replacement) for r in answer.rules]
    return [*answer.ips, *answer.names, *services, *rules]


def test_addresses(client: NameClient) -> None:
    assert shown(ask(client, A, b"example.test")) == [bytes([192, 0, 2, 1])]
    assert shown(ask(client, AAAA, b"six.test")) == [bytes.fromhex("20010db8000000000000000000000006")]


def test_services_by_priority_and_weight_upwards(client: NameClient) -> None:
    assert shown(ask(client, SRV, b"_sip._udp.service.test")) == [
        (10, 5, 5063, b"example.test"),
        (10, 5, 5062, b"missing.test"),
        (10, 90, 5061, b"missing.test"),
        (20, 100, 5099, b"example.test"),
    ]
    assert shown(ask(client, SRV, b"_sip._udp.nowhere.test")) == [(0, 0, 0, b"")]


def test_rules_by_order_and_preference(client: NameClient) -> None:
    assert shown(ask(client, NAPTR, b"1.1.9.4.e164.test")) == [
        (5, 90, "s", "x", "", b"target.test"),
        (10, 50, "u", "E2U+sip", "!^.*$!sip:a@h!", b""),
        (10, 60, "u", "E2U+sip", r"!^\+49(.*)$!sip:\1@h!", b""),
    ]


def test_names_of_an_address_in_lower_case(client: NameClient) -> None:
    assert sorted(ask(client, PTR, b"1.2.0.192.in-addr.arpa").names) == [b"example.test", b"other.test"]


def test_an_answer_lives_as_long_as_its_records(client: NameClient, name_server: NameServer) -> None:
    name_server.ttl = 77
    answer = ask(client, A, b"example.test")
    assert answer.life_ms == 77_000 and not answer.failed


@pytest.mark.parametrize("kind, name", [(A, b"missing.test"), (AAAA, b"example.test")])
def test_that_there_is_nothing_lives_as_long_as_the_zone_says(
    client: NameClient, name_server: NameServer, kind: int, name: bytes
) -> None:
    assert ask(client, kind, name).life_ms == 0
    name_server.soa = "ns.test. admin.test. 1 3600 600 86400 90"
    answer = ask(client, kind, name)
    assert answer.life_ms == 90_000 and not answer.failed and shown(answer) == []


def test_a_name_server_that_does_not_answer_costs_the_deadline(client: NameClient) -> None:
    began = time.monotonic()
    answer = ask(client, A, b"silent.test")
    assert answer.failed and shown(answer) == []
    assert 0.5 < time.monotonic() - began < 20


def test_a_name_server_that_refuses_costs_nothing(name_server: NameServer) -> None:
    client = NameClient(Lines(), ["127.0.0.1"], name_server.port, deadline_s=120)
    began = time.monotonic()
    assert ask(client, A, b"broken.test").failed
    assert time.monotonic() - began < 20


def test_what_is_no_answer_to_the_question_is_ignored(client: NameClient) -> None:
    assert shown(ask(client, A, b"forged.test")) == [bytes([192, 0, 2, 1])]


def test_what_does_not_fit_is_asked_for_over_tcp(client: NameClient) -> None:
    assert len(ask(client, A, b"large.test").ips) == 100


def test_who_refuses_is_left_out_and_who_is_silent_asked_less(name_server: NameServer) -> None:
    # 127.0.0.2 refuses: nobody listens. At 127.0.0.3 somebody takes questions and is silent.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.3", name_server.port))
        client = NameClient(Lines(), ["127.0.0.2", "no address", "127.0.0.1"], name_server.port, deadline_s=120)
        began = time.monotonic()
        assert shown(ask(client, A, b"example.test")) == [bytes([192, 0, 2, 1])]
        assert time.monotonic() - began < 20
        began = time.monotonic()
        client = NameClient(Lines(), ["127.0.0.3", "127.0.0.1"], name_server.port, deadline_s=0.6)
        assert shown(ask(client, A, b"example.test")) == [bytes([192, 0, 2, 1])]
        assert time.monotonic() - began >= 0.2


def test_questions_leave_nothing_open(client: NameClient) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for name in (b"example.test", b"silent.test", b"broken.test", b"large.test"):
        ask(client, A, name)
    # The name server, in a thread of its own here, has to close its end, too.
    assert eventually(lambda: len(os.listdir("/proc/self/fd")) == before)


def test_a_question_on_the_wire() -> None:
    query = dns.message.from_wire(wire_of((SRV, b"_sip._udp.h.test"), 4711))
    assert query.id == 4711 and query.flags == dns.flags.RD
    assert query.question[0].to_text() == "_sip._udp.h.test. IN SRV"


def test_without_a_name_server_every_question_fails() -> None:
    assert ask(NameClient(Lines(), []), A, b"example.test").failed


def test_the_process_is_replaced_when_it_dies(start: StartServer) -> None:
    server = start("-n", "1")
    server.all_workers(1)
    killed = server.name_service()
    assert Path(f"/proc/{killed}/comm").read_text() == "ser-dns\n"
    os.kill(killed, signal.SIGKILL)
    assert eventually(lambda: not alive(killed) and server.name_service() not in (0, killed))
    assert server.ask() and server.stop() == 0
