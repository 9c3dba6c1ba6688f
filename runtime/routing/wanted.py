"""Which calls somebody wants to watch: `from=alice`, `src=10.0.0.0/8`, `call-id=…`."""

from __future__ import annotations

import fnmatch
import re
from typing import Final, final

from runtime.routing.context import Context
from runtime.sip.address import Network
from runtime.sip.scan import BadMessage
from runtime.sip.uri import BadUri, SipUri, parse_uri

WORDS: Final = ("call-id", "from", "to", "src", "method")

_PORT: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[0-9.]+):([0-9]+)")


class BadFilter(Exception):
    """It makes no sense: `str()` is one sentence, with the way out."""


@final
class Wanted:
    """A call is wanted if one of its requests has all of this; "", 0 and None ask for nothing.

    `sender` and `callee` are user, user@host or URI, with * and ? for any characters; `callee` is looked for in To and in the
    Request-URI.
    """

    def __init__(
        self, call_id: bytes, sender: str, callee: str, network: Network | None, port: int, method: str
    ) -> None:
        self.call_id: Final = call_id
        self._sender: Final = _pattern(sender)
        self._callee: Final = _pattern(callee)
        self._network: Final = network
        self._port: Final = port
        self._method: Final = method.encode("latin-1")
        # Must stand somewhere in the message: that is cheaper to find out than who From and To are.
        self._needles: Final = [needle for needle in (_needle(sender), _needle(callee)) if needle]

    def meets(self, ctx: Context) -> bool:
        """True if this request is one."""
        message = ctx.message
        if self.call_id and message.value(message.call_id) != self.call_id:
            return False
        if self._method and message.method_name() != self._method:
            return False
        if self._network is not None and not self._network.contains(ctx.source.ip):
            return False
        if self._port and ctx.source.port != self._port:
            return False
        for needle in self._needles:
            # `in` asks first whether it is a number, by an exception that is made and thrown away: 3,000 instructions.
            if message.buf.find(needle) < 0:
                return False
        try:
            if self._sender is not None and not _is_like(self._sender, ctx.from_uri()):
                return False
            return (
                self._callee is None
                or _is_like(self._callee, ctx.received_uri())
                or _is_like(self._callee, ctx.to_uri())
            )
        except BadMessage:
            return False


def wanted(words: dict[str, str]) -> Wanted:
    """From names and values. Raises BadFilter."""
    for word, value in words.items():
        if word not in WORDS:
            raise BadFilter(f"there is no {word}=: write {'=, '.join(WORDS)}=")
        if not value:
            raise BadFilter(f"{word}= needs a value")
    if not words:
        raise BadFilter(f"which calls? Write {'=…, '.join(WORDS)}=…; method=* means all")
    network, port = _source(words.get("src", ""))
    method = words.get("method", "").upper()
    return Wanted(
        words.get("call-id", "").encode("latin-1", "replace"),
        words.get("from", ""),
        words.get("to", ""),
        network,
        port,
        "" if method == "*" else method,
    )


def _source(text: str) -> tuple[Network | None, int]:
    if not text:
        return None, 0
    with_port = _PORT.fullmatch(text)
    host, port = (with_port[1], int(with_port[2])) if with_port is not None else (text, 0)
    try:
        return Network.parse(host), port
    except ValueError as e:
        raise BadFilter(f"src={text}: write an IP address, address:port or network/length") from e


def _pattern(text: str) -> re.Pattern[str] | None:
    return re.compile(fnmatch.translate(text)) if text else None


def _needle(text: str) -> bytes:
    """The longest part of such a pattern that a URI must have as it is; b"": there is none."""
    parts = re.split(r"\[[^]]*\]?|[*?@]", text)
    return max(parts, key=len).encode("latin-1", "replace")


def _is_like(pattern: re.Pattern[str], uri: bytes) -> bool:
    """Whether the user, user@host or the URI as it is written fits."""
    if pattern.match(uri.decode("latin-1")) is not None:
        return True
    try:
        parsed: SipUri = parse_uri(uri, 0, len(uri))
    except BadUri:
        return False
    user = parsed.user().decode("latin-1")
    return (
        pattern.match(user) is not None
        or pattern.match(f"{user}@{parsed.host().decode('latin-1')}" if user else parsed.host().decode("latin-1"))
        is not None
    )
