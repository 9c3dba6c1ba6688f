"""Why the grammar refused a piece."""

from __future__ import annotations

import re
from typing import Final

from serc.diagnostics import codes
from serc.diagnostics.fix import Edit, Fix, insert, write
from serc.reading.keywords import KEYWORDS
from serc.reading.mistakes.conditions import ConditionMistakes
from serc.reading.mistakes.reporter import Reporter, short
from serc.reading.tree import Span

_LIKE_IPV6: Final = re.compile(r"\[?(?:[0-9A-Fa-f]*:){2,}[0-9A-Za-z:.]*\]?")
_PROTOCOLS: Final = ("udp", "tcp", "tls")
_PATH: Final = re.compile(r"[^\s;#\"'](?:[^\s;#\"'(){}])*")
_WHAT: Final = {
    "call": "this statement",
    "condition": "this condition",
    "assignment": "this assignment",
    "loadmodule": 'loadmodule "FILE"',
    "modparam": 'modparam("MODULE", "NAME", VALUE)',
    "route_head": "this head of a route",
}


class PieceMistakes:
    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._tokens = reporter.tokens
        self._conditions = ConditionMistakes(reporter)

    def refused(self, rule: str, start: int, end: int, offset: int) -> None:
        """tokens[start:end] are no `rule`; they make sense up to `offset`."""
        at = start
        while at < end and self._tokens[at].start < offset:
            at += 1
        if rule == "condition" and self._conditions.refused(start, end, at):
            return
        if self._reserved_word(rule, start, end, at) or self._sign(at, end) or self._dotted(start, end):
            return
        if rule == "assignment" and self._assignment(start, end, at):
            return
        if rule in ("loadmodule", "modparam") and self._module_statement(rule, start, end, at):
            return
        if at >= end:
            message = f"{_WHAT[rule]} is incomplete: more is expected before {self._reporter.found(end)}"
            self._unexpected(self._reporter.after(end), message)
            return
        hint, fix = self._way_out(rule, start, end, at)
        if rule == "assignment" and self._tokens[at].text == ",":
            name = self._tokens[start].text
            hint = f"{name} takes one value" + (
                "; listen=ADDRESS:PORT can stand several times" if name == "port" else ""
            )
        self._unexpected(self._tokens[at].span, self._sentence(rule, start, at), hint, fix)

    def _unexpected(self, span: Span, message: str, hint: str = "", fix: Fix | None = None) -> None:
        self._reporter.add(codes.UNEXPECTED, span, message, hint=hint, fix=fix)

    def _sign(self, at: int, end: int) -> bool:
        """`-1` and `+1`."""
        if at < end and self._tokens[at].text in ("-", "+") and self._tokens[at + 1].kind in ("number", "bad number"):
            span = Span(self._tokens[at].start, self._tokens[at + 1].end)
            self._unexpected(span, f'"{self._tokens[at].text}" cannot stand here: numbers have no sign')
            return True
        return False

    def _dotted(self, start: int, end: int) -> bool:
        """`10.0.0` and `1.2.3.4.5`, and fractions."""
        at = start
        while at < end:
            last = at
            while last + 2 < end and self._tokens[last + 1].text == "." and self._tokens[last + 2].kind == "number":
                last += 2
            if self._tokens[at].kind == "number" and last - at not in (0, 6):
                span = Span(self._tokens[at].start, self._tokens[last].end)
                text = short(self._reporter.source.text_of(span))
                message = f"{text} is not an IP address: it has four parts"
                hint = f'there are no fractions; write "{text}" where a text is wanted' if last - at == 2 else ""
                self._reporter.add(codes.BAD_ADDRESS, span, message, hint=hint)
                return True
            at = last + 1
        return False

    # --- words and items ---------------------------------------------------------------------------------------------

    def _reserved_word(self, rule: str, start: int, end: int, at: int) -> bool:
        """A reserved word as part of a host name, or as a function."""
        if rule == "call" and self._dashed_name(start):
            return True
        for i in range(max(start + 1, at - 1), min(at + 2, end)):
            token = self._tokens[i]
            joined = self._tokens[i - 1].text in (".", "-") or self._tokens[i + 1].text in (".", "-")
            if joined and token.kind == "word" and token.text in KEYWORDS and rule != "loadmodule":
                message = f'"{token.text}" is a reserved word and cannot be part of a host name as it stands'
                fix = self._reporter.quoted_host(token.start)
                self._reporter.add(codes.RESERVED_WORD, token.span, message, hint="quote the host name", fix=fix)
                return True
        token = self._tokens[start]
        if rule == "call" and at == start and token.text in KEYWORDS and self._tokens[start + 1].text == "(":
            message = f'"{token.text}" is a reserved word and no function'
            self._reporter.add(codes.RESERVED_WORD, token.span, message)
            return True
        return False

    def _dashed_name(self, start: int) -> bool:
        """`sl-send-reply(…)`, where a name is a part of a call."""
        dashed = self._reporter.dashed(start)
        if dashed is None:
            return False
        name = self._reporter.source.text_of(dashed)
        meant = name.replace("-", "_")
        message = f'"{name}" is no name: there is no "-" in names'
        self._reporter.add(codes.UNEXPECTED, dashed, message, hint=f"write {meant}", fix=write(dashed, meant))
        return True

    def _assignment(self, start: int, end: int, at: int) -> bool:
        name = self._tokens[start].text
        first = self._tokens[start + 2] if start + 2 < end else None
        second = self._tokens[start + 3] if start + 3 < end else None
        if first is None:
            message = f"a value is expected after {name}=, found {self._reporter.found(end)}"
            self._unexpected(self._reporter.after(start + 2), message)
        elif first.text == "/":
            message = f'{name} wants a string: "/" cannot stand here'
            self._unexpected(first.span, message, "put the path in quotes", self._quoted_path(first.start))
        elif name in ("listen", "alias", "advertised_address") and self._broken_ipv6(first.start):
            pass
        elif first.text == "*" and name in ("listen", "alias"):
            message = '"*" stands for all protocols: ":" and an address are expected behind it'
            hint = "leave listen away to serve all addresses" if name == "listen" else ""
            self._unexpected(first.span, message, hint)
        elif at < end and self._tokens[at].text == "," and name in ("listen", "alias"):
            message = f'"," cannot stand here in the list of {name}'
            span = self._tokens[at].span
            self._unexpected(
                span, message, "separate the addresses with blanks", Fix("write a blank", (Edit(span, " "),))
            )
        elif first.text.lower() in _PROTOCOLS and name == "listen" and second is not None and second.kind == "number":
            message = f'":" is missing after "{first.text}"'
            self._unexpected(self._reporter.after(start + 3), message, f"write listen={first.text}:ADDRESS")
        elif name == "port" and first.text.lower() in _PROTOCOLS:
            hint = f"write a number, or listen={first.text}:ADDRESS:PORT"
            self._unexpected(first.span, "port is one for all protocols", hint)
        elif at < end and self._tokens[at].text == ":" and name == "advertised_address":
            port = self._tokens[at + 1].text
            hint = f"write advertised_port={port} as a parameter of its own"
            self._unexpected(self._tokens[at].span, f"{name} has no port", hint)
        elif first.kind == "word" and self._tokens[start + 3].text == ":" and name in ("listen", "alias"):
            if at <= start + 3 or first.text.lower() in _PROTOCOLS:
                return False
            message = f'"{first.text}" is no protocol'
            self._unexpected(first.span, message, "protocols: udp, tcp, tls")
        else:
            return False
        return True

    def _broken_ipv6(self, start: int) -> bool:
        """What has the letters of an IPv6 address, and two colons at the least."""
        source = self._reporter.source
        found = _LIKE_IPV6.match(source.text, start)
        if found is None:
            return False
        span = Span(start, found.end())
        message = f"{short(found[0])} is not an IPv6 address"
        hint = "write eight groups of at most four digits and letters a to f, with one :: in the place of zeros"
        self._reporter.add(codes.BAD_ADDRESS, span, message, hint=hint)
        return True

    def _module_statement(self, rule: str, start: int, end: int, at: int) -> bool:
        if at >= end:
            return False
        token, fix = self._tokens[at], None
        if rule == "loadmodule" and token.text in ("/", "."):
            message = f'loadmodule wants a string: "{token.text}" cannot stand here'
            self._unexpected(token.span, message, "put the path in quotes", self._quoted_path(token.start))
            return True
        if rule == "modparam" and token.text == ")" and self._tokens[at - 1].kind == "string":
            what = "name and value are" if at == start + 3 else "value is"
            message = f"the {what} missing in this modparam"
        elif rule == "modparam" and at == start + 1 and token.text != "(":
            message = f'"(" is expected after modparam, found {self._reporter.found(at)}'
        elif rule == "modparam" and token.kind in ("string", "number") and self._tokens[at - 1].kind != "sign":
            message = f'"," is expected before {self._reporter.found(at)}'
            fix = insert(self._tokens[at - 1].end, ",")
        elif rule == "loadmodule" and token.text == "(":
            message = 'loadmodule takes a string without parentheses: "(" cannot stand here'
            fix = self._without_parentheses(at, end)
        elif token.kind in ("word", "number") and self._tokens[at - 1].text in ("(", ",", "loadmodule"):
            message = f"a string in quotes is expected here, found {self._reporter.found(at)}"
            hint = "put the path in quotes" if rule == "loadmodule" else f'write "{token.text}"'
            fix = self._quoted_path(token.start) if rule == "loadmodule" else write(token.span, f'"{token.text}"')
            self._unexpected(token.span, message, hint, fix)
            return True
        else:
            return False
        self._unexpected(token.span, message, f"write {_WHAT[rule]}", fix)
        return True

    def _quoted_path(self, offset: int) -> Fix:
        """Quotes around all up to a blank, or to what ends a statement."""
        found = _PATH.match(self._reporter.source.text, offset)
        assert found is not None, "a token has a character at least"
        return write(Span(offset, found.end()), f'"{found[0]}"')

    def _without_parentheses(self, at: int, end: int) -> Fix | None:
        """`("sl.so")` without its parentheses."""
        if at + 3 != end or self._tokens[at + 1].kind != "string" or self._tokens[at + 2].text != ")":
            return None
        inner = self._tokens[at + 1]
        blank = " " if self._reporter.adjacent(at) else ""
        return write(Span(self._tokens[at].start, self._tokens[at + 2].end), f"{blank}{inner.text}")

    # --- the rest ----------------------------------------------------------------------------------------------------

    def _sentence(self, rule: str, start: int, at: int) -> str:
        found = self._reporter.found(at)
        if rule == "call" and at == start:
            return f"a statement cannot begin with {found}"
        if self._tokens[at].text == "=":
            return '"=" cannot stand here'
        if rule == "call" and self._tokens[at].text == ":" and self._reporter.begins_line(at + 1):
            return 'a statement ends in ";", found ":"'
        if rule == "call" and self._tokens[start + 1].text == "(":
            if self._tokens[at].kind in ("string", "number", "word", "address"):
                return f'"," or ")" is expected before {found}'
            return f"an argument is expected here, found {found}"
        if rule == "call":
            return f'"(" or ";" is expected after "{short(self._tokens[start].text)}", found {found}'
        if rule == "route_head":
            return f"a route is numbered, as in {self._tokens[start].text}[1]: {found} cannot stand here"
        return f"{found} cannot stand here in {_WHAT[rule]}"

    def _way_out(self, rule: str, start: int, end: int, at: int) -> tuple[str, Fix | None]:
        if rule == "condition":
            return self._conditions.way_out(start, end, at)
        here, before = self._tokens[at], self._tokens[at - 1]
        if rule == "route_head" and here.kind == "number":
            meant = f"{self._tokens[start].text}[{here.text}]"
            return f"write {meant}", write(Span(self._tokens[start].start, here.end), meant)
        if rule != "call":
            return "", None
        if here.text in (":", ",") and at == start and before.text == ")":
            return 'a block begins with "{"', None
        if here.text in (":", ",") and (self._reporter.begins_line(at + 1) or at + 1 >= end):
            return "write ; where the statement ends", write(here.span, ";")
        if before.text in ("break", "drop") and at == start + 1:
            return f"write {before.text};", None
        if here.text == "=":
            return "global parameters stand outside of the routes", None
        if self._tokens[start].text == "route" and (here.text == "[" or here.kind == "number"):
            bracketed = here.text == "["
            number = self._tokens[at + bracketed].text
            last = at + 2 * bracketed
            closed = not bracketed or self._tokens[last].text == "]"
            span = Span(self._tokens[start].start, self._tokens[last].end)
            return f"write route({number})", write(span, f"route({number})") if closed else None
        if here.text == "[" and at == start + 1:
            return f"write {before.text}(…)", None
        if before.kind == "string" and here.kind != "string" and self._reporter.adjacent(at):
            return 'write \\" for a quote within a text', None
        if before.kind == "word" and here.kind == "word" and before.text not in KEYWORDS:
            return "put texts in quotes", None
        if here.text == "/" and before.text in ("(", ","):
            return "put texts in quotes", None
        if here.kind in ("string", "number") and before.kind in ("string", "number"):
            hint = 'write a "," between the arguments' if here.kind == before.kind == "string" else ""
            return hint, insert(before.end, ",")
        return "", None
