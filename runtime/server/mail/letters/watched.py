"""To a process whose client watches calls: what has happened to them."""

from __future__ import annotations

from typing import Final, final

from librt.strings import read_i64_le, write_i64_le
from mypy_extensions import i64

from runtime.server.mail.mailbox import Letter, Post

KIND: Final[i64] = 17
_FIXED_BYTES: Final[i64] = 32


@final
class WatchedLetter:
    """Of the process of mailbox `sender`, about trace number `trace`: the `number`th letter, after `lost` events that were too many.
    `events` is what runtime.server.worker.tracing has packed."""

    def __init__(self, sender: i64, trace: i64, number: i64, lost: i64, events: bytes) -> None:
        self.sender: Final = sender
        self.trace: Final = trace
        self.number: Final = number
        self.lost: Final = lost
        self.events: Final = events


def put(post: Post, to: i64, sender: i64, trace: i64, number: i64, lost: i64, events: bytes) -> None:
    out = post.begin(to, KIND, _FIXED_BYTES + len(events))
    write_i64_le(out, sender)
    write_i64_le(out, trace)
    write_i64_le(out, number)
    write_i64_le(out, lost)
    out.write(events)


def read(letter: Letter) -> WatchedLetter:
    packet, at = letter.packet, letter.at
    return WatchedLetter(
        read_i64_le(packet, at),
        read_i64_le(packet, at + 8),
        read_i64_le(packet, at + 16),
        read_i64_le(packet, at + 24),
        packet[at + _FIXED_BYTES : letter.end],
    )
