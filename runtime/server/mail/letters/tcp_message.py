"""A message that came over TCP, for the process that handles its Call-ID."""

from __future__ import annotations

from typing import Final, final

from librt.strings import read_i64_le, write_i64_le
from mypy_extensions import i64

from runtime.server.mail.mailbox import Letter, Post

KIND: Final[i64] = 2


@final
class TcpMessageLetter:
    """It came by connection number `connection`, which listener number `listener` accepted or could have accepted, from `peer` (a
    sockaddr)."""

    def __init__(self, listener: i64, connection: i64, peer: bytes, data: bytes) -> None:
        self.listener: Final = listener
        self.connection: Final = connection
        self.peer: Final = peer
        self.data: Final = data


def put(post: Post, to: i64, listener: i64, connection: i64, peer: bytes, data: bytes) -> None:
    out = post.begin(to, KIND, 16 + len(peer) + len(data))
    write_i64_le(out, listener | (len(peer) << 16))
    write_i64_le(out, connection)
    out.write(peer)
    out.write(data)


def read(letter: Letter) -> TcpMessageLetter:
    head = read_i64_le(letter.packet, letter.at)
    connection = read_i64_le(letter.packet, letter.at + 8)
    at = letter.at + 16
    data_at = at + (head >> 16)
    return TcpMessageLetter(head & 65535, connection, letter.packet[at:data_at], letter.packet[data_at : letter.end])
