"""One question to the name servers, over UDP, and over TCP where the answer does not fit. RFC 1035 4.2.

dnspython reads the answers. It does not do the asking: where nobody answers its resolver takes more than four times as long as this
over a question, at 50 unknown hosts a second a third of a processor, which the workers of a small machine feel.
"""

from __future__ import annotations

import secrets
import socket
import struct
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from runtime.routing.dns_records import KIND_NAMES, Answer, NameQuestion, Naptr, Srv, host_name

if TYPE_CHECKING:
    import asyncio

    from dns.message import ChainingResult, Message
    from dns.rdata import Rdata

# How often a question is sent, to the servers in turn.
TRIES: Final = 3
# So long nobody need ask again whom nobody has answered. RFC 2308 7
FAILURE_MS: Final = 15_000

_HEADER: Final = struct.Struct("!HHHHHH")
_RECURSION_DESIRED: Final = 0x0100
_CLASS_IN: Final = 1
_ANSWER_BYTES: Final = 65536


def wire_of(question: NameQuestion, number: int) -> bytes:
    """The question as it is sent, with `number` to know the answer by."""
    kind, name = question
    labels = b"".join(bytes([len(label)]) + label for label in name.split(b"."))
    return _HEADER.pack(number, _RECURSION_DESIRED, 1, 0, 0, 0) + labels + struct.pack("!BHH", 0, kind, _CLASS_IN)


