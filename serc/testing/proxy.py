"""A server under test: messages in, messages and log lines out, no sockets. Time is a number."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

from runtime.modules.usrloc import Usrloc
from runtime.modules.usrloc.folder import remove_private_folder
from runtime.modules.usrloc.store import Store
from runtime.routing.config import Config as Parameters
from runtime.routing.config import Listen
from runtime.routing.database import Driver
from runtime.routing.engine import Engine, ProgramError
from runtime.routing.module import Module
from runtime.routing.ports import Connections
from runtime.routing.program import Program
from runtime.routing.sockets import Alias, SocketTable
from runtime.server.worker.watching import EpollWatches
from runtime.sip.address import PROTO_NAMES, TCP, TLS, UDP, Address
from runtime.sip.transport import ListenSocket, Send
from serc.testing.clock import Wall
from serc.testing.log import Lines
from serc.testing.messages import Text
from serc.testing.name_server import NameServer
from serc.testing.stand_in import Outside
from serc.testing.tables import AnyDriver, Tables

# Where a server listens whose ser.cfg does not say, or names an interface.
HOME: Final = "127.0.0.1"

_PROTOS: Final = {name: number for number, name in enumerate(PROTO_NAMES)}
# Room for so many transactions before they are chained.
_TRANSACTIONS: Final = 64
# Part of the names of both headers.
_CREDENTIALS: Final = b"uthorization:"
# Nobody waits longer in one step of a test: an hour has some thousand timers of a second.
_TICKS_MAX: Final = 1_000_000


class CannotStart(Exception):
    """The server does not start with this ser.cfg: `str()` is why."""


@dataclass(frozen=True)
class Sent:
    """A message that the server has sent, at `at_ms`. `again`: the same was sent there before."""

    data: bytes
    send: Send
    at_ms: int
    again: bool

    @cached_property
    def text(self) -> Text:
        """The message, which all read and nobody changes."""
        return Text.read(self.data)

    @cached_property
    def host(self) -> str:
        return self.send.destination.pair()[0]

    @property
    def port(self) -> int:
        return self.send.destination.port

    @property
    def proto(self) -> str:
        return self.send.socket.proto_name


@dataclass(frozen=True)
class Login:
    """A request that has brought credentials; how much had been sent and logged before it."""

    data: bytes
    sent: int
    logged: int


class OpenConnections(Connections):
    """Grants every alias, and remembers them as (connection, alias)."""

    def __init__(self) -> None:
        super().__init__()
        self.aliases: Final[list[tuple[int, int]]] = []

    def add_alias(self, connection: int, peer: Address, port: int) -> bool:
        self.aliases.append((connection, port))
        return True


class Surroundings:
    """What a server finds around it: names, tables, programs, its own addresses. `listen` replaces that of ser.cfg."""

    def __init__(self) -> None:
        self.names: Final = NameServer()
        self.tables: Final = Tables()
        self.outside: Final = Outside()
        self.listen: list[Listen] = []


@lru_cache(maxsize=512)
def address_of(host: str, port: int) -> Address:
    """An address never changes, and a test names few."""
    return Address.parse(host, port)


# Stores of locations that cases before have left empty, while somebody keeps them.
_spares: list[Store] = []
_keeps_spares = False


@contextmanager
def spare_stores() -> Iterator[None]:
    """Meanwhile what proxies of this process have made for locations is used again: to make it takes longer than a case."""
    global _keeps_spares
    _spares.clear()  # of the process that this one was forked by
    _keeps_spares = True
    try:
        yield
    finally:
        _keeps_spares = False
        while _spares:
            _remove(_spares.pop())


def _remove(store: Store) -> None:
    store.close()
    remove_private_folder(store.folder)


class Proxy:
    """A started server. `elapsed_ms` have passed since its start, `sent` is all that it has sent. Raises CannotStart.

    `folder`: where relative names of files in ser.cfg are meant.
    """

    def __init__(self, program: Program, around: Surroundings, folder: str, log: Lines) -> None:
        self.around: Final = around
        self.log: Final = log
        # The clock of this machine at the start, as modules read it then; from there on the test moves it.
        self._began_ms: Final = time.monotonic_ns() // 10_000_000 * 10
        self.now_ms = self._began_ms
        self.sent: Final[list[Sent]] = []
        self.logins: Final[list[Login]] = []
        # Told of each event: before it happens with the message and who sends it, and when it is over.
        self.before: Callable[[bytes, str], None] = _nothing
        self.after: Callable[[], None] = _no_more
        self._known: Final[set[tuple[bytes, bytes]]] = set()
        self.sockets: Final = _sockets(program.config, around)
        aliases = [Alias(_PROTOS[a.proto], a.host.encode("latin-1"), a.port) for a in program.config.alias]
        program = _with_tables(program, around.tables)
        self.engine: Final = Engine(
            program, program.config, SocketTable(self.sockets, aliases), log, around.names, folder
        )
        world = self.engine.world
        self._wall: Final = Wall()
        world.clock = self._wall
        self._began_s: Final = self._wall.now_s
        world.stand_in = around.outside
        world.transaction_places = _TRANSACTIONS
        embedded = AnyDriver("sqlite", around.tables)
        embedded.bind(world)
        world.embedded = embedded
        spare = _spares.pop() if _spares else None
        if spare is not None:
            world.spares["usrloc"] = spare
        self._watches: Final = EpollWatches()
        world.asking.watches = self._watches
        try:
            self.engine.bind()
        except ProgramError as e:
            raise CannotStart(str(e)) from e
        finally:
            if spare is not None and world.spares.pop("usrloc", None) is spare:
                # Nobody wanted it, or one of another size.
                (_spares.append if "usrloc" not in world.modules else _remove)(spare)
        self.engine.start_worker(1, OpenConnections(), watches=self._watches)
        self.engine.schedule.add(self.engine.server_timers())

    @property
    def elapsed_ms(self) -> int:
        return self.now_ms - self._began_ms

    def receive(self, data: bytes, source: Address, socket: ListenSocket, connection: int = 0) -> list[Sent]:
        """What is sent when a socket has received `data`, as far as nothing has to be waited for."""
        host = source.host().decode("ascii")
        if _CREDENTIALS in data:
            self.logins.append(Login(data, len(self.sent), len(self.log.records)))
        self.before(data, f"{socket.proto_name}:{host}:{source.port}")
        return self._note(self.engine.receive(data, source, socket, self.now_ms, connection))

    def advance(self, milliseconds: int) -> list[Sent]:
        """What is sent while time passes."""
        end_ms = self.now_ms + milliseconds
        sent: list[Sent] = []
        for _ in range(_TICKS_MAX):
            wait_ms = int(self.engine.next_timer_ms(self.now_ms))
            if wait_ms < 0 or self.now_ms + wait_ms > end_ms:
                break
            # What is due now and stays due gets the next millisecond.
            self.now_ms += wait_ms
            self._wall.now_s = self._began_s + self.elapsed_ms // 1000
            self.before(b"", "")
            sent += self._note(self.engine.tick(self.now_ms))
            if wait_ms == 0 and self.engine.next_timer_ms(self.now_ms) == 0:
                self.now_ms += 1
        self.now_ms = max(self.now_ms, end_ms)
        self._wall.now_s = self._began_s + self.elapsed_ms // 1000
        return sent

    def refuse(self, sent: Sent) -> list[Sent]:
        """What is sent when the kernel tells that a message could not be delivered."""
        self.before(b"", "")
        return self._note(self.engine.send_failed(sent.send, self.now_ms))

    def socket(self, proto: str, host: str = "", port: int = 0) -> ListenSocket | None:
        """The first that fits; None if there is none."""
        for each in self.sockets:
            if each.proto_name == proto and host in ("", each.address.pair()[0]) and port in (0, each.address.port):
                return each
        return None

    def close(self) -> None:
        """Let go of what is kept outside of this process."""
        usrloc = self.engine.world.modules.get("usrloc")
        if isinstance(usrloc, Usrloc):
            store = usrloc.locations.store
            if _keeps_spares and not _spares and store.is_spare():
                store.empty()
                _spares.append(store)
            else:
                _remove(store)

    def bugs(self) -> int:
        """Exceptions so far that no message should cause."""
        return self.engine.world.bugs.count

    def _note(self, sends: list[Send]) -> list[Sent]:
        found = []
        for send in sends:
            key = (send.data, send.destination.sockaddr)
            found.append(Sent(send.data, send, self.elapsed_ms, key in self._known))
            self._known.add(key)
        self.sent.extend(found)
        self.after()
        return found


def _nothing(data: bytes, way: str) -> None:
    pass


def _no_more() -> None:
    pass


def _with_tables(program: Program, tables: Tables) -> Program:
    """The program with other drivers of databases, if it has any: routes never call them."""
    if not any(isinstance(module, Driver) for module in program.modules):
        return program
    modules: list[Module] = [AnyDriver(m.name, tables) if isinstance(m, Driver) else m for m in program.modules]
    return Program(
        config=program.config,
        modules=tuple(modules),
        request=program.request,
        failure=program.failure,
        onreply=program.onreply,
        destinations=program.destinations,
        socket_names=program.socket_names,
        prepared=program.prepared,
        source=program.source,
        lines=program.lines,
    )


def _sockets(parameters: Parameters, around: Surroundings) -> list[ListenSocket]:
    """UDP first. A name that nobody knows, of an interface for instance, is at HOME."""
    wanted = around.listen or list(parameters.listen) or [Listen("", HOME)]
    sockets: list[ListenSocket] = []
    for proto in (UDP, TCP, TLS):
        if proto == TCP and (parameters.disable_tcp or not parameters.fork):
            continue
        for entry in wanted:
            if entry.proto != PROTO_NAMES[proto] and (entry.proto or proto == TLS):
                continue
            address = address_of(_ip(entry.host, around.names), entry.port or parameters.port)
            if not any(s.proto == proto and s.address == address for s in sockets):
                sockets.append(ListenSocket(len(sockets), proto, entry.host.encode("latin-1"), address))
    return sockets


def _ip(host: str, names: NameServer) -> str:
    bare = host.strip("[]")
    literal = _literal(bare)
    if literal:
        return literal
    known = names.addresses(bare.encode("latin-1"))
    return str(ipaddress.ip_address(known[0])) if known else HOME


@lru_cache(maxsize=512)
def _literal(host: str) -> str:
    """An IP address as it is usually written; "" for a name."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return ""
