"""To the process that has databases: what is to be done there; in several letters where it is long."""

from __future__ import annotations

from typing import Final, final

from librt.strings import read_i64_le, write_i64_le
from mypy_extensions import i64

from runtime.server.mail.mailbox import Letter, Post

KIND: Final[i64] = 12

# How much of it one letter carries.
PIECE_BYTES: Final[i64] = 60000


@final
class DbQuestionLetter:
    """Question number `question` of the process of mailbox `asker`, about the database of that `place`, which waits for so long.

    `statements` is what runtime.storage.statement has packed, or a piece of it; `is_last`: it is complete now.
    """

    def __init__(
        self, asker: i64, question: i64, place: i64, deadline_ms: i64, is_last: bool, statements: bytes
    ) -> None:
        self.asker: Final = asker
        self.question: Final = question
        self.place: Final = place
        self.deadline_ms: Final = deadline_ms
        self.is_last: Final = is_last
        self.statements: Final = statements


def put(post: Post, to: i64, asker: i64, question: i64, place: i64, deadline_ms: i64, statements: bytes) -> None:
    at: i64 = 0
    size: i64 = len(statements)
    while True:
        is_last = size - at <= PIECE_BYTES
        piece = statements[at : at + PIECE_BYTES]
        out = post.begin(to, KIND, 24 + len(piece))
        write_i64_le(out, asker | (place << 16) | (1 << 32) if is_last else asker | (place << 16))
        write_i64_le(out, question)
        write_i64_le(out, deadline_ms)
        out.write(piece)
        if is_last:
            return
        at += PIECE_BYTES


def read(letter: Letter) -> DbQuestionLetter:
    packet, at = letter.packet, letter.at
    head = read_i64_le(packet, at)
    return DbQuestionLetter(
        head & 65535,
        read_i64_le(packet, at + 8),
        (head >> 16) & 65535,
        read_i64_le(packet, at + 16),
        head >> 32 != 0,
        packet[at + 24 : letter.end],
    )
