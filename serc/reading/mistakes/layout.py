"""Mistakes in how items, blocks and statements are put together."""

from __future__ import annotations

from typing import Final, Literal

from runtime.spec.globals import BY_NAME
from serc.diagnostics import codes
from serc.diagnostics.fix import Edit, Fix, insert, misspelt, remove, write
from serc.diagnostics.report import Related
from serc.diagnostics.suggest import did_you_mean, nearest
from serc.reading import dialects
from serc.reading.brackets import FOREIGN_ROUTES, ROUTE_KINDS
from serc.reading.keywords import KEYWORDS, OPERANDS
from serc.reading.lex import Token
from serc.reading.mistakes.reporter import Reporter, short
from serc.reading.mistakes.tokens import TokenMistakes
from serc.reading.tree import Span

ELSEIF_WORDS: Final = frozenset(("elseif", "elsif", "elif"))
_TOP_LEVEL: Final = ("route", "failure_route", "onreply_route", "loadmodule", "modparam")
RouteKind = Literal["route", "failure_route", "onreply_route"]
_KINDS: Final = "write route, route[1], failure_route[1] or onreply_route[1]"
_MODULE_FILE: Final = (".so", '.so"', ".so'")
_TOO_MANY: Final = "statements stand in a route: is there a } too many before it?"


