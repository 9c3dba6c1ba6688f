"""The syntax tree of ser.cfg: what was written, where, nothing resolved. Reference core, chapters 2 and 3."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple


class Span(NamedTuple):
    """Half-open range of character offsets in the source text."""

    start: int
    end: int


# --- words -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Number:
    """`text` as written: `010` (octal 8), `0x1f`, `yes`, `INET6`; `value` as an int."""

    span: Span
    text: str
    value: int


@dataclass(frozen=True)
class String:
    """`value` has the escapes resolved; `quote` tells which of the two kinds it was."""

    span: Span
    value: str
    quote: Literal['"', "'"]


@dataclass(frozen=True)
class Identifier:
    span: Span
    name: str


@dataclass(frozen=True)
class Host:
    """An unquoted host name; white space between the parts is gone."""

    span: Span
    name: str


@dataclass(frozen=True)
class IpAddress:
    """An IPv4 or IPv6 literal without brackets, in the textual form of Python's `ipaddress`."""

    span: Span
    text: str
    version: Literal[4, 6]


@dataclass(frozen=True)
class IpNet:
    """`address/mask` or `address/length`; `mask` None for a single address."""

    span: Span
    address: IpAddress
    mask: IpAddress | Number | None


@dataclass(frozen=True)
class Word:
    """A keyword that stands as a value: `myself`, `max_len`, `uri:host`, `uri:port`, a protocol, `*`."""

    span: Span
    name: str


@dataclass(frozen=True)
class SocketId:
    """`[proto:]host[:port]` of listen, alias, force_send_socket. `proto` "*" and `port` None as written or absent."""

    span: Span
    proto: Word | None
    host: IpAddress | String | Host
    port: Number | Word | None


Argument = String | Number | IpAddress | Host | Word | SocketId

# --- statements ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Call:
    """A core action or a module function. `name` as written; `parenthesised` is False for a bare `break`."""

    span: Span
    name: Identifier
    arguments: tuple[Argument, ...]
    parenthesised: bool = True


@dataclass(frozen=True)
class If:
    span: Span
    condition: Expression
    then: Block
    otherwise: Block | None


@dataclass(frozen=True)
class Empty:
    """A lone `;`."""

    span: Span


@dataclass(frozen=True)
class Block:
    """`{…}`, or the single statement that stands for one (`braced` False)."""

    span: Span
    statements: tuple[Statement, ...]
    braced: bool = True

    @cached_property
    def below(self) -> tuple[Statement | Expression, ...]:
        """This block and everything in it, in the order of the text. Every check asks for it."""
        return flattened(self)

    @cached_property
    def calls(self) -> tuple[Call, ...]:
        """The calls among them."""
        return tuple(node for node in self.below if isinstance(node, Call))


Statement = Call | If | Block | Empty

# --- expressions -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Or:
    """`a || b || c`: two or more operands, tried from the left."""

    span: Span
    operands: tuple[Expression, ...]


@dataclass(frozen=True)
class And:
    """`a && b && c`: two or more operands, tried from the left."""

    span: Span
    operands: tuple[Expression, ...]


@dataclass(frozen=True)
class Not:
    span: Span
    operand: Expression


@dataclass(frozen=True)
class Compare:
    """`operand operator value`: `uri =~ "…"`, `src_ip == 10.0.0.0/8`, `myself == uri` (operand and value as written)."""

    span: Span
    operand: Word
    operator: Literal["==", "!=", "=~", "<", ">", "<=", ">="]
    operator_span: Span
    value: String | Number | Identifier | Host | IpNet | Word


Expression = Or | And | Not | Compare | Call | If | Block | Number


def parts(node: Statement | Expression) -> list[Statement | Expression]:
    """The statements and expressions directly in `node`."""
    if isinstance(node, Block):
        return list(node.statements)
    if isinstance(node, If):
        return [node.condition, node.then, *([node.otherwise] if node.otherwise else [])]
    if isinstance(node, (Or, And)):
        return list(node.operands)
    if isinstance(node, Not):
        return [node.operand]
    return []


def flattened(node: Statement | Expression) -> tuple[Statement | Expression, ...]:
    """`node` and everything in it, in the order of the text."""
    found: list[Statement | Expression] = []
    waiting: list[Statement | Expression] = [node]
    while waiting:
        current = waiting.pop()
        found.append(current)
        waiting.extend(reversed(parts(current)))
    return tuple(found)


# --- the file --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Assignment:
    """A global parameter: `name = value…` (several values only for listen and alias)."""

    span: Span
    name: Identifier
    values: tuple[Number | String | Identifier | SocketId | Host | IpAddress, ...]


@dataclass(frozen=True)
class LoadModule:
    span: Span
    path: String


@dataclass(frozen=True)
class ModParam:
    span: Span
    module: String
    parameter: String
    value: String | Number


@dataclass(frozen=True)
class Route:
    """`number` None for `route {…}`, which is route[0]."""

    span: Span
    kind: Literal["route", "failure_route", "onreply_route"]
    number: Number | None
    body: Block


Item = Assignment | LoadModule | ModParam | Route


@dataclass(frozen=True)
class File:
    """A whole ser.cfg, items in their order."""

    span: Span
    items: tuple[Item, ...]
