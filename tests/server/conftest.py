"""Servers as an administrator starts them, and the two ways of reading datagrams."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from patience import eventually
from ports import free_port
from starter import Started
from starter import environment as environment

from runtime.server.helpers.dns.service import COMM
from runtime.server.main import load_mmsg
from runtime.server.worker.udp.datagrams import BatchIO, DatagramIO, PlainIO

PROJECT = Path(__file__).parents[2]

OPTIONS = (
    b"OPTIONS sip:bob@example.com SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKabc\r\n"
    b"From: <sip:alice@example.com>;tag=1\r\n"
    b"To: <sip:bob@example.com>\r\n"
    b"Call-ID: call-1\r\n"
    b"CSeq: 1 OPTIONS\r\n\r\n"
)

# Answers a request with the number of the worker and what the message was; BUG in a message is a bug in the route.
ROUTES = """
from typing import Final
from runtime.routing.config import Config, Listen
from runtime.routing.context import Context
from runtime.sip.transport import Send
from runtime.routing.program import Program

CONFIG: Final = Config({config})

def route(ctx: Context) -> int:
    if b"BUG" in ctx.message.buf:
        raise ValueError("a bug")
    ctx.sends.append(Send(b"%d %d" % (ctx.world.pid, ctx.socket.address.port), ctx.source, ctx.socket, ctx.connection))
    return 1

PROGRAM: Final = Program(config=CONFIG, request=route, lines={{12: 31}})
"""

# A module that keeps state: it counts the messages of each Call-ID and answers with the worker's number, the count and the
# message's CSeq. "later" in a message: the answer comes by a timer, 50 ms later. "nowhere": the first answer cannot be sent.
STATEFUL_ROUTES = """
from typing import Final
from mypy_extensions import i64
from runtime.routing.config import Config, Listen
from runtime.routing.context import Context
from runtime.routing.module import Module, NEVER
from runtime.routing.program import Program
from runtime.routing.world import World
from runtime.sip.address import Address
from runtime.sip.transport import Send

CONFIG: Final = Config({config})

class Memory(Module):
    def __init__(self) -> None:
        super().__init__("memory")
        self.keeps_state = True

    def start_worker(self, world: World) -> None:
        # Not before: whoever asks a module that was not started is found out.
        self.outbox = world.outbox
        self.counts: dict[bytes, int] = {{}}
        self.waiting: list[tuple[int, Send]] = []
        self.instead: dict[bytes, Send] = {{}}

    def next_timer_ms(self, now_ms: i64) -> i64:
        return max(0, self.waiting[0][0] - now_ms) if self.waiting else NEVER

    def on_timer(self, now_ms: i64) -> None:
        while self.waiting and self.waiting[0][0] <= now_ms:
            self.outbox.append(self.waiting.pop(0)[1])

    def statistics(self) -> dict[str, int]:
        return {{"calls": len(self.counts)}}

    def on_send_failure(self, failed: Send, now_ms: i64) -> None:
        self.outbox.append(self.instead.pop(failed.data))

    def answer(self, ctx: Context) -> bool:
        call_id = ctx.message.value(ctx.message.call_id)
        count = self.counts[call_id] = self.counts.get(call_id, 0) + 1
        cseq = ctx.message.value(ctx.message.cseq).split()[0]
        answer = Send(b"%d %d %s" % (ctx.world.pid, count, cseq), ctx.source, ctx.socket, ctx.connection)
        if b"later" in ctx.message.buf:
            self.waiting.append((ctx.now_ms + 50, answer))
        elif b"nowhere" in ctx.message.buf:
            # "nowhere=PORT": over TCP, to where nobody listens
            _, _, port = ctx.message.buf.partition(b"nowhere=")
            self.instead[b"x" + call_id] = answer
            tcp = [s for s in ctx.world.sockets.sockets if s.proto == 2]
            ctx.sends.append(
                Send(b"x" + call_id, Address.parse("127.0.0.1", int(port.split(b"@")[0])), tcp[0])
                if port
                else Send(b"x" + call_id, Address.parse("127.0.0.1", 0), ctx.socket)
            )
        else:
            ctx.sends.append(answer)
        return True

memory: Final = Memory()

def route(ctx: Context) -> int:
    memory.answer(ctx)
    return 1

