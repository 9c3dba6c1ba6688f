"""The syntax mistakes that people make, each with the sentence that helps. One mistake, one diagnostic."""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import Final, Literal

from serc import dialects
from serc.brackets import FOREIGN_ROUTES, ROUTE_KINDS
from serc.diagnostics import codes
from serc.diagnostics.report import Code, Related, Report
from serc.diagnostics.suggest import did_you_mean
from serc.keywords import KEYWORDS
from serc.lex import Token
from serc.source import Source, readable
from serc.tree import Span

# So many tokens behind a mistake another one is taken for its echo.
_ECHO: Final = 3
ELSEIF_WORDS: Final = frozenset(("elseif", "elsif", "elif"))
_QUOTES: Final = "\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb\u2032\u2033"
_TOP_LEVEL: Final = ("route", "failure_route", "onreply_route", "loadmodule", "modparam")
_OPERANDS: Final = frozenset(
    "method uri status from_uri to_uri src_ip src_port dst_ip dst_port proto af myself msg:len".split()
)


class SyntaxMistakes:
    """Reports mistakes; places are indices of tokens."""

    def __init__(self, source: Source, tokens: list[Token], report: Report) -> None:
        self._source = source
        self._tokens = tokens
        self._report = report
        self._spoiled_lines = {source.line_of(d.span.start) for d in report.diagnostics}
        self._last_offset = -1

    def _add(self, code: Code, span: Span, message: str, *, hint: str = "", related: tuple[Related, ...] = ()) -> None:
        """Reports, unless this is most likely an echo: on the line of an earlier mistake, or a few tokens behind it."""
        line = self._source.line_of(span.start)
        if line in self._spoiled_lines or self._close_behind(span.start):
            return
        self._spoiled_lines.add(line)
        self._last_offset = span.start
        self._report.add(code, span, message, hint=hint, related=related)

    def _close_behind(self, offset: int) -> bool:
        if self._last_offset < 0 or offset < self._last_offset:
            return False
        first = bisect_left(self._tokens, self._last_offset, key=lambda token: token.start)
        return bisect_left(self._tokens, offset, key=lambda token: token.start) - first <= _ECHO

    def _after(self, at: int) -> Span:
        """The place just behind the token before `at`: where something is missing."""
        end = self._tokens[at - 1].end if at else 0
        return Span(end, end)

    def _found(self, at: int) -> str:
        token = self._tokens[at]
        return "the end of the file" if token.kind == "end" else f'"{_short(token.text)}"'

    # --- bad tokens --------------------------------------------------------------------------------------------------

    def bad_token(self, start: int, end: int, at: int) -> None:
        """A character or number that is no token, at `at` in the piece tokens[start:end]."""
        token = self._tokens[at]
        if token.kind == "bad number":
            self._bad_number(token)
            return
        last = at
        while self._tokens[last + 1].kind == "bad" and self._tokens[last + 1].start == self._tokens[last].end:
            last += 1
        span = Span(token.start, self._tokens[last].end)
        text = readable(self._source.text_of(span))
        if any(c in _QUOTES for c in text):
            whole = Span(token.start, self._tokens[max(last, self._last_bad(end))].end)
            self._add(
                codes.TYPOGRAPHIC_QUOTE,
                whole,
                f"typographic quote {text[0]} does not begin a string",
                hint='write the plain quote " instead',
            )
            return
        if self._bad_operator(at, last):
            return
        following = self._tokens[last + 1]
        word = following.text if following.kind == "word" and following.start == span.end else ""
        self._add(
            codes.STRANGE_CHARACTER,
            Span(span.start, following.end if word else span.end),
            f'"{text}{word}" has no meaning here' if word else f'the character "{text}" has no meaning here',
            hint=_character_hint(text, word),
        )

    def _last_bad(self, end: int) -> int:
        at = end - 1
        while self._tokens[at].kind != "bad":
            at -= 1
        return at

    def _bad_operator(self, at: int, last: int) -> bool:
        """`~=`, `!~`, `!=~` and `=~~`: the matching operator, misspelt."""
        first = at - 1 if self._tokens[at - 1].end == self._tokens[at].start and at else at
        beyond = last + 1 if self._tokens[last + 1].start == self._tokens[last].end else last
        first = first if self._tokens[first].text in ("=", "!", "!=", "==", "=~") else at
        beyond = beyond if self._tokens[beyond].text in ("=", "==") else last
        span = Span(self._tokens[first].start, self._tokens[beyond].end)
        text = self._source.text_of(span)
        if "~" not in text or text.strip("=!~"):
            return False
        hint = "to negate a match write !(… =~ …)" if "!" in text else "write =~ to match a regular expression"
        self._add(codes.BAD_OPERATOR, span, f'there is no operator "{text}"', hint=hint)
        return True

    def _bad_number(self, token: Token) -> None:
        if re.fullmatch(r"0[0-9]+", token.text):
            value = token.text.lstrip("0") or "0"
            message = f"{token.text} is not a number: a leading zero means octal, and octal digits end at 7"
            self._add(codes.BAD_NUMBER, token.span, message, hint=f"write {value}")
        elif (
            re.fullmatch(r"[0-9]+[A-Za-z][A-Za-z0-9_]*", token.text)
            and self._source.text[token.end : token.end + 1] in ".-"
        ):
            self._unquoted_host(token)
        else:
            message = f'"{_short(token.text)}" is neither a number nor a name'
            self._add(codes.BAD_NUMBER, token.span, message, hint="quote it if it is a text")

    def _unquoted_host(self, token: Token) -> None:
        message = f'a part of a host name cannot begin with a digit here: "{_short(token.text)}"'
        self._add(codes.UNQUOTED_HOST, token.span, message, hint="quote the host name")

    def bad_octet(self, start: int, end: int, octet: Span) -> None:
        first = next(i for i in range(start, end) if self._tokens[i].end == octet.end)
        last = first
        while self._tokens[first - 1].text == "." and first - 2 >= start:
            first -= 2
        while self._tokens[last + 1].text == "." and last + 2 < end:
            last += 2
        span = Span(self._tokens[first].start, self._tokens[last].end)
        address = self._source.text_of(span)
        message = f"{address} is not an IP address: {self._source.text_of(octet)} is over 255"
        self._add(codes.BAD_ADDRESS, span, message)

    def unpaired(self, start: int, end: int, at: int) -> None:
        """A parenthesis without its partner in the piece."""
        token = self._tokens[at]
        if token.text in (")", "]"):
            self.stray_bracket(at)
            return
        closing = ")" if token.text == "(" else "]"
        self._add(
            codes.UNCLOSED_PARENTHESIS,
            token.span,
            f'this "{token.text}" is never closed',
            hint=f'write "{closing}" where it ends',
        )

    def stray_bracket(self, at: int) -> None:
        token = self._tokens[at]
        self._add(codes.STRAY_BRACKET, token.span, f'this "{token.text}" closes nothing', hint="remove it")

    def too_deep(self, at: int) -> None:
        self._add(codes.TOO_DEEP, self._tokens[at].span, "this is nested too deep", hint="split it in two")

    # --- the top of the file -----------------------------------------------------------------------------------------

    def outside(self, at: int, partner: dict[int, int]) -> None:
        """Something at the top of the file that is no item."""
        token = self._tokens[at]
        if token.kind == "broken string":
            return
        if token.text == ";":
            hint = "remove it: only statements inside of a route end in a semicolon"
            self._add(codes.STRAY_SEMICOLON, token.span, 'no ";" may stand here', hint=hint)
        elif token.text in ("}", ")", "]"):
            hint = "remove it, or look for a block that was closed too early"
            self._add(codes.STRAY_BRACKET, token.span, f'this "{token.text}" closes nothing', hint=hint)
        elif token.text == "[":
            self._without_keyword(at, partner)
        elif token.text == "{":
            hint = "write route before it"
            self._add(codes.MISSING_ROUTE, token.span, "a block without the word route", hint=hint)
        elif token.kind in ("bad", "bad number"):
            self.bad_token(at, at + 1, at)
        elif token.kind == "word":
            self._stray_word(at)
        else:
            self._add(codes.UNEXPECTED, token.span, f"{self._found(at)} cannot stand here")

    def _without_keyword(self, at: int, partner: dict[int, int]) -> None:
        closing = partner.get(at, at)
        span = Span(self._tokens[at].start, self._tokens[closing].end)
        message = "the number of a route without the word route"
        self._add(codes.MISSING_ROUTE, span, message, hint="write route[…], failure_route[…] or onreply_route[…]")

    def _stray_word(self, at: int) -> None:
        token, following = self._tokens[at], self._tokens[at + 1]
        if following.text in ("{", "["):
            hint = did_you_mean(token.text, ROUTE_KINDS | FOREIGN_ROUTES)
            self._add(codes.MISSING_ROUTE, token.span, f'there is no kind of block "{token.text}"', hint=hint)
        elif following.kind == "string":
            hint = did_you_mean(token.text, _TOP_LEVEL)
            self._add(codes.UNEXPECTED, token.span, f'"{token.text}" cannot stand here', hint=hint)
        elif token.text in KEYWORDS and following.kind in ("number", "word") and token.text not in _OPERANDS | {"if"}:
            self._add(codes.UNEXPECTED, self._after(at + 1), f'"=" is missing after "{token.text}"')
        else:
            message = "a statement outside of a route"
            hint = did_you_mean(token.text, _TOP_LEVEL) if following.text == "(" else ""
            hint = hint or "statements stand in a route: is there a } too many before it?"
            self._add(codes.OUTSIDE_OF_ROUTE, token.span, message, hint=hint)

    def route_without_block(self, start: int, at: int) -> None:
        token = self._tokens[start]
        if self._tokens[start + 1].text == "(":
            hint = "statements stand in a route: is there a } too many before it?"
            self._add(codes.OUTSIDE_OF_ROUTE, token.span, f"a call of {token.text} outside of a route", hint=hint)
            return
        message = f'{token.text} needs a block: "{{" is expected here, found {self._found(at)}'
        self._add(codes.UNEXPECTED, self._after(at), message)

    def foreign_route_head(
        self, start: int, opening: int
    ) -> tuple[Literal["route", "failure_route", "onreply_route"], Token | None] | None:
        """Kind and number to go on with when the head tokens[start:opening] is of another dialect; None if it is not."""
        token, number = self._tokens[start], self._tokens[start + 2]
        bracketed = self._tokens[start + 1].text == "["
        named = bracketed and number.kind in ("word", "string") and opening == start + 4
        if token.text in FOREIGN_ROUTES:
            foreign, kind = dialects.ROUTES[token.text]
            message = f"{token.text} is of {foreign.origin}"
            self._add(codes.FOREIGN_ROUTE, token.span, message, hint=foreign.instead)
            if kind == "route" and not bracketed:
                return kind, None
            return kind or "route", number
        if not named:
            return None
        self._named_route(Span(token.start, self._tokens[opening - 1].end), number)
        kinds: dict[str, Literal["route", "failure_route", "onreply_route"]]
        kinds = {"failure_route": "failure_route", "onreply_route": "onreply_route"}
        return kinds.get(token.text, "route"), number

    def _named_route(self, span: Span, name: Token) -> None:
        self._add(
            codes.NAMED_ROUTE,
            span,
            f"route names such as {_short(name.text)} are of SER 2.0, OpenSER and Kamailio",
            hint="in 0.9 routes have numbers, 0 to 19",
        )

    # --- statements --------------------------------------------------------------------------------------------------

    def unclosed_block(self, opening: int, at: int) -> None:
        """The block that tokens[opening] opens is not closed where tokens[at] is, at the latest."""
        token, here = self._tokens[opening], self._tokens[at]
        if any(token.start <= d.span.start <= here.start for d in self._report.diagnostics):
            return  # what was reported in the block may have been its end
        related = (Related(token.span, "the block that begins here is never closed"),)
        if here.kind == "end":
            message, span = 'a "}" is missing at the end of the file', self._after(at)
        elif here.text == "}":
            message, span = 'a "}" is missing before this one', here.span
        else:
            message, span = f'a "}}" is missing before this {here.text}', here.span
        self._add(codes.UNCLOSED_BLOCK, span, message, hint='write "}" where the block ends', related=related)

    def lone_block(self, at: int) -> None:
        hint = "remove the braces; a block stands only after if and else"
        self._add(codes.LONE_BLOCK, self._tokens[at].span, "a block cannot stand among statements", hint=hint)

    def stray_else(self, at: int) -> None:
        token, before = self._tokens[at], self._tokens[at - 1]
        hint = ""
        related: tuple[Related, ...] = ()
        if before.text == ";" and self._tokens[at - 2].text == "}":
            hint = 'remove the semicolon between "}" and else: it ends the if'
            related = (Related(before.span, "this semicolon ends the if"),)
        self._add(codes.STRAY_ELSE, token.span, "this else belongs to no if", hint=hint, related=related)

    def elseif(self, at: int) -> None:
        token = self._tokens[at]
        self._add(codes.ELSEIF, token.span, f'"{token.text}" is not a word of this language', hint="write else if")

    def foreign_statement(self, at: int) -> bool:
        """Reports `exit`, `return`, `while` …, unless such a word is called like a function that could be a module's."""
        token = self._tokens[at]
        foreign = dialects.STATEMENTS.get(token.text)
        if foreign is None:
            return False
        self._add(codes.FOREIGN_STATEMENT, token.span, f"{token.text} is of {foreign.origin}", hint=foreign.instead)
        return True

    def missing_semicolon(self, at: int) -> None:
        self._add(codes.MISSING_SEMICOLON, self._after(at), 'a ";" is missing after this statement')

    def no_condition(self, at: int) -> None:
        span = self._tokens[at].span
        self._add(codes.UNEXPECTED, span, f"a condition is expected after if, found {self._found(at)}")

    def no_statement(self, at: int) -> None:
        span = self._tokens[at].span
        self._add(codes.UNEXPECTED, span, f"a statement is expected here, found {self._found(at)}")

    # --- pieces that the grammar refused -----------------------------------------------------------------------------

    def piece(self, rule: str, start: int, end: int, offset: int) -> None:
        """tokens[start:end] are no `rule`; they make sense up to `offset`."""
        at = start
        while at < end and self._tokens[at].start < offset:
            at += 1
        if rule == "condition" and self._assignment(start, end):
            return
        if self._reserved_word(rule, start, end, at):
            return
        if at < end and self._tokens[at].text == "=":
            hint = "global parameters stand outside of the routes" if rule == "call" else ""
            self._add(codes.UNEXPECTED, self._tokens[at].span, '"=" cannot stand here', hint=hint)
            return
        if at >= end:
            what = _EXPECTED.get(rule, "something")
            self._add(
                codes.UNEXPECTED, self._after(end), f"{what} is incomplete: more is expected before {self._found(end)}"
            )
            return
        self._add(codes.UNEXPECTED, self._tokens[at].span, self._sentence(rule, start, end, at))

    def _assignment(self, start: int, end: int) -> bool:
        """`=` in a condition. The span is the comparison that was meant."""
        for at in range(start, end):
            if self._tokens[at].text == "=" and at > start:
                last = min(at + 1, end - 1)
                span = Span(self._tokens[at - 1].start, self._tokens[last].end)
                message = '"=" does not compare'
                self._add(codes.ASSIGNMENT_IN_CONDITION, span, message, hint="write == to compare")
                return True
        return False

    def _reserved_word(self, rule: str, start: int, end: int, at: int) -> bool:
        """A reserved word as part of a host name or as a function."""
        for i in range(max(start, at - 1), min(at + 2, end)):
            token = self._tokens[i]
            if token.kind != "word" or token.text not in KEYWORDS:
                continue
            joined = self._tokens[i - 1].text in (".", "-") or self._tokens[i + 1].text in (".", "-")
            if joined and i > start:
                message = f'"{token.text}" is a reserved word and cannot be part of a host name as it stands'
                self._add(codes.RESERVED_WORD, token.span, message, hint="quote the host name")
                return True
        token = self._tokens[start]
        if rule == "call" and at == start and token.text in KEYWORDS and self._tokens[start + 1].text == "(":
            self._add(codes.RESERVED_WORD, token.span, f'"{token.text}" is a reserved word and no function')
            return True
        return False

    def _sentence(self, rule: str, start: int, end: int, at: int) -> str:
        found = self._found(at)
        if rule == "call" and at == start:
            return f"a statement cannot begin with {found}"
        if rule == "call" and self._tokens[start + 1].text == "(":
            if self._tokens[at].kind in ("string", "number", "word", "address"):
                return f'"," or ")" is expected before {found}'
            return f"an argument is expected here, found {found}"
        if rule == "call":
            return f'"(" or ";" is expected after "{_short(self._tokens[start].text)}", found {found}'
        if rule == "route_head":
            return f"a route is numbered, as in {self._tokens[start].text}[1]: {found} cannot stand here"
        return f"{found} cannot stand here in {_EXPECTED.get(rule, 'this place')}"


_EXPECTED: Final = {
    "call": "this statement",
    "condition": "this condition",
    "assignment": "this assignment",
    "loadmodule": 'loadmodule "FILE"',
    "modparam": 'modparam("MODULE", "NAME", VALUE)',
    "route_head": "this head of a route",
}


def _short(text: str) -> str:
    text = readable(text).split("\n")[0]
    return text if len(text) <= 40 else f"{text[:37]}..."


def _character_hint(text: str, word: str) -> str:
    if text == "$" and word:
        return "pseudo-variables such as $" + word + " are of SER 2.0, OpenSER and Kamailio; 0.9 has none in the script"
    if text == "@" and word:
        return "selects such as @" + word + " are of SER 2.0; 0.9 has none"
    if text == "\\":
        return "a backslash may stand only at the very end of a line, or in a string"
    return "quote it if it belongs to a text"
