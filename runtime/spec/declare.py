"""A module's declaration: functions, parameters, FIFO commands."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, TypeVar, overload

from runtime.routing.context import Context
from runtime.spec.arguments import Arg as Arg
from runtime.spec.arguments import ArgumentKind as ArgumentKind
from runtime.spec.arguments import Given as Given
from runtime.spec.arguments import Joined as Joined
from runtime.spec.arguments import Written as Written
from runtime.spec.arguments import no_doubt as no_doubt
from runtime.spec.effects import Does
from runtime.spec.operands import Operand
from runtime.spec.refusal import NONE, Refusal
from runtime.spec.values import Doubt, Value

M = TypeVar("M")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")


class RouteKind(enum.Flag):
    """The blocks of ser.cfg in which a function may stand (reference modules-main, chapter 0)."""

    REQUEST = enum.auto()
    FAILURE = enum.auto()
    ONREPLY = enum.auto()


REQUEST = RouteKind.REQUEST
FAILURE = RouteKind.FAILURE
ONREPLY = RouteKind.ONREPLY
EVERYWHERE = REQUEST | FAILURE | ONREPLY


@dataclass(frozen=True)
class Function:
    """A function that ser.cfg can call. Name and number of arguments are the key, as in SER's own tables.

    `body` is the typed Python behind it: a method of the module's class, called as `module.method(ctx, *arguments)`;
    None while the module's run-time part is still to come. A body returns bool, or, where `may_stop` is set, the int
    of SER: > 0 true, < 0 false, 0 ends the route that runs. `waits`: it may wait for something from outside. `alone` says
    of a test what it does not do if nobody looks at its result ("nothing else"), "" where a plain call makes sense.
    `bare`: it may stand without parentheses. `after`: the function that finds what this one takes. `only`: the method of the requests that it
    is for, "" for any.
    """

    name: str
    body: Callable[..., object] | None
    passed: tuple[Arg[object] | Given[object] | Joined[object], ...]
    routes: RouteKind
    does: Does
    may_stop: bool = False
    waits: bool = False
    alone: str = ""
    summary: str = ""
    bare: bool = False
    after: str = ""
    only: str = ""

    @cached_property
    def arguments(self) -> tuple[Arg[object], ...]:
        """What stands in ser.cfg between the parentheses."""
        return tuple(word for passed in self.passed for word in _words(passed))

    def values(self, texts: Sequence[str]) -> tuple[Value, ...]:
        """What the body gets for these arguments, each of which is right."""
        at = 0
        values: list[Value] = []
        for passed in self.passed:
            words = _words(passed)
            values.append(_value(passed, texts[at : at + len(words)]))
            at += len(words)
        return tuple(values)

    @property
    def method(self) -> str:
        """Name of the Python method (differs from `name` where SER overloads a name by the number of arguments)."""
        return self.name if self.body is None else self.body.__name__


def _words(passed: Arg[object] | Given[object] | Joined[object]) -> tuple[Arg[object], ...]:
    if isinstance(passed, Given):
        return passed.words
    if isinstance(passed, Joined):
        return (passed.first,) if passed.second is None else (passed.first, passed.second)
    return (passed,)


def _value(passed: Arg[object] | Given[object] | Joined[object], texts: Sequence[str]) -> Value:
    if isinstance(passed, Given):
        return passed.value
    if isinstance(passed, Arg):
        return passed.kind.value(texts[0])
    first, second = passed.first.kind.value(texts[0]), passed.second.kind.value(texts[1]) if passed.second else 0
    assert isinstance(first, bytes) and isinstance(second, int)
    return passed.join(first, second)


class ParamType(enum.Enum):
    """SER's two types of module parameters; a mismatch is an error."""

    INTEGER = "integer"
    STRING = "string"


@dataclass(frozen=True)
class Param:
    """A parameter for modparam, passed to the module's constructor by the keyword `keyword`.

    `check`, if given, returns a sentence when the value is out of bounds and "" when it is fine; `doubt` is like that of
    ArgumentKind. `default` None: unset. A `repeatable` parameter may be given several times and reaches the constructor
    as a tuple. The module does not start without a `mandatory` one. An `idle` one changes nothing, in SER neither. The
    functions `needed_by` are never true while it is 0 or unset.
    """

    name: str
    type: ParamType
    default: int | str | None = None
    check: Callable[[int | str], str] | None = None
    summary: str = ""
    keyword: str = ""
    repeatable: bool = False
    doubt: Callable[[int | str], Doubt | None] = no_doubt
    mandatory: bool = False
    idle: bool = False
    needed_by: tuple[str, ...] = ()

    @property
    def attribute(self) -> str:
        return self.keyword or self.name


