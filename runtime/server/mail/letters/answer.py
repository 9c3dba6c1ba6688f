"""The answer to a RunCommandLetter or to a Statistics, or a piece of it."""

from __future__ import annotations

from typing import Final, final

from librt.strings import read_i64_le, write_i64_le
from mypy_extensions import i64

from runtime.server.mail.mailbox import Letter, Post

KIND: Final[i64] = 7

# How much of an answer one letter carries.
PIECE_BYTES: Final[i64] = 60000


@final
class AnswerLetter:
    """Of the process of mailbox `sender`, to question number `question` of the process that gets it. `is_last`: the text is
    complete now."""

    def __init__(self, sender: i64, question: i64, is_last: bool, text: bytes) -> None:
        self.sender: Final = sender
        self.question: Final = question
        self.is_last: Final = is_last
        self.text: Final = text


def put(post: Post, to: i64, sender: i64, question: i64, text: bytes) -> None:
    """In as many letters as it takes."""
    at: i64 = 0
    while len(text) - at > PIECE_BYTES:
        _put_piece(post, to, sender, question, False, text[at : at + PIECE_BYTES])
        at += PIECE_BYTES
    _put_piece(post, to, sender, question, True, text[at:])


def _put_piece(post: Post, to: i64, sender: i64, question: i64, is_last: bool, text: bytes) -> None:
    out = post.begin(to, KIND, 16 + len(text))
    write_i64_le(out, sender | (1 << 16) if is_last else sender)
    write_i64_le(out, question)
    out.write(text)


def read(letter: Letter) -> AnswerLetter:
    packet, at = letter.packet, letter.at
    head = read_i64_le(packet, at)
    return AnswerLetter(head & 65535, read_i64_le(packet, at + 8), head >> 16 != 0, packet[at + 16 : letter.end])
