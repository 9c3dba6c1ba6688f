"""From text to tree: the items, blocks and statements of ser.cfg, found by their brackets and semicolons.

The pieces between them (one call, one condition, one assignment) are read by the grammar. So a mistake spoils one piece,
and all the mistakes of a file are found at once; and the cost stays linear.
"""

from __future__ import annotations

from typing import Final

from serc.diagnostics import codes
from serc.diagnostics.report import Report
from serc.reading import tree
from serc.reading.brackets import FOREIGN_ROUTES, ROUTE_KINDS, indentation, pairs, starts_route, suspect, unopened
from serc.reading.extents import Extents
from serc.reading.lex import Lexed, Token, lex
from serc.reading.mistakes.layout import ELSEIF_WORDS, LayoutMistakes
from serc.reading.mistakes.pieces import PieceMistakes
from serc.reading.mistakes.reporter import Reporter
from serc.reading.mistakes.tokens import TokenMistakes
from serc.reading.pieces import Pieces
from serc.reading.source import Source
from serc.reading.tree import Span

_DEEPEST: Final = 100
_UNKNOWN_NUMBER: Final = -1


def parse_file(source: Source, report: Report, lexed: Lexed | None = None) -> tree.File:
    """The syntax tree of a ser.cfg, as far as it could be understood; what could not is in `report`.

    `lexed` may be given by who has it already. Only a tree without errors in the report is complete. A route with a
    name in the place of its number, one of another dialect, and the rest of one that was closed too early have the number -1.
    """
    return _Structure(source, lexed or lex(source, report), report).file()


