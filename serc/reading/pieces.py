"""Reads a piece between two tokens by a rule of the grammar.

The grammar is asked about the *shape* of a piece: its tokens with one blank between them, and with one text for all
strings, one for all numbers, one for all names. Few shapes occur in a file, however long it is, and each is parsed
once. A long condition is cut at its connectors first, so that the grammar sees one operand at a time.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

from serc.reading import tree
from serc.reading.build import BadOctet, Builder, chain
from serc.reading.keywords import KEYWORDS
from serc.reading.lex import Lexed, Token
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
# The time that the grammar takes grows with the square of a list: longer ones are read in parts of about so many tokens.
_LONGEST: Final = 200
_PARTS_OF_NAMES: Final = frozenset((".", "-", ":"))
_OPENED: Final = frozenset((*_PARTS_OF_NAMES, "["))
_CLOSED: Final = frozenset((*_PARTS_OF_NAMES, "]"))
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
    """The piece is not what the grammar wants; `part`, the first and the last token but one, where that is known."""

    def __init__(self, part: tuple[int, int] | None = None) -> None:
        self.part: Final = part


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
        except _Refused as e:
            self._refused(rule, start, end, e.part)
        return None

    def _refused(self, rule: str, start: int, end: int, part: tuple[int, int] | None) -> None:
        """Says where a piece stops making sense, which only its own text can tell."""
        first, last = (start, end) if part is None else part
        offset = self._tokens[first].start
        text = self._text[offset : self._tokens[last - 1].end]
        head = "" if part is None else f"{self._tokens[start].text}{self._tokens[start + 1].text} "
        found = parse_piece(rule, head + text)
        at = found.offset if isinstance(found, Failure) else 0
        self._mistakes.refused(rule, start, end, offset + max(0, at - len(head)))

    def _piece(self, rule: str, start: int, end: int) -> Any:
        first = self._tokens[start].start
        key = rule, first, self._text[first : self._tokens[end - 1].end]
        found = _READ.get(key)
        if found is None:
            found = self._in_parts(rule, start, end) or self._read_anew(rule, self._tokens[start:end])
            if len(_READ) >= _MOST_READ:
                _READ.clear()
            _READ[key] = found
        return found

    def _in_parts(self, rule: str, start: int, end: int) -> tree.Call | tree.Assignment | None:
        """A long list of arguments or of addresses, read a few at a time; None for everything else."""
        tokens = self._tokens
        if end - start <= _LONGEST or rule not in ("call", "assignment"):
            return None
        is_call = rule == "call" and tokens[start + 1].text == "(" and self._partner.get(start + 1) == end - 1
        if not is_call and not (rule == "assignment" and tokens[start + 1].text == "="):
            return None
        cuts = self._commas(start + 2, end - 1) if is_call else self._addresses(start + 2, end)
        found: list[Any] = []
        for first, last in cuts:
            tail = tokens[end - 1 : end] if is_call else []
            try:
                found.append(self._read_anew(rule, [*tokens[start : start + 2], *tokens[first:last], *tail]))
            except _Refused:
                raise _Refused((first, last)) from None
        span = tree.Span(tokens[start].start, tokens[end - 1].end)
        if is_call:
            whole_call: tree.Call = found[0]
            return replace(whole_call, span=span, arguments=tuple(each for call in found for each in call.arguments))
        whole: tree.Assignment = found[0]
        return replace(whole, span=span, values=tuple(value for item in found for value in item.values))

    def _commas(self, start: int, end: int) -> list[tuple[int, int]]:
        """Parts between commas, which no part has at either end."""
        parts: list[tuple[int, int]] = []
        begin = start
        for at in range(start, end):
            if self._tokens[at].kind == "sign" and self._tokens[at].text == "," and at - begin >= _LONGEST:
                parts.append((begin, at))
                begin = at + 1
        # A comma that nothing follows stays, so that it is refused.
        return [*parts, (begin if begin < end else begin - 1, end)]

    def _addresses(self, start: int, end: int) -> list[tuple[int, int]]:
        """Parts that begin with an address: not with what joins it to the one before."""
        parts: list[tuple[int, int]] = []
        begin = start
        for at in range(start + 1, end):
            is_new = self._tokens[at].text not in _CLOSED and self._tokens[at - 1].text not in _OPENED
            if is_new and at - begin >= _LONGEST:
                parts.append((begin, at))
                begin = at
        return [*parts, (begin, end)]

    def _read_anew(self, rule: str, tokens: list[Token]) -> Any:
        shape, starts, ends, at = [], {}, {}, 0
        for kind, first, last, written in tokens:
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