@dataclass(frozen=True)
class ModuleSpec:
    """Everything that `serc` knows of a module.

    `name` is the stem of the file that loadmodule names ("sl" of ".../sl.so"), `export_name` what modparam's regex is
    matched against. `implementation` is "import.path:ClassName" of the run-time part, "" while there is none: then a
    config that loads the module is checked but cannot run. `needs` names modules that must be loaded before;
    `database`: one of the database drivers must be, too. `refuses`: values of parameters with which the server does
    not start. `ordered` are pairs of parameters of which the first should not be above the second, where that is not
    0; `ordered_if_set` those of which a default as the first means nothing. `operands` are what conditions can
    compare.
    """

    name: str
    functions: tuple[Function, ...] = ()
    params: tuple[Param, ...] = ()
    implementation: str = ""
    export_name: str = ""
    needs: tuple[str, ...] = ()
    fifo_commands: tuple[str, ...] = ()
    summary: str = ""
    database: bool = False
    refuses: tuple[Refusal, ...] = NONE
    ordered: tuple[tuple[str, str], ...] = ()
    ordered_if_set: tuple[tuple[str, str], ...] = ()
    operands: tuple[Operand, ...] = ()
    by_key: dict[tuple[str, int], Function] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        for function in self.functions:
            self.by_key[function.name, len(function.arguments)] = function

    @property
    def exported(self) -> str:
        return self.export_name or self.name

    @property
    def runs(self) -> bool:
        return bool(self.implementation)

    def named(self, name: str) -> tuple[Function, ...]:
        """All functions of this name, in the order of their declaration."""
        return self._by_name.get(name, ())

    @cached_property
    def _by_name(self) -> dict[str, tuple[Function, ...]]:
        names = dict.fromkeys(function.name for function in self.functions)
        return {name: tuple(function for function in self.functions if function.name == name) for name in names}

    def operand(self, name: str) -> Operand | None:
        return self._operands.get(name)

    @cached_property
    def _operands(self) -> dict[str, Operand]:
        return {operand.name: operand for operand in self.operands}

    def param(self, name: str) -> Param | None:
        return next((p for p in self.params if p.name == name), None)


