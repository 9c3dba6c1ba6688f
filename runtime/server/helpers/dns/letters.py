"""Answers of name servers on their way between processes; compiled in the native build.

An answer is a letter: its index is the kind of the records, its number their time of life in milliseconds, its address the name,
its data the records, each with its length in front.
"""

from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter, read_i64_le, write_i64_le
from mypy_extensions import i64

from runtime.routing.dns_records import AAAA, NAPTR, PTR, SRV, A, Answer, Naptr, NameQuestion, Srv
from runtime.server.mail.exchange import Exchange
from runtime.server.mail.mailbox import NAME_ANSWER, Letter

# The kind of the process that asks name servers, in the directory of mailboxes.
NAME_SERVICE: Final = "dns"


def post_answer(exchange: Exchange, asker: i64, question: NameQuestion, answer: Answer) -> None:
    """Put the answer into the mailbox of who has asked. A negative time of life says that the question has failed."""
    life_ms = -1 - answer.life_ms if answer.failed else answer.life_ms
    exchange.post.put(asker, NAME_ANSWER, question[0], life_ms, question[1], _packed(answer))


def question_of(letter: Letter) -> NameQuestion:
    """What the answer is to."""
    return int(letter.index), letter.name


def answer_in(letter: Letter) -> Answer:
    """The answer itself."""
    life_ms = letter.number
    failed = life_ms < 0
    answer = Answer(-1 - life_ms if failed else life_ms, failed)
    data = letter.data
    at: i64 = 0
    end: i64 = len(data)
    while at < end:
        size = read_i64_le(data, at)
        at += 8
        _add(answer, letter.index, data[at : at + size])
        at += size
    return answer


def _packed(answer: Answer) -> bytes:
    out = BytesWriter()
    for ip in answer.ips:
        _write(out, ip)
    for name in answer.names:
        _write(out, name)
    for record in answer.services:
        _write(out, b"%d %d %d %s" % (record.priority, record.weight, record.port, record.target))
    for rule in answer.rules:
        texts = b"\0".join([text.encode("latin-1") for text in (rule.flags, rule.services, rule.regexp)])
        _write(out, b"%d\0%d\0%s\0%s" % (rule.order, rule.preference, rule.replacement, texts))
    return out.getvalue()


def _write(out: BytesWriter, text: bytes) -> None:
    write_i64_le(out, len(text))
    out.write(text)


def _add(answer: Answer, kind: i64, record: bytes) -> None:
    if kind == A or kind == AAAA:
        answer.ips.append(record)
    elif kind == PTR:
        answer.names.append(record)
    elif kind == SRV:
        words = record.split(b" ")
        answer.services.append(Srv(int(words[0]), int(words[1]), int(words[2]), words[3]))
    elif kind == NAPTR:
        parts = record.split(b"\0")
        texts = [part.decode("latin-1") for part in parts[3:6]]
        answer.rules.append(Naptr(int(parts[0]), int(parts[1]), texts[0], texts[1], texts[2], parts[2]))
