"""method=~"^(INVITE|ACK)$" as a comparison of ints, where the pattern is nothing but an alternation of known names.

A pattern without anchors also finds a name inside a longer one. No well-known method contains another, but methods
without a number may ("XINVITE"): for these, and only these, the regex stays.
"""

from __future__ import annotations

import re
from typing import Final

from runtime.spec.values import Constant
from serc import ir
from serc.passes.rewrite import rewrite_conditions

_WORD: Final = re.compile(r"[A-Za-z]+\Z")


def method_patterns(program: ir.Program) -> ir.Program:
    return rewrite_conditions(program, _as_numbers)


def _as_numbers(condition: ir.Condition) -> ir.Condition:
    if not isinstance(condition, ir.Operand) or condition.numbered is None:
        return condition
    numbered = condition.numbered
    (regex,) = condition.arguments
    if not isinstance(regex, Constant):
        return condition  # compared with a word
    pattern = regex.arguments[0]
    assert isinstance(pattern, bytes)
    words, anchored = _alternatives(pattern.decode("latin-1"), numbered.words)
    if not words:
        return condition
    numbers = tuple(ir.Symbol(numbered.owner, word) for word in numbered.words if word in words)
    known: ir.Condition = ir.OneOf(numbered.attribute, numbers)
    if len(numbers) == 1:
        known = ir.Compare(numbered.attribute, "==", numbers[0])
    if anchored:
        return known
    other = ir.Compare(numbered.attribute, "==", ir.Symbol(numbered.owner, numbered.others))
    return ir.Or((known, ir.And((other, condition))))


def _alternatives(pattern: str, known: tuple[str, ...]) -> tuple[frozenset[str], bool]:
    """The words of `known` that `pattern` lists and whether it is anchored at both ends; none for anything else."""
    words: set[str] = set()
    anchors: set[bool] = set()
    for alternative, inherited in _split(pattern):
        starts, ends = alternative.startswith("^"), alternative.endswith("$")
        word = alternative.removeprefix("^").removesuffix("$").upper()
        if word.startswith("(") and word.endswith(")"):
            word = word[1:-1]
        if not _WORD.match(word) or word not in known or starts != ends:
            return frozenset(), False
        words.add(word)
        anchors.add(inherited or starts)
    return (frozenset(words), anchors.pop()) if len(anchors) == 1 else (frozenset(), False)


def _split(body: str) -> list[tuple[str, bool]]:
    """The alternatives of `body`, each with "the anchors stand around the whole"."""
    if body.startswith("^(") and body.endswith(")$") and "(" not in body[2:]:
        return [(word, True) for word in body[2:-2].split("|")]
    if body.startswith("(") and body.endswith(")") and "(" not in body[1:]:
        body = body[1:-1]
    return [(word, False) for word in body.split("|")]
