"""To a process that counts what it does: tell the counts."""

from __future__ import annotations

from typing import Final, final

from librt.strings import read_i64_le, write_i64_le
from mypy_extensions import i64

from runtime.server.mail.mailbox import Letter, Post

KIND: Final[i64] = 8


@final
class StatisticsLetter:
    """The process of mailbox `asker` wants an Answer to its question number `question`: `packed_counts`."""

    def __init__(self, asker: i64, question: i64) -> None:
        self.asker: Final = asker
        self.question: Final = question


def put(post: Post, to: i64, asker: i64, question: i64) -> None:
    out = post.begin(to, KIND, 16)
    write_i64_le(out, asker)
    write_i64_le(out, question)


def read(letter: Letter) -> StatisticsLetter:
    return StatisticsLetter(read_i64_le(letter.packet, letter.at), read_i64_le(letter.packet, letter.at + 8))


def packed_counts(counts: dict[str, int]) -> bytes:
    """Numbers with their names, as the text of an Answer."""
    return b" ".join([f"{_plain(name)}={number}".encode() for name, number in counts.items()])


def unpacked_counts(text: bytes) -> dict[str, int]:
    pairs = [word.rpartition("=") for word in text.decode().split(" ")]
    return {pair[0]: int(pair[2]) for pair in pairs if pair[0]}


def _plain(name: str) -> str:
    """Names of databases and the like may have blanks."""
    return "".join(name.split())
