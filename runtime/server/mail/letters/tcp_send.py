"""To a TCP process: send this."""

from __future__ import annotations

from typing import Final, final

from librt.strings import read_i64_le, write_i64_le
from mypy_extensions import i64

from runtime.server.mail.mailbox import Letter, Post

KIND: Final[i64] = 3


@final
class TcpSendLetter:
    """Send `data` on connection number `connection` (0: none in particular), else on any to `peer` (a sockaddr), also on a new one if
    it `connects`. No data: close that connection. If it fails the process of mailbox `sender` wants to hear of it by the `ticket` (0:
    it does not).
    """

    def __init__(self, sender: i64, ticket: i64, connection: i64, connects: bool, peer: bytes, data: bytes) -> None:
        self.sender: Final = sender
        self.ticket: Final = ticket
        self.connection: Final = connection
        self.connects: Final = connects
        self.peer: Final = peer
        self.data: Final = data


_CONNECTS: Final[i64] = 1 << 16


def put(
    post: Post, to: i64, sender: i64, ticket: i64, connection: i64, connects: bool, peer: bytes, data: bytes
) -> None:
    out = post.begin(to, KIND, 24 + len(peer) + len(data))
    write_i64_le(out, sender | (_CONNECTS if connects else 0) | (len(peer) << 17))
    write_i64_le(out, ticket)
    write_i64_le(out, connection)
    out.write(peer)
    out.write(data)


def read(letter: Letter) -> TcpSendLetter:
    packet = letter.packet
    head = read_i64_le(packet, letter.at)
    ticket = read_i64_le(packet, letter.at + 8)
    connection = read_i64_le(packet, letter.at + 16)
    at = letter.at + 24
    data_at = at + (head >> 17)
    connects = head & _CONNECTS != 0
    return TcpSendLetter(head & 65535, ticket, connection, connects, packet[at:data_at], packet[data_at : letter.end])
