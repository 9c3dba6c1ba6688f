"""What the engine needs of the outside, as interfaces: the server implements them, tests bring their own."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import mypyc_attr

from runtime.sip.address import Address

# Levels of the log. Reference core, chapter 9.
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

    def write(self, level: int, line: str) -> None:
        """Write one line (no line end). Callers ask `log.level >= level` first where making the line costs."""
        raise NotImplementedError

    def say(self, level: int, line: str) -> None:
        """The same for what somebody has asked for, a route or an administrator: it is never withheld as a repetition."""
        self.write(level, line)


@mypyc_attr(allow_interpreted_subclasses=True)
class Connections:
    """The TCP connections of the server, known by their numbers."""

    def add_alias(self, connection: int, peer: Address, port: int) -> bool:
        """From now on what goes to `port` of `peer` takes this connection. Reference core, 6.7.

        False if it is refused; where another process has the connection the answer is not waited for, and is True.
        """
        raise NotImplementedError


@final
class Naptr:
    """A NAPTR record, RFC 3403 4.1: what is to be done with a key, here a telephone number."""

    def __init__(self, order: int, preference: int, flags: str, services: str, regexp: str) -> None:
        self.order: Final = order
        self.preference: Final = preference
        self.flags: Final = flags
        self.services: Final = services
        self.regexp: Final = regexp


@mypyc_attr(allow_interpreted_subclasses=True)
class Resolver:
    """Names to addresses. Reference core, 6.5."""

    def resolve(self, host: bytes, port: int, proto: int) -> list[Address]:
        """Addresses of `host`, best first, empty when there is none.

        `port` 0: SRV for the protocol, then A/AAAA with the default port 5060 (5061 for TLS). With a port: A, else AAAA.
        IP literals never get here.
        """
        raise NotImplementedError

    def addresses(self, host: bytes) -> list[bytes]:
        """Packed addresses of a host name (A, AAAA), for `src_ip == host`."""
        raise NotImplementedError

    def names(self, ip: bytes) -> list[bytes]:
        """Names of a packed address (reverse lookup), lower case."""
        raise NotImplementedError

    def naptr(self, name: bytes) -> list[Naptr]:
        """The NAPTR records of a domain, by order and preference upwards, equal ones as they came."""
        raise NotImplementedError

    def outgoing_ip(self, destination: Address) -> bytes:
        """Packed IP that the kernel would send from to `destination` (mhomed); b"" when it has no route."""
        raise NotImplementedError
