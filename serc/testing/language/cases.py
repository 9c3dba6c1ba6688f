"""What a test file says, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from serc.reading.tree import Span
from serc.testing.language.lines import Word

# Tests of a part of a message.
Relation = Literal["is", "matches"]


@dataclass(frozen=True)
class Place:
    """Where somebody is: `proto` "" is UDP."""

    host: str
    port: int
    proto: str = ""


@dataclass(frozen=True)
class Who:
    """A name of a phone, a SIP URI, or a place: one of them is not empty."""

    span: Span
    name: str = ""
    uri: str = ""
    place: Place | None = None


@dataclass(frozen=True)
class User:
    """A phone with its place, URI and password; what is "" or None has its default."""

    span: Span
    name: str
    place: Place | None = None
    uri: str = ""
    password: str = ""
    username: str = ""


# --- given -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class GivenContact:
    span: Span
    uri: str
    user: str
    table: str


@dataclass(frozen=True)
class GivenRow:
    span: Span
    table: str
    values: tuple[tuple[str, str | int], ...]


@dataclass(frozen=True)
class GivenName:
    """A record of DNS: the kind and its fields; kind "silent": no name server answers."""

    span: Span
    name: str
    kind: str
    fields: tuple[str, ...]


@dataclass(frozen=True)
class GivenCommand:
    """How commands end that `pattern` is found in; `status` None: they do not end."""

    span: Span
    pattern: str
    output: str
    status: int | None


@dataclass(frozen=True)
class GivenRtpProxy:
    span: Span
    answer: str


@dataclass(frozen=True)
class GivenDown:
    """The database cannot be reached."""

    span: Span


# --- when ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Detail:
    """A `with` or `without`: `what` is header, uri, body, reason, source … `absent` is `without`."""

    span: Span
    what: str
    name: str = ""
    value: str = ""
    relation: Relation = "is"
    absent: bool = False


@dataclass(frozen=True)
class WhenRequest:
    """A new request, outside of any dialog."""

    span: Span
    method: str
    sender: Who
    target: Who
    details: list[Detail] = field(default_factory=list)


@dataclass(frozen=True)
class WhenInDialog:
    """A request inside the dialog that `who` has, its CANCEL, or its ACK."""

    span: Span
    who: Who
    method: str
    details: list[Detail] = field(default_factory=list)


@dataclass(frozen=True)
class WhenAnswer:
    """`who` answers the last request that it got, of `method` if that is not ""."""

    span: Span
    who: Who
    status: int
    reason: str
    method: str
    details: list[Detail] = field(default_factory=list)


@dataclass(frozen=True)
class WhenRepeat:
    """`who` sends its last message again."""

    span: Span
    who: Who


@dataclass(frozen=True)
class WhenAuthenticate:
    """`who` sends its last request again, with the credentials that it was asked for."""

    span: Span
    who: Who
    password: str


@dataclass(frozen=True)
class WhenMessage:
    """Bytes as they are."""

    span: Span
    text: str
    sender: Who


@dataclass(frozen=True)
class WhenUnreachable:
    """The network says that what was sent last to `who` cannot be delivered."""

    span: Span
    who: Who


@dataclass(frozen=True)
class After:
    span: Span
    milliseconds: int


# --- then ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ThenMessage:
    """A request (`method`) or a reply (`status`) is sent; `target` None: to whoever sent the last message."""

    span: Span
    method: str
    status: int
    target: Who | None
    again: bool
    details: list[Detail] = field(default_factory=list)


@dataclass(frozen=True)
class ThenNothing:
    """Nothing that has not been asked for is sent."""

    span: Span


@dataclass(frozen=True)
class ThenLog:
    """A line of the log, of `level` and worse (None: of any), or none."""

    span: Span
    pattern: str
    level: int | None
    absent: bool


@dataclass(frozen=True)
class ThenRow:
    span: Span
    table: str
    values: tuple[tuple[str, str | int], ...]
    absent: bool


@dataclass(frozen=True)
class ThenContact:
    """`uri` "": any contact."""

    span: Span
    uri: str
    user: str
    table: str
    absent: bool


@dataclass(frozen=True)
class ThenOutside:
    """A command ran (`what` "exec"), or the RTP proxy was told ("rtpproxy")."""

    span: Span
    what: str
    pattern: str
    absent: bool


Given = GivenContact | GivenRow | GivenName | GivenCommand | GivenRtpProxy | GivenDown
When = WhenRequest | WhenInDialog | WhenAnswer | WhenRepeat | WhenAuthenticate | WhenMessage | WhenUnreachable | After
Then = ThenMessage | ThenNothing | ThenLog | ThenRow | ThenContact | ThenOutside
Statement = User | Given | When | Then


@dataclass(frozen=True)
class Case:
    """One test: its name, where it begins, and what it says in its order, what the file says for all tests first. `head` is the line
    `test "…"`: that of a table has many cases, whose `span` is their row.
    """

    name: str
    span: Span
    statements: tuple[Statement, ...]
    head: Span


@dataclass(frozen=True)
class TestFile:
    """`config` is the name of its ser.cfg, "": the one with the same name; `listen` are addresses in the place of its own. `tables` are
    the places where one of the database is named, `comments` where a comment stands."""

    __test__ = False  # no test of pytest's

    config: str
    config_span: Span | None
    listen: tuple[Place, ...]
    cases: tuple[Case, ...]
    tables: tuple[Word, ...] = ()
    comments: tuple[Span, ...] = ()
