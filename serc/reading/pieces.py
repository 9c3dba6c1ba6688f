"""Reads a piece between two tokens by a rule of the grammar.

The grammar is asked about the *shape* of a piece: its tokens with one blank between them, and with one text for all
strings, one for all numbers, one for all names. Few shapes occur in a file, however long it is, and each is parsed
once. A long condition is cut at its connectors first, so that the grammar sees one operand at a time.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from serc.reading import tree
from serc.reading.build import BadOctet, Builder, chain
from serc.reading.keywords import KEYWORDS
from serc.reading.lex import Lexed
from serc.reading.mistakes.pieces import PieceMistakes
from serc.reading.mistakes.tokens import TokenMistakes
from serc.reading.parse import Failure, parse_piece

_PARENTHESES: Final = frozenset("()[]")
_STATEMENT: Final = frozenset(("if", "{"))
_OR: Final = frozenset(("||", "|", "or"))
_AND: Final = frozenset(("&&", "&", "and"))
_NOT: Final = frozenset(("!", "not"))
# Parentheses and negations around each other.
_DEEPEST: Final = 100
# What stands for every token of its kind.
_STAND_INS: Final = {"number": "1", "address": "::"}
# Pieces that were read before, at the same place: an editor has the same file read after each keystroke. Nodes never change.
_READ: Final[dict[tuple[str, int, str], Any]] = {}
_MOST_READ: Final = 20_000


@lru_cache(maxsize=4096)
def _stand_in(kind: str, text: str) -> str:
    """A text that the grammar takes for the same as that of the token."""
    if kind == "string":
        return text[0] * 2
    if kind == "word" and text.isidentifier() and text not in KEYWORDS:
        return "x"
    return _STAND_INS.get(kind, text)


class _Refused(Exception):
    """The piece is not what the grammar wants."""


class Pieces:
    """Pieces of one file. What cannot be read is reported once and gives None."""

    def __init__(
        self,
        lexed: Lexed,
        partner: dict[int, int],
        token_mistakes: TokenMistakes,
        mistakes: PieceMistakes,
    ) -> None:
        self._text = lexed.blanked
        self._tokens = lexed.tokens
        self._partner = partner
        self._token_mistakes = token_mistakes
        self._mistakes = mistakes

    def read(self, rule: str, start: int, end: int) -> Any:
        """The node that `rule` gives for tokens[start:end]. What kind of node is said by the rule."""
        if self._broken(start, end):
            return None
        try:
            return self._condition(start, end, 0) if rule == "condition" else self._piece(rule, start, end)
        except BadOctet as e:
            self._token_mistakes.bad_octet(start, end, e.span)
        except RecursionError:
            self._token_mistakes.too_deep(start)
        except _Refused:
            self._refused(rule, start, end)
        return None

    def _refused(self, rule: str, start: int, end: int) -> None:
        """Says where a piece stops making sense, which only its own text can tell."""
        offset = self._tokens[start].start
        found = parse_piece(rule, self._text[offset : self._tokens[end - 1].end])
        at = found.offset if isinstance(found, Failure) else 0
        self._mistakes.refused(rule, start, end, offset + at)

    def _piece(self, rule: str, start: int, end: int) -> Any:
        first = self._tokens[start].start
        key = rule, first, self._text[first : self._tokens[end - 1].end]
        found = _READ.get(key)
        if found is None:
            found = self._read_anew(rule, start, end)
            if len(_READ) >= _MOST_READ:
                _READ.clear()
            _READ[key] = found
        return found

    def _read_anew(self, rule: str, start: int, end: int) -> Any:
        shape, starts, ends, at = [], {}, {}, 0
        for kind, first, last, written in self._tokens[start:end]:
            text = _stand_in(kind, written)
            starts[at] = first
            at += len(text)
            ends[at] = last
            at += 1
            shape.append(text)
        ast = parse_piece(rule, " ".join(shape))
        if isinstance(ast, Failure):
            raise RecursionError if ast.too_deep else _Refused
        return Builder(self._text, starts, ends).node(ast)

    # --- conditions --------------------------------------------------------------------------------------------------

    def _condition(self, start: int, end: int, depth: int) -> tree.Expression:
        """ "or" binds weakest, then "and", then "not". Statements in a condition are the grammar's."""
        if depth > _DEEPEST:
            raise RecursionError
        first = self._tokens[start]
        words = {token.text for token in self._tokens[start:end] if token.kind != "string"}
        if not words.isdisjoint(_STATEMENT):
            statement: tree.Expression = self._piece("condition", start, end)
            return statement
        for signs, kind in ((_OR, tree.Or), (_AND, tree.And)):
            parts = [(start, end)] if words.isdisjoint(signs) else self._cut(start, end, signs)
            if len(parts) > 1:
                return chain(kind, [self._condition(a, b, depth + 1) for a, b in parts])
        if first.kind != "string" and first.text in _NOT and end - start > 1:
            span = tree.Span(first.start, self._tokens[end - 1].end)
            return tree.Not(span, self._condition(start + 1, end, depth + 1))
        if first.text == "(" and self._partner.get(start) == end - 1 and end - start > 2:
            return self._condition(start + 1, end - 1, depth + 1)
        operand: tree.Expression = self._piece("condition", start, end)
        return operand

    def _cut(self, start: int, end: int, signs: frozenset[str]) -> list[tuple[int, int]]:
        """The parts between `signs` outside of parentheses; none is empty."""
        parts: list[tuple[int, int]] = []
        at = begin = start
        while at < end:
            token = self._tokens[at]
            if token.kind != "string" and token.text in signs:
                if at == begin or at + 1 == end:
                    raise _Refused
                parts.append((begin, at))
                begin = at + 1
            elif token.kind == "sign" and token.text in ("(", "["):
                at = self._partner[at]
            at += 1
        return [*parts, (begin, end)]

    def _broken(self, start: int, end: int) -> bool:
        """Is there a token in the piece that spoils it? Reports the first one, unless that was done when lexing."""
        for i in range(start, end):
            token = self._tokens[i]
            if token.kind == "broken string":
                return True
            if token.kind in ("bad", "bad number"):
                self._token_mistakes.bad_token(end, i)
                return True
            if token.kind == "sign" and token.text in _PARENTHESES and i not in self._partner:
                self._token_mistakes.unpaired(i)
                return True
        return False
