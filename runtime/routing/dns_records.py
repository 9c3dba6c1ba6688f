"""What name servers answer, as values. RFC 1035, 2782 and 3403."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

# Kinds of questions, with the numbers that DNS has for them.
A: Final = 1
PTR: Final = 12
AAAA: Final = 28
SRV: Final = 33
NAPTR: Final = 35

KIND_NAMES: Final[dict[int, str]] = {A: "A", PTR: "PTR", AAAA: "AAAA", SRV: "SRV", NAPTR: "NAPTR"}

# A name in lower case without a final dot, and what is asked of it.
NameQuestion = tuple[int, bytes]

_LABEL_MAX: Final = 63
_NAME_MAX: Final = 253


@final
class Srv:
    """An SRV record; `target` b"" says that the service is decidedly not there."""

    def __init__(self, priority: i64, weight: i64, port: i64, target: bytes) -> None:
        self.priority: Final = priority
        self.weight: Final = weight
        self.port: Final = port
        self.target: Final = target


@final
class Naptr:
    """A NAPTR record, RFC 3403 4.1: what is to be done with a key, a domain or a telephone number."""

    def __init__(
        self, order: int, preference: int, flags: str, services: str, regexp: str, replacement: bytes = b""
    ) -> None:
        self.order: Final = order
        self.preference: Final = preference
        self.flags: Final = flags
        self.services: Final = services
        self.regexp: Final = regexp
        self.replacement: Final = replacement


@final
class Answer:
    """The records of one kind that a name has, and for how long that holds: `ips` packed (A, AAAA), `names` (PTR, lower case),
    `services` (SRV), `rules` (NAPTR, by order and preference upwards). All empty: there are none.

    `failed`: nobody could tell.
    """

    def __init__(self, life_ms: i64, failed: bool = False) -> None:
        self.life_ms: Final = life_ms
        self.failed: Final = failed
        self.ips: list[bytes] = []
        self.names: list[bytes] = []
        self.services: list[Srv] = []
        self.rules: list[Naptr] = []


def host_name(host: bytes) -> bytes:
    """The name in lower case and without its final dot; b"" for what can be no name in DNS."""
    name = host.lower()
    if name.endswith(b"."):
        name = name[:-1]
    size: i64 = len(name)
    if size == 0 or size > _NAME_MAX:
        return b""
    label: i64 = 0
    i: i64 = 0
    while i < size:
        c: i64 = name[i]
        if c == 46:
            if label == 0:
                return b""
            label = 0
        elif c <= 32 or c >= 127 or c == 92:
            return b""
        else:
            label += 1
            if label > _LABEL_MAX:
                return b""
        i += 1
    return name if label > 0 else b""


def reverse_name(ip: bytes) -> bytes:
    """The name under which the names of a packed address stand. RFC 1035 3.5, RFC 3596 2.5."""
    if len(ip) == 4:
        return b"%d.%d.%d.%d.in-addr.arpa" % (ip[3], ip[2], ip[1], ip[0])
    digits = ip.hex()[::-1]
    return ".".join(digits).encode("ascii") + b".ip6.arpa"