class _Structure:
    def __init__(self, source: Source, lexed: Lexed, report: Report) -> None:
        self._source = source
        self._lexed = lexed
        self._report = report
        self._tokens = lexed.tokens
        self._partner = pairs(lexed.tokens)
        reporter = Reporter(source, lexed.tokens, report)
        self._token_mistakes = TokenMistakes(reporter)
        self._mistakes = LayoutMistakes(reporter, self._token_mistakes)
        self._pieces = Pieces(lexed, self._partner, self._token_mistakes, PieceMistakes(reporter))
        self._extents = Extents(source, lexed.tokens, self._partner)
        self._at = 0
        self._depth = 0
        self._route_start = 0
        self._last_braces: tuple[int, int] | None = None
        self._unclosed_reported = False

    @property
    def _token(self) -> Token:
        return self._tokens[self._at]

    @property
    def _at_brace(self) -> bool:
        return self._token.kind == "sign" and self._token.text == "{"

    # --- items -------------------------------------------------------------------------------------------------------

    def file(self) -> tree.File:
        items: list[tree.Item] = []
        while self._token.kind != "end":
            before = self._at
            item = self._item()
            if item is not None:
                items.append(item)
            assert self._at > before
        if len(self._tokens) == 1 and not self._report.has_errors:
            self._report.add(codes.EMPTY_FILE, Span(0, 0), "there is nothing in this file", hint="write a route {…}")
        return tree.File(Span(0, len(self._source.text)), tuple(items))

    def _item(self) -> tree.Item | None:
        token = self._token
        if token.kind == "word":
            if token.text in ROUTE_KINDS | FOREIGN_ROUTES:
                return self._route()
            if token.text in ("loadmodule", "modparam"):
                return self._piece_item(token.text)
            if self._tokens[self._at + 1].text == "=":
                return self._piece_item("assignment")
        return self._stray_item()

    def _piece_item(self, rule: str) -> tree.Assignment | tree.LoadModule | tree.ModParam | None:
        end = self._extents.item(self._at)
        node: tree.Assignment | tree.LoadModule | tree.ModParam | None
        node = self._pieces.read(rule, self._at, end)
        self._at = end
        return node

    def _stray_item(self) -> tree.Route | None:
        """Reports what cannot stand at the top of a file, and goes on to the next item.

        The statements behind a route that was closed too early are read on as a route.
        """
        start = self._at
        if self._closed_early():
            return self._rest_of_route()
        self._mistakes.outside(start, self._partner)
        while True:
            if self._token.text == "{" and self._at in self._partner:
                self._at = self._partner[self._at]
            if self._token.kind != "end":
                self._at += 1
            if self._tokens[start].text == ";" and self._token.text != ";":
                return None
            if self._extents.starts_item(self._at):
                if self._token.kind == "end" or self._extents.on_new_line(self._at):
                    return None

    def _rest_of_route(self) -> tree.Route:
        """At what follows a `}` that was not meant to end the route."""
        assert self._last_braces is not None
        missing = unopened(self._source, self._tokens, self._partner, *self._last_braces)
        self._mistakes.closed_early(*self._last_braces, missing)
        start = self._token.start
        statements: list[tree.Statement] = []
        while not self._extents.starts_item(self._at):
            statements += self._statements()
            self._at += self._token.text == "}"
        span = Span(start, self._tokens[self._at - 1].end)
        number = tree.Number(Span(start, start), "", _UNKNOWN_NUMBER)
        return tree.Route(span, "route", number, tree.Block(span, tuple(statements)))

    def _closed_early(self) -> bool:
        """Is here, behind the `}` of a route, more of the same route? `}` is indented otherwise than it, or more follows."""
        if self._last_braces is None or self._last_braces[1] != self._at - 1:
            return False
        opening, closing = self._last_braces
        start = self._tokens[closing].start
        alone = not self._source.text[self._source.line_start(self._source.line_of(start)) : start].strip()
        differs = indentation(self._source, self._tokens[opening].start) != indentation(self._source, start)
        following = self._at + (self._token.text == ";")
        more = self._tokens[following].kind == "word" or self._tokens[following].text == "}"
        return alone and differs and more and not self._extents.starts_item(following)

    def _route(self) -> tree.Route | None:
        start = self._at
        self._route_start, self._unclosed_reported = start, False
        opening = start + 1
        if self._tokens[opening].text in ("[", "("):
            # A bracket that is never closed may be the last word of the file.
            opening = min(self._partner.get(opening, opening) + 1, len(self._tokens) - 1)
        last = len(self._tokens) - 1
        while (
            opening < last
            and self._tokens[opening].text not in ("{", "}", ";")
            and not self._extents.on_new_line(opening)
        ):
            opening += 1
        head: tree.Route | None = None
        if self._tokens[start + 1].text == "(" and self._tokens[opening].text == "{":
            self._mistakes.route_in_parentheses(start, self._partner.get(start + 1, opening - 1))
        elif self._tokens[opening].text != "{":
            self._mistakes.route_without_block(start, opening)
            if self._tokens[start + 1].text == "(":
                self._skip_to_item()
                return None
        else:
            head = self._route_head(start, opening)
        self._at = opening
        body = self._block()
        self._last_braces = opening, self._at - 1
        if head is None:
            return None
        return tree.Route(Span(head.span.start, body.span.end), head.kind, head.number, body)

    def _skip_to_item(self) -> None:
        self._at += 1
        while not self._extents.starts_item(self._at):
            if self._token.text == "{" and self._at in self._partner:
                self._at = self._partner[self._at]
            self._at += 1

    def _route_head(self, start: int, opening: int) -> tree.Route | None:
        stand_in = self._mistakes.foreign_route_head(start, opening)
        if stand_in is None:
            head: tree.Route | None = self._pieces.read("route_head", start, opening)
            return head
        kind, number = stand_in
        span = Span(self._tokens[start].start, self._tokens[opening - 1].end)
        body = tree.Block(span, ())
        if number is None:
            return tree.Route(span, kind, None, body)
        value = int(number.text) if number.text.isdigit() else _UNKNOWN_NUMBER
        return tree.Route(span, kind, tree.Number(number.span, number.text, value), body)

    # --- blocks and statements ---------------------------------------------------------------------------------------

    def _block(self) -> tree.Block:
        """At `{`, or where one is missing."""
        opening = self._at
        if self._depth >= _DEEPEST:
            return self._too_deep()
        self._at += self._at_brace
        self._depth += 1
        statements = self._statements()
        self._depth -= 1
        start = self._tokens[opening].start
        if self._token.text == "}":
            end = self._token.end
            self._at += 1
            if self._at - opening == 2:
                self._mistakes.empty_block(Span(start, end))
        else:
            end = self._tokens[self._at - 1].end
            self._unclosed()
        return tree.Block(Span(start, max(start, end)), tuple(statements))

    def _too_deep(self) -> tree.Block:
        token = self._token
        message = f"blocks are nested more than {_DEEPEST} deep"
        self._report.add(codes.TOO_DEEP, token.span, message, hint="move the inner ones to a route of their own")
        self._at = self._partner.get(self._at, len(self._tokens) - 2) + 1
        return tree.Block(token.span, ())

    def _unclosed(self) -> None:
        if not self._unclosed_reported and not self._lexed.cut_off:
            self._unclosed_reported = True
            self._mistakes.unclosed_block(*suspect(self._source, self._tokens, self._route_start, self._at))

    def _statements(self) -> list[tree.Statement]:
        """Up to the `}` of the block, the end of the file or the next route."""
        statements: list[tree.Statement] = []
        while self._token.kind != "end" and self._token.text != "}" and not starts_route(self._tokens, self._at):
            before = self._at
            statements += self._statement(alone=True)
            assert self._at > before
        return statements

    def _statement(self, alone: bool = False) -> list[tree.Statement]:
        """The statement here; [] if it could not be read, several where a bracket too many made them so.

        `alone`: among statements, not as a branch, so that a block may not stand here.
        """
        token = self._token
        if token.text == ";":
            self._at += 1
            return [tree.Empty(token.span)]
        if self._at_brace:
            if alone:
                self._mistakes.lone_block(self._at, self._partner.get(self._at))
            return list(self._block().statements)
        if token.text in (")", "]") and self._at not in self._partner:
            self._token_mistakes.stray_bracket(self._at)
            self._at += 1
            return []
        if token.kind == "word":
            if token.text == "if":
                return [self._if()]
            if token.text == "else":
                self._mistakes.stray_else(self._at, self._route_start)
                self._at += 1
                return list(self._branch().statements)
            if token.text.lower() == "if" and self._tokens[self._at + 1].text == "(":
                self._mistakes.miswritten_if(self._at)
                return [self._if()]
            closing = self._partner.get(self._at + 1, self._at)
            if self._tokens[closing + 1].text == "{" and self._mistakes.misspelt_if(self._at):
                return [self._if()]
            if self._mistakes.foreign_statement(self._at):
                return self._foreign_statement()
        return self._simple()

    def _foreign_statement(self) -> list[tree.Statement]:
        """`exit;`, `return (1);`, `while (…) {…}` and the like, reported already. What is in the block is not read."""
        self._at += 1
        if self._token.text == "(":
            self._at = self._partner.get(self._at, self._at) + 1
        if self._at_brace:
            self._at = self._partner.get(self._at, self._at) + 1
        else:
            self._at = self._extents.simple_statement(self._at)
            self._eat_semicolon()
        return []

    def _simple(self) -> list[tree.Statement]:
        start = self._at
        end = max(self._extents.simple_statement(start), start + 1)
        call: tree.Call | None = self._pieces.read("call", start, end)
        self._at = end
        if self._token.text == ";":
            self._at += 1
        elif call is not None:
            self._mistakes.missing_semicolon(end)
        elif self._at_brace and self._at in self._partner:
            # Belongs to what made no sense.
            self._at = self._partner[self._at] + 1
            self._eat_semicolon()
        return [call] if call is not None else []

    def _eat_semicolon(self) -> None:
        if self._token.text == ";":
            self._at += 1

    # --- if ----------------------------------------------------------------------------------------------------------

    def _if(self) -> tree.If:
        """At `if` (or a word that was meant so). A chain of `else if` is a chain, however long: it nests in the tree only."""
        links: list[tuple[int, tree.Expression, tree.Block]] = []
        goes_on = True
        while goes_on:
            start = self._token.start
            self._at += 1
            condition = self._condition()
            if self._token.text == "then":
                self._mistakes.then(self._at)
                self._at += 1
            links.append((start, condition, self._branch()))
            goes_on = self._else_if()
        start, condition, then = links.pop()
        otherwise = self._else()
        found = tree.If(Span(start, (otherwise or then).span.end), condition, then, otherwise)
        for start, condition, then in reversed(links):
            otherwise = tree.Block(found.span, (found,), braced=False)
            found = tree.If(Span(start, found.span.end), condition, then, otherwise)
        return found

    def _else_if(self) -> bool:
        """Goes to the `if` of an `else if`, however it is written; False, and nothing done, where there is none."""
        if self._token.kind == "end":
            return False
        word, following = self._token.text, self._tokens[self._at + 1].text
        if word.lower() in ELSEIF_WORDS and following == "(":
            self._mistakes.miswritten_if(self._at)
            return True
        if following.lower() != "if" or following != "if" and self._tokens[self._at + 2].text != "(":
            return False
        if word.lower() == "else":
            if word != "else":
                self._mistakes.miswritten_if(self._at)
        elif self._tokens[self._at - 1].text != "}" or not self._mistakes.misspelt_else(self._at):
            return False
        self._at += 1
        if following != "if":
            self._mistakes.miswritten_if(self._at)
        return True

    def _condition(self) -> tree.Expression:
        """What cannot be read gives a number that stands in for it: with an error in the report nobody compiles it."""
        end = self._extents.condition(self._at)
        condition: tree.Expression | None = None
        stand_in = self._token
        if end <= self._at:
            self._mistakes.expected("a condition is expected after if", self._at)
        else:
            condition = self._pieces.read("condition", self._at, end)
        complete = condition is not None or self._tokens[end - 1].text == ")"
        self._at = end if complete else self._extents.rest_of_condition(end)
        return condition or tree.Number(stand_in.span, stand_in.text, 1)

    def _else(self) -> tree.Block | None:
        word = self._token.text
        if word == "else":
            self._at += 1
            return self._branch()
        if word.lower() == "else":
            self._mistakes.miswritten_if(self._at)
            self._at += 1
            return self._branch()
        if self._tokens[self._at - 1].text == "}" and self._mistakes.misspelt_else(self._at):
            self._at += 1
            return self._branch()
        return None

    def _branch(self) -> tree.Block:
        """A block or the one statement that stands for it."""
        while self._token.text in (")", "]") and self._at not in self._partner:
            self._token_mistakes.stray_bracket(self._at)
            self._at += 1
        start = self._token
        if self._at_brace:
            return self._block()
        if start.kind == "end" or start.text in ("}", "else"):
            self._mistakes.expected("a statement is expected here", self._at)
            return tree.Block(Span(start.start, start.start), (), braced=False)
        if self._depth >= _DEEPEST:
            return self._too_deep()
        self._depth += 1
        statements = self._statement()
        self._depth -= 1
        if not statements:
            return tree.Block(start.span, (), braced=False)
        return tree.Block(Span(statements[0].span.start, statements[-1].span.end), tuple(statements), braced=False)