class LayoutMistakes:
    def __init__(self, reporter: Reporter, token_mistakes: TokenMistakes) -> None:
        self._reporter = reporter
        self._tokens = reporter.tokens
        self._token_mistakes = token_mistakes

    # --- the top of the file -----------------------------------------------------------------------------------------

    def outside(self, at: int, partner: dict[int, int]) -> None:
        """Something at the top of the file that is no item."""
        token = self._tokens[at]
        if token.kind == "broken string":
            return
        if token.text == ";":
            hint = "remove it: only statements inside of a route end in a semicolon"
            if self._reporter.begins_line(at) and self._tokens[at + 1].kind == "word":
                hint = "remove it, or write # where a comment begins"
            fix = remove(token.span, ";")
            self._reporter.add(codes.STRAY_SEMICOLON, token.span, 'no ";" may stand here', hint=hint, fix=fix)
        elif token.text in ("}", ")", "]"):
            hint = "remove it, or look for a block that was closed too early"
            message = f'this "{token.text}" closes nothing'
            fix = remove(token.span, token.text, safe=token.text != "}")
            self._reporter.add(codes.STRAY_BRACKET, token.span, message, hint=hint, fix=fix)
        elif token.text == "[":
            span = Span(token.start, self._tokens[partner.get(at, at)].end)
            message = "the number of a route without the word route"
            hint = "write route[…], failure_route[…] or onreply_route[…]"
            fix = insert(token.start, "route", safe=False)
            self._reporter.add(codes.MISSING_ROUTE, span, message, hint=hint, fix=fix)
        elif token.text == "{":
            message = "a block without the word route"
            fix = insert(token.start, "route ", safe=False)
            self._reporter.add(codes.MISSING_ROUTE, token.span, message, hint="write route before it", fix=fix)
        elif token.kind in ("bad", "bad number"):
            self._token_mistakes.bad_token(at + 1, at)
        elif token.kind == "word":
            self._stray_word(at)
        else:
            message = f"{self._reporter.found(at)} cannot stand here"
            self._reporter.add(codes.UNEXPECTED, token.span, message)

    def _stray_word(self, at: int) -> None:
        token, following = self._tokens[at], self._tokens[at + 1]
        foreign = dialects.ITEMS.get(token.text)
        if foreign is not None and following.kind in ("string", "word"):
            message = f"{token.text} is of {foreign.origin}"
            fix = write(token.span, "modparam") if token.text == "modparamx" else None
            self._reporter.add(codes.FOREIGN_ITEM, token.span, message, hint=foreign.instead, fix=fix)
        elif following.text in ("{", "["):
            hint = did_you_mean(token.text, ROUTE_KINDS | FOREIGN_ROUTES) or _KINDS
            message = f'there is no kind of block "{token.text}"'
            fix = misspelt(token.span, token.text, ROUTE_KINDS)
            self._reporter.add(codes.MISSING_ROUTE, token.span, message, hint=hint, fix=fix)
        elif following.text == ":" and token.text in KEYWORDS:
            message = f'"=" is expected after "{token.text}", found ":"'
            fix = write(following.span, "=")
            self._reporter.add(codes.UNEXPECTED, following.span, message, hint=f"write {token.text}=", fix=fix)
        elif following.text == "==" and token.text not in OPERANDS:
            message = f'a global parameter is set with "=", found "{following.text}"'
            fix = write(following.span, "=")
            self._reporter.add(codes.UNEXPECTED, following.span, message, hint=f"write {token.text}=", fix=fix)
        elif following.kind == "string" and token.text in KEYWORDS and token.text not in OPERANDS | set(_TOP_LEVEL):
            self._missing_equals(at)
        elif following.kind == "string":
            hint = did_you_mean(token.text, _TOP_LEVEL)
            fix = misspelt(token.span, token.text, _TOP_LEVEL)
            if not hint and following.text.endswith(_MODULE_FILE):
                hint, fix = 'write loadmodule "FILE"', write(token.span, "loadmodule", safe=False)
            self._reporter.add(codes.UNEXPECTED, token.span, f'"{token.text}" cannot stand here', hint=hint, fix=fix)
        elif token.text in KEYWORDS and following.kind in ("number", "word") and token.text not in OPERANDS | {"if"}:
            self._missing_equals(at)
        elif not self._around_parameter(at):
            hint = did_you_mean(token.text, _TOP_LEVEL) if following.text == "(" else ""
            message = "a statement outside of a route"
            fix = misspelt(token.span, token.text, _TOP_LEVEL) if hint else None
            if not hint and [t.kind for t in self._tokens[at + 1 : at + 5]] == ["sign", "string", "sign", "string"]:
                hint, fix = 'write modparam("MODULE", "NAME", VALUE)', write(token.span, "modparam", safe=False)
            self._reporter.add(codes.OUTSIDE_OF_ROUTE, token.span, message, hint=hint or _TOO_MANY, fix=fix)

    def _around_parameter(self, at: int) -> bool:
        """Reports `check-via=no`, `alias(…)` and `set fork=no`; False if it is no such thing."""
        token, following, third = self._tokens[at : at + 3] if at + 3 <= len(self._tokens) else (self._tokens[at],) * 3
        dashed = self._reporter.dashed(at)
        if dashed is not None and self._reporter.source.text_of(dashed).replace("-", "_") in BY_NAME:
            meant = self._reporter.source.text_of(dashed).replace("-", "_")
            message = f'"{self._reporter.source.text_of(dashed)}" is no name: there is no "-" in names'
            self._reporter.add(codes.UNEXPECTED, dashed, message, hint=f"write {meant}", fix=write(dashed, meant))
        elif following.text == "(" and token.text in BY_NAME and _is_value(third):
            message = f'"=" is expected after "{token.text}", found "("'
            self._reporter.add(codes.UNEXPECTED, following.span, message, hint=f"write {token.text}=…")
        elif following.text in BY_NAME and third.text == "=":
            span = Span(token.start, following.start)
            message = f'"{token.text}" cannot stand before {following.text}='
            fix = remove(span, token.text)
            self._reporter.add(codes.UNEXPECTED, token.span, message, hint="remove it", fix=fix)
        else:
            return False
        return True

    def _missing_equals(self, at: int) -> None:
        span = self._reporter.after(at + 1)
        message = f'"=" is missing after "{self._tokens[at].text}"'
        self._reporter.add(codes.UNEXPECTED, span, message, fix=insert(span.end, "="))

    def route_without_block(self, start: int, at: int) -> None:
        """`{` is missing at `at`."""
        token = self._tokens[start]
        if self._tokens[start + 1].text == "(":
            message = f"a call of {token.text} outside of a route"
            self._reporter.add(codes.OUTSIDE_OF_ROUTE, token.span, message, hint=_TOO_MANY)
            return
        message = f'{token.text} needs a block: "{{" is expected here, found {self._reporter.found(at)}'
        span = self._reporter.after(at)
        self._reporter.add(codes.UNEXPECTED, span, message, fix=insert(span.end, " {", safe=False))

    def route_in_parentheses(self, start: int, closing: int) -> None:
        """`route(1) {`."""
        kind = self._tokens[start].text
        number = self._reporter.source.text_of(Span(self._tokens[start + 1].end, self._tokens[closing].start)).strip()
        span = Span(self._tokens[start + 1].start, self._tokens[closing].end)
        if not number:
            message = f"there are no parentheses in the head of a {kind}"
            fix = remove(span, "them") if kind == "route" else None
            right = "route {" if kind == "route" else f"{kind}[1] {{"
            self._reporter.add(codes.UNEXPECTED, span, message, hint=f"write {right}", fix=fix)
            return
        message = f"the number of a {kind} stands in brackets, not in parentheses"
        fix = write(span, f"[{number}]")
        self._reporter.add(codes.UNEXPECTED, span, message, hint=f"write {kind}[{number}]", fix=fix)

    def _is_armed_for_failures(self, number: Token) -> bool:
        """0.8 had one kind of routes for replies, whichever function named them."""
        tokens = self._tokens
        return any(
            token.text == dialects.ON_NEGATIVE and tokens[at + 2].text.strip("\"'") == number.text
            for at, token in enumerate(tokens[:-2])
        )

    def foreign_route_head(self, start: int, opening: int) -> tuple[RouteKind, Token | None] | None:
        """Kind and number to go on with when the head tokens[start:opening] is of another dialect; None if it is not."""
        token, number = self._tokens[start], self._tokens[start + 2]
        bracketed = self._tokens[start + 1].text == "["
        if token.text in FOREIGN_ROUTES:
            foreign, kind = dialects.ROUTES[token.text]
            message = f"{token.text} is of {foreign.origin}"
            if token.text == "reply_route" and self._is_armed_for_failures(number):
                hint = dialects.failure_route_instead(number.text)
                self._reporter.add(codes.FOREIGN_ROUTE, token.span, message, hint=hint)
                return "failure_route", number
            fix = write(token.span, "route") if token.text == "request_route" and not bracketed else None
            self._reporter.add(codes.FOREIGN_ROUTE, token.span, message, hint=foreign.instead, fix=fix)
            return (kind, None) if kind == "route" and not bracketed else (kind or "route", number)
        kinds: dict[str, RouteKind] = {"failure_route": "failure_route", "onreply_route": "onreply_route"}
        route_kind = kinds.get(token.text, "route")
        if opening == start + 1 and token.text != "route":
            message = f"{token.text} without a number is of SER 2.0 and Kamailio"
            hint = f"write {token.text}[1]"
            fix = write(token.span, f"{token.text}[1]", safe=False)
            self._reporter.add(codes.NAMED_ROUTE, token.span, message, hint=hint, fix=fix)
            return route_kind, number
        if bracketed and number.kind in ("word", "string") and opening == start + 4:
            self._named_route(Span(token.start, self._tokens[opening - 1].end), number)
            return route_kind, number
        return None

    def _named_route(self, span: Span, name: Token) -> None:
        message = f"route names such as {short(name.text)} are of SER 2.0, OpenSER and Kamailio"
        self._reporter.add(codes.NAMED_ROUTE, span, message, hint="in 0.9 routes have numbers, 0 to 19")

    # --- blocks ------------------------------------------------------------------------------------------------------

    def unclosed_block(self, opening: int, at: int) -> None:
        """The block that tokens[opening] opens is not closed where tokens[at] is, at the latest."""
        token, here = self._tokens[opening], self._tokens[at]
        if self._reporter.any_between(self._line_start(token), here.start):
            return  # what was reported in the block may have been its end
        related = (Related(token.span, "the block that begins here is never closed"),)
        if here.kind == "end":
            message, span = 'a "}" is missing at the end of the file', self._reporter.after(at)
        elif here.text == "}":
            message, span = 'a "}" is missing before this one', here.span
        else:
            message, span = f'a "}}" is missing before this {here.text}', here.span
        hint = 'write "}" where the block ends'
        fix = insert(span.start, "\n}\n" if here.kind == "end" else "}\n", safe=False)
        self._reporter.add(codes.UNCLOSED_BLOCK, span, message, hint=hint, related=related, fix=fix)

    def _line_start(self, token: Token) -> int:
        source = self._reporter.source
        return source.line_start(source.line_of(token.start))

    def closed_early(self, opening: int, closing: int, missing: int | None) -> None:
        """The route between the braces goes on behind them. `missing`: the token before which a `{` seems to be missing."""
        span = self._tokens[closing].span
        suspect = self._tokens[opening if missing is None else missing - 1]
        if self._reporter.any_between(self._line_start(suspect), span.start):
            return  # what was reported may have been a brace
        if missing is None:
            message = 'this "}" closes the route, though statements follow'
            fix = remove(span, "}", safe=False)
            self._reporter.add(codes.STRAY_BRACKET, span, message, hint="remove one of the }", fix=fix)
            return
        related = (Related(span, "so this } closes the route"),)
        message = 'a "{" is missing: the block that begins here is closed further down'
        place = self._reporter.after(missing)
        fix = insert(place.end, " {", safe=False)
        self._reporter.add(codes.UNEXPECTED, place, message, hint='write "{"', related=related, fix=fix)

    def empty_block(self, span: Span) -> None:
        hint = "write {;} for a block that does nothing"
        fix = insert(span.end - 1, ";")
        self._reporter.add(codes.EMPTY_BLOCK, span, "this block is empty", hint=hint, fix=fix)

    def lone_block(self, at: int, closing: int | None) -> None:
        """`closing`: index of the brace that ends it, None if there is none."""
        hint = "remove the braces; a block stands only after if and else"
        token = self._tokens[at]
        edits = () if closing is None else (Edit(token.span, ""), Edit(self._tokens[closing].span, ""))
        fix = Fix("remove the braces", edits) if edits else None
        self._reporter.add(codes.LONE_BLOCK, token.span, "a block cannot stand among statements", hint=hint, fix=fix)

    # --- statements --------------------------------------------------------------------------------------------------

    def stray_else(self, at: int, route: int) -> None:
        """At `else`, in the route that tokens[route] begins."""
        token, before = self._tokens[at], self._tokens[at - 1]
        hint, fix = "", None
        related: tuple[Related, ...] = ()
        if before.text == ";" and self._tokens[at - 2].text == "}":
            hint = 'remove the semicolon between "}" and else: it ends the if'
            related = (Related(before.span, "this semicolon ends the if"),)
            fix = remove(before.span, "the semicolon before else")
        elif self._reporter.any_between(self._tokens[route].start, token.start):
            return  # its if is what was reported
        message = "this else belongs to no if"
        self._reporter.add(codes.STRAY_ELSE, token.span, message, hint=hint, related=related, fix=fix)

    def miswritten_if(self, at: int) -> None:
        """`elseif`, `IF` and the like."""
        token = self._tokens[at]
        right = "else if" if token.text.lower() in ELSEIF_WORDS else token.text.lower()
        message = f'"{token.text}" is not a word of this language'
        self._reporter.add(codes.ELSEIF, token.span, message, hint=f"write {right}", fix=write(token.span, right))

    def misspelt_else(self, at: int) -> bool:
        """Reports `} esle {` and `} esle if`; False if this is no such thing."""
        token = self._tokens[at]
        if (
            token.kind != "word"
            or self._tokens[at + 1].text not in ("{", "if")
            or nearest(token.text, ("else",)) is None
        ):
            return False
        message = f'"{token.text}" is not a word of this language'
        fix = write(token.span, "else")
        self._reporter.add(codes.ELSEIF, token.span, message, hint='did you mean "else"?', fix=fix)
        return True

    def misspelt_if(self, at: int) -> bool:
        """Reports `iff (…) {` and the like; False if this is no such thing."""
        token = self._tokens[at]
        if self._tokens[at + 1].text != "(" or token.text not in ("fi", "iff", "if_", "i", "f", "unless", "when"):
            return False
        message = f'"{token.text}" is not a word of this language'
        hint = "write if (!(…))" if token.text == "unless" else "write if"
        fix = None if token.text == "unless" else write(token.span, "if")
        self._reporter.add(codes.ELSEIF, token.span, message, hint=hint, fix=fix)
        return True

    def then(self, at: int) -> None:
        """`if (…) then …`."""
        message = '"then" is not a word of this language'
        span = self._tokens[at].span
        self._reporter.add(codes.ELSEIF, span, message, hint="remove it", fix=remove(span, "then"))

    def foreign_statement(self, at: int) -> bool:
        """Reports `exit`, `return`, `while` and the like; False for any other word."""
        token = self._tokens[at]
        foreign = dialects.STATEMENTS.get(token.text)
        if foreign is None:
            return False
        message = f"{token.text} is of {foreign.origin}"
        self._reporter.add(codes.FOREIGN_STATEMENT, token.span, message, hint=foreign.instead, fix=self._break(at))
        return True

    def _break(self, at: int) -> Fix | None:
        """`break` for `return`, `exit` and the same with a number in parentheses. What leaves a called route goes on behind the call, so
        it is only `return` that surely means the same.
        """
        token = self._tokens[at]
        if token.text not in ("return", "exit"):
            return None
        following = [t.text for t in self._tokens[at + 1 : at + 5]]
        if following[:1] == [";"]:
            return write(token.span, "break", safe=token.text == "return")
        if following[:1] == ["("] and following[2:4] == [")", ";"]:
            span = Span(token.start, self._tokens[at + 3].end)
            return write(span, "break", safe=token.text == "return" and following[1] == "1")
        return None

    def missing_semicolon(self, at: int) -> None:
        before, here = self._tokens[at - 1], self._tokens[at]
        if here.text == "{" and before.kind == "word" and _is_value(self._tokens[at + 1]):
            message = f"the arguments of {before.text} stand in parentheses, not in braces"
            self._reporter.add(codes.UNEXPECTED, here.span, message, hint=f"write {before.text}(…)")
            return
        message = 'a ";" is missing after this statement'
        span = self._reporter.after(at)
        self._reporter.add(codes.MISSING_SEMICOLON, span, message, fix=insert(span.end, ";"))

    def expected(self, what: str, at: int) -> None:
        message = f"{what}, found {self._reporter.found(at)}"
        self._reporter.add(codes.UNEXPECTED, self._tokens[at].span, message)


def _is_value(token: Token) -> bool:
    return token.kind in ("string", "number", "word", "address")