# The arguments of a declaration and the parameters of its body are of the same types, or mypy rejects the declaration.
@overload
def function(
    name: str,
    body: Callable[[M, Context], bool],
    /,
    *,
    routes: RouteKind,
    does: Does,
    may_stop: Literal[False] = ...,
    waits: bool = ...,
    alone: str = ...,
    after: str = ...,
    only: str = ...,
    summary: str,
) -> Function: ...
@overload
def function(
    name: str,
    body: Callable[[M, Context], int],
    /,
    *,
    routes: RouteKind,
    does: Does,
    may_stop: Literal[True],
    waits: bool = ...,
    alone: str = ...,
    after: str = ...,
    only: str = ...,
    summary: str,
) -> Function: ...
@overload
def function(
    name: str,
    body: Callable[[M, Context, A], bool],
    a: Arg[A],
    /,
    *,
    routes: RouteKind,
    does: Does,
    may_stop: Literal[False] = ...,
    waits: bool = ...,
    alone: str = ...,
    after: str = ...,
    only: str = ...,
    summary: str,
) -> Function: ...
@overload
def function(
    name: str,
    body: Callable[[M, Context, A], int],
    a: Arg[A],
    /,
    *,
    routes: RouteKind,
    does: Does,
    may_stop: Literal[True],
    waits: bool = ...,
    alone: str = ...,
    after: str = ...,
    only: str = ...,
    summary: str,
) -> Function: ...
@overload
def function(
    name: str,
    body: Callable[[M, Context, A, B], bool],
    a: Arg[A],
    b: Arg[B],
    /,
    *,
    routes: RouteKind,
    does: Does,
    may_stop: Literal[False] = ...,
    waits: bool = ...,
    alone: str = ...,
    after: str = ...,
    only: str = ...,
    summary: str,
) -> Function: ...
@overload
def function(
    name: str,
    body: Callable[[M, Context, A, B], int],
    a: Arg[A],
    b: Arg[B],
    /,
    *,
    routes: RouteKind,
    does: Does,
    may_stop: Literal[True],
    waits: bool = ...,
    alone: str = ...,
    after: str = ...,
    only: str = ...,
    summary: str,
) -> Function: ...
@overload
def function(
    name: str,
    body: Callable[[M, Context, A, B, C], bool],
    a: Arg[A],
    b: Arg[B],
    c: Arg[C],
    /,
    *,
    routes: RouteKind,
    does: Does,
    may_stop: Literal[False] = ...,
    waits: bool = ...,
    alone: str = ...,
    after: str = ...,
    only: str = ...,
    summary: str,
) -> Function: ...
@overload
def function(
    name: str,
    body: Callable[[M, Context, A, B, C], int],
    a: Arg[A],
    b: Arg[B],
    c: Arg[C],
    /,
    *,
    routes: RouteKind,
    does: Does,
    may_stop: Literal[True],
    waits: bool = ...,
    alone: str = ...,
    after: str = ...,
    only: str = ...,
    summary: str,
) -> Function: ...
@overload
def function(
    name: str,
    body: Callable[[M, Context, A, B, C, D], bool],
    a: Arg[A],
    b: Arg[B],
    c: Arg[C],
    d: Arg[D],
    /,
    *,
    routes: RouteKind,
    does: Does,
    may_stop: Literal[False] = ...,
    waits: bool = ...,
    alone: str = ...,
    after: str = ...,
    only: str = ...,
    summary: str,
) -> Function: ...
@overload
def function(
    name: str,
    body: Callable[[M, Context, A, B, C, D], int],
    a: Arg[A],
    b: Arg[B],
    c: Arg[C],
    d: Arg[D],
    /,
    *,
    routes: RouteKind,
    does: Does,
    may_stop: Literal[True],
    waits: bool = ...,
    alone: str = ...,
    after: str = ...,
    only: str = ...,
    summary: str,
) -> Function: ...
@overload
def function(
    name: str,
    body: None,
    /,
    *arguments: Arg[object],
    routes: RouteKind,
    does: Does,
    may_stop: bool = ...,
    waits: bool = ...,
    alone: str = ...,
    after: str = ...,
    only: str = ...,
    summary: str,
) -> Function: ...
def function(
    name: str,
    body: Callable[..., object] | None,
    /,
    *arguments: Arg[object],
    routes: RouteKind,
    does: Does,
    may_stop: bool = False,
    waits: bool = False,
    alone: str = "",
    after: str = "",
    only: str = "",
    summary: str,
) -> Function:
    """The declaration of a function of ser.cfg, beside its body; the fields of Function say what each word means."""
    return Function(name, body, arguments, routes, does, may_stop, waits, alone, summary, after=after, only=only)


def integer_param(
    name: str,
    default: int | None = None,
    summary: str = "",
    *,
    low: int | None = None,
    high: int | None = None,
    keyword: str = "",
    doubt: Callable[[int], Doubt | None] = no_doubt,
) -> Param:
    """An INT_PARAM; `low` and `high` are the bounds that are allowed, both inclusive."""

    def check(value: int | str) -> str:
        assert isinstance(value, int)
        if low is not None and value < low:
            return f"{name} must be at least {low}"
        if high is not None and value > high:
            return f"{name} must be at most {high}"
        return ""

    def doubted(value: int | str) -> Doubt | None:
        assert isinstance(value, int)
        return doubt(value)

    return Param(name, ParamType.INTEGER, default, check, summary, keyword, doubt=doubted)


def switch_param(name: str, default: int, summary: str = "", *, keyword: str = "") -> Param:
    """An INT_PARAM of which SER asks only whether it is 0."""

    def doubt(value: int) -> Doubt | None:
        if value in (0, 1):
            return None
        return Doubt(f"{name} is a switch: {value} means no more than 1", "write 1, or 0 to turn it off")

    return integer_param(name, default, summary, keyword=keyword, doubt=doubt)


def string_param(
    name: str,
    default: str | None = None,
    summary: str = "",
    *,
    check: Callable[[str], str] | None = None,
    doubt: Callable[[str], Doubt | None] = no_doubt,
    keyword: str = "",
    repeatable: bool = False,
    mandatory: bool = False,
) -> Param:
    """A STR_PARAM."""

    def checked(value: int | str) -> str:
        assert isinstance(value, str)
        return check(value) if check else ""

    def doubted(value: int | str) -> Doubt | None:
        assert isinstance(value, str)
        return doubt(value)

    return Param(name, ParamType.STRING, default, checked, summary, keyword, repeatable, doubted, mandatory)
