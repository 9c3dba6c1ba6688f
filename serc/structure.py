"""From text to tree: the items, blocks and statements of ser.cfg, found by their brackets and semicolons.

The pieces between them (one call, one condition, one assignment) are read by the grammar. So a mistake spoils one piece,
and all the mistakes of a file are found at once; and the cost stays linear.
"""

from __future__ import annotations

from typing import Final

from serc import tree
from serc.brackets import FOREIGN_ROUTES, ROUTE_KINDS, pairs, starts_route, suspect
from serc.diagnostics import codes
from serc.diagnostics.report import Report
from serc.keywords import KEYWORDS
from serc.lex import Lexed, Token, lex
from serc.pieces import Pieces
from serc.source import Source
from serc.syntax import ELSEIF_WORDS, SyntaxMistakes
from serc.tree import Span

_DEEPEST: Final = 100
_COMPARISONS: Final = frozenset(("==", "!=", "=~", "<", ">", "<=", ">=", "="))
_CONNECTORS: Final = frozenset(("&&", "&", "and", "||", "|", "or"))
_JOINTS: Final = frozenset((".", "-", "/"))
_UNKNOWN_NUMBER: Final = -1


def parse_file(source: Source, report: Report, lexed: Lexed | None = None) -> tree.File:
    """The syntax tree of a ser.cfg, as far as it could be understood; what could not is in `report`.

    `lexed` may be given by who has it already.

    Only a tree without errors in the report is complete. A route with a name in the place of its number, and one of
    another dialect, has the number -1.
    """
    lexed = lexed or lex(source, report)
    return _Structure(source, lexed.tokens, lexed.blanked, lexed.cut_off, report).file()


