"""To a TCP process: another name for a connection."""

from __future__ import annotations

from typing import Final, final

from librt.strings import read_i64_le, write_i64_le
from mypy_extensions import i64

from runtime.server.mail.mailbox import Letter, Post

KIND: Final[i64] = 5


@final
class TcpAliasLetter:
    """What goes to `port` of the host of `peer` (a sockaddr) is to take connection number `connection`."""

    def __init__(self, connection: i64, port: i64, peer: bytes) -> None:
        self.connection: Final = connection
        self.port: Final = port
        self.peer: Final = peer


def put(post: Post, to: i64, connection: i64, port: i64, peer: bytes) -> None:
    out = post.begin(to, KIND, 16 + len(peer))
    write_i64_le(out, connection)
    write_i64_le(out, port)
    out.write(peer)


def read(letter: Letter) -> TcpAliasLetter:
    packet, at = letter.packet, letter.at
    return TcpAliasLetter(read_i64_le(packet, at), read_i64_le(packet, at + 8), packet[at + 16 : letter.end])
