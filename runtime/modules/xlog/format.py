"""A format of xlog, taken apart once when routes.py is imported. Reference modules-main, chapter 14 and its corrections."""

from __future__ import annotations

import time
from typing import Final, final

from mypy_extensions import i64

from runtime.routing.context import Context
from runtime.sip import headers
from runtime.sip.message import Message
from runtime.sip.nameaddr import tag_of
from runtime.sip.scan import BadMessage, trim_end
from runtime.sip.uri import BadUri

NULL: Final = b"<null>"

LAST: Final = -1

# What a piece of a format is.
_LITERAL: Final = 0
_UNKNOWN: Final = 1
_HEADER: Final = 2
_CALL_ID: Final = 3
_CSEQ: Final = 4
_CONTACT: Final = 5
_FROM_TAG: Final = 6
_FROM_URI: Final = 7
_SOURCE: Final = 8
_MESSAGE: Final = 9
_FLAGS: Final = 10
_NUMBER: Final = 11
_LENGTH: Final = 12
_PID: Final = 13
_METHOD: Final = 14
_STATUS: Final = 15
_REASON: Final = 16
_REQUEST_URI: Final = 17
_TO_TAG: Final = 18
_TO_URI: Final = 19
_DATE: Final = 20
_UNIX_TIME: Final = 21
_USER_AGENT: Final = 22

_SPECIFIERS: Final[dict[bytes, int]] = {
    b"%ci": _CALL_ID,
    b"%cs": _CSEQ,
    b"%ct": _CONTACT,
    b"%ft": _FROM_TAG,
    b"%fu": _FROM_URI,
    b"%is": _SOURCE,
    b"%mb": _MESSAGE,
    b"%mf": _FLAGS,
    b"%mi": _NUMBER,
    b"%ml": _LENGTH,
    b"%pp": _PID,
    b"%rm": _METHOD,
    b"%rs": _STATUS,
    b"%rr": _REASON,
    b"%ru": _REQUEST_URI,
    b"%tt": _TO_TAG,
    b"%tu": _TO_URI,
    b"%Tf": _DATE,
    b"%Ts": _UNIX_TIME,
    b"%ua": _USER_AGENT,
}


@final
class MessageClock:
    """The time at which a message came up in a log line for the first time: all its lines tell the same.

    Known by the number of the message, which counts what this process has received.
    """

    def __init__(self) -> None:
        self._number: i64 = -1
        self._seconds: i64 = 0

    def seconds(self, ctx: Context) -> i64:
        """Unix time."""
        number = number_of(ctx)
        if number != self._number:
            self._number = number
            self._seconds = ctx.world.clock.unix_s()
        return self._seconds


def number_of(ctx: Context) -> i64:
    """How many messages this process has received up to this one."""
    counters = ctx.world.counters
    return counters.requests + counters.replies + counters.dropped_bad


@final
class _Piece:
    """One piece: `kind`, the text of a literal, or which header is meant.

    A header of a kind that the parser knows is found by the kind, whatever it is called; `header_kind` OTHER: by its name,
    which then is in lower case in `text`. `index` counts from 0, LAST is the last one.
    """

    def __init__(self, kind: i64, text: bytes, header_kind: i64, index: i64) -> None:
        self.kind: Final = kind
        self.text: Final = text
        self.header_kind: Final = header_kind
        self.index: Final = index


@final
class Format:
    """A format as its pieces, literals and specifiers; those that begin with "%" are specifiers (`kinds.pieces_of`)."""

    def __init__(self, pieces: tuple[bytes, ...]) -> None:
        self.pieces: Final = pieces
        self._parsed: Final = [_parse(piece) for piece in pieces]

    def render(self, ctx: Context, clock: MessageClock) -> bytes:
        """The text for this message; what it does not have, or what no specifier means, is `<null>`."""
        out: list[bytes] = []
        for piece in self._parsed:
            if piece.kind == _LITERAL:
                out.append(piece.text)
            elif piece.kind == _HEADER:
                out.append(_header(ctx.message, piece.header_kind, piece.text, piece.index))
            elif piece.kind == _DATE:
                out.append(time.ctime(clock.seconds(ctx)).encode("ascii"))
            elif piece.kind == _UNIX_TIME:
                out.append(b"%d" % clock.seconds(ctx))
            else:
                out.append(_part(ctx, piece.kind) or NULL)
        return b"".join(out)


