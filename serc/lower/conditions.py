"""Comparisons of ser.cfg as operands of the program. Reference core, 5.3."""

from __future__ import annotations

from typing import Final, Literal

from runtime.spec.environment import REGEX, TEXT, names_in
from runtime.spec.operands import NumberOperand, TextOperand
from runtime.spec.values import Constant
from serc import ir
from serc.lower.modules import lowered_arguments
from serc.reading import tree
from serc.resolve.bound import BoundComparison

_ON_NUMBERS: Final[dict[str, Literal["==", "!=", "<", ">", "<=", ">="]]] = {
    "==": "==",
    "!=": "!=",
    "<": "<",
    ">": ">",
    "<=": "<=",
    ">=": ">=",
}


def lower_comparison(c: tree.Compare, bound: BoundComparison) -> ir.Condition:
    """`operand operator value` with the value parsed."""
    operand = bound.operand
    if bound.test is None:
        assert isinstance(operand, NumberOperand)
        (value,) = lowered_arguments(bound.values)
        assert isinstance(value, (int, ir.Symbol))
        return ir.Compare(operand.attribute, _ON_NUMBERS[c.operator], value, c.span, operand=operand.name)
    arguments = lowered_arguments(bound.values)
    if isinstance(c.value, tree.String) and names_in(c.value.value):
        (sample,) = bound.values
        assert isinstance(sample, (bytes, Constant))
        arguments = (ir.Late("", REGEX if c.operator == "=~" else TEXT, 0, (c.value.value,), sample),)
    opposite = bound.test.opposite
    # What cannot be read fails all tests of it, what cannot be read as a URI those for myself.
    fails = () if opposite is None else (operand.subject, "parsed") if bound.with_myself else (operand.subject,)
    condition = ir.Operand(
        bound.test.body.__name__,
        arguments,
        "" if opposite is None else opposite.__name__,
        c.span,
        operand=operand.name,
        fails=fails,
        numbered=operand.numbered if isinstance(operand, TextOperand) else None,
    )
    return ir.Not(condition) if c.operator == "!=" else condition
