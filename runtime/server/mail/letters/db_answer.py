"""What has become of statements; in several letters where it is long."""

from __future__ import annotations

from typing import Final, final

from librt.strings import read_i64_le, write_i64_le
from mypy_extensions import i64

from runtime.server.mail.mailbox import Letter, Post

KIND: Final[i64] = 13

# How much of it one letter carries.
PIECE_BYTES: Final[i64] = 60000


@final
class DbAnswerLetter:
    """The answer to question number `question`, as runtime.storage.answer has packed it, or a piece of it; `is_last`: it is complete
    now."""

    def __init__(self, question: i64, is_last: bool, answer: bytes) -> None:
        self.question: Final = question
        self.is_last: Final = is_last
        self.answer: Final = answer


def put(post: Post, to: i64, question: i64, answer: bytes) -> None:
    at: i64 = 0
    size: i64 = len(answer)
    while True:
        is_last = size - at <= PIECE_BYTES
        piece = answer[at : at + PIECE_BYTES]
        out = post.begin(to, KIND, 16 + len(piece))
        write_i64_le(out, question)
        write_i64_le(out, 1 if is_last else 0)
        out.write(piece)
        if is_last:
            return
        at += PIECE_BYTES


def read(letter: Letter) -> DbAnswerLetter:
    packet, at = letter.packet, letter.at
    return DbAnswerLetter(read_i64_le(packet, at), read_i64_le(packet, at + 8) != 0, packet[at + 16 : letter.end])


@final
class Pieces:
    """Puts together what comes in several letters, by a key."""

    def __init__(self) -> None:
        self._begun: Final[dict[tuple[int, int], list[bytes]]] = {}

    def join(self, key: tuple[int, int], piece: bytes, is_last: bool) -> bytes | None:
        """All of it with the last piece, None before."""
        if not is_last:
            self._begun.setdefault(key, []).append(piece)
            return None
        begun = self._begun.pop(key, None)
        return piece if begun is None else b"".join(begun) + piece
