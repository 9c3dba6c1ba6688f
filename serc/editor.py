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
from serc.diagnostics.report import Report
from serc.frontend import analyse
from serc.reading import tree
from serc.reading.lex import lex
from serc.reading.source import Source
from serc.reading.structure import parse_file
from serc.reading.tree import Span
from serc.resolve.modules import Modules, check_modules
from serc.style import styled
from serc.symbols import Symbols

_KINDS: Final = ((REQUEST, "request"), (FAILURE, "failure"), (ONREPLY, "onreply"))
_ROUTES: Final[dict[str, RouteKind]] = {"route": REQUEST, "failure_route": FAILURE, "onreply_route": ONREPLY}
_WORD: Final = re.compile(r"\w+")
_STATEMENTS: Final = ("if", "else", "break", "route")
_ITEMS: Final = ("loadmodule", "modparam", "route", "failure_route", "onreply_route")


@dataclass(frozen=True)
class Proposal:
    """A word that may stand where the cursor is: what it is, and what it does."""

    word: str
    kind: str
    detail: str


class Document:
    """One version of a ser.cfg."""

    def __init__(self, source: Source) -> None:
        self.source: Final = source

    @cached_property
    def report(self) -> Report:
        """All diagnostics."""
        return analyse(self.source, catalogue)[1]

    @cached_property
    def file(self) -> tree.File:
        """What could be read."""
        report = Report()
        return parse_file(self.source, report, lex(self.source, report))

    @cached_property
    def modules(self) -> Modules:
        return check_modules(self.file, catalogue, Report(), True)

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
        for item in self.file.items:
            if isinstance(item, tree.LoadModule) and item.span.start <= offset <= item.span.end:
                spec = catalogue.find(item.path.value.rpartition("/")[2].removesuffix(".so"))
                return None if spec is None else (f"**{spec.name}**: {spec.summary}", item.span)
            if isinstance(item, tree.ModParam) and item.parameter.span.start <= offset <= item.parameter.span.end:
                texts = [param_text(m.spec, p) for m in self.modules.loaded if (p := m.spec.param(word)) is not None]
                return ("\n\n".join(texts), item.parameter.span) if texts else None
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
        for spec in (*(loaded.spec for loaded in self.modules.loaded), catalogue.core()):
            for function in spec.functions:
                yield spec, function

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
            spec = next((m.spec for m in self.modules.loaded if m.spec.exported == found[1]), None)
            return [] if spec is None else [Proposal(p.name, "parameter", p.summary) for p in spec.params]
        if re.search(r'modparam\s*\(\s*"[^"]*$', before):
            return [Proposal(m.spec.exported, "module", m.spec.summary) for m in self.modules.loaded]
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


def function_text(spec: ModuleSpec, function: Function) -> str:
    """Markdown: how it is called, where, what it does."""
    arguments = ", ".join(argument.name for argument in function.arguments)
    where = ", ".join(name for kind, name in _KINDS if kind & function.routes)
    lines = [f"**{function.name}({arguments})** of {spec.name}", function.summary, f"In {where} routes."]
    lines += [f"* *{argument.name}*: {argument.kind.expects}" for argument in function.arguments]
    if function.may_stop:
        lines.append("It can end the route.")
    if function.waits:
        lines.append("The route waits for its answer; other messages are handled meanwhile.")
    return "\n\n".join(line for line in lines if line)


def param_text(spec: ModuleSpec, param: Param) -> str:
    default = "must be set" if param.mandatory else f"default: {param.default!r}"
    return f"**{param.name}** of {spec.name}, {param.type.value}, {default}\n\n{param.summary}"
