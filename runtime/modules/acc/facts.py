"""What is accounted of a request, and how it is written. Reference modules-main, chapter 12."""

from __future__ import annotations

import time
from typing import Final, final

from runtime.routing.context import Context
from runtime.routing.database import Value
from runtime.sip import headers
from runtime.sip.cseq import parse_cseq
from runtime.sip.message import Message
from runtime.sip.nameaddr import NameAddr, parse_name_addr, tag_of
from runtime.sip.scan import BadMessage
from runtime.sip.uri import BadUri, parse_uri

UNKNOWN: Final = b"n/a"

# Characters that SER's columns hold, in the order of a row.
_SIZES: Final = (128, 128, 16, 128, 128, 128, 128, 128, 128, 64, 128, 128, 128)


@final
class Facts:
    """A request, the To of its reply, and who sent it. What is not known is UNKNOWN, but for a status, which may be empty.

    `new_uri` is the rewritten Request-URI, b"" for none, `user` the authenticated one, b"" for none, `status` the text that is accounted.
    `reply` None: there is none, or it was made here.
    """

    def __init__(self, message: Message, new_uri: bytes, user: bytes, status: bytes, reply: Message | None) -> None:
        self.message: Final = message
        self.status: Final = status
        self.user: Final = user
        self.uri: Final = message.buf[message.uri_start : message.uri_end]
        self.new_uri: Final = new_uri or self.uri
        self._from: Final = _Party(message, message.from_)
        to = message if reply is None or reply.to == 0 else reply
        self._to: Final = _Party(to, to.to)

    def value(self, letter: str) -> bytes:
        """What a letter of log_fmt stands for."""
        return self._found(letter) or (b"" if letter == "s" or letter == "S" else UNKNOWN)

    def _found(self, letter: str) -> bytes:
        msg = self.message
        if letter == "m":
            return msg.method_name()
        if letter == "i":
            return self.uri
        if letter == "o":
            return self.new_uri
        if letter == "c":
            return msg.value(msg.call_id)
        if letter == "f":
            return self._from.text
        if letter == "t":
            return self._to.text
        if letter == "s":
            return self.status
        if letter == "S":
            return self.status[:3]
        if letter == "F":
            return self._from.uri
        if letter == "T":
            return self._to.uri
        if letter == "r":
            return self._from.tag
        if letter == "d":
            return self._to.tag
        if letter == "u":
            return self.user
        if letter == "U":
            return self.user or self._from.uri
        if letter == "p":
            return _user(self.uri)
        if letter == "D":
            return _host(self.uri)
        if letter == "0":
            return _user(self._from.uri)
        if letter == "1":
            return _user(self._to.uri)
        if letter == "X":
            return _host(self._from.uri)
        return self._cseq_number()

    def name(self, letter: str) -> bytes:
        """What a letter of log_fmt is called in the line."""
        if letter == "U" and not self.user:
            return b"fromuri"
        return _NAMES[letter]

    def line(self, lead: bytes, letters: str) -> bytes:
        """`ACC: LEAD: name=value, …`."""
        pairs = [self.name(letter) + b"=" + self.value(letter) for letter in letters]
        return b"ACC: " + lead + b": " + b", ".join(pairs)

    def row(self, is_of_caller: bool, seconds: int, is_local_time: bool) -> list[Value]:
        """The values of a row, in SER's order of columns. The user is that of From, or (`is_of_caller` False) of the Request-URI."""
        letters = ("F", "T", "m", "i", "o", "f", "c", "t", "s", "0", "d", "r", "X")
        if not is_of_caller:
            letters = ("F", "T", "m", "i", "o", "f", "c", "t", "s", "p", "d", "r", "D")
        values: list[Value] = [_clipped(self.value(letter), size) for letter, size in zip(letters, _SIZES, strict=True)]
        parts = time.localtime(seconds) if is_local_time else time.gmtime(seconds)
        values.append(time.strftime("%Y-%m-%d %H:%M:%S", parts).encode("ascii"))
        return values

    def _cseq_number(self) -> bytes:
        try:
            cseq = parse_cseq(self.message)
        except BadMessage:
            return b""
        return self.message.buf[cseq.number_start : cseq.number_end]


@final
class _Party:
    """From or To: the whole header, its URI and tag; b"" where it cannot be read."""

    def __init__(self, message: Message, record: int) -> None:
        self.text: Final = message.value(record)
        value = _name_addr(message, record)
        self.uri: Final = b"" if value is None else message.buf[value.uri_start : value.uri_end]
        self.tag: Final = b"" if value is None else tag_of(message.buf, value)


def _name_addr(message: Message, record: int) -> NameAddr | None:
    if record == 0:
        return None
    try:
        return parse_name_addr(message.buf, headers.value_start(record), headers.line_end(record), False)
    except BadMessage:
        return None


def _clipped(value: bytes, size: int) -> bytes:
    """As much of the text as a column takes: no peer's header may cost the row. What is no UTF-8 becomes question marks."""
    if len(value) <= size and value.isascii() and b"\0" not in value:
        return value
    text = value.decode("utf-8", "replace").replace("\ufffd", "?").replace("\0", "?")
    return text[:size].encode("utf-8")


def _user(uri: bytes) -> bytes:
    try:
        return parse_uri(uri, 0, len(uri)).user()
    except BadUri:
        return b""


def _host(uri: bytes) -> bytes:
    try:
        return parse_uri(uri, 0, len(uri)).host()
    except BadUri:
        return b""


def facts_of(ctx: Context, status: bytes) -> Facts:
    """Of the request that a route handles."""
    authorized = ctx.authorized
    user = b"" if authorized is None else authorized.user
    return Facts(ctx.message, ctx.new_uri or b"", user, status, None)


_NAMES: Final = {
    "m": b"method",
    "i": b"i-uri",
    "o": b"o-uri",
    "c": b"call_id",
    "f": b"from",
    "t": b"to",
    "s": b"code",
    "S": b"code",
    "F": b"fromuri",
    "T": b"touri",
    "r": b"fromtag",
    "d": b"totag",
    "u": b"uid",
    "U": b"uid",
    "p": b"userpart",
    "D": b"domain",
    "0": b"fromuser",
    "1": b"touser",
    "X": b"fromdomain",
    "n": b"cseq",
}