def _parse(piece: bytes) -> _Piece:
    if not piece.startswith(b"%"):
        return _Piece(_LITERAL, piece, 0, 0)
    if piece == b"%%":
        return _Piece(_LITERAL, b"%", 0, 0)
    if piece.startswith(b"%{"):
        name, _, index = piece[2:-1].rstrip(b"]").partition(b"[")
        kind = headers.kind_of(name, 0, len(name))
        return _Piece(_HEADER, name.lower(), kind, int(index) if index else 0)
    return _Piece(_SPECIFIERS.get(piece, _UNKNOWN), b"", 0, 0)


def _header(msg: Message, kind: i64, lower_name: bytes, index: i64) -> bytes:
    """The value of the header that is asked for, `<null>` if the message has none or not so many."""
    found: i64 = 0
    if kind == headers.OTHER:
        at = msg.find_header(lower_name)
        while at >= 0:
            found = msg.headers[at]
            if index == 0:
                return msg.value(found)
            index -= 1
            at = msg.find_header(lower_name, at)
    else:
        for record in msg.headers:
            if headers.kind(record) == kind:
                found = record
                if index == 0:
                    return msg.value(found)
                index -= 1
    # Below 0 from the beginning: the last one was asked for. Else the message has fewer than that.
    return msg.value(found) if index < 0 and found != 0 else NULL


def _part(ctx: Context, kind: i64) -> bytes:
    """What the specifier of this kind stands for, b"" if the message has no such part."""
    msg = ctx.message
    if kind <= _CONTACT:
        return _of_headers(msg, kind)
    if kind == _FROM_TAG or kind == _FROM_URI or kind == _TO_TAG or kind == _TO_URI:
        return _of_the_parties(ctx, kind)
    if kind <= _PID:
        return _of_the_way(ctx, kind)
    if kind == _USER_AGENT:
        return _header(msg, headers.USER_AGENT, b"", 0)
    if not msg.is_request:
        if kind == _STATUS:
            return b"%03d" % msg.status
        if kind == _REASON:
            return msg.buf[msg.reason_start : trim_end(msg.buf, msg.reason_start, msg.first_header)]
        return b""
    if kind == _METHOD:
        return msg.method_name()
    return _request_uri(ctx) if kind == _REQUEST_URI else b""


def _of_headers(msg: Message, kind: i64) -> bytes:
    if kind == _CALL_ID:
        return msg.value(msg.call_id)
    if kind == _CONTACT:
        return msg.value(msg.contact)
    if kind == _CSEQ:
        number = msg.value(msg.cseq).split(None, 1)
        return number[0] if len(number) > 0 else b""
    return b""


def _of_the_way(ctx: Context, kind: i64) -> bytes:
    if kind == _SOURCE:
        return ctx.source.text
    if kind == _MESSAGE:
        return ctx.message.buf
    if kind == _FLAGS:
        return b"%d" % ctx.flags
    if kind == _NUMBER:
        return b"%d" % number_of(ctx)
    if kind == _LENGTH:
        return b"%d" % ctx.message.size
    return b"%d" % ctx.world.pid


def _of_the_parties(ctx: Context, kind: i64) -> bytes:
    try:
        if kind == _FROM_URI:
            return ctx.from_uri()
        if kind == _TO_URI:
            return ctx.to_uri()
        return tag_of(ctx.message.buf, ctx.from_value() if kind == _FROM_TAG else ctx.to_value())
    except BadMessage:
        return b""


def _request_uri(ctx: Context) -> bytes:
    """The current Request-URI without its scheme, as SER writes it; b"" for another scheme than sip and sips."""
    try:
        uri = ctx.parsed_uri()
    except BadUri:
        return b""
    start: i64 = uri.user_start if uri.user_start >= 0 else uri.host_start
    return uri.buf[start : uri.end]
