"""The typed program between ser.cfg and routes.py: nothing unresolved, nothing unparsed.

Names are Python's names, arguments are values, every condition knows how it can fail, every statement its line of
ser.cfg. Everything is frozen: a pass returns a new program.

What runs knows its `span` in ser.cfg, None where it stands for nothing written there. `probe` is its number in a program that tells what
it does (passes/place_probes.py), 0 in all others. `operand` is what ser.cfg calls the left side of a comparison. None of them matters
where nodes are compared.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Literal

from runtime.spec.operands import Numbered
from runtime.spec.values import Constant
from serc.reading.tree import Span

# --- values ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Symbol:
    """A name that routes.py imports: `core.UDP`, `methods.INVITE`."""

    owner: str
    name: str


@dataclass(frozen=True)
class Hoisted:
    """A constant that stands at the top of routes.py under `name`."""

    name: str


@dataclass(frozen=True)
class Late:
    """A value that the environment completes when the server starts: what the body of `function` of `module` gets in this place for
    `texts`, its arguments in ser.cfg. With the module "" it is a text or a regular expression of a comparison.

    `sample` is what the body would get for some other environment: it has the same type.
    """

    module: str
    function: str
    place: int
    texts: tuple[str, ...]
    sample: int | bytes | Constant[object]

    @property
    def stem(self) -> str:
        if isinstance(self.sample, Constant):
            return self.sample.stem
        return "TEXT" if isinstance(self.sample, bytes) else "NUMBER"

    @property
    def prepared(self) -> bool:
        return isinstance(self.sample, Constant) and self.sample.prepared

    @property
    def type_name(self) -> str:
        return type(self.sample).__name__ if not isinstance(self.sample, Constant) else self.sample.built.__name__


Argument = int | str | bytes | Constant[object] | Late | Symbol | Hoisted

# --- calls -----------------------------------------------------------------------------------------------------------


class Returns(enum.Enum):
    """What the int or bool that a call gives means to the route that runs it (reference core, 5.1 and 5.2)."""

    BOOL = "true or false"
    STOPS = "SER's int: 0 ends the route that runs"
    ROUTE = "SER's int of route(n): 0 counts as true and ends only the route that was called"
    IGNORED = "anything: nobody asks"
    VERDICT = "the int of a lifted condition: TRUE, FALSE, STOP or ERROR"


@dataclass(frozen=True)
class Call:
    """`owner.name(ctx, *arguments)`; `owner` is "core", a module's variable, "ctx" or "" for a function of routes.py.

    `through` is set for a function that is called through `ctx.call(name)`, which counts the depth; `can_stop` is False
    for a lifted condition in which nothing can end the route. `is_pure`: it only looks at the message.
    """

    owner: str
    name: str
    arguments: tuple[Argument, ...] = ()
    returns: Returns = Returns.BOOL
    through: bool = False
    can_stop: bool = True
    is_pure: bool = False
    span: Span | None = field(default=None, compare=False)
    probe: int = field(default=0, compare=False)


# --- conditions ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Truth:
    value: bool


@dataclass(frozen=True)
class Compare:
    """`ctx.attribute operator value`, all ints; never fails."""

    attribute: str
    operator: Literal["==", "!=", "<", ">", "<=", ">="]
    value: int | Symbol
    span: Span | None = field(default=None, compare=False)
    probe: int = field(default=0, compare=False)
    operand: str = field(default="", compare=False)


@dataclass(frozen=True)
class OneOf:
    """`ctx.attribute in (values)`; never fails."""

    attribute: str
    values: tuple[int | Symbol, ...]


@dataclass(frozen=True)
class Operand:
    """`core.function(ctx, *arguments)`: reads the message, changes nothing.

    With an `opposite`, it can fail, and then it is neither true nor false: `function` tells "exactly true",
    `opposite` "exactly false". `fails` are the steps of reading at which it can: where the first of them fail one test, they fail all
    that begin with the same. `numbered`: words that it may be compared with are numbers, too.
    """

    function: str
    arguments: tuple[Argument, ...] = ()
    opposite: str = ""
    span: Span | None = field(default=None, compare=False)
    probe: int = field(default=0, compare=False)
    operand: str = field(default="", compare=False)
    fails: tuple[str, ...] = ()
    numbered: Numbered | None = None


@dataclass(frozen=True)
class Succeeds:
    """A call that stands as a condition."""

    call: Call


@dataclass(frozen=True)
class Not:
    operand: Condition


@dataclass(frozen=True)
class And:
    items: tuple[Condition, ...]


@dataclass(frozen=True)
class Or:
    items: tuple[Condition, ...]


Condition = Truth | Compare | OneOf | Operand | Succeeds | Not | And | Or

# --- statements ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Do:
    """A call whose value nobody asks for, unless it is the last of its route."""

    line: int
    call: Call


@dataclass(frozen=True)
class Stop:
    """`break` and `drop`: leave this route with 0."""

    line: int
    span: Span | None = field(default=None, compare=False)
    probe: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Nothing:
    """An action that does nothing and is true: a call of an undefined route, an `if` that can never be taken."""

    line: int
    span: Span | None = field(default=None, compare=False)
    probe: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Return:
    """Leaves a lifted condition with a name of runtime.routing.verdict."""

    line: int
    name: Literal["TRUE", "FALSE", "ERROR"]


@dataclass(frozen=True)
class Propagate:
    """Leaves a lifted condition with what the lifted `call` gives, unless that is `expected`."""

    line: int
    call: Call
    expected: Literal["TRUE", "FALSE"]


@dataclass(frozen=True)
class Arm:
    """`if condition body`, the first of a chain or an `else if`."""

    line: int
    condition: Condition
    body: Body
    span: Span | None = field(default=None, compare=False)
    probe: int = field(default=0, compare=False)


@dataclass(frozen=True)
class If:
    """The first arm whose condition is exactly true runs, else `otherwise`."""

    line: int
    arms: tuple[Arm, ...]
    otherwise: Body


Statement = Do | Stop | Nothing | Return | Propagate | If
Body = tuple[Statement, ...]

# --- the program -----------------------------------------------------------------------------------------------------


class FunctionKind(enum.Enum):
    ROUTE = "route"
    FAILURE = "failure_route"
    ONREPLY = "onreply_route"
    BLOCK = "block inside a condition"
    CONDITION = "part of a condition"


@dataclass(frozen=True)
class Function:
    """A function of routes.py. `lines` are the places in ser.cfg that it was written at: several for a route that
    ser.cfg opens several times."""

    kind: FunctionKind
    number: int
    lines: tuple[int, ...]
    body: Body

    @property
    def name(self) -> str:
        return function_name(self.kind, self.number)


def function_name(kind: FunctionKind, number: int) -> str:
    if kind is FunctionKind.ROUTE:
        return f"route_{number}" if number else "route"
    if kind is FunctionKind.BLOCK:
        return f"block_{number}"
    if kind is FunctionKind.CONDITION:
        return f"condition_{number}"
    return f"{kind.value}_{number}"


@dataclass(frozen=True)
class Endpoint:
    """An entry of listen or alias: `proto` "" any, `port` 0 not given."""

    proto: str
    host: str | FromEnvironment
    port: int


@dataclass(frozen=True)
class FromEnvironment:
    """A text with `${NAME}` in it, whose value is known when the server starts. `module` "": of a global parameter."""

    text: str
    module: str = ""
    parameter: str = ""


@dataclass(frozen=True)
class Octal:
    """A number that people write in octal: file modes."""

    value: int


Setting = bool | int | str | Octal | FromEnvironment | tuple[Endpoint, ...]
Parameter = int | str | FromEnvironment | tuple[int | str | FromEnvironment, ...]


@dataclass(frozen=True)
class Module:
    """A loaded module: `variable` in routes.py, and the class that it is an object of.

    `implementation` is "import.path:Class", or "" where there is no run-time part yet: then the object is a stand-in,
    and `missing` says what cannot run.
    """

    name: str
    variable: str
    implementation: str
    parameters: tuple[tuple[str, Parameter], ...]
    missing: str = ""


@dataclass(frozen=True)
class NamedConstant:
    name: str
    constant: Constant[object] | Late


@dataclass(frozen=True)
class Program:
    """`source` is the name of ser.cfg as comments and docstrings of routes.py call it."""

    source: str
    settings: tuple[tuple[str, Setting], ...]
    modules: tuple[Module, ...]
    functions: tuple[Function, ...]
    constants: tuple[NamedConstant, ...] = ()
