"""What became of a TcpReach: there is a connection, or not."""

from __future__ import annotations

from typing import Final, final

from librt.strings import read_i64_le, write_i64_le
from mypy_extensions import i64

from runtime.server.mail.mailbox import Letter, Post

KIND: Final[i64] = 27


@final
class TcpReachedLetter:
    """The answer to that `question`: 0, or an errno."""

    def __init__(self, question: i64, error: i64) -> None:
        self.question: Final = question
        self.error: Final = error


def put(post: Post, to: i64, question: i64, error: i64) -> None:
    out = post.begin(to, KIND, 16)
    write_i64_le(out, question)
    write_i64_le(out, error)


def read(letter: Letter) -> TcpReachedLetter:
    return TcpReachedLetter(read_i64_le(letter.packet, letter.at), read_i64_le(letter.packet, letter.at + 8))
