"""Statements behind a break or drop, or behind an `if` of which every branch ends in one, never run."""

from __future__ import annotations

from serc import ir
from serc.ir_facts import ends
from serc.passes.rewrite import rewrite_bodies


def dead_code(program: ir.Program) -> ir.Program:
    return rewrite_bodies(program, _up_to_end)


def _up_to_end(body: ir.Body) -> ir.Body:
    for i, s in enumerate(body):
        if ends(s):
            return body[: i + 1]
    return body
