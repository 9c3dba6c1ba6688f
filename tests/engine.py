"""An engine that runs a program: datagrams in, datagrams and log lines out. No socket, no compiler, no clock."""

from __future__ import annotations

from runtime.modules import core
from runtime.modules.sqlite import Sqlite
from runtime.routing.config import Config
from runtime.routing.context import Context
from runtime.routing.dns_records import Answer
from runtime.routing.engine import Engine
from runtime.routing.ports import Clock, Connections, Log
from runtime.routing.program import Program
from runtime.routing.sockets import Alias, SocketTable
from runtime.server.worker.watching import EpollWatches
from runtime.sip.address import PROTO_NAMES, TCP, Address
from runtime.sip.transport import ListenSocket, Send
from serc.testing.name_server import NameServer

# The name server of `serc test` is that of our own tests, too.
Names = NameServer


class Lines(Log):
    """Everything that was logged, as (level, line)."""

    def __init__(self, level: int = 4) -> None:
        super().__init__(level)
        self.records: list[tuple[int, str]] = []

    def write(self, level: int, line: str) -> None:
        if level <= self.level:
            self.records.append((level, line))

    @property
    def lines(self) -> list[str]:
        return [line for _, line in self.records]


class Wall(Clock):
    """The time of day is `now_s`; the server starts at 0 ms."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 1_100_000_000

    def unix_s(self) -> int:
        return self.now_s

    def now_ms(self) -> int:
        return 0


def listener(index: int, where: str) -> ListenSocket:
    """`udp:127.0.0.1:5070`, as -l takes it."""
    proto, _, rest = where.partition(":")
    host, _, port = rest.rpartition(":")
    address = Address.parse(host, int(port))
    return ListenSocket(index, PROTO_NAMES.index(proto), host.encode(), address)


def relay(ctx: Context) -> int:
    """The main route of most tests: to the host of the Request-URI."""
    return 1 if core.forward_uri(ctx, core.UDP, core.URI_PORT) else -1


# Those of the test that runs, for who tidies up behind it.
SERVERS: list[Server] = []


class Server:
    """A started engine. The client is 127.0.0.1:5080 unless told otherwise; every listener is in `sockets`.

    `now_ms` is the time, `wall.now_s` that of day.
    """

    def __init__(
        self,
        program: Program | None = None,
        listen: tuple[str, ...] = ("udp:127.0.0.1:5070",),
        aliases: tuple[Alias, ...] = (),
        names: Names | None = None,
        level: int = 4,
        folder: str = "",
        connections: Connections | None = None,
    ) -> None:
        program = program or Program(config=Config(), request=relay)
        self.log = Lines(level)
        self.names = names or Names()
        self.sockets = [listener(index, where) for index, where in enumerate(listen)]
        table = SocketTable(self.sockets, list(aliases))
        self.engine = Engine(program, program.config, table, self.log, self.names, folder)
        self.wall = Wall()
        self.engine.world.clock = self.wall
        embedded = Sqlite()
        embedded.bind(self.engine.world)
        self.engine.world.embedded = embedded
        self.engine.bind()
        self.watches = EpollWatches()
        self.engine.start_worker(4711, connections, watches=self.watches)
        self.now_ms = 0
        self.counters = self.engine.world.counters
        self.settle()
        SERVERS.append(self)

    def say(
        self, data: bytes, source: str = "127.0.0.1", port: int = 5080, to: int = 0, connection: int = 0
    ) -> list[Send]:
        """What the server sends when listener number `to` has received `data`, or the first of TCP if there is a `connection`.

        A bug on the way fails the test.
        """
        bugs = self.engine.world.bugs.count
        socket = next(s for s in self.sockets if s.proto == TCP) if connection else self.sockets[to]
        sends = self.engine.receive(data, Address.parse(source, port), socket, self.now_ms, connection)
        sends += self.settle()
        assert self.engine.world.bugs.count == bugs, self.lines()
        return sends

    def settle(self) -> list[Send]:
        """What is sent when the programs and RTP proxies, which are real, have done their work."""
        sends: list[Send] = []
        while self.watches.count > 0:
            asking = self.engine.world.asking
            limit = asking.next_ms(self.now_ms)
            passed = self.watches.wait(10_000 if limit < 0 else limit)
            assert passed < 10_000, "what a route waits for never ends"
            self.now_ms += passed
            asking.tick(self.now_ms)
            sends += self.engine.take_sends()
        return sends

    def take_answer(self, kind: int, name: str, answer: Answer | None = None) -> list[Send]:
        """What the server sends when the answer to a question comes: this one, or what the name server knows."""
        name_ = name.encode()
        return self.engine.take_name((kind, name_), answer or self.names.look_up(kind, name_), self.now_ms)

    def only(self, data: bytes, source: str = "127.0.0.1", port: int = 5080, to: int = 0) -> Send:
        """The only datagram that comes of `data`."""
        sends = self.say(data, source, port, to)
        assert len(sends) == 1, (sends, self.lines())
        return sends[0]

    def lines(self, level: int | None = None) -> list[str]:
        """What was logged, at one level or at all."""
        return [line for of, line in self.log.records if level in (None, of)]


def where(send: Send) -> str:
    """`udp:127.0.0.1:5080`: how and where to."""
    host, port = send.destination.pair()
    return f"{send.socket.proto_name}:{host}:{port}"


def vias(data: bytes) -> list[str]:
    """The Via lines of a message, without the name."""
    return [line[5:] for line in data.decode("latin-1").split("\r\n") if line.startswith("Via: ")]


def header(data: bytes, name: str) -> str | None:
    """The value of the first header of exactly this name, None if there is none."""
    for line in data.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n"):
        if line.startswith(name + ": "):
            return line[len(name) + 2 :]
    return None
