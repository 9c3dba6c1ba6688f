"""To a TCP process: have a connection to a peer, and say when there is one."""

from __future__ import annotations

from typing import Final, final

from librt.strings import read_i64_le, write_i64_le
from mypy_extensions import i64

from runtime.server.mail.mailbox import Letter, Post

KIND: Final[i64] = 26


@final
class TcpReachLetter:
    """Process `asker` wants to know with its question number `question` whether there is a connection with `peer` (a sockaddr)."""

    def __init__(self, asker: i64, question: i64, peer: bytes) -> None:
        self.asker: Final = asker
        self.question: Final = question
        self.peer: Final = peer


def put(post: Post, to: i64, asker: i64, question: i64, peer: bytes) -> None:
    out = post.begin(to, KIND, 16 + len(peer))
    write_i64_le(out, asker)
    write_i64_le(out, question)
    out.write(peer)


def read(letter: Letter) -> TcpReachLetter:
    packet, at = letter.packet, letter.at
    return TcpReachLetter(read_i64_le(packet, at), read_i64_le(packet, at + 8), packet[at + 16 : letter.end])
