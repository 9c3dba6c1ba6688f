"""What conditions of ser.cfg look at, for people who watch what runs."""

from __future__ import annotations

from runtime.modules import catalogue
from runtime.routing.context import Context
from runtime.routing.look import UNREADABLE
from runtime.sip.scan import BadMessage
from runtime.spec.operands import NumberOperand


def left_side(ctx: Context, operand: str) -> str:
    """What a test looks at, as it is now."""
    declared = catalogue.core().operand(operand)
    assert declared is not None, operand
    try:
        return declared.shown(ctx)
    except BadMessage as e:
        return f"{UNREADABLE}{e}"


def is_number(operand: str) -> bool:
    """True for an operand that is compared as a number."""
    return isinstance(catalogue.core().operand(operand), NumberOperand)
