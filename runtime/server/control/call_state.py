"""Whether a call that is watched has come to its end, by the messages that were received and sent."""

from __future__ import annotations

from typing import Final

from runtime.sip.cseq import parse_cseq
from runtime.sip.message import Message, parse
from runtime.sip.scan import BadMessage

# A call that is over may go on: an ACK, the request once more with credentials.
LINGER_MS: Final = 2_000


class CallState:
    """One Call-ID. It is over when each request has its final answer, and a dialog its BYE. `who` is From and To as they came first."""

    def __init__(self, number: int, call_id: str, now_ms: int) -> None:
        self.number: Final = number
        self.call_id: Final = call_id
        self._quiet_since_ms = now_ms
        self._is_told = False
        self.who = ""
        self._open: Final[set[tuple[str, bytes]]] = set()
        self._is_dialog = False
        self._sent: Final[set[int]] = set()

    @property
    def is_over(self) -> bool:
        return not self._open and not self._is_dialog and self.who != ""

    def goes_on(self, now_ms: int) -> None:
        """Something has happened in it. One that was over, and goes on with another request, as a registration does, ends once more."""
        self._quiet_since_ms = now_ms
        self._is_told = self._is_told and self.is_over

    def is_ended(self, now_ms: int) -> bool:
        """It is over, and nothing has followed for a while."""
        return self.is_over and now_ms - self._quiet_since_ms >= LINGER_MS

    def has_to_be_told(self) -> bool:
        """True once for each end of it."""
        is_new = self.is_over and not self._is_told
        self._is_told = self._is_told or is_new
        return is_new

    def received(self, data: bytes) -> None:
        message = _parsed(data)
        if message is None or not message.is_request:
            return
        if not self.who:
            self.who = f"{_uri(message, message.from_)} -> {_uri(message, message.to)}"
        method = message.method_name().decode("latin-1")
        if method != "ACK":
            self._open.add((method, _number(message)))

    def sent(self, data: bytes, to: str) -> bool:
        """True if the same was sent there before."""
        key = hash((data, to))
        again = key in self._sent
        self._sent.add(key)
        message = _parsed(data)
        if message is None or message.is_request or message.status < 200:
            return again
        method = _method(message)
        # Without a transaction a request that is repeated is answered anew, by the same bytes.
        self._open.discard((method, _number(message)))
        if again:
            return True
        if method == "INVITE" and message.status < 300:
            self._is_dialog = True
        elif method == "BYE":
            self._is_dialog = False
        return False


def _parsed(data: bytes) -> Message | None:
    try:
        return parse(data)
    except BadMessage:
        return None


def _number(message: Message) -> bytes:
    try:
        cseq = parse_cseq(message)
    except BadMessage:
        return b""
    return message.buf[cseq.number_start : cseq.number_end]


def _method(message: Message) -> str:
    words = message.value(message.cseq).split() if message.cseq else []
    return words[1].decode("latin-1") if len(words) > 1 else ""


def _uri(message: Message, record: int) -> str:
    """What stands in the brackets, without parameters of the header."""
    if not record:
        return "?"
    text = message.value(record).decode("latin-1")
    _, bracket, rest = text.partition("<")
    return rest.partition(">")[0] if bracket else text.partition(";")[0].strip()
