"""The media of a message: what the MediaProxy is told about them, and what becomes of its answer. Reference modules-main, chapter 21."""

from __future__ import annotations

from typing import Final, final

from runtime.routing.context import Context
from runtime.sip.edits import Edit
from runtime.sip.nameaddr import tag_of
from runtime.sip.sdp import Connection, Media, find_connection, find_line, find_media, next_line, sdp_start
from runtime.sip.uri import parse_uri

STREAMS_MAX: Final = 64

_ON_HOLD: Final = b"0.0.0.0"
_M: Final = 109
_UNKNOWN_AGENT: Final = b"unknown-agent"


class Unusable(Exception):
    """Why the proxy cannot help here: `str()` says it."""


@final
class Stream:
    """An m= line, with the c= line of its own, if it has one."""

    def __init__(self, media: Media, type: bytes, line: Connection | None) -> None:
        self.media: Final = media
        self.type: Final = type
        self.line: Final = line


@final
class Description:
    """The session description of a message: the c= line of the session, and its streams. Raises BadMessage and Unusable."""

    def __init__(self, ctx: Context) -> None:
        buf = ctx.message.buf
        start = sdp_start(ctx.message)
        first = find_line(buf, _M, start, len(buf))
        self._buf: Final = buf
        self._line: Final = find_connection(buf, start, first if first >= 0 else len(buf))
        self.streams: Final[list[Stream]] = []
        place = first
        while place >= 0:
            following = next_line(buf, place)
            end = find_line(buf, _M, following, len(buf))
            media = find_media(buf, place)
            if media is None or media.start >= following:
                raise Unusable("an m= line has no port")
            type = buf[place + 2 : media.start].strip()
            stop = end if end >= 0 else len(buf)
            self.streams.append(Stream(media, type, find_connection(buf, following, stop)))
            place = end
        if len(self.streams) > STREAMS_MAX:
            raise Unusable(f"over {STREAMS_MAX} streams")

    def shown(self) -> bytes:
        """`ip:port:type` of each stream, with commas between. Raises Unusable."""
        buf = self._buf
        shown: list[bytes] = []
        for stream in self.streams:
            line = stream.line or self._line
            if line is None:
                raise Unusable("a stream has no c= line")
            media = stream.media
            shown.append(b"%s:%s:%s" % (buf[line.start : line.end], buf[media.start : media.end], stream.type))
        return b",".join(shown)

    def follow(self, ctx: Context, ip: bytes, ports: list[bytes]) -> None:
        """Lead the streams to these ports of `ip`. One that is off stays so, and one on hold keeps its address."""
        for line in [self._line, *[stream.line for stream in self.streams]]:
            if line is not None and self._buf[line.start : line.end] != _ON_HOLD:
                if (b":" in ip) != line.is_ipv6:
                    ctx.edits.append(Edit(line.kind_at, line.kind_at + 1, b"6" if b":" in ip else b"4"))
                ctx.edits.append(Edit(line.start, line.end, ip))
        for stream, port in zip(self.streams, ports):
            media = stream.media
            if self._buf[media.start : media.end] != b"0":
                ctx.edits.append(Edit(media.start, media.end, port))


@final
class Party:
    """From or To: its URI without the scheme and parameters, its host, and its tag. Raises BadMessage and BadUri."""

    def __init__(self, ctx: Context, is_from: bool) -> None:
        uri = ctx.from_uri() if is_from else ctx.to_uri()
        self.host: Final = parse_uri(uri, 0, len(uri)).host()
        self.address: Final = uri.partition(b":")[2].partition(b";")[0].partition(b"?")[0]
        self.tag: Final = tag_of(ctx.message.buf, ctx.from_value() if is_from else ctx.to_value())


def agent_of(ctx: Context) -> bytes:
    """The program at the other end, by User-Agent or else by Server."""
    msg = ctx.message
    for name in (b"user-agent", b"server"):
        i = msg.find_header(name)
        if i >= 0:
            value = msg.value(msg.headers[i])
            if value:
                return value
    return _UNKNOWN_AGENT


def quoted(text: bytes) -> bytes:
    """In quoted-printable, without blanks. RFC 2045 6.7."""
    return b"".join([bytes([c]) if 32 < c < 127 and c != 61 else b"=%02X" % c for c in text])
