"""What routing knows of the server around it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final, TypeVar, final

from librt.vecs import vec
from mypy_extensions import i64

from runtime.routing.asking import Asking
from runtime.routing.avps import AvpName
from runtime.routing.bugs import Bugs
from runtime.routing.config import Config
from runtime.routing.kept import Kept
from runtime.routing.names import Names
from runtime.routing.onlooker import Onlooker, Onlookers
from runtime.routing.parked import Parked
from runtime.routing.ports import Clock, Connections, Log, Ownership, Resolver, StandIn, Storage
from runtime.routing.shared import DEFAULT_BYTES, SharedMemory
from runtime.routing.sockets import SocketTable
from runtime.sip import methods
from runtime.sip.address import PROTO_NAMES, Address
from runtime.sip.transport import ListenSocket, Send
from runtime.tx.table import PLACES
from runtime.version import VERSION

T = TypeVar("T")

SERVER: Final = b"Sip EXpress router (" + VERSION.encode("ascii") + b" (python))"
USER_AGENT: Final = b"Sip EXpress router(" + VERSION.encode("ascii") + b" (python))"


@final
class LastWarning:
    """The end of the last Warning header, behind the source of the request: most requests are for the same few URIs. It goes with the
    received Request-URI, which the script has left alone, and the number of Via lines."""

    def __init__(self) -> None:
        self.uri = b""
        self.vias: i64 = -1
        self.end = b""


@final
class Counters:
    """What a worker has done since it started; every drop has its counter. Refused with 503: `refused`, since the server is to end,
    `refused_full`, since too much was pending."""

    def __init__(self) -> None:
        self.requests: i64 = 0
        self.replies: i64 = 0
        self.forwarded_requests: i64 = 0
        self.forwarded_replies: i64 = 0
        self.local_replies: i64 = 0
        self.dropped_short: i64 = 0
        self.dropped_bad: i64 = 0
        self.dropped_replies: i64 = 0
        self.failed_scripts: i64 = 0
        self.refused: i64 = 0
        self.refused_full: i64 = 0
        # Requests by the number of their method, replies by the first digit of their status.
        self.methods = vec[i64]([0] * (methods.PUBLISH + 1))
        self.classes = vec[i64]([0] * 10)

    def as_dict(self) -> dict[str, int]:
        """Methods and classes that there were are `method_…` and `class_…`."""
        found = {
            "requests": self.requests,
            "replies": self.replies,
            "forwarded_requests": self.forwarded_requests,
            "forwarded_replies": self.forwarded_replies,
            "local_replies": self.local_replies,
            "dropped_short": self.dropped_short,
            "dropped_bad": self.dropped_bad,
            "dropped_replies": self.dropped_replies,
            "failed_scripts": self.failed_scripts,
            "refused": self.refused,
            "refused_full": self.refused_full,
        }
        for name, number in [*methods.NUMBERS.items(), ("OTHER", methods.OTHER)]:
            if self.methods[number] > 0:
                found["method_" + name] = int(self.methods[number])
        for digit in range(len(self.classes)):
            if self.classes[digit] > 0:
                found[f"class_{digit}xx"] = int(self.classes[digit])
        return found


@final
class World:
    """Config, listening sockets, log, names and counters of one process, and the loaded modules by name.

    `folder` is where relative names of files in ser.cfg are meant. `avp_aliases` is filled by the module that has the
    parameter avp_aliases, in its `bind`. `shared` gives out memory that all processes have in common, in a module's `bind` only.
    `server_line` is the Server header of local replies, b"" when server_signature is off.
    """

    def __init__(
        self,
        config: Config,
        sockets: SocketTable,
        log: Log,
        resolver: Resolver,
        bugs: Bugs,
        folder: str,
        shared: SharedMemory | None = None,
    ) -> None:
        self.sockets: Final = sockets
        self.log: Final = log
        self.resolver: Final = resolver
        self.bugs: Final = bugs
        self.asking: Final = Asking(log, bugs)
        self.parked: Final = Parked()
        self.names: Final = Names(resolver, log, self.asking)
        # What is to be sent, in its order, by whoever called the engine.
        self.outbox: Final[list[Send]] = []
        # What makes branches and tags of ours unlike anything that others could think of; the same in all processes.
        self.secret: Final = os.urandom(16)
        self.folder: Final = folder
        self.shared: Final = SharedMemory(DEFAULT_BYTES, log) if shared is None else shared
        self.counters: Final = Counters()
        self.last_warning: Final = LastWarning()
        # What all processes that handle messages may hold in memory together, and how many those are; 0: nobody knows a bound.
        self.memory_bytes = 0
        self.handlers = 1
        self.modules: dict[str, object] = {}
        # What they offer to others (runtime.routing.port).
        self.offers: dict[str, object] = {}
        self.kept: Final = Kept()
        self.literals: Final[dict[bytes, Address]] = {}
        self.avp_aliases: dict[bytes, AvpName] = {}
        self.pid: i64 = 0
        # The module of the embedded database, for those that name no other (runtime.routing.database).
        self.embedded: object = None
        # User and group that the processes run as, for files that they will open; -1: as they are.
        self.owner = (-1, -1)
        # The server will not run: what it would make, and what belongs to one that runs, is left alone.
        self.only_checks = False
        # The databases of this server, which runtime.storage knows, and the process that asks them; None where nobody else does.
        self.databases: Final[list[object]] = []
        self.storage: Storage | None = None
        # What is costly to make and was left by a world that is over, by the name of the module that takes it.
        self.spares: dict[str, object] = {}
        # How long the tables of transactions are: a server that a test has just for one call needs no long ones. A power of 2.
        self.transaction_places: i64 = PLACES
        # Set where programs and the RTP proxy are not real.
        self.stand_in: StandIn | None = None
        # None where there is no TCP.
        self.connections: Connections | None = None
        self.ownership = Ownership()
        self.clock = Clock()
        self.log_level: i64 = log.level
        # None where nobody watches what is done with messages.
        self.onlooker: Onlooker | None = None
        self._onlookers: Final[list[Onlooker]] = []
        self.syn_branch: Final = config.syn_branch
        self.take_config(config)

    def take_config(self, config: Config) -> None:
        """Go by these global parameters from now on."""
        self.config = config
        self.tcp_accept_aliases = config.tcp_accept_aliases
        self.reply_to_via = config.reply_to_via
        self.check_via = config.check_via
        self.mhomed = config.mhomed
        self.sip_warning = config.sip_warning
        self.looks_up_via = config.dns or config.rev_dns
        # The topmost Via of a request may have a name that has to be known before the route runs.
        self.asks_first = self.looks_up_via or self.reply_to_via
        self.server_line = b"Server: " + SERVER + b"\r\n" if config.server_signature else b""
        self.advertised_address = config.advertised_address.encode("latin-1")
        self.advertised_port: i64 = config.advertised_port
        self._via_heads: list[bytes] = [self.via_head(s, b"", 0) for s in self.sockets.sockets]
        # Made when they are needed.
        self._warning_heads: list[bytes] = [b""] * len(self.sockets.sockets)

    def set_pid(self, pid: int) -> None:
        """This is the process of that number."""
        self.pid = pid
        self._warning_heads = [b""] * len(self.sockets.sockets)

    def look_on(self, onlooker: Onlooker) -> None:
        """From now on it watches, until it looks away."""
        if onlooker not in self._onlookers:
            self._onlookers.append(onlooker)
        self._show()

    def look_away(self, onlooker: Onlooker) -> None:
        if onlooker in self._onlookers:
            self._onlookers.remove(onlooker)
        self._show()

    def _show(self) -> None:
        those = self._onlookers[:]
        one: Onlooker | None = None if len(those) == 0 else those[0] if len(those) == 1 else Onlookers(those)
        self.onlooker = self.asking.onlooker = self.log.onlooker = one

    def keep(self, name: str, kind: type[T], make: Callable[[], T]) -> T:
        """What the module of this name, or a part of it, has made for this process or for the server: it lives on when another program
        takes the place of the one that made it. Made by `make` where it is not there yet."""
        return self.kept.keep(name, kind, make)

    def path(self, name: str) -> str:
        """The file that ser.cfg means by `name`: a relative one lies beside ser.cfg."""
        return os.path.join(self.folder, name)

    def via_head_of(self, socket: ListenSocket) -> bytes:
        """The beginning of the Via of what `socket` sends, up to the value of branch."""
        return self._via_heads[socket.index]

    def via_head(self, socket: ListenSocket, address: bytes, port: i64) -> bytes:
        """The same with a message's own advertised address and port (b"" and 0: not set)."""
        host = address or self.advertised_address or socket.address.host()
        shown: i64 = port or self.advertised_port
        if shown == 0 and socket.address.port != 5060:
            shown = socket.address.port
        place = b"%s:%d" % (host, shown) if shown else host
        proto = PROTO_NAMES[socket.proto].upper().encode("ascii")
        return b"".join([b"Via: SIP/2.0/", proto, b" ", place, b";branch="])

    def warning_head_of(self, socket: ListenSocket) -> bytes:
        """The beginning of the Warning header of what `socket` answers, up to the address of the request's source."""
        head = self._warning_heads[socket.index]
        if len(head) == 0:
            text = b'Warning: 392 %s:%d "Noisy feedback tells:  pid=%d req_src_ip='
            head = text % (socket.name, socket.address.port, self.pid)
            self._warning_heads[socket.index] = head
        return head

    def first_address(self) -> bytes:
        """Text of the first listening address and its port, run together, as tags of local replies are made from it."""
        if not self.sockets.sockets:
            return b""
        first = self.sockets.sockets[0].address
        return b"%s%d" % (first.text, first.port)
