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
    complete now. `is_interim`: it is not the answer yet, but something on the way there."""

    def __init__(self, sender: i64, question: i64, is_last: bool, is_interim: bool, text: bytes) -> None:
        self.sender: Final = sender
        self.question: Final = question
        self.is_last: Final = is_last
        self.is_interim: Final = is_interim
        self.text: Final = text


def put(post: Post, to: i64, sender: i64, question: i64, text: bytes, is_interim: bool = False) -> None:
    """In as many letters as it takes."""
    head = sender | (1 << 17) if is_interim else sender
    at: i64 = 0
    while len(text) - at > PIECE_BYTES:
        _put_piece(post, to, head, question, text[at : at + PIECE_BYTES])
        at += PIECE_BYTES
    _put_piece(post, to, head | (1 << 16), question, text[at:])


def _put_piece(post: Post, to: i64, head: i64, question: i64, text: bytes) -> None:
    out = post.begin(to, KIND, 16 + len(text))
    write_i64_le(out, head)
    write_i64_le(out, question)
    out.write(text)


def read(letter: Letter) -> AnswerLetter:
    packet, at = letter.packet, letter.at
    head = read_i64_le(packet, at)
    is_last = head & (1 << 16) != 0
    is_interim = head & (1 << 17) != 0
    return AnswerLetter(head & 65535, read_i64_le(packet, at + 8), is_last, is_interim, packet[at + 16 : letter.end])
