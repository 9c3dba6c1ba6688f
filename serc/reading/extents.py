"""How far items, statements and conditions reach, judged by their tokens, also where they are wrong."""

from __future__ import annotations

from typing import Final

from serc.reading import dialects
from serc.reading.brackets import starts_route
from serc.reading.keywords import KEYWORDS
from serc.reading.lex import Token
from serc.reading.source import Source

_COMPARISONS: Final = frozenset(("==", "!=", "=~", "<", ">", "<=", ">=", "="))
_CONNECTORS: Final = frozenset(("&&", "&", "and", "||", "|", "or"))
_JOINTS: Final = frozenset((".", "-", "/"))
# Statements in conditions in statements.
_DEEPEST: Final = 100


class Extents:
    """Of one file. Everything takes the index of a first token and gives the index of the first one behind."""

    def __init__(self, source: Source, tokens: list[Token], partner: dict[int, int]) -> None:
        self._source = source
        self._tokens = tokens
        self._partner = partner
        self._depth = 0

    def on_new_line(self, at: int) -> bool:
        """Is there the end of a line between the token and the one before it?"""
        return "\n" in self._source.text[self._tokens[at - 1].end : self._tokens[at].start]

    # --- items -------------------------------------------------------------------------------------------------------

    def starts_item(self, at: int) -> bool:
        token = self._tokens[at]
        if token.kind != "word":
            return token.kind == "end"
        if token.text in ("loadmodule", "modparam") or starts_route(self._tokens, at):
            return True
        if self._tokens[at + 1].text != "=":
            return False
        return self._tokens[at - 1].text != "=" or self.on_new_line(at) and token.text in KEYWORDS

    def item(self, start: int) -> int:
        """An item ends with its line, but for parentheses and the lists of listen and alias, and before another item,
        a `;` or a brace.
        """
        is_list = self._tokens[start].text in ("listen", "alias")
        shortest = 2 if self._tokens[start].text == "loadmodule" else 3
        end = start + 1
        while not self.starts_item(end) and self._tokens[end].text not in (";", "{", "}"):
            if end >= start + shortest and self.on_new_line(end) and not (is_list and self._continues_list(end)):
                break
            if self._tokens[end].text in ("(", "[") and end in self._partner:
                end = self._partner[end]
            end += 1
        return end

    def _continues_list(self, at: int) -> bool:
        token = self._tokens[at]
        if token.kind == "sign":
            return token.text in ("[", "*")
        return token.kind != "word" or token.text not in KEYWORDS | dialects.ITEMS.keys() or self._is_protocol(at)

    def _is_protocol(self, at: int) -> bool:
        return self._tokens[at].text.lower() in ("udp", "tcp", "tls") and self._tokens[at + 1].text == ":"

    # --- statements --------------------------------------------------------------------------------------------------

    def simple_statement(self, start: int) -> int:
        """Up to a `;` or a brace, or the start of something new."""
        at = start
        while True:
            token = self._tokens[at]
            if token.kind == "end" or token.kind == "sign" and token.text in (";", "{", "}"):
                return at
            if at > start and token.kind == "word" and self._starts_something(start, at):
                return at
            if token.text == "(" and at in self._partner:
                at = self._partner[at]
            at += 1

    def _starts_something(self, start: int, at: int) -> bool:
        """Does the word begin a statement of its own, though no semicolon is before it?"""
        token, before = self._tokens[at], self._tokens[at - 1]
        if starts_route(self._tokens, at) or token.text in ("if", "else"):
            return True
        if before.text == ")" and self._partner.get(at - 1) == start + 1:
            return True
        if before.kind == "word" and at == start + 1 and self.on_new_line(at):
            return True
        return self.on_new_line(at) and self._tokens[at + 1].text == "(" and before.text not in (",", "(")

    # --- conditions --------------------------------------------------------------------------------------------------

    def condition(self, at: int) -> int:
        """As far as it looks like a condition; `at` itself if it does not at all."""
        while True:
            end = self._operand(at)
            if end == at or self._tokens[end].text not in _CONNECTORS:
                return end
            at = end + 1

    def _operand(self, at: int) -> int:
        start = at
        while self._tokens[at].text in ("!", "not"):
            at += 1
        token = self._tokens[at]
        if token.kind == "sign" and token.text in ("(", "{"):
            if at in self._partner:
                return self._partner[at] + 1
            return self.rest_of_condition(at) if token.text == "(" else start
        if token.text == "if":
            return self._end_of_if(at)
        if token.kind in ("end", "sign"):
            return start
        following = self._tokens[at + 1]
        if following.text in _COMPARISONS:
            return self._value(at + 2)
        if following.text == "(":
            return self._partner[at + 1] + 1 if at + 1 in self._partner else self.rest_of_condition(at + 1)
        return self.rest_of_condition(at + 1) if following.kind == "bad" else at + 1

    def _value(self, at: int) -> int:
        """The value of a comparison: a word, number or string, or a chain such as `a-b.c` or `10.0.0.0/8`."""
        if self._tokens[at].text == "[" and at in self._partner:
            at = self._partner[at]
        elif self._tokens[at].kind in ("sign", "end") and self._tokens[at].text != "*":
            return at
        while self._tokens[at + 1].text in _JOINTS and self._tokens[at + 2].kind not in ("sign", "end"):
            at += 2
        return at + 1

    def rest_of_condition(self, at: int) -> int:
        """Where the statement of an `if` begins whose condition makes no sense: a brace, a semicolon, a new block."""
        while self._tokens[at].kind != "end" and self._tokens[at].text not in ("{", "}", ";", "else"):
            if starts_route(self._tokens, at):
                break
            at += 1
        return at

    # --- an if that stands as a condition ----------------------------------------------------------------------------

    def _end_of_if(self, at: int) -> int:
        """Seen once, token by token, however deep others are in it; `at` itself where that is too deep."""
        if self._depth >= _DEEPEST:
            return at
        self._depth += 1
        goes_on = True
        while goes_on:
            at = self.condition(at + 1)
            at = self._end_of_branch(at + (self._tokens[at].text == "then"))
            goes_on = self._tokens[at].text == "else" and self._tokens[at + 1].text == "if"
            at += goes_on
        if self._tokens[at].text == "else":
            at = self._end_of_branch(at + 1)
        self._depth -= 1
        return at

    def _end_of_branch(self, at: int) -> int:
        token = self._tokens[at]
        if token.kind == "end" or token.text in ("}", "else"):
            return at
        if token.text == ";":
            return at + 1
        if token.text == "{":
            return self._partner[at] + 1 if at in self._partner else self._end_of_route(at)
        if token.text == "if":
            return max(self._end_of_if(at), at + 1)
        at = max(self.simple_statement(at), at + 1)
        return at + (self._tokens[at].text == ";")

    def _end_of_route(self, at: int) -> int:
        while self._tokens[at].kind != "end" and not starts_route(self._tokens, at):
            at += 1
        return at
