"""What an editor asks about a ser.cfg that is being written: what a word means, where it is used, what may stand here.

Offsets are those of `Source`; a file that does not parse is answered as far as it can be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from runtime.modules import catalogue
from runtime.spec.declare import FAILURE, ONREPLY, REQUEST, Function, ModuleSpec, Param, RouteKind
from runtime.spec.globals import GLOBALS
from runtime.spec.kinds_words import FAILURE_ROUTE, ONREPLY_ROUTE
from serc.diagnostics.report import Report
from serc.frontend import inspect, uncollected
from serc.reading import tree
from serc.reading.lex import lex
from serc.reading.source import Source
from serc.reading.tree import Span
from serc.resolve.bound import BoundFile
from serc.resolve.modules import Modules, stem_of
from serc.style import styled
from serc.symbols import Symbols

_KINDS: Final = ((REQUEST, "request"), (FAILURE, "failure"), (ONREPLY, "onreply"))
_ROUTES: Final[dict[str, RouteKind]] = {"route": REQUEST, "failure_route": FAILURE, "onreply_route": ONREPLY}
_WORD: Final = re.compile(r"\w+")
_STATEMENTS: Final = ("if", "else", "break", "route")
_LOAD: Final = re.compile(r"""^[ \t]*loadmodule[ \t]*["']([^"'\n]+)["']""", re.MULTILINE)
_IN_LOAD: Final = re.compile(r'loadmodule\s*"[^"]*\Z')
_IN_ROUTE: Final = re.compile(r"\broute\s*\(\s*\d*\Z")
_IN_NUMBER: Final = re.compile(r'[(,]\s*"\d*\Z')
# Routes whose numbers arguments are, by the kind of the argument.
_NUMBERED: Final = {FAILURE_ROUTE.name: "failure_route", ONREPLY_ROUTE.name: "onreply_route"}
_HEAD: Final = re.compile(r"^[ \t]*(route|failure_route|onreply_route)\s*\[\s*(\d+)\s*\]", re.MULTILINE)
_IN_PARAM: Final = re.compile(r'modparam\s*\(\s*"[^"]*"\s*,\s*"[^"]*\Z')
# Texts and comments, so that what is in them counts for nothing, and what holds arguments together.
_PIECES: Final = re.compile(r'"(?:[^"\\]|\\.)*"?|\'[^\']*\'?|#[^\n]*|[(),;{}]', re.DOTALL)
# No call is longer.
_CALL_MAX: Final = 2000
_NAME_BEFORE: Final = re.compile(r"([A-Za-z]\w*)\s*\Z")
_COMMENT: Final = re.compile(r"/\*.*?\*/", re.DOTALL)
_ITEMS: Final = ("loadmodule", "modparam", "route", "failure_route", "onreply_route")


@dataclass(frozen=True)
class Proposal:
    """A word that may stand where the cursor is: what it is, and what it does."""

    word: str
    kind: str
    detail: str


@dataclass(frozen=True)
class Signature:
    """The functions that a call can mean, and the number of the argument, from 0, that is being written."""

    functions: list[tuple[ModuleSpec, Function]]
    argument: int


class Document:
    """One version of a ser.cfg."""

    def __init__(self, source: Source) -> None:
        self.source: Final = source

    @cached_property
    def _inspected(self) -> tuple[BoundFile, Report]:
        """The costly part. What is asked for after each keystroke does without it."""
        with uncollected():
            return inspect(self.source, catalogue)

    @property
    def report(self) -> Report:
        """All diagnostics."""
        return self._inspected[1]

    @property
    def file(self) -> tree.File:
        """What could be read."""
        return self._inspected[0].file

    @property
    def modules(self) -> Modules:
        return self._inspected[0].modules

    @cached_property
    def specs(self) -> list[ModuleSpec]:
        """The modules that are loaded, read off the text."""
        stems = dict.fromkeys(stem_of(found[1]) for found in _LOAD.finditer(self.source.text))
        return [spec for stem in stems if stem != "core" and (spec := catalogue.find(stem)) is not None]

    def formatted(self) -> str | None:
        """The file in one style; None if it does not parse."""
        return styled(self.source)[0]

    # --- words -------------------------------------------------------------------------------------------------------

    def word_at(self, offset: int) -> tuple[str, Span] | None:
        line = self.source.line_of(offset)
        start = self.source.line_start(line)
        for found in _WORD.finditer(self.source.line_text(line)):
            if start + found.start() <= offset <= start + found.end():
                return found[0], Span(start + found.start(), start + found.end())
        return None

    def hover(self, offset: int) -> tuple[str, Span] | None:
        """Markdown about what stands there, and the place of it."""
        found = self.word_at(offset)
        if found is None:
            return None
        word, span = found
        line = self.source.line_of(offset)
        before = self.source.text[self.source.line_start(line) : span.start]
        if _IN_LOAD.search(before) or self.source.line_text(line).lstrip().startswith("loadmodule"):
            loaded = _LOAD.match(self.source.text, self.source.line_start(line))
            spec = None if loaded is None else catalogue.find(stem_of(loaded[1]))
            return None if spec is None else (f"**{spec.name}**: {spec.summary}", span)
        if _IN_PARAM.search(before):
            texts = [param_text(spec, p) for spec in self.specs if (p := spec.param(word)) is not None]
            return ("\n\n".join(texts), span) if texts else None
        for name, text in self._documented():
            if name == word:
                return text, span
        return None

    def _documented(self) -> Iterator[tuple[str, str]]:
        """Names with what is to be said of them."""
        for spec, function in self.functions():
            yield function.name, function_text(spec, function)
        for parameter in GLOBALS:
            for name in (parameter.name, *parameter.aliases):
                yield name, f"**{parameter.name}** = {parameter.type.value}\n\n{parameter.summary or parameter.why}"

    def functions(self) -> Iterator[tuple[ModuleSpec, Function]]:
        """All that the file can call: of its modules and of the core."""
        for spec in (*self.specs, catalogue.core()):
            for function in spec.functions:
                yield spec, function

    def signature(self, offset: int) -> Signature | None:
        """The call around a place, which need not be finished; None outside of all."""
        text = self.source.text
        start = self.source.line_start(self.source.line_of(max(0, offset - _CALL_MAX)))
        opened: list[list[int]] = []  # where each parenthesis is, and how many commas follow
        for piece in _PIECES.finditer(text, start, offset):
            if piece[0] == "(":
                opened.append([piece.start(), 0])
            elif piece[0] in ("{", "}", ";"):
                opened.clear()
            elif piece[0] == ")" and opened:
                opened.pop()
            elif piece[0] == "," and opened:
                opened[-1][1] += 1
        for at, commas in reversed(opened):
            name = _NAME_BEFORE.search(text, max(start, at - 100), at)
            found = [] if name is None else [(s, f) for s, f in self.functions() if f.name == name[1]]
            if found:
                return Signature(found, commas)
        return None

    # --- folding -----------------------------------------------------------------------------------------------------

    def folds(self) -> list[tuple[int, int, str]]:
        """First and last line of what can be shown as one, from 1, and what it is: "block", "comment", or "imports" of modules."""
        found = []
        opened: list[int] = []
        lexed = lex(self.source, Report())
        for token in lexed.tokens:
            if token.kind == "sign" and token.text == "{":
                opened.append(self.source.line_of(token.start))
            elif token.kind == "sign" and token.text == "}" and opened:
                first, last = opened.pop(), self.source.line_of(token.start)
                if last - first > 1:
                    found.append((first, last - 1, "block"))
        lines = [self.source.line_text(n).lstrip() for n in range(1, self.source.line_count + 1)]
        for kind, heads in (("comment", ("#",)), ("imports", ("loadmodule", "modparam"))):
            found += [(first, last, kind) for first, last in _runs(lines, heads)]
        for match in _COMMENT.finditer(self.source.text):
            first, last = self.source.line_of(match.start()), self.source.line_of(match.end() - 1)
            if last > first:
                found.append((first, last, "comment"))
        return sorted(found)

    # --- completion --------------------------------------------------------------------------------------------------

    def completion(self, offset: int) -> list[Proposal]:
        """What is legal there, by where it is: a module's name, a parameter, a function of this kind of route, an item."""
        line = self.source.line_of(offset)
        before = self.source.text[self.source.line_start(line) : offset]
        if re.search(r'loadmodule\s*"[^"]*$', before):
            specs = filter(None, map(catalogue.find, catalogue.names()))
            return [Proposal(f"{spec.name}.so", "module", spec.summary) for spec in specs]
        found = re.search(r'modparam\s*\(\s*"([^"]*)"\s*,\s*"[^"]*$', before)
        if found is not None:
            spec = next((spec for spec in self.specs if spec.exported == found[1]), None)
            return [] if spec is None else [Proposal(p.name, "parameter", p.summary) for p in spec.params]
        if re.search(r'modparam\s*\(\s*"[^"]*$', before):
            return [Proposal(spec.exported, "module", spec.summary) for spec in self.specs]
        numbered = self._wanted_route(before, offset)
        if numbered:
            return [Proposal(number, "route", what) for number, what in self._numbers(numbered).items()]
        if before.count('"') % 2:
            return []
        kind = self._route_kind(offset)
        if kind is None:
            items = [Proposal(word, "keyword", "") for word in _ITEMS]
            return items + [Proposal(parameter.name, "parameter", parameter.summary) for parameter in GLOBALS]
        names: dict[str, Proposal] = {word: Proposal(word, "keyword", "") for word in _STATEMENTS}
        if re.search(r"\bif\b[^{;]*$", before):
            names |= {each.name: Proposal(each.name, "operand", each.summary) for each in catalogue.core().operands}
        for spec, function in self.functions():
            if function.routes & kind:
                names.setdefault(function.name, Proposal(function.name, "function", f"{spec.name}: {function.summary}"))
        return list(names.values())

    def _wanted_route(self, before: str, offset: int) -> str:
        """The kind of route whose number is being written, as in `route(1` and `t_on_failure("1`; "" where none is."""
        if _IN_ROUTE.search(before) and before.count('"') % 2 == 0:
            return "route"
        found = self.signature(offset) if _IN_NUMBER.search(before) else None
        if found is not None:
            for _, function in found.functions:
                if found.argument < len(function.arguments):
                    return _NUMBERED.get(function.arguments[found.argument].kind.name, "")
        return ""

    def _numbers(self, kind: str) -> dict[str, str]:
        """The routes of this kind that the file has, with the comment above each, or behind its head."""
        found: dict[str, str] = {}
        for head in _HEAD.finditer(self.source.text):
            if head[1] == kind:
                line = self.source.line_of(head.start())
                above = self.source.line_text(line - 1).strip() if line > 1 else ""
                _, _, behind = self.source.line_text(line).partition("#")
                found.setdefault(head[2], above.lstrip("# ") if above.startswith("#") else behind.strip())
        return dict(sorted(found.items(), key=lambda each: int(each[0])))

    def _route_kind(self, offset: int) -> RouteKind | None:
        """The kind of route that the cursor is in; None outside of all. Read off the text, which need not parse."""
        found: RouteKind | None = None
        depth = 0
        text = re.sub(r'"(?:[^"\\\n]|\\.)*"|#[^\n]*', lambda m: " " * len(m[0]), self.source.text[:offset])
        for piece in re.finditer(r"\b(route|failure_route|onreply_route)\b|[{}]", text):
            if piece[1] is not None and depth == 0:
                found = _ROUTES[piece[1]]
            elif piece[0] == "{":
                depth += 1
            elif piece[0] == "}":
                depth = max(0, depth - 1)
        return found if depth else None

    # --- symbols -----------------------------------------------------------------------------------------------------

    @cached_property
    def symbols(self) -> Symbols:
        """Routes, flags and AVPs with all their places."""
        return Symbols(self.file, self.modules)

    def definitions(self, offset: int) -> list[Span]:
        """Where the route or alias is made that stands there."""
        use = self.symbols.at(offset)
        return [] if use is None else [u.span for u in self.symbols.of(use.symbol) if u.is_definition]

    def references(self, offset: int) -> list[Span]:
        """All places of what stands there, its definition first."""
        use = self.symbols.at(offset)
        return [] if use is None else [u.span for u in self.symbols.of(use.symbol)]


