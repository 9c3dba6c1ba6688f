"""`if (a) {;} else {b}` as `if not a: b`, and no `if` at all where it could do nothing.

Only where the condition can neither fail nor stop: an error takes the else branch under `!` too. What runs nothing is
true in SER, so an `if` that goes leaves Nothing, in case it was the last action of its route.
"""

from __future__ import annotations

from serc import ir
from serc.ir_facts import can_err, can_stop, pure
from serc.passes.rewrite import rewrite_bodies


def empty_branches(program: ir.Program) -> ir.Program:
    return rewrite_bodies(program, lambda body: tuple(_tidy(s) for s in body))


def _tidy(s: ir.Statement) -> ir.Statement:
    if not isinstance(s, ir.If) or len(s.arms) != 1 or _does_something(s.arms[0].body):
        return s
    arm = s.arms[0]
    if can_err(arm.condition) or can_stop(arm.condition):
        return s
    if _does_something(s.otherwise):
        return ir.If(s.line, (ir.Arm(arm.line, ir.Not(arm.condition), s.otherwise),), ())
    return ir.Nothing(s.line) if pure(arm.condition) else s


def _does_something(body: ir.Body) -> bool:
    return any(not isinstance(s, ir.Nothing) for s in body)
