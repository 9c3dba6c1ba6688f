"""method=="INVITE" as a comparison of ints: the engine has numbered the well-known methods while parsing.

The comparison stays one without case, since the numbers stand for every spelling. SER also takes a method that is a
prefix of the literal ("OPT" for "OPTIONS") for equal; that bug is not kept.
"""

from __future__ import annotations

from typing import Final

from serc import ir
from serc.passes.rewrite import rewrite_conditions

# The names in runtime.sip.methods; tests/codegen holds the two together.
METHODS: Final = (
    *("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "REGISTER", "MESSAGE"),
    *("SUBSCRIBE", "NOTIFY", "INFO", "PRACK", "UPDATE", "REFER", "PUBLISH"),
)


def known_methods(program: ir.Program) -> ir.Program:
    return rewrite_conditions(program, _as_number)


def _as_number(condition: ir.Condition) -> ir.Condition:
    if isinstance(condition, ir.Operand) and condition.function == "method_equals":
        (name,) = condition.arguments
        assert isinstance(name, bytes)
        known = name.decode("latin-1").upper()
        if known in METHODS:
            return ir.Compare("method", "==", ir.Symbol("methods", known))
    return condition
