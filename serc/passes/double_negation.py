"""`!(!a)` is a: SER's NOT passes errors through, so two of them cancel out. Chains of one operator become one."""

from __future__ import annotations

from serc import ir
from serc.passes.rewrite import rewrite_conditions


def double_negation(program: ir.Program) -> ir.Program:
    return rewrite_conditions(program, _simpler)


def _simpler(condition: ir.Condition) -> ir.Condition:
    if isinstance(condition, ir.Not):
        inner = condition.operand
        if isinstance(inner, ir.Not):
            return inner.operand
        return ir.Truth(not inner.value) if isinstance(inner, ir.Truth) else condition
    if isinstance(condition, ir.And):
        # AND gives the first part that is not exactly true, so where the parentheses stand makes no difference.
        return ir.And(tuple(part for item in condition.items for part in _parts(item, ir.And)))
    if isinstance(condition, ir.Or):
        return ir.Or(tuple(part for item in condition.items for part in _parts(item, ir.Or)))
    return condition


def _parts(item: ir.Condition, kind: type[ir.And] | type[ir.Or]) -> tuple[ir.Condition, ...]:
    return item.items if isinstance(item, kind) else (item,)
