"""Each kind of letter: what is put into a mailbox is what its reader finds."""

from __future__ import annotations

import os
import pkgutil
from collections.abc import Callable, Iterator
from importlib import import_module

import pytest

from runtime.routing.dns_records import AAAA, NAPTR, PTR, SRV, A, Answer, NameQuestion, Naptr, Srv
from runtime.server.mail import letters
from runtime.server.mail.letters import (
    answer,
    datagram,
    drain,
    name_answer,
    name_question,
    new_program,
    program_done,
    run_command,
    statistics,
    tcp_alias,
    tcp_failed,
    tcp_message,
    tcp_send,
)
from runtime.server.mail.mailbox import KINDS_MAX, LETTER_BYTES, Letter, Mailboxes, PlainMailbox, Post
from runtime.sip.address import Address

PEERS = (Address.parse("127.0.0.1", 5060).sockaddr, Address.parse("2001:db8::1", 65535).sockaddr)
TEXTS = (b"", b"x", os.urandom(4000), bytes(65536))
NUMBERS = (0, 1, (1 << 62) + 5)


class Way:
    """From one process to another."""

    def __init__(self) -> None:
        self.boxes = Mailboxes(1)
        self.post = Post(self.boxes.writers)
        self._mailbox = PlainMailbox(self.boxes.readers[0])

    def arrived(self) -> list[Letter]:
        self.post.flush()
        found: list[Letter] = []
        self._mailbox.receive(found)
        return found

    def one(self) -> Letter:
        (letter,) = self.arrived()
        return letter


@pytest.fixture
def way() -> Iterator[Way]:
    made = Way()
    yield made
    made.boxes.close()


def test_all_kinds_differ() -> None:
    modules = [import_module(f"{letters.__name__}.{found.name}") for found in pkgutil.iter_modules(letters.__path__)]
    kinds = [module.KIND for module in modules if hasattr(module, "KIND")]
    assert len(kinds) == len(set(kinds)) >= 11
    assert all(0 < kind < KINDS_MAX for kind in kinds)


@pytest.mark.parametrize("source", PEERS)
@pytest.mark.parametrize("data", TEXTS, ids=len)
def test_datagrams(way: Way, source: bytes, data: bytes) -> None:
    datagram.put(way.post, 0, 65535, source, data)
    letter = way.one()
    came = datagram.read(letter)
    assert letter.kind == datagram.KIND
    assert (came.listener, came.source, came.data) == (65535, source, data)


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("data", TEXTS, ids=len)
def test_messages_over_tcp(way: Way, peer: bytes, data: bytes) -> None:
    tcp_message.put(way.post, 0, 3, 1 << 40, peer, data)
    letter = way.one()
    came = tcp_message.read(letter)
    assert letter.kind == tcp_message.KIND
    assert (came.listener, came.connection, came.peer, came.data) == (3, 1 << 40, peer, data)


@pytest.mark.parametrize("data", TEXTS, ids=len)
@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("connects", [True, False])
def test_sends_over_tcp(way: Way, connects: bool, number: int, data: bytes) -> None:
    tcp_send.put(way.post, 0, 65535, number, number, connects, PEERS[1], data)
    letter = way.one()
    wanted = tcp_send.read(letter)
    assert letter.kind == tcp_send.KIND
    assert (wanted.sender, wanted.ticket, wanted.connection) == (65535, number, number)
    assert (wanted.connects, wanted.peer, wanted.data) == (connects, PEERS[1], data)


def test_failures_and_aliases(way: Way) -> None:
    tcp_failed.put(way.post, 0, 1 << 50, 111)
    tcp_alias.put(way.post, 0, 17, 5061, PEERS[0])
    first, second = way.arrived()
    failed, alias = tcp_failed.read(first), tcp_alias.read(second)
    assert (first.kind, second.kind) == (tcp_failed.KIND, tcp_alias.KIND)
    assert (failed.ticket, failed.error) == (1 << 50, 111)
    assert (alias.connection, alias.port, alias.peer) == (17, 5061, PEERS[0])


@pytest.mark.parametrize("words", [[], [b""], [b"a", b"", b"b\r\nc\0d"], [b"x" * 60000, b"y"]], ids=len)
@pytest.mark.parametrize("by_fifo", [True, False])
def test_commands(way: Way, words: list[bytes], by_fifo: bool) -> None:
    run_command.put(way.post, 0, 9, 1 << 40, 3, 1 << 31, by_fifo, words)
    letter = way.one()
    asked = run_command.read(letter)
    assert letter.kind == run_command.KIND
    assert (asked.asker, asked.question, asked.place, asked.mark, asked.by_fifo) == (9, 1 << 40, 3, 1 << 31, by_fifo)
    assert asked.words == words
    assert run_command.size_of(words) == letter.end - letter.at


def test_the_largest_command_that_fits_arrives(way: Way) -> None:
    room = LETTER_BYTES - run_command.size_of([b""])
    run_command.put(way.post, 0, 9, 1, 3, 0, True, [bytes(room)])
    assert run_command.read(way.one()).words == [bytes(room)]


