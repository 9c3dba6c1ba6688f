"""The reserved words of ser.cfg, as grammar.ebnf lists them, and which of them are operands."""

from __future__ import annotations

from typing import Final

from runtime.modules import catalogue
from runtime.spec.declare import Written
from serc.reading.parse import GRAMMAR

KEYWORDS: Final = frozenset(
    word
    for line in GRAMMAR.read_text(encoding="utf-8").splitlines()
    if line.startswith("@@keyword ::")
    for word in line.split()[2:]
)
_CORE: Final = catalogue.core()
OPERANDS: Final = frozenset(operand.name for operand in _CORE.operands)
# Words with a sign in them: operands, and arguments of actions.
_WRITTEN: Final = {a.kind.name for f in _CORE.functions for a in f.arguments if Written.WORD in a.kind.written}
SIGNED: Final = tuple(sorted(_WRITTEN | {name for name in OPERANDS if ":" in name}))
