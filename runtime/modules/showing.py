"""What conditions of ser.cfg look at, for people who watch what runs."""

from __future__ import annotations

from typing import Final

from runtime.modules.core.operands import OPERANDS
from runtime.routing.context import Context
from runtime.routing.look import UNREADABLE
from runtime.sip.scan import BadMessage
from runtime.spec.operands import NumberOperand, Operand

# Not by the catalogue of all modules: a worker that traces needs this table alone, and a start with a known config no more.
_BY_NAME: Final[dict[str, Operand]] = {operand.name: operand for operand in OPERANDS}


def left_side(ctx: Context, operand: str) -> str:
    """What a test looks at, as it is now."""
    try:
        return _BY_NAME[operand].shown(ctx)
    except BadMessage as e:
        return f"{UNREADABLE}{e}"


def is_number(operand: str) -> bool:
    """True for an operand that is compared as a number."""
    return isinstance(_BY_NAME.get(operand), NumberOperand)
