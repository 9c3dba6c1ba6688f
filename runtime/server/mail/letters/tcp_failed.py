"""What became of a TcpSend: it failed."""

from __future__ import annotations

from typing import Final, final

from librt.strings import read_i64_le, write_i64_le
from mypy_extensions import i64

from runtime.server.mail.mailbox import Letter, Post

KIND: Final[i64] = 4


@final
class TcpFailedLetter:
    """The one with that `ticket`; `error` is an errno."""

    def __init__(self, ticket: i64, error: i64) -> None:
        self.ticket: Final = ticket
        self.error: Final = error


def put(post: Post, to: i64, ticket: i64, error: i64) -> None:
    out = post.begin(to, KIND, 16)
    write_i64_le(out, ticket)
    write_i64_le(out, error)


def read(letter: Letter) -> TcpFailedLetter:
    return TcpFailedLetter(read_i64_le(letter.packet, letter.at), read_i64_le(letter.packet, letter.at + 8))
