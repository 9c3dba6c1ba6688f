"""Walks that the passes have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from serc import ir


def rewrite_conditions(program: ir.Program, change: Callable[[ir.Condition], ir.Condition]) -> ir.Program:
    """`change` applied to every condition and every part of one, the parts first."""

    def deep(condition: ir.Condition) -> ir.Condition:
        return change(map_parts(condition, deep))

    def statement(s: ir.Statement) -> ir.Statement:
        if not isinstance(s, ir.If):
            return s
        arms = tuple(replace(a, condition=deep(a.condition), body=body(a.body)) for a in s.arms)
        return replace(s, arms=arms, otherwise=body(s.otherwise))

    def body(b: ir.Body) -> ir.Body:
        return tuple(statement(s) for s in b)

    return replace(program, functions=tuple(replace(f, body=body(f.body)) for f in program.functions))


def rewrite_bodies(program: ir.Program, change: Callable[[ir.Body], ir.Body]) -> ir.Program:
    """`change` applied to every list of statements, the inner ones first."""

    def deep(body: ir.Body) -> ir.Body:
        return change(tuple(_with_bodies(s, deep) for s in body))

    return replace(program, functions=tuple(replace(f, body=deep(f.body)) for f in program.functions))


def map_parts(condition: ir.Condition, change: Callable[[ir.Condition], ir.Condition]) -> ir.Condition:
    """`condition` with its direct parts changed."""
    if isinstance(condition, ir.Not):
        return ir.Not(change(condition.operand))
    if isinstance(condition, ir.And):
        return ir.And(tuple(change(item) for item in condition.items))
    if isinstance(condition, ir.Or):
        return ir.Or(tuple(change(item) for item in condition.items))
    return condition


def _with_bodies(s: ir.Statement, change: Callable[[ir.Body], ir.Body]) -> ir.Statement:
    if not isinstance(s, ir.If):
        return s
    arms = tuple(replace(a, body=change(a.body)) for a in s.arms)
    return replace(s, arms=arms, otherwise=change(s.otherwise))


def pure(condition: ir.Condition) -> bool:
    """True if evaluating it changes nothing, so that it may be evaluated twice or not at all."""
    if isinstance(condition, ir.Succeeds):
        return condition.call == ir.Call("core", "isflagset", condition.call.arguments)
    if isinstance(condition, ir.Not):
        return pure(condition.operand)
    if isinstance(condition, (ir.And, ir.Or)):
        return all(pure(item) for item in condition.items)
    return True


def can_err(condition: ir.Condition) -> bool:
    """True if it can be an error, which is neither true nor false (reference core, 5.2)."""
    if isinstance(condition, ir.Operand):
        return condition.opposite != ""
    if isinstance(condition, ir.Succeeds):
        return condition.call.returns is ir.Returns.VERDICT
    if isinstance(condition, ir.Not):
        return can_err(condition.operand)
    if isinstance(condition, (ir.And, ir.Or)):
        return any(can_err(item) for item in condition.items)
    return False


def can_stop(condition: ir.Condition) -> bool:
    """True if a call in it can end the route."""
    if isinstance(condition, ir.Succeeds):
        returns = condition.call.returns
        return returns is ir.Returns.STOPS or (returns is ir.Returns.VERDICT and condition.call.can_stop)
    if isinstance(condition, ir.Not):
        return can_stop(condition.operand)
    if isinstance(condition, (ir.And, ir.Or)):
        return any(can_stop(item) for item in condition.items)
    return False


def leaf(condition: ir.Condition) -> ir.Condition:
    """What is left of `condition` without its negations."""
    while isinstance(condition, ir.Not):
        condition = condition.operand
    return condition
