"""Reads a piece between two tokens by a rule of the grammar."""

from __future__ import annotations

from typing import Any, Final

from serc.reading.build import BadOctet, Builder
from serc.reading.lex import Lexed
from serc.reading.mistakes.pieces import PieceMistakes
from serc.reading.mistakes.tokens import TokenMistakes
from serc.reading.parse import Failure, parse_piece

_PARENTHESES: Final = frozenset("()[]")


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
        offset = self._tokens[start].start
        text = self._text[offset : self._tokens[end - 1].end]
        ast = parse_piece(rule, text)
        if isinstance(ast, Failure):
            self._mistakes.refused(rule, start, end, offset + ast.offset)
            return None
        try:
            return Builder(offset).node(ast)
        except BadOctet as e:
            self._token_mistakes.bad_octet(start, end, e.span)
        except RecursionError:
            self._token_mistakes.too_deep(start)
        return None

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
