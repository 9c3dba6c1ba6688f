"""A proxy with tm under a clock of the test's, and the messages of a caller and some callees."""

from __future__ import annotations

from collections.abc import Callable

from engine import Names, Server, header, vias

from runtime.modules.tm import Tm
from runtime.routing.config import Config
from runtime.routing.context import Context
from runtime.routing.dns_records import Answer
from runtime.routing.program import Program
from runtime.sip.address import Address
from runtime.sip.transport import Send

Route = Callable[[Context], int]
CALLER = 5080
SDP = b"v=0\r\n"


class Site:
    """The caller is 127.0.0.1:5080; a callee is a port of 127.0.0.1. `now_ms` begins at 1,000,000."""

    def __init__(
        self,
        tm: Tm | None = None,
        request: Route | None = None,
        failure: dict[int, Route] | None = None,
        onreply: dict[int, Route] | None = None,
        config: Config | None = None,
        names: Names | None = None,
    ) -> None:
        self.tm = tm = tm or Tm()
        program = Program(
            config=config or Config(sip_warning=False),
            modules=(tm,),
            request=request or (lambda ctx: tm.t_relay(ctx)),
            failure=failure,
            onreply=onreply,
        )
        self.server = Server(program, names=names)
        self.engine = self.server.engine
        self.now_ms = 1_000_000
        tm.begin(self.engine.world, self.now_ms)

    @property
    def open(self) -> int:
        """Transactions in memory."""
        return len(self.tm.core.layer.table)

    def say(self, data: bytes, port: int = CALLER) -> list[Send]:
        """What the proxy sends when it receives `data` from 127.0.0.1:`port`. A bug fails the test."""
        bugs = self.engine.world.bugs.count
        sends = self.engine.receive(data, Address.parse("127.0.0.1", port), self.server.sockets[0], self.now_ms)
        assert self.engine.world.bugs.count == bugs, self.server.lines()
        return sends

    def answer(self, kind: int, name: str, answer: Answer | None = None) -> list[Send]:
        """What the proxy sends when the answer to a question about a name comes."""
        self.server.now_ms = self.now_ms
        return self.server.take_answer(kind, name, answer)

    def wait(self, seconds: float) -> list[Send]:
        """Let time pass as a worker does; what the proxy sends meanwhile."""
        until = self.now_ms + int(seconds * 1000)
        sends: list[Send] = []
        while True:
            step = self.engine.next_timer_ms(self.now_ms)
            if step < 0 or self.now_ms + step > until:
                self.now_ms = until
                return sends
            self.now_ms += max(1, step)
            sends += self.engine.tick(self.now_ms)

    def times(self, seconds: float, port: int) -> list[float]:
        """Let time pass; the seconds at which something was sent to `port`."""
        start = self.now_ms
        found = []
        while self.now_ms < start + seconds * 1000:
            for send in self.wait(0.01):
                if send.destination.port == port:
                    found.append(round((self.now_ms - start) / 1000, 1))
        return found


def request(
    method: str = "INVITE",
    to: str = "sip:bob@127.0.0.1:5090",
    branch: str = "z9hG4bKa",
    call: str = "c1",
    more: str = "",
) -> bytes:
    return (
        f"{method} {to} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{CALLER};branch={branch}\r\nMax-Forwards: 70\r\n"
        f"From: <sip:alice@a.example>;tag=f\r\nTo: <sip:bob@b.example>\r\nCall-ID: {call}\r\nCSeq: 1 {method}\r\n"
        f"{more}Content-Length: 0\r\n\r\n"
    ).encode()


def reply(to: Send, code: int, reason: str = "Reason", tag: str = "t", more: str = "", method: str = "") -> bytes:
    """The answer of who received `to`."""
    lines = [f"SIP/2.0 {code} {reason}", *(f"Via: {via}" for via in vias(to.data))]
    lines += [f"From: {header(to.data, 'From')}", f"To: {header(to.data, 'To')};tag={tag}"]
    cseq = header(to.data, "CSeq") or ""
    lines += [f"Call-ID: {header(to.data, 'Call-ID')}", f"CSeq: {cseq.split()[0]} {method or cseq.split()[1]}"]
    return ("\r\n".join(lines) + f"\r\n{more}Content-Length: 0\r\n\r\n").encode()


def acknowledgement(branch: str = "z9hG4bKa", tag: str = "t", call: str = "c1") -> bytes:
    ack = request("ACK", branch=branch, call=call)
    return ack.replace(b"To: <sip:bob@b.example>", b"To: <sip:bob@b.example>;tag=" + tag.encode())


def said(sends: list[Send]) -> list[str]:
    """`5090 INVITE` or `5080 180` for each: where it goes and what it is."""
    return [f"{s.destination.port} {first_word(s)}" for s in sends]


def first_word(send: Send) -> str:
    words = send.data.split(b" ", 2)
    return (words[1] if words[0] == b"SIP/2.0" else words[0]).decode()


def to(sends: list[Send], port: int) -> Send:
    """The only one that goes to `port`."""
    found = [s for s in sends if s.destination.port == port]
    assert len(found) == 1, said(sends)
    return found[0]
