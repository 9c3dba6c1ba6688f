"""Statements behind a break or drop, or behind an `if` of which every branch ends in one, never run."""

from __future__ import annotations

from serc import ir
from serc.passes.rewrite import rewrite_bodies


def dead_code(program: ir.Program) -> ir.Program:
    return rewrite_bodies(program, _up_to_end)


def _up_to_end(body: ir.Body) -> ir.Body:
    for i, s in enumerate(body):
        if ends(s):
            return body[: i + 1]
    return body


def ends(s: ir.Statement) -> bool:
    """True if nothing that follows `s` in its list can run."""
    if isinstance(s, (ir.Stop, ir.Return)):
        return True
    return isinstance(s, ir.If) and bool(s.otherwise) and all(body_ends(b) for b in (*_bodies(s), s.otherwise))


def body_ends(body: ir.Body) -> bool:
    return bool(body) and ends(body[-1])


def _bodies(s: ir.If) -> list[ir.Body]:
    return [arm.body for arm in s.arms]
