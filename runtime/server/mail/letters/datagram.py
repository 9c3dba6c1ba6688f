"""A datagram for the process that handles its Call-ID."""

from __future__ import annotations

from typing import Final, final

from librt.strings import read_i64_le, write_i64_le
from mypy_extensions import i64

from runtime.server.mail.mailbox import Letter, Post

KIND: Final[i64] = 1


@final
class DatagramLetter:
    """It came to listener number `listener` from `source` (a sockaddr)."""

    def __init__(self, listener: i64, source: bytes, data: bytes) -> None:
        self.listener: Final = listener
        self.source: Final = source
        self.data: Final = data


def put(post: Post, to: i64, listener: i64, source: bytes, data: bytes) -> None:
    out = post.begin(to, KIND, 8 + len(source) + len(data))
    write_i64_le(out, listener | (len(source) << 16))
    out.write(source)
    out.write(data)


def read(letter: Letter) -> DatagramLetter:
    head = read_i64_le(letter.packet, letter.at)
    at = letter.at + 8
    data_at = at + (head >> 16)
    return DatagramLetter(head & 65535, letter.packet[at:data_at], letter.packet[data_at : letter.end])
