"""What a proxy repairs in a session description: addresses in c= lines, ports in m= lines. RFC 4566 5.7, 5.14."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.sip.address import Address
from runtime.sip.message import Message
from runtime.sip.scan import BadMessage, decimal, find

END_OF_LINE: Final = b"\r\n"
_PORT_MAX: Final = 65535


def is_place(ip: bytes, port: bytes) -> bool:
    """True for an IPv4 or IPv6 literal and a number of a port, 0 too: what a proxy may lead a stream to, whatever it answers."""
    if b"[" in ip or b"]" in ip or b"%" in ip or not port.isdigit() or len(port) > 5 or int(port) > _PORT_MAX:
        return False
    try:
        Address.parse(ip.decode("latin-1"), 0)
    except ValueError:
        return False
    return True


def sdp_start(msg: Message) -> i64:
    """Where the session description begins.

    Raises BadMessage when there is no body, or a body of another type. A body without Content-Type counts as one, as in SER.
    """
    if msg.body_start >= len(msg.buf):
        raise BadMessage("the message has no body", int(msg.body_start))
    if msg.content_type != 0:
        # A type may be followed by parameters: charset and the like.
        media_type = msg.value(msg.content_type).partition(b";")[0].strip().lower()
        if media_type != b"application/sdp":
            raise BadMessage(f"the body is {media_type.decode('latin-1')}, not application/sdp", int(msg.body_start))
    return msg.body_start


@final
class Connection:
    """A c= line. `kind_at` is the digit of IP4 or IP6, `start:end` the address without a TTL behind it."""

    def __init__(self, kind_at: i64, start: i64, end: i64, is_ipv6: bool) -> None:
        self.kind_at: Final = kind_at
        self.start: Final = start
        self.end: Final = end
        self.is_ipv6: Final = is_ipv6


@final
class Media:
    """An m= line. `start:end` is its port, `port` the number, -1 where it is none; `behind` is where the word ends that begins with it,
    with a number of ports (`49170/2`). `is_audio` tells audio from all else."""

    def __init__(self, start: i64, end: i64, behind: i64, port: i64, is_audio: bool) -> None:
        self.start: Final = start
        self.end: Final = end
        self.behind: Final = behind
        self.port: Final = port
        self.is_audio: Final = is_audio


def next_line(buf: bytes, pos: i64) -> i64:
    """The beginning of the line behind the one that holds `pos`, the length of `buf` if there is none."""
    newline = find(buf, 10, pos, len(buf))
    return len(buf) if newline < 0 else newline + 1


def find_line(buf: bytes, letter: i64, pos: i64, end: i64) -> i64:
    """The first line from `pos`, which begins one, that is of the type `letter`; -1 if there is none before `end`."""
    while pos + 1 < end:
        if buf[pos] == letter and buf[pos + 1] == 61:
            return pos
        pos = next_line(buf, pos)
    return -1


def find_connection(buf: bytes, pos: i64, end: i64) -> Connection | None:
    """The first c= line of IPv4 or IPv6 from `pos` to `end`; lines of other networks are passed over."""
    while True:
        line = find_line(buf, 99, pos, end)
        if line < 0:
            return None
        following = next_line(buf, line)
        words = buf[line + 2 : following].split()
        if len(words) == 3 and words[0] == b"IN" and words[1] in (b"IP4", b"IP6"):
            kind_at: i64 = buf.find(words[1], line + 2) + 2
            start: i64 = buf.find(words[2], kind_at + 1)
            address = words[2].partition(b"/")[0]
            return Connection(kind_at, start, start + len(address), words[1] == b"IP6")
        pos = following


def find_media(buf: bytes, pos: i64) -> Media | None:
    """The first m= line at or behind `pos`, None when there is none; one that is a single word is passed over."""
    while True:
        line = find_line(buf, 109, pos, len(buf))
        if line < 0:
            return None
        pos = next_line(buf, line)
        words = buf[line + 2 : pos].split()
        if len(words) >= 2:
            # "49170/2": a port and a number of them.
            digits = words[1].partition(b"/")[0]
            start: i64 = buf.find(words[1], line + 2 + len(words[0]))
            port = decimal(digits, 0, len(digits))
            # The words of a description are told apart by case (RFC 4566 5).
            return Media(start, start + len(digits), start + len(words[1]), port, words[0] == b"audio")


def line_to_append(buf: bytes, line: bytes) -> bytes:
    """`line` as it goes behind the last line of the body, which in a careless description has no end."""
    ends_well = buf.endswith(b"\n")
    return line + END_OF_LINE if ends_well else END_OF_LINE + line + END_OF_LINE
