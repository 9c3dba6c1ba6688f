"""A ser.cfg compiled in memory and an engine that runs it: datagrams in, datagrams and log lines out, no sockets."""

from __future__ import annotations

import re
import time
from types import ModuleType

from runtime.routing.context import Context
from runtime.routing.engine import Engine
from runtime.routing.ports import Connections, Log, Resolver
from runtime.routing.program import Program
from runtime.routing.sockets import SocketTable
from runtime.sip.address import TCP, UDP, Address
from runtime.sip.message import parse
from runtime.sip.transport import ListenSocket, Send
from serc.compiler import compile_source
from serc.diagnostics.render import render_text
from serc.source import Source


class Lines(Log):
    """Everything that was logged, as (level, line)."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.records: list[tuple[int, str]] = []

    def write(self, level: int, line: str) -> None:
        if level <= self.level:
            self.records.append((level, line))


class NoNames(Resolver):
    """A resolver that knows nothing but localhost."""

    def resolve(self, host: bytes, port: int, proto: int) -> list[Address]:
        return [Address.parse("127.0.0.1", port or 5060)] if host == b"localhost" else []

    def addresses(self, host: bytes) -> list[bytes]:
        return []

    def names(self, ip: bytes) -> list[bytes]:
        return []


class Aliases(Connections):
    """Remembers the aliases that were asked for, as (connection, peer's port, alias); refuses port 9."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[int, int, int]] = []

    def add_alias(self, connection: int, peer: Address, port: int) -> bool:
        self.asked.append((connection, peer.port, port))
        return port != 9


def program_of(text: str) -> Program:
    """The program that a ser.cfg becomes; its text, with the diagnostics, when it does not compile."""
    source = Source("ser.cfg", text)
    generated, report = compile_source(source)
    assert generated is not None, render_text(source, report)
    module = ModuleType("routes")
    exec(compile(generated.text, "routes.py", "exec"), module.__dict__)
    program = module.__dict__["PROGRAM"]
    assert isinstance(program, Program)
    return program


class Site:
    """A server on 127.0.0.1:5070 that has started; the client is 127.0.0.1:5080 unless told otherwise.

    `cfg` is the text of ser.cfg, `modules` what it loads beside. TCP is listened to as well.
    """

    def __init__(self, cfg: str, modules: str = "sl textops", level: int = 4, folder: str = "") -> None:
        loads = "".join(f'loadmodule "{module}.so"\n' for module in modules.split())
        program = program_of(loads + cfg)
        self.log = Lines(level)
        self.socket = ListenSocket(0, UDP, b"127.0.0.1", Address.parse("127.0.0.1", 5070))
        self.stream = ListenSocket(1, TCP, b"127.0.0.1", Address.parse("127.0.0.1", 5070))
        table = SocketTable([self.socket, self.stream], [])
        self.engine = Engine(program, program.config, table, self.log, NoNames(), folder)
        self.engine.bind()
        self.aliases = Aliases()
        self.engine.start_worker(4711, self.aliases)

    def say(self, data: bytes, source: str = "127.0.0.1", port: int = 5080, connection: int = 0) -> list[Send]:
        """What the server sends when it has received `data`, over TCP if there is a `connection`.

        A bug on the way fails the test.
        """
        bugs = self.engine.world.bugs.count
        socket = self.stream if connection else self.socket
        now_ms = int(time.monotonic() * 1000)
        sends = self.engine.receive(data, Address.parse(source, port), socket, now_ms, connection)
        assert self.engine.world.bugs.count == bugs, self.lines()
        return sends

    def answer(self, data: bytes) -> bytes:
        """The only datagram that comes of `data`."""
        sends = self.say(data)
        assert len(sends) == 1, (sends, self.lines())
        return sends[0].data

    def context(self, data: bytes, source: str = "127.0.0.1", port: int = 5080) -> Context:
        """A message that is about to be handled, for functions that are called by hand."""
        return Context(self.engine.world, parse(data), Address.parse(source, port), self.socket, 0)

    def lines(self, level: int | None = None) -> list[str]:
        """What was logged, at one level or at all."""
        return [line for of, line in self.log.records if level in (None, of)]


def request(method: str = "OPTIONS", uri: str = "sip:bob@example.com", body: str = "", **headers: str) -> bytes:
    """A request; `headers` replace those of the same name or are added (`_` stands for `-`), "" leaves one out."""
    lines = {
        "Via": "SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK1",
        "Max-Forwards": "70",
        "From": "<sip:alice@example.com>;tag=ft1",
        "To": "<sip:bob@example.com>",
        "Call-ID": "cid1@h",
        "CSeq": f"1 {method}",
    }
    lines |= {name.strip("_").replace("_", "-"): value for name, value in headers.items()}
    lines["Content-Length"] = str(len(body))
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
    return f"{method} {uri} SIP/2.0\r\n{head}\r\n{body}".encode("latin-1")


def reply(status: str = "200 OK", body: str = "", **headers: str) -> bytes:
    """A reply to a request that went through the server."""
    vias = "SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK0,SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK1"
    return re.sub(
        rb"^.*\r\n", f"SIP/2.0 {status}\r\n".encode(), request(body=body, **{"Via": vias, **headers}), count=1
    )
