"""The words in which the core declares its actions: functions without a module, of which some have several spellings."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, overload

from runtime.routing.context import Context
from runtime.spec.declare import EVERYWHERE, Arg, Function, Given, Joined
from runtime.spec.effects import Does

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
T = TypeVar("T")

# What a body of the core gets as one of its arguments.
Passed = Arg[T] | Given[T] | Joined[T]


@overload
def action(
    names: str,
    body: Callable[[Context], bool],
    /,
    *,
    does: Does,
    bare: bool = ...,
    waits: bool = ...,
    summary: str,
) -> tuple[Function, ...]: ...
@overload
def action(
    names: str,
    body: Callable[[Context, A], bool],
    a: Passed[A],
    /,
    *,
    does: Does,
    bare: bool = ...,
    waits: bool = ...,
    summary: str,
) -> tuple[Function, ...]: ...
@overload
def action(
    names: str,
    body: Callable[[Context, A, B], bool],
    a: Passed[A],
    b: Passed[B],
    /,
    *,
    does: Does,
    bare: bool = ...,
    waits: bool = ...,
    summary: str,
) -> tuple[Function, ...]: ...
@overload
def action(
    names: str,
    body: Callable[[Context, A, B, C], bool],
    a: Passed[A],
    b: Passed[B],
    c: Passed[C],
    /,
    *,
    does: Does,
    bare: bool = ...,
    waits: bool = ...,
    summary: str,
) -> tuple[Function, ...]: ...
def action(
    names: str,
    body: Callable[..., bool],
    /,
    *passed: Passed[object],
    does: Does,
    bare: bool = False,
    waits: bool = False,
    summary: str,
) -> tuple[Function, ...]:
    """One form of an action, under each of `names`: the body is called as `core.body(ctx, *passed)`.

    Forms with the same number of arguments are told apart by how these are written, the first that fits counts.
    """
    return tuple(
        Function(name, body, passed, EVERYWHERE, does, waits=waits, summary=summary, bare=bare)
        for name in names.split()
    )
