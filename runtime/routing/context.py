"""Everything known of the message that is being handled; the first argument of every action."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar, final

from mypy_extensions import i64, mypyc_attr

from runtime.routing import errors
from runtime.routing.asking import Question
from runtime.routing.authorized import Authorized
from runtime.routing.decisions import Decisions
from runtime.routing.ports import (
    L_DBG as L_DBG,
)
from runtime.routing.ports import (
    L_ERR as L_ERR,
)
from runtime.routing.ports import (
    L_INFO as L_INFO,
)
from runtime.routing.ports import (
    L_NOTICE as L_NOTICE,
)
from runtime.routing.ports import (
    L_WARN as L_WARN,
)
from runtime.routing.world import World
from runtime.sip import headers
from runtime.sip.address import Address
from runtime.sip.edits import Edit, LateText
from runtime.sip.message import Message
from runtime.sip.nameaddr import NameAddr, parse_name_addr
from runtime.sip.scan import BadMessage, is_line
from runtime.sip.transport import ListenSocket
from runtime.sip.uri import SipUri, parse_uri, separator_in
from runtime.tx.transaction import Transaction

MAX_BRANCHES: Final = 11
MAX_URI_SIZE: Final = 1024
MAX_ROUTE_DEPTH: Final = 100

T = TypeVar("T")

# Kinds of routes: where the script is.
IN_REQUEST: Final = 0
IN_FAILURE: Final = 1
IN_REPLY: Final = 2


@final
@mypyc_attr(acyclic=True, free_list_len=1)
class Context(Decisions):
    """One message, where it came from, and what the script has decided so far.

    `error` is the last error (runtime.routing.errors). `sends` is what goes out of this process: it leaves at the end of the batch, or
    while a route waits.
    `now_ms` is the time of the event that made the route run, or go on.
    `connection` is the number of the TCP connection that the message came by, 0 for a datagram.
    `before` is what had been decided about this message when a context for it was last at work.
    """

    def __init__(
        self,
        world: World,
        message: Message,
        source: Address,
        socket: ListenSocket,
        now_ms: i64,
        connection: i64 = 0,
        before: Decisions | None = None,
    ) -> None:
        super().__init__(before)
        self.world: Final = world
        self.message: Final = message
        self.source: Final = source
        self.socket: Final = socket
        self.now_ms = now_ms
        self.connection: Final = connection
        self.error: i64 = -1
        self.sends: Final = world.outbox
        self.route_kind: i64 = IN_REQUEST
        self.transaction: Transaction | None = None
        self.on_failure: i64 = 0
        self.on_reply: i64 = 0
        self._uri: SipUri | None = None
        self._from: NameAddr | None = None
        self._depth: i64 = 0
        # It has been forwarded or answered without state: what becomes of it is decided.
        self.is_settled = False
        # Nothing that its answer is made of is broken: looked at once.
        self.is_sound = False
        # There can be no transaction for it: From, To, Call-ID or CSeq is missing or broken, and a module has asked for one.
        self.is_without_tuple = False
        # A request in its main route: while it waits its repetitions and its CANCEL have to find it.
        self.is_parkable = False
        world.log.about = self

    def copy(self) -> Context:
        """One to send the message by later, when the script may have changed its mind about this one."""
        about = self.world.log.about
        other = Context(self.world, self.message, self.source, self.socket, self.now_ms, self.connection, self)
        self.world.log.about = about
        other.error = self.error
        other.route_kind = self.route_kind
        other.transaction = self.transaction
        return other

    # --- what routes ask for -----------------------------------------------------------------------------------------

    @property
    def method(self) -> i64:
        """Number of the request's method (runtime.sip.methods); 0 for another method and for replies."""
        return self.message.method

    @property
    def source_port(self) -> i64:
        return self.source.port

    @property
    def destination_port(self) -> i64:
        return self.socket.address.port

    @property
    def proto(self) -> i64:
        """Transport that the message came by: 1 UDP, 2 TCP, 3 TLS."""
        return self.socket.proto

    @property
    def af(self) -> i64:
        """Address family of the source as Linux numbers it: 2 IPv4, 10 IPv6."""
        return 10 if len(self.source.ip) == 16 else 2

    @property
    def size(self) -> i64:
        """Bytes received."""
        return self.message.size

    # --- the Request-URI ---------------------------------------------------------------------------------------------

    def uri(self) -> bytes:
        """The current Request-URI; in a reply the three digits of the status code."""
        return self.received_uri() if self.new_uri is None else self.new_uri

    def received_uri(self) -> bytes:
        """The Request-URI as it came."""
        msg = self.message
        return msg.buf[msg.uri_start : msg.uri_end]

    def next_uri(self) -> str:
        """The URI that leads to the next hop, for the log."""
        return (self.uri() if self.dst_uri is None else self.dst_uri).decode("latin-1")

    def set_uri(self, uri: bytes) -> None:
        """The next Request-URI. One that would break the first line, wherever it comes from, is logged and not taken."""
        if separator_in(uri, 0, len(uri)) >= 0:
            self.fail(errors.BAD_URI, f"ERROR: a uri with white space or a bracket is none: {uri!r}, left as it was")
            return
        self.new_uri = uri
        self._uri = None

    def revert_uri(self) -> None:
        self.new_uri = None
        self._uri = None

    def parsed_uri(self) -> SipUri:
        """The current Request-URI, parsed; raises BadUri."""
        if self._uri is None:
            if self.new_uri is not None:
                self._uri = parse_uri(self.new_uri, 0, len(self.new_uri))
            else:
                msg = self.message
                self._uri = parse_uri(msg.buf, msg.uri_start, msg.uri_end)
        return self._uri

    # --- headers -----------------------------------------------------------------------------------------------------

    def from_value(self) -> NameAddr:
        """The parsed From header; raises BadMessage when it is missing or broken."""
        if self._from is None:
            self._from = _name_addr(self.message, self.message.from_, "From")
        return self._from

    def to_value(self) -> NameAddr:
        """The parsed To header; raises BadMessage when it is missing or broken."""
        return self.message.to_value()

    def from_uri(self) -> bytes:
        """The URI in From, as it is written; raises BadMessage when the header is missing or broken."""
        value = self.from_value()
        return self.message.buf[value.uri_start : value.uri_end]

    def to_uri(self) -> bytes:
        """The URI in To, as it is written; raises BadMessage when the header is missing or broken."""
        value = self.to_value()
        return self.message.buf[value.uri_start : value.uri_end]

    @property
    def authorized(self) -> Authorized | None:
        """The credentials that were accepted: of Authorization, else of Proxy-Authorization."""
        found = self.authentication
        if found is None:
            return None
        return found.www if found.www is not None else found.proxy

    # --- waiting -----------------------------------------------------------------------------------------------------

    def wait(self, question: Question[T]) -> T | None:
        """The answer to a question to the outside, when it comes: other messages are handled meanwhile. None if none comes within
        the deadline of its kind, or if too many wait already; `question.fate` tells which.

        Allowed in every kind of route, at any depth. What has been sent so far leaves. `now_ms` is later afterwards: who keeps a
        time has to read it again. A CANCEL ends a request that waits here, see runtime.routing.parked.
        """
        world = self.world
        log = world.log
        about = log.about
        parked = world.parked.add(self, question) if self.is_parkable else None
        try:
            return world.asking.wait(question, self.now_ms)
        finally:
            self.now_ms = world.asking.now_ms
            log.about = about
            if parked is not None:
                world.parked.remove(parked)

    # --- changes -----------------------------------------------------------------------------------------------------

    def insert_before_headers(self, text: bytes, late: LateText | None = None) -> None:
        """Whole header lines above the first header of the message."""
        place = self.message.first_header
        self.edits.append(Edit(place, place, text, late, True))

    def append_header(self, text: bytes) -> bool:
        """Whole header lines behind the last header of the message; False where the message breaks off among its headers."""
        msg = self.message
        if not msg.ends_headers():
            return self.fail(errors.BAD_REQUEST, "ERROR: append: the message breaks off among its headers")
        self.edits.append(Edit(msg.headers_end, msg.headers_end, text, None, True))
        return True

    def append_value(self, name: bytes, value: bytes) -> bool:
        """A header line behind the last one, with a value that somebody sent or stored; False if that would end its line."""
        line = self.line_of(name, value)
        return len(line) > 0 and self.append_header(line)

    def line_of(self, name: bytes, value: bytes) -> bytes:
        """A whole header line with a value that somebody sent or stored; b"", with a line in the log, if that would end it."""
        if is_line(value):
            return b"".join([name, b": ", value, b"\r\n"])
        self.fail(errors.BAD_REQUEST, f"ERROR: a line end or control character in {name.decode('latin-1')}: left out")
        return b""

    def delete(self, start: i64, end: i64) -> None:
        """Leave the received bytes `start:end` out."""
        self.edits.append(Edit(start, end, b""))

    def delete_routes(self, start: i64, end: i64) -> None:
        """The same for values of one Route header, or for that as a whole."""
        self.edits.append(Edit(start, end, b"", None, False, False))

    # --- routes and log ----------------------------------------------------------------------------------------------

    def call(self, route: Callable[[Context], int]) -> int:
        """Run a route that can reach itself; logs and returns -1 below 100 levels (reference core 5.1)."""
        if self._depth >= MAX_ROUTE_DEPTH:
            self.log(L_ERR, f"WARNING: too many recursive routing table lookups ({self._depth}), giving up")
            return -1
        self._depth += 1
        try:
            return route(self)
        finally:
            self._depth -= 1

    def log(self, level: int, line: str) -> None:
        """Log one line if the level is on."""
        if self.world.log_level >= level:
            self.world.log.write(level, line)

    def fail(self, error: int, line: str) -> bool:
        """Log at error level, keep `error` for functions that report the last error, and return False."""
        self.error = error
        self.log(L_ERR, line)
        return False


def _name_addr(msg: Message, record: i64, name: str) -> NameAddr:
    if record == 0:
        raise BadMessage(f"no {name} header")
    return parse_name_addr(msg.buf, headers.value_start(record), headers.line_end(record), False)
