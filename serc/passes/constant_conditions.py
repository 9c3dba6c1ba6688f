"""Conditions whose outcome is known while compiling, and the branches that can then never run.

What is evaluated before a known part stays: it may change the message, and an error or a stop in it counts.
"""

from __future__ import annotations

from dataclasses import replace

from serc import ir
from serc.ir_facts import can_err, can_stop, pure
from serc.passes.rewrite import rewrite_bodies, rewrite_conditions


def constant_conditions(program: ir.Program) -> ir.Program:
    return rewrite_bodies(rewrite_conditions(program, _folded), _without_known)


def _folded(condition: ir.Condition) -> ir.Condition:
    if isinstance(condition, ir.Not) and isinstance(condition.operand, ir.Truth):
        return ir.Truth(not condition.operand.value)
    if isinstance(condition, ir.And):
        return _chain(condition.items, ir.And, neutral=True)
    if isinstance(condition, ir.Or):
        return _chain(condition.items, ir.Or, neutral=False)
    return condition


def _chain(items: tuple[ir.Condition, ...], kind: type[ir.And] | type[ir.Or], neutral: bool) -> ir.Condition:
    """AND with `neutral` True, OR with False: the neutral value drops out, the other one ends the chain."""
    kept: list[ir.Condition] = []
    for item in items:
        if item == ir.Truth(neutral):
            continue
        kept.append(item)
        if isinstance(item, ir.Truth):
            break
    if kept and isinstance(kept[-1], ir.Truth) and all(_skippable(item) for item in kept[:-1]):
        return kept[-1]
    if not kept:
        return ir.Truth(neutral)
    return kept[0] if len(kept) == 1 else kind(tuple(kept))


def _skippable(condition: ir.Condition) -> bool:
    return pure(condition) and not can_err(condition) and not can_stop(condition)


def _without_known(body: ir.Body) -> ir.Body:
    out: list[ir.Statement] = []
    for s in body:
        out.extend(_known_arms(s) if isinstance(s, ir.If) else (s,))
    return tuple(out)


def _known_arms(s: ir.If) -> ir.Body:
    arms: list[ir.Arm] = []
    otherwise = s.otherwise
    for arm in s.arms:
        if isinstance(arm.condition, ir.Truth):
            if not arm.condition.value:
                continue
            otherwise = arm.body
            break
        arms.append(arm)
    if arms:
        return (replace(s, arms=tuple(arms), otherwise=otherwise),)
    # An `if` is true when it runs nothing, and so is what stands for it.
    return otherwise or (ir.Nothing(s.line),)