@pytest.mark.parametrize("size", [0, 1, answer.PIECE_BYTES, answer.PIECE_BYTES + 1, 3 * answer.PIECE_BYTES - 1])
def test_answers_come_in_pieces_of_which_the_last_one_is_marked(way: Way, size: int) -> None:
    text = os.urandom(size)
    answer.put(way.post, 0, 65535, 1 << 40, text)
    pieces = [answer.read(letter) for letter in way.arrived()]
    assert {(piece.sender, piece.question) for piece in pieces} == {(65535, 1 << 40)}
    assert [piece.is_last for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert b"".join(piece.text for piece in pieces) == text


@pytest.mark.parametrize("why", ["", "counter: the disk is full", "ä" * 3000])
def test_another_program(way: Way, why: str) -> None:
    new_program.put(way.post, 0, 9, new_program.SWITCH, 7, 1 << 33)
    program_done.put(way.post, 0, 4, new_program.SWITCH, 7, why)
    first, second = way.arrived()
    asked, done = new_program.read(first), program_done.read(second)
    assert (first.kind, second.kind) == (new_program.KIND, program_done.KIND)
    assert (asked.asker, asked.what, asked.version, asked.size) == (9, new_program.SWITCH, 7, 1 << 33)
    assert (done.sender, done.what, done.version, done.why) == (4, new_program.SWITCH, 7, why[:2048])


def test_counts(way: Way) -> None:
    statistics.put(way.post, 0, 4, 77)
    drain.put(way.post, 0, 10)
    first, second = way.arrived()
    asked = statistics.read(first)
    assert (first.kind, asked.asker, asked.question) == (statistics.KIND, 4, 77)
    assert (second.kind, drain.read(second).retry_after_s) == (drain.KIND, 10)
    counts = {"requests": 3, "peak_memory_kb": 0, "sent": 1 << 40}
    assert statistics.unpacked_counts(statistics.packed_counts(counts)) == counts


@pytest.mark.parametrize("name", [b"example.com", b"", b"x" * 255])
def test_questions_for_names(way: Way, name: bytes) -> None:
    name_question.put(way.post, 0, 6, SRV, name)
    letter = way.one()
    asked = name_question.read(letter)
    assert (letter.kind, asked.asker, asked.records, asked.name) == (name_question.KIND, 6, SRV, name)


def _with(life_ms: int, fill: Callable[[Answer], object], failed: bool = False) -> Answer:
    made = Answer(life_ms, failed)
    fill(made)
    return made


RULES = [
    Naptr(1, 2, "u", "E2U+sip", "!^.*$!sip:\xe9@h!", b""),
    Naptr(1, 3, "s", "SIP+D2U", "", b"_sip._udp.x"),
]


@pytest.mark.parametrize(
    ("question", "sent"),
    [
        ((A, b"h"), _with(5000, lambda a: a.ips.extend([b"\1\2\3\4", b"\5\6\7\0"]))),
        ((AAAA, b"six"), _with(5000, lambda a: a.ips.append(bytes(16)))),
        ((SRV, b"s"), _with(0, lambda a: a.services.extend([Srv(1, 2, 3, b"a.b"), Srv(4, 5, 6, b"")]))),
        ((NAPTR, b"n"), _with(7, lambda a: a.rules.extend(RULES))),
        ((PTR, b"p"), _with(8, lambda a: a.names.extend([b"a.b", b"c"]))),
        ((A, b"f"), Answer(15_000, True)),
        ((AAAA, b"e"), Answer(0)),
        ((AAAA, b"g"), Answer(0, True)),
    ],
)
def test_answers_about_names(way: Way, question: NameQuestion, sent: Answer) -> None:
    name_answer.put(way.post, 0, question, sent)
    letter = way.one()
    found = name_answer.read(letter)
    assert (letter.kind, found.question) == (name_answer.KIND, question)
    assert _shown(found.answer) == _shown(sent)


@pytest.mark.parametrize("records", [3000, name_answer.RECORDS_MAX])
def test_of_an_answer_about_names_the_best_records_are_told(way: Way, records: int) -> None:
    services = [Srv(1, 1, port, b"x." * 120 + b"example.com") for port in range(records)]
    sent = _with(1, lambda a: a.services.extend(services))
    name_answer.put(way.post, 0, (SRV, b"_sip._udp.example.com"), sent)
    found = name_answer.read(way.one()).answer
    assert _shown(found) == _shown(_with(1, lambda a: a.services.extend(services[: name_answer.RECORDS_MAX])))


def test_of_long_records_fewer_are_told(way: Way) -> None:
    rules = [Naptr(1, n, "u", "E2U+sip" + "x" * 248, "r" * 255, b"n" * 253) for n in range(90)]
    sent = _with(1, lambda a: a.rules.extend(rules))
    name_answer.put(way.post, 0, (NAPTR, b"1.e164.arpa"), sent)
    found = name_answer.read(way.one()).answer
    told = len(found.rules)
    assert 30 < told < 60 and _shown(found) == _shown(_with(1, lambda a: a.rules.extend(rules[:told])))


def _shown(one: Answer) -> tuple[object, ...]:
    services = [(s.priority, s.weight, s.port, s.target) for s in one.services]
    rules = [(r.order, r.preference, r.flags, r.services, r.regexp, r.replacement) for r in one.rules]
    return one.life_ms, one.failed, one.ips, one.names, services, rules
