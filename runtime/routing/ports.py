"""What the engine needs of the outside, as interfaces: the server implements them, tests bring their own."""

from __future__ import annotations

import time
from typing import Final

from mypy_extensions import i64, mypyc_attr

from runtime.routing.dns_records import Answer
from runtime.routing.onlooker import Onlooker
from runtime.sip.address import Address
from runtime.sip.transport import ListenSocket

# Levels of the log. Reference core, chapter 9.
L_ALERT: Final = -3
L_CRIT: Final = -2
L_ERR: Final = -1
L_WARN: Final = 1
L_NOTICE: Final = 2
L_INFO: Final = 3
L_DBG: Final = 4


@mypyc_attr(allow_interpreted_subclasses=True)
class Log:
    """SER's log: a level, a line.

    `about` is what the process is busy with, for who records more than the line: a Context, or the Address of who sent what is
    no message. `place` is the line of ser.cfg that the next record is about, where it cannot be seen from the running route.
    """

    def __init__(self, level: int) -> None:
        self.level = level
        self.about: object = None
        self.place = ""
        # None where nobody watches.
        self.onlooker: Onlooker | None = None

    def write(self, level: int, line: str) -> None:
        """Write one line (no line end). Callers ask `log.level >= level` first where making the line costs."""
        raise NotImplementedError

    def say(self, level: int, line: str) -> None:
        """The same for what somebody has asked for, a route or an administrator: it is never withheld as a repetition."""
        self.write(level, line)


@mypyc_attr(allow_interpreted_subclasses=True)
class Clock:
    """The time of day, for what outlives a process. What passes while one runs is measured in its own `now_ms`."""

    def unix_s(self) -> int:
        """Seconds since 1970, UTC."""
        return int(time.time())

    def now_ms(self) -> int:
        """The `now_ms` of the process, for what happens while it starts."""
        return time.monotonic_ns() // 1_000_000


@mypyc_attr(allow_interpreted_subclasses=True)
class Ownership:
    """Whose messages are whose: all of a Call-ID are handled in one process."""

    def has(self, call_id: bytes) -> bool:
        """True if they are handled in this one. What a process sends of its own must have such a Call-ID: it gets the replies."""
        return True


@mypyc_attr(allow_interpreted_subclasses=True)
class Connections:
    """The TCP connections of the server, known by their numbers."""

    def add_alias(self, connection: int, peer: Address, port: int) -> bool:
        """From now on what goes to `port` of `peer` takes this connection. Reference core, 6.7.

        False if it is refused; where another process has the connection the answer is not waited for, and is True.
        """
        raise NotImplementedError

    def leads_to(self, destination: Address) -> bool:
        """True if what is sent to `destination` goes by a connection that is open already, as far as this process can see."""
        return True

    def reach(self, question: int, destination: Address, socket: ListenSocket) -> None:
        """Open a connection to `destination` if there is none, as from `socket`; then answer question number `question` with 0, or the
        errno of its failure."""
        raise NotImplementedError


@mypyc_attr(allow_interpreted_subclasses=True)
class Watched:
    """A descriptor of a question to the outside; `is_ready` is called in the worker's loop, and must not wait."""

    def __init__(self, fd: int) -> None:
        self.fd: Final = fd

    def is_ready(self, now_ms: i64) -> None:
        """It can be read, or the other end is gone."""
        raise NotImplementedError


@mypyc_attr(allow_interpreted_subclasses=True)
class Watches:
    """The descriptors that a process watches beside those of its messages. `count` are watched now."""

    def __init__(self) -> None:
        self.count: i64 = 0

    def watch(self, one: Watched) -> None:
        """From now on, until `forget`; that comes before its descriptor is closed."""
        raise NotImplementedError

    def forget(self, one: Watched) -> None:
        raise NotImplementedError

    def fileno(self) -> int:
        """Can be read when `serve` has something to do."""
        raise NotImplementedError

    def serve(self, now_ms: i64) -> None:
        """Call those that are ready."""
        raise NotImplementedError

    def wait(self, timeout_ms: i64) -> i64:
        """Stand still until `serve` has something to do, and do it; the milliseconds that it took, `timeout_ms` (-1: no limit) at most."""
        raise NotImplementedError


@mypyc_attr(allow_interpreted_subclasses=True)
class Resolver:
    """Names to addresses and back. Reference core, 6.5. Only `addresses` may take its time.

    Names are in lower case, without a final dot; IP literals never get here.
    """

    def ask(self, kind: int, name: bytes) -> Answer | None:
        """Begin to ask the name servers for records of this kind (runtime.routing.dns_records); the answer comes through
        `Engine.take_answer`, or at once if it is here already."""
        raise NotImplementedError

    def hosts_ips(self, name: bytes) -> list[bytes]:
        """Packed addresses that /etc/hosts has for a name."""
        raise NotImplementedError

    def hosts_names(self, ip: bytes) -> list[bytes]:
        """Names that /etc/hosts has for a packed address, in lower case."""
        raise NotImplementedError

    def addresses(self, host: bytes) -> list[bytes]:
        """Packed addresses of a host name, looked up now: for the start of the server only, when nobody waits for it."""
        raise NotImplementedError

    def outgoing_ip(self, destination: Address) -> bytes:
        """Packed IP that the kernel would send from to `destination` (mhomed); b"" when it has no route."""
        raise NotImplementedError


@mypyc_attr(allow_interpreted_subclasses=True)
class Storage:
    """The process that asks databases for this one. They are known by their places in `World.databases`."""

    def ask(self, number: int, place: int, deadline_ms: int, data: bytes) -> None:
        """Send off question `number`, which is waited for so long; the answer comes through `Asking.take`."""
        raise NotImplementedError


@mypyc_attr(allow_interpreted_subclasses=True)
class StandIn:
    """What answers in the place of programs and of the RTP proxy where neither is to be real: in a test of a ser.cfg."""

    def command(self, command: str, data: bytes | None) -> tuple[int, bytes] | None:
        """Exit status and output of a shell command that reads `data`; None: it does not end."""
        raise NotImplementedError

    def rtp_proxy(self, place: str, command: bytes) -> bytes:
        """The answer of the RTP proxy at a place, without its line end; b"": there is none."""
        raise NotImplementedError