class _Structure:
    def __init__(self, source: Source, tokens: list[Token], blanked: str, cut_off: bool, report: Report) -> None:
        self._source = source
        self._tokens = tokens
        self._blanked = blanked
        self._partner = pairs(tokens)
        self._at = 0
        self._report = report
        self._mistakes = SyntaxMistakes(source, tokens, report)
        self._pieces = Pieces(blanked, tokens, self._partner, self._mistakes)
        self._cut_off = cut_off
        self._route_start = 0
        self._unclosed_reported = False
        self._depth = 0

    @property
    def _token(self) -> Token:
        return self._tokens[self._at]

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
            if token.text == "loadmodule":
                return self._piece_item("loadmodule", self._end_of_item())
            if token.text == "modparam":
                return self._piece_item("modparam", self._end_of_item())
            if self._tokens[self._at + 1].text == "=":
                return self._piece_item("assignment", self._end_of_item())
        self._stray_item()
        return None

    def _starts_item(self, at: int) -> bool:
        token = self._tokens[at]
        if token.kind != "word":
            return token.kind == "end"
        if token.text in ("loadmodule", "modparam") or starts_route(self._tokens, at):
            return True
        if self._tokens[at + 1].text != "=":
            return False
        return self._tokens[at - 1].text != "=" or self._on_new_line(at) and token.text in KEYWORDS

    def _end_of_item(self) -> int:
        """Index of the first token that does not belong to the item here.

        An item ends with its line, but for parentheses and the lists of listen and alias, before another item, a `;` or
        a brace.
        """
        is_list = self._token.text in ("listen", "alias")
        end = self._at + 1
        while not self._starts_item(end) and self._tokens[end].text not in (";", "{", "}"):
            token = self._tokens[end]
            if end > self._at + 2 and self._on_new_line(end):
                if not is_list or token.kind == "sign" and token.text not in ("[", "*"):
                    break
            if token.text in ("(", "[") and end in self._partner:
                end = self._partner[end]
            end += 1
        return end

    def _piece_item(self, rule: str, end: int) -> tree.Assignment | tree.LoadModule | tree.ModParam | None:
        end = max(end, self._at + 1)
        node: tree.Assignment | tree.LoadModule | tree.ModParam | None
        node = self._pieces.read(rule, self._at, end)
        self._at = end
        return node

    def _stray_item(self) -> None:
        """Reports what cannot stand at the top of a file, and goes on to the next item."""
        start = self._at
        self._mistakes.outside(start, self._partner)
        while True:
            token = self._token
            if token.text == "{" and self._at in self._partner:
                self._at = self._partner[self._at]
            if token.kind != "end":
                self._at += 1
            if self._tokens[start].text == ";" and self._token.text != ";":
                return
            if self._starts_item(self._at) and (self._token.kind == "end" or self._on_new_line(self._at)):
                return

    def _route(self) -> tree.Route | None:
        start = self._at
        self._route_start, self._unclosed_reported = start, False
        opening = start + 1
        if self._tokens[opening].text == "[":
            opening = self._partner.get(opening, opening) + 1
        while self._tokens[opening].text not in ("{", "}", ";") and not self._on_new_line(opening):
            opening += 1
        if self._tokens[opening].text != "{":
            self._mistakes.route_without_block(start, opening)
            self._at = opening
            if self._tokens[start + 1].text == "(":
                self._skip_to_item()
                return None
        head = self._route_head(start, opening)
        self._at = opening
        body = self._block()
        if head is None:
            return None
        return tree.Route(Span(head.span.start, body.span.end), head.kind, head.number, body)

    def _skip_to_item(self) -> None:
        while not self._starts_item(self._at):
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
        return tree.Route(span, kind, tree.Number(number.span, number.text, self._stand_in_value(number)), body)

    def _stand_in_value(self, number: Token) -> int:
        return int(number.text) if number.text.isdigit() else _UNKNOWN_NUMBER

    # --- blocks and statements ---------------------------------------------------------------------------------------

    def _block(self) -> tree.Block:
        """At `{`, or where one is missing."""
        opening = self._at
        if self._depth >= _DEEPEST:
            return self._too_deep()
        self._at += self._token.text == "{"
        self._depth += 1
        statements = self._statements()
        self._depth -= 1
        start = self._tokens[opening].start
        if self._token.text == "}":
            end = self._token.end
            self._at += 1
            if not statements and self._at - opening == 2:
                self._report.add(
                    codes.EMPTY_BLOCK,
                    Span(start, end),
                    "this block is empty",
                    hint="write {;} for a block that does nothing",
                )
        else:
            end = self._tokens[self._at - 1].end
            self._unclosed()
        return tree.Block(Span(start, end), tuple(statements))

    def _too_deep(self) -> tree.Block:
        token = self._token
        self._report.add(
            codes.TOO_DEEP,
            token.span,
            f"blocks are nested more than {_DEEPEST} deep",
            hint="move the inner ones to a route of their own",
        )
        self._at = self._partner.get(self._at, len(self._tokens) - 2) + 1
        return tree.Block(token.span, ())

    def _unclosed(self) -> None:
        if self._unclosed_reported or self._cut_off:
            return
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
        if token.text == "{" and token.kind == "sign":
            if alone:
                self._mistakes.lone_block(self._at)
            return list(self._block().statements)
        if token.text in (")", "]") and self._at not in self._partner:
            self._mistakes.stray_bracket(self._at)
            self._at += 1
            return []
        if token.kind == "word":
            if token.text == "if":
                return [self._if()]
            if token.text == "else":
                return self._stray_else()
            if self._mistakes.foreign_statement(self._at):
                return self._foreign_statement()
        return self._simple()

    def _stray_else(self) -> list[tree.Statement]:
        self._mistakes.stray_else(self._at)
        self._at += 1
        return list(self._branch().statements)

    def _foreign_statement(self) -> list[tree.Statement]:
        """`while (…) {…}`, `switch (…) {…}` and the like, reported already: only what is in the block is read."""
        self._at += 1
        if self._token.text == "(":
            self._at = self._partner.get(self._at, self._at) + 1
        if self._token.text != "{":
            self._at = self._end_of_simple(self._at)
            self._eat_semicolon()
            return []
        self._at = self._partner.get(self._at, self._at) + 1
        return []

    def _simple(self) -> list[tree.Statement]:
        start = self._at
        end = max(self._end_of_simple(start), start + 1)
        call: tree.Call | None = self._pieces.read("call", start, end)
        self._at = end
        if self._token.text == ";":
            self._at += 1
        elif call is not None:
            self._mistakes.missing_semicolon(end)
        else:
            self._skip_rest_of_statement()
        return [call] if call is not None else []

    def _skip_rest_of_statement(self) -> None:
        """After a piece that made no sense: to the end of its line, at least to what can begin a statement."""
        if self._token.text == "{" and self._at in self._partner:
            self._at = self._partner[self._at] + 1
            self._eat_semicolon()

    def _eat_semicolon(self) -> None:
        if self._token.text == ";":
            self._at += 1

    def _end_of_simple(self, start: int) -> int:
        """Index of the token that ends the statement at `start`: `;`, a brace, or the start of something new."""
        at = start
        while True:
            token = self._tokens[at]
            if token.kind == "end" or token.text in (";", "{", "}") and token.kind == "sign":
                return at
            if at > start and token.kind == "word":
                if starts_route(self._tokens, at) or token.text in ("if", "else"):
                    return at
                before = self._tokens[at - 1]
                if before.text == ")" and self._partner.get(at - 1) == start + 1:
                    return at
                if before.kind == "word" and at == start + 1 and self._on_new_line(at):
                    return at
                if self._on_new_line(at) and self._tokens[at + 1].text == "(" and before.text not in (",", "("):
                    return at
            if token.text == "(" and at in self._partner:
                at = self._partner[at]
            at += 1

    def _on_new_line(self, at: int) -> bool:
        return "\n" in self._source.text[self._tokens[at - 1].end : self._tokens[at].start]

    # --- if ----------------------------------------------------------------------------------------------------------

    def _if(self) -> tree.If:
        """At `if` (or a word that was meant so)."""
        start = self._at
        self._at += 1
        end = self._end_of_condition(self._at)
        if end <= self._at:
            self._mistakes.no_condition(self._at)
            condition: tree.Expression | None = None
            end = self._resume_after_condition(self._at)
        else:
            condition = self._pieces.read("condition", self._at, end)
            if condition is None:
                end = self._resume_after_condition(end)
        if condition is None:
            # Stands in for what could not be read; there is an error in the report, so nobody compiles it.
            condition = tree.Number(self._token.span, self._token.text, 1)
        self._at = end
        then = self._branch()
        otherwise = self._else()
        last = otherwise or then
        return tree.If(Span(self._tokens[start].start, last.span.end), condition, then, otherwise)

    def _else(self) -> tree.Block | None:
        if self._token.text == "else":
            self._at += 1
            return self._branch()
        if self._token.text in ELSEIF_WORDS and self._tokens[self._at + 1].text == "(":
            self._mistakes.elseif(self._at)
            if self._depth >= _DEEPEST:
                return self._too_deep()
            nested = self._if()
            return tree.Block(nested.span, (nested,), braced=False)
        return None

    def _branch(self) -> tree.Block:
        """A block or the one statement that stands for it."""
        while self._token.text in (")", "]") and self._at not in self._partner:
            self._mistakes.stray_bracket(self._at)
            self._at += 1
        start = self._token
        if start.text == "{" and start.kind == "sign":
            return self._block()
        if start.kind == "end" or start.text in ("}", "else"):
            self._mistakes.no_statement(self._at)
            return tree.Block(Span(start.start, start.start), (), braced=False)
        if self._depth >= _DEEPEST:
            return self._too_deep()
        self._depth += 1
        statements = self._statement()
        self._depth -= 1
        if not statements:
            return tree.Block(start.span, (), braced=False)
        return tree.Block(Span(statements[0].span.start, statements[-1].span.end), tuple(statements), braced=False)

    def _end_of_condition(self, at: int) -> int:
        """Index of the first token after the condition at `at`, as far as it looks like one."""
        while True:
            end = self._end_of_operand(at)
            if end == at or self._tokens[end].text not in _CONNECTORS:
                return end
            at = end + 1

    def _end_of_operand(self, at: int) -> int:
        start = at
        while self._tokens[at].text in ("!", "not"):
            at += 1
        token = self._tokens[at]
        if token.text in ("(", "{") and token.kind == "sign":
            if at in self._partner:
                return self._partner[at] + 1
            return self._resume_after_condition(at) if token.text == "(" else start
        if token.text == "if":
            return self._end_of_if(at)
        if token.kind == "end" or token.kind == "sign":
            return start
        following = self._tokens[at + 1]
        if following.text in _COMPARISONS:
            return self._end_of_value(at + 2)
        if following.text == "(":
            return self._partner.get(at + 1, self._resume_after_condition(at + 1) - 1) + 1
        if following.kind == "bad":
            return self._resume_after_condition(at + 1)
        return at + 1

    def _end_of_value(self, at: int) -> int:
        """The value of a comparison: a word, number or string, or a chain such as `a-b.c` or `10.0.0.0/8`."""
        if self._tokens[at].text == "[" and at in self._partner:
            at = self._partner[at]
        elif self._tokens[at].kind in ("sign", "end") and self._tokens[at].text != "*":
            return at
        while self._tokens[at + 1].text in _JOINTS and self._tokens[at + 2].kind not in ("sign", "end"):
            at += 2
        return at + 1

    def _end_of_if(self, at: int) -> int:
        """An `if` that stands as a condition."""
        scratch = _Structure(self._source, self._tokens, self._blanked, True, Report())
        scratch._at, scratch._depth = at, self._depth + 1
        if self._depth < _DEEPEST:
            scratch._if()
        return scratch._at

    def _resume_after_condition(self, at: int) -> int:
        """Where the statement of an `if` begins whose condition makes no sense: a brace or a semicolon, or a new line."""
        while self._tokens[at].kind != "end" and self._tokens[at].text not in ("{", "}", ";"):
            if self._tokens[at].text == "else" or starts_route(self._tokens, at):
                break
            at += 1
        return at
