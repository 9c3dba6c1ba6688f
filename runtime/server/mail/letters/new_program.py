"""To a process that has the program: another one is about to take its place, does so, or does not after all."""

from __future__ import annotations

from typing import Final, final

from librt.strings import read_i64_le, write_i64_le
from mypy_extensions import i64

from runtime.server.mail.mailbox import Letter, Post

KIND: Final[i64] = 14

# What the process is to do.
MAKE_READY: Final = 1
SWITCH: Final = 2
DISCARD: Final = 3


@final
class NewProgramLetter:
    """The process of mailbox `asker` wants `what` done with version `version`, which stands in the first `size` bytes of the board; it
    wants to hear of MAKE_READY and SWITCH when they are done."""

    def __init__(self, asker: i64, what: i64, version: i64, size: i64) -> None:
        self.asker: Final = asker
        self.what: Final = what
        self.version: Final = version
        self.size: Final = size


def put(post: Post, to: i64, asker: i64, what: i64, version: i64, size: i64) -> None:
    out = post.begin(to, KIND, 32)
    write_i64_le(out, asker)
    write_i64_le(out, what)
    write_i64_le(out, version)
    write_i64_le(out, size)


def read(letter: Letter) -> NewProgramLetter:
    packet, at = letter.packet, letter.at
    return NewProgramLetter(
        read_i64_le(packet, at),
        read_i64_le(packet, at + 8),
        read_i64_le(packet, at + 16),
        read_i64_le(packet, at + 24),
    )
