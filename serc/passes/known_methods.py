"""method=="INVITE" as a comparison of ints: the engine has numbered the well-known methods while parsing.

Which operand has such words, and which, is declared with the operand.

The comparison stays one without case, since the numbers stand for every spelling. SER also takes a method that is a
prefix of the literal ("OPT" for "OPTIONS") for equal; that bug is not kept.
"""

from __future__ import annotations

from serc import ir
from serc.passes.rewrite import rewrite_conditions


def known_methods(program: ir.Program) -> ir.Program:
    return rewrite_conditions(program, _as_number)


def _as_number(condition: ir.Condition) -> ir.Condition:
    if isinstance(condition, ir.Operand) and condition.numbered is not None:
        (text,) = condition.arguments
        numbered = condition.numbered
        word = text.decode("latin-1").upper() if isinstance(text, bytes) else ""  # else a pattern
        if word in numbered.words:
            return ir.Compare(numbered.attribute, "==", ir.Symbol(numbered.owner, word), operand=condition.operand)
    return condition
