"""To the name service: which records does a name have?"""

from __future__ import annotations

from typing import Final, final

from librt.strings import read_i64_le, write_i64_le
from mypy_extensions import i64

from runtime.server.mail.mailbox import Letter, Post

KIND: Final[i64] = 10


@final
class NameQuestionLetter:
    """The process of mailbox `asker` asks for records of kind `records` (runtime.routing.dns_records)."""

    def __init__(self, asker: i64, records: i64, name: bytes) -> None:
        self.asker: Final = asker
        self.records: Final = records
        self.name: Final = name


def put(post: Post, to: i64, asker: i64, records: i64, name: bytes) -> None:
    out = post.begin(to, KIND, 16 + len(name))
    write_i64_le(out, asker)
    write_i64_le(out, records)
    out.write(name)


def read(letter: Letter) -> NameQuestionLetter:
    packet, at = letter.packet, letter.at
    return NameQuestionLetter(read_i64_le(packet, at), read_i64_le(packet, at + 8), packet[at + 16 : letter.end])
