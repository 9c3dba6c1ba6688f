"""A ser.cfg compiled in memory and an engine that runs it: datagrams in, datagrams and log lines out, no sockets."""

from __future__ import annotations

import re
from types import ModuleType

from engine import Names, Server

from runtime.routing.command import Inquiry
from runtime.routing.context import Context
from runtime.routing.ports import Connections
from runtime.routing.program import Program
from runtime.sip.address import Address
from runtime.sip.message import parse
from serc.compiler import compile_source
from serc.diagnostics.render import render_text
from serc.reading.source import Source


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


class Site(Server):
    """A server on 127.0.0.1:5070, over UDP and TCP, that runs a ser.cfg; it knows the host localhost alone.

    `cfg` is the text of ser.cfg, `modules` what it loads beside.
    """

    listen: tuple[str, ...] = ("udp:127.0.0.1:5070", "tcp:127.0.0.1:5070")

    def __init__(
        self, cfg: str, modules: str = "sl textops", level: int = 4, folder: str = "", names: Names | None = None
    ) -> None:
        loads = "".join(f'loadmodule "{module}.so"\n' for module in modules.split())
        names = names or Names({"localhost": "127.0.0.1"})
        self.aliases = Aliases()
        program = self.program(loads + cfg)
        super().__init__(program, self.listen, names=names, level=level, folder=folder, connections=self.aliases)

    def program(self, text: str) -> Program:
        """The program that is run for a ser.cfg."""
        return program_of(text)

    def answer(self, data: bytes) -> bytes:
        """The only datagram that comes of `data`."""
        return self.only(data).data

    def context(self, data: bytes, source: str = "127.0.0.1", port: int = 5080) -> Context:
        """A message that is about to be handled, for functions that are called by hand."""
        return Context(self.engine.world, parse(data), Address.parse(source, port), self.sockets[0], 0)


class Asked(Inquiry):
    """Remembers its answers."""

    def __init__(self, words: tuple[bytes, ...], now_ms: int, by_fifo: bool = True) -> None:
        super().__init__(list(words), by_fifo, now_ms)
        self.answers: list[bytes] = []

    def answer(self, text: bytes) -> None:
        self.answers.append(text)

    def tell(self, text: bytes) -> None:
        self.answers.append(text)


def ask(site: Site, name: str, *words: bytes, now_ms: int = 0, by_fifo: bool = True) -> bytes:
    """What the FIFO, or the Unix socket, is told by this command of a module."""
    question = Asked(words, now_ms, by_fifo)
    (command,) = [c for c in site.engine.commands() if c.name == name]
    command.body(question)
    (answer,) = question.answers
    return answer


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