class Query:
    """Asks `servers` (addresses) at `port`; `done` is called once, at the latest after `deadline_s`, with a failed answer then.

    Each server gets the question from a port of its own, with a number of its own, which who wants to forge an answer has to guess.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        question: NameQuestion,
        servers: list[str],
        port: int,
        deadline_s: float,
        done: Callable[[Answer], None],
    ) -> None:
        self._loop: Final = loop
        self._question: Final = question
        self._port: Final = port
        self._done: Final = done
        self._until_s: Final = time.monotonic() + deadline_s
        self._patience_s: Final = deadline_s / TRIES
        # Those that have not refused.
        self._servers = list(servers)
        self._sockets: dict[str, tuple[socket.socket, int]] = {}
        self._tries = 0
        self._timer: asyncio.TimerHandle | None = None
        self._by_tcp: asyncio.Task[None] | None = None
        self._is_over = False

    def send(self) -> None:
        """Ask the next server."""
        if self._timer is not None:
            self._timer.cancel()
        if not self._servers or self._tries == TRIES:
            self._finish(Answer(FAILURE_MS, True))
            return
        server = self._servers[self._tries % len(self._servers)]
        self._tries += 1
        self._timer = self._loop.call_later(self._patience_s, self.send)
        try:
            own, number = self._sockets.get(server) or self._open(server)
            own.send(wire_of(self._question, number))
        except OSError:
            self._leave_out(server)

    def _open(self, server: str) -> tuple[socket.socket, int]:
        family, kind, _, _, address = socket.getaddrinfo(
            server, self._port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST
        )[0]
        own = socket.socket(family, kind | socket.SOCK_NONBLOCK)
        number = secrets.randbits(16)
        self._sockets[server] = own, number
        own.connect(address)
        self._loop.add_reader(own, self._read, server, own, number)
        return own, number

    def _read(self, server: str, own: socket.socket, number: int) -> None:
        try:
            data = own.recv(_ANSWER_BYTES)
        except BlockingIOError:
            return
        except OSError:
            self._leave_out(server)
            return
        self._take(server, _message_in(data, number))

    def _take(self, server: str, message: Message | None) -> None:
        """An answer, if it is one to this question."""
        import dns.flags
        import dns.rcode

        if message is None:
            return
        if message.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            self._leave_out(server)
        elif message.flags & dns.flags.TC and self._by_tcp is None:
            # That takes the time that is left.
            assert self._timer is not None
            self._timer.cancel()
            self._tries = TRIES
            self._timer = self._loop.call_later(max(0.0, self._until_s - time.monotonic()), self.send)
            self._by_tcp = self._loop.create_task(self._ask_by_tcp(server))
        else:
            answer = _answer_in(message, self._question)
            if answer is not None:
                self._finish(answer)

    def _leave_out(self, server: str) -> None:
        """It has refused, or cannot be reached: the next one is asked at once."""
        if server in self._servers:
            self._servers.remove(server)
            self.send()

    async def _ask_by_tcp(self, server: str) -> None:
        import dns.asyncquery
        import dns.exception
        import dns.message

        kind, name = self._question
        query = dns.message.make_query(name.decode("ascii") + ".", KIND_NAMES[kind])
        try:
            left_s = max(0.1, self._until_s - time.monotonic())
            message = await dns.asyncquery.tcp(query, server, left_s, self._port)
        except (dns.exception.DNSException, OSError, EOFError):
            self._leave_out(server)
            return
        self._take(server, message)

    def _finish(self, answer: Answer) -> None:
        if self._is_over:
            return
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()
        for own, _ in self._sockets.values():
            self._loop.remove_reader(own)
            own.close()
        self._sockets.clear()
        self._servers.clear()
        self._done(answer)


def _message_in(data: bytes, number: int) -> Message | None:
    """None for what is no answer to question `number`."""
    import dns.exception
    import dns.flags
    import dns.message

    if len(data) < _HEADER.size or data[:2] != number.to_bytes(2, "big"):
        return None
    try:
        message = dns.message.from_wire(data)
    except (dns.exception.DNSException, ValueError):
        return None
    return message if message.flags & dns.flags.QR else None


def _answer_in(message: Message, question: NameQuestion) -> Answer | None:
    """None for the answer to another question, or one that contradicts itself."""
    import dns.exception
    import dns.message

    kind, name = question
    if not isinstance(message, dns.message.QueryMessage) or len(message.question) != 1:
        return None
    asked = message.question[0]
    if asked.rdtype != kind or host_name(asked.name.to_text().encode("latin-1")) != name:
        return None
    try:
        result = message.resolve_chaining()
    except dns.exception.DNSException:
        return None
    answer = Answer(_life_ms(message, result))
    _fill(answer, list(result.answer or ()))
    return answer


def _life_ms(message: Message, result: ChainingResult) -> int:
    """How long an answer holds: as its records say, a negative one as its SOA record does. Without one it is for the moment."""
    from dns.rdatatype import SOA

    if result.answer is None and all(rrset.rdtype != SOA for rrset in message.authority):
        return 0
    return int(result.minimum_ttl) * 1000


def _fill(answer: Answer, records: list[Rdata]) -> None:
    from dns.rdtypes.ANY.PTR import PTR as PtrRecord
    from dns.rdtypes.IN.A import A as ARecord
    from dns.rdtypes.IN.AAAA import AAAA as AaaaRecord
    from dns.rdtypes.IN.NAPTR import NAPTR as NaptrRecord
    from dns.rdtypes.IN.SRV import SRV as SrvRecord

    for r in records:
        if isinstance(r, ARecord | AaaaRecord):
            answer.ips.append(r.to_wire() or b"")
        elif isinstance(r, PtrRecord):
            answer.names.append(_name(r.target.to_text()))
        elif isinstance(r, SrvRecord):
            answer.services.append(Srv(r.priority, r.weight, r.port, _name(r.target.to_text())))
        elif isinstance(r, NaptrRecord):
            texts = [part.decode("latin-1").replace("\0", "") for part in (r.flags, r.service, r.regexp)]
            replacement = _name(r.replacement.to_text())
            answer.rules.append(Naptr(r.order, r.preference, texts[0], texts[1], texts[2], replacement))
    answer.names = [name for name in answer.names if name]
    # Servers give equal records in an order that changes from answer to answer. Here the message chooses, so it must not.
    answer.ips.sort()
    answer.services.sort(key=lambda r: (r.priority, r.weight, r.target, r.port))
    answer.rules.sort(key=lambda r: (r.order, r.preference))


def _name(text: str) -> bytes:
    """b"" for the root, and for what is no name of a host."""
    return host_name(text.encode("latin-1"))