PROGRAM: Final = Program(config=CONFIG, modules=(memory,), request=route)
"""


class Server:
    """A running ser-runtime; `pid` is the master's, which for a daemon is not the started process."""

    def __init__(
        self, folder: Path, arguments: list[str], config: str, port: int, prefix: list[str], routes: str = ROUTES
    ) -> None:
        self.folder = folder
        self.port = port
        self.routes = folder / "routes.py"
        self.routes.write_text(routes.format(config=config))
        words = ["--routes", str(self.routes), *arguments]
        self.log = folder / "log"
        self.out = folder / "out"
        self.process: Started | subprocess.Popen[bytes]
        with open(self.log, "wb") as log, open(self.out, "wb") as out, open(os.devnull, "rb") as nothing:
            if prefix:
                command = [*prefix, sys.executable, "-m", "runtime.server.main", *words]
                self.process = subprocess.Popen(
                    command, stdin=nothing, stdout=out, stderr=log, env=environment(), cwd=folder
                )
            else:
                self.process = Started("runtime.server.main", words, (nothing, out, log), environment(), folder)
        self.pid = self.process.pid

    def ask(self, data: bytes = OPTIONS, host: str = "127.0.0.1", port: int = 0, within: float = 20.0) -> bytes:
        """The answer to `data`; asks again until there is one, for the server may still be starting."""
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.05)
            until = time.monotonic() + within
            while time.monotonic() < until:
                s.sendto(data, (host, port or self.port))
                try:
                    return s.recv(65536)
                except OSError:
                    assert self.process.poll() in (None, 0), self.log.read_text()
        raise AssertionError(f"no answer within {within} s: {self.log.read_text()}")

    def all_workers(self, number: int) -> set[int]:
        """The master's children when all serve, so many: a first answer may come before the last one is forked."""
        assert self.logs("processes serve")
        assert eventually(lambda: len(self.workers()) == number), f"{len(self.workers())} workers, not {number}"
        return self.workers()

    def logs(self, text: str) -> bool:
        """Whether `text` stands in the log, or will soon."""
        return eventually(lambda: text in self.log.read_text())

    def worker(self) -> int:
        """Number of the worker that answers now."""
        return int(self.ask().split()[0])

    def workers(self) -> set[int]:
        """The master's children, but for the one that asks name servers."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return {int(pid) for pid in children if name_of(pid) != COMM}

    def name_service(self) -> int:
        """The one that asks name servers; 0 while there is none."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return next((int(pid) for pid in children if name_of(pid) == COMM), 0)

    def wait(self, within: float = 20.0) -> int:
        return self.process.wait(within)

    def stop(self) -> int:
        """SIGTERM and the exit status."""
        os.kill(self.pid, signal.SIGTERM)
        return self.wait()


StartServer = Callable[..., Server]


def name_of(pid: str) -> str:
    """What ps(1) calls it; "" if it is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def alive(pid: int) -> bool:
    """Running, and not only waiting for somebody to take note of its end."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.fixture
def start(tmp_path: Path) -> Iterator[StartServer]:
    """Start servers that end with the test. Arguments follow `-DEd -l udp:127.0.0.1:PORT -n 2` unless `bare`."""
    servers: list[Server] = []

    def _start(
        *arguments: str, config: str = "", bare: bool = False, prefix: tuple[str, ...] = (), routes: str = ROUTES
    ) -> Server:
        folder = tmp_path / f"server{len(servers)}"
        folder.mkdir()
        folder.chmod(0o755)
        port = free_port()
        usual = [] if bare else ["-DEd", "-l", f"udp:127.0.0.1:{port}", "-n", "2"]
        server = Server(folder, usual + list(arguments), config, port, list(prefix), routes)
        servers.append(server)
        return server

    yield _start
    for server in servers:
        if server.process.poll() is None:
            server.process.kill()
        server.process.wait()
        if server.pid != server.process.pid and alive(server.pid):
            os.kill(server.pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def mmsg(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The extension module: the installed one, else one built for the tests. Skips where no compiler is."""
    installed = load_mmsg()
    if installed is not None:
        return installed
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    native = loaded("hatch_native", PROJECT / "hatch_native.py")
    folder = tmp_path_factory.mktemp("mmsg")
    native.compile_mmsg(PROJECT / native.MMSG_SOURCE, folder)
    (built,) = folder.glob("runtime/server/host/*.so")
    return loaded(native.MMSG, built)


def loaded(name: str, path: Path) -> ModuleType:
    """The module in this file, wherever it lies."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MakeIO = Callable[[socket.socket, list[socket.socket]], DatagramIO]


@pytest.fixture(params=["plain", "batch"])
def make_io(request: pytest.FixtureRequest) -> MakeIO:
    """Both implementations, one after the other."""
    if request.param == "plain":
        return PlainIO
    module: ModuleType = request.getfixturevalue("mmsg")
    return lambda own, sockets: BatchIO(own, sockets, module)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
