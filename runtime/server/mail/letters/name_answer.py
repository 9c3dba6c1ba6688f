"""What the name service has found out."""

from __future__ import annotations

from typing import Final, final

from librt.strings import read_i64_le, write_i64_le
from mypy_extensions import i64

from runtime.routing.dns_records import AAAA, NAPTR, PTR, SRV, A, Answer, NameQuestion, Naptr, Srv
from runtime.server.mail.letters.words import packed_words, unpacked_words
from runtime.server.mail.mailbox import Letter, Post

KIND: Final[i64] = 11

# Records that are told, the best ones: a zone may have thousands, and each of them would cost who asked time and further questions.
RECORDS_MAX: Final = 100
_RECORDS_BYTES: Final = 32768


@final
class NameAnswerLetter:
    """The `answer` to a `question` (runtime.routing.dns_records), RECORDS_MAX of its records at most."""

    def __init__(self, question: NameQuestion, answer: Answer) -> None:
        self.question: Final = question
        self.answer: Final = answer


def put(post: Post, to: i64, question: NameQuestion, answer: Answer) -> None:
    name = question[1]
    packed = packed_words(_first(_records_of(answer)))
    out = post.begin(to, KIND, 24 + len(name) + len(packed))
    write_i64_le(out, question[0] | (len(name) << 16))
    write_i64_le(out, answer.life_ms)
    write_i64_le(out, 1 if answer.failed else 0)
    out.write(name)
    out.write(packed)


def read(letter: Letter) -> NameAnswerLetter:
    packet, at = letter.packet, letter.at
    head = read_i64_le(packet, at)
    answer = Answer(read_i64_le(packet, at + 8), read_i64_le(packet, at + 16) != 0)
    kind = head & 65535
    name_end = at + 24 + (head >> 16)
    for record in unpacked_words(packet, name_end, letter.end):
        _add(answer, kind, record)
    return NameAnswerLetter((int(kind), packet[at + 24 : name_end]), answer)


def _records_of(answer: Answer) -> list[bytes]:
    """An answer has records of one kind only."""
    found = answer.ips + answer.names
    for record in answer.services:
        found.append(b"%d %d %d %s" % (record.priority, record.weight, record.port, record.target))
    for rule in answer.rules:
        texts = b"\0".join([text.encode("latin-1") for text in (rule.flags, rule.services, rule.regexp)])
        found.append(b"%d\0%d\0%s\0%s" % (rule.order, rule.preference, rule.replacement, texts))
    return found


def _first(records: list[bytes]) -> list[bytes]:
    """As many as are told."""
    size = 0
    count = 0
    for record in records[:RECORDS_MAX]:
        size += len(record)
        if size > _RECORDS_BYTES:
            break
        count += 1
    return records[:count]


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