def _runs(lines: list[str], heads: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """Two lines and more, one after the other, that begin with one of the words."""
    first = 0
    for number, line in enumerate((*lines, ""), 1):
        if line.startswith(heads):
            first = first or number
        elif first:
            if number - first > 1:
                yield first, number - 1
            first = 0


def function_text(spec: ModuleSpec, function: Function) -> str:
    """Markdown: how it is called, where, what it does."""
    arguments = ", ".join(argument.name for argument in function.arguments)
    kinds = [name for kind, name in _KINDS if kind & function.routes]
    where = " and ".join(part for part in (", ".join(kinds[:-1]), *kinds[-1:]) if part) or "no"
    lines = [
        f"**{function.name}({arguments})** of {spec.name}",
        function.summary,
        f"It may be called in {where} routes.",
    ]
    lines += [f"* *{argument.name}*: {argument.kind.expects}" for argument in function.arguments]
    if function.may_stop:
        lines.append("It can end the route.")
    if function.waits:
        lines.append(
            "The route may wait, for a name, a database or a program, never for an answer of SIP; others are handled meanwhile."
        )
    return "\n\n".join(line for line in lines if line)


def param_text(spec: ModuleSpec, param: Param) -> str:
    default = "must be set" if param.mandatory else f"default: {param.default!r}"
    return f"**{param.name}** of {spec.name}, {param.type.value}, {default}\n\n{param.summary}"
