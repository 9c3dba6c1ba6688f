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
