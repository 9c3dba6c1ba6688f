"""To every process: how much it is to log from now on."""

from __future__ import annotations

from typing import Final, final

from librt.strings import read_i64_le, write_i64_le
from mypy_extensions import i64

from runtime.routing.ports import Log
from runtime.server.mail.mailbox import Letter, Post

KIND: Final[i64] = 18

# What `has_level` says.
AS_CONFIGURED: Final = 0
AS_TOLD: Final = 1
ALL_AS_CONFIGURED: Final = 2


@final
class LogLevelLetter:
    """`level` counts (AS_TOLD) for the lines of `word`, "" for all, call-id=… and module=…; or what ser.cfg says does, of this word or of
    all. Who has no program takes `usual`, which is that of ser.cfg."""

    def __init__(self, what: i64, level: i64, usual: i64, word: str) -> None:
        self.what: Final = what
        self.level: Final = level
        self.usual: Final = usual
        self.word: Final = word


def put(post: Post, to: i64, letter: LogLevelLetter) -> None:
    word = letter.word.encode("latin-1", "replace")
    out = post.begin(to, KIND, 24 + len(word))
    write_i64_le(out, letter.what)
    write_i64_le(out, letter.level)
    write_i64_le(out, letter.usual)
    out.write(word)


def read(letter: Letter) -> LogLevelLetter:
    packet, at = letter.packet, letter.at
    return LogLevelLetter(
        read_i64_le(packet, at),
        read_i64_le(packet, at + 8),
        read_i64_le(packet, at + 16),
        packet[at + 24 : letter.end].decode("latin-1"),
    )


def obey(letter: Letter, log: Log) -> None:
    """What a process does that has no program: it knows neither calls nor modules."""
    asked = read(letter)
    if asked.what == AS_TOLD and asked.word == "":
        log.level = int(asked.level)
    elif asked.what == ALL_AS_CONFIGURED or asked.word == "":
        log.level = int(asked.usual)
