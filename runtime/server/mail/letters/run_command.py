"""What the control interface asks a worker: to run a command of a module."""

from __future__ import annotations

from typing import Final, final

from librt.strings import read_i64_le, write_i64_le
from mypy_extensions import i64

from runtime.server.mail.letters.words import packed_words, unpacked_words
from runtime.server.mail.mailbox import Letter, Post

KIND: Final[i64] = 6
# What comes before the words.
_FIXED_BYTES: Final[i64] = 40


@final
class RunCommandLetter:
    """The process of mailbox `asker` wants an Answer to its question number `question`. `place` is the command's among those of all
    modules, whose names have the mark `mark`; `words` are what it is given, `by_fifo` tells who asks."""

    def __init__(self, asker: i64, question: i64, place: i64, mark: i64, by_fifo: bool, words: list[bytes]) -> None:
        self.mark: Final = mark
        self.asker: Final = asker
        self.question: Final = question
        self.place: Final = place
        self.by_fifo: Final = by_fifo
        self.words: Final = words


def size_of(words: list[bytes]) -> i64:
    """Bytes of such a letter: it may have LETTER_BYTES."""
    size = _FIXED_BYTES
    for word in words:
        size += 8 + len(word)
    return size


def put(
    post: Post, to: i64, asker: i64, question: i64, place: i64, mark: i64, by_fifo: bool, words: list[bytes]
) -> None:
    packed = packed_words(words)
    out = post.begin(to, KIND, _FIXED_BYTES + len(packed))
    write_i64_le(out, asker)
    write_i64_le(out, question)
    write_i64_le(out, place)
    write_i64_le(out, 1 if by_fifo else 0)
    write_i64_le(out, mark)
    out.write(packed)


def read(letter: Letter) -> RunCommandLetter:
    packet, at = letter.packet, letter.at
    words = unpacked_words(packet, at + _FIXED_BYTES, letter.end)
    by_fifo = read_i64_le(packet, at + 24) != 0
    return RunCommandLetter(
        read_i64_le(packet, at),
        read_i64_le(packet, at + 8),
        read_i64_le(packet, at + 16),
        read_i64_le(packet, at + 32),
        by_fifo,
        words,
    )
