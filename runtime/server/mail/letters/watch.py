"""To a process that runs the program: calls that somebody wants to watch, or does not any more."""

from __future__ import annotations

from typing import Final, final

from librt.strings import read_i64_le, write_i64_le
from mypy_extensions import i64

from runtime.server.mail.letters.words import packed_words, unpacked_words
from runtime.server.mail.mailbox import Letter, Post

KIND: Final[i64] = 16
_FIXED_BYTES: Final[i64] = 64

# What the process is to do. BEGIN again for a trace that it has: there are other statements.
BEGIN: Final = 1
FULL: Final = 2  # no more calls
END: Final = 3


@final
class WatchLetter:
    """The process of mailbox `asker` wants `what` done with trace number `trace`: calls that meet `words`
    (name=value), `limit` of them at most, until `until_ms` (Unix time), with log lines up to `level`. The statements
    of program `version` stand in the first `size` bytes of the board for probes; 0: there are none.
    """

    def __init__(
        self,
        asker: i64,
        what: i64,
        trace: i64,
        version: i64,
        size: i64,
        limit: i64,
        level: i64,
        until_ms: i64,
        words: list[bytes],
    ) -> None:
        self.asker: Final = asker
        self.what: Final = what
        self.trace: Final = trace
        self.version: Final = version
        self.size: Final = size
        self.limit: Final = limit
        self.level: Final = level
        self.until_ms: Final = until_ms
        self.words: Final = words


def put(post: Post, to: i64, letter: WatchLetter) -> None:
    packed = packed_words(letter.words)
    out = post.begin(to, KIND, _FIXED_BYTES + len(packed))
    write_i64_le(out, letter.asker)
    write_i64_le(out, letter.what)
    write_i64_le(out, letter.trace)
    write_i64_le(out, letter.version)
    write_i64_le(out, letter.size)
    write_i64_le(out, letter.limit)
    write_i64_le(out, letter.level)
    write_i64_le(out, letter.until_ms)
    out.write(packed)


def read(letter: Letter) -> WatchLetter:
    packet, at = letter.packet, letter.at
    return WatchLetter(
        read_i64_le(packet, at),
        read_i64_le(packet, at + 8),
        read_i64_le(packet, at + 16),
        read_i64_le(packet, at + 24),
        read_i64_le(packet, at + 32),
        read_i64_le(packet, at + 40),
        read_i64_le(packet, at + 48),
        read_i64_le(packet, at + 56),
        unpacked_words(packet, at + _FIXED_BYTES, letter.end),
    )
