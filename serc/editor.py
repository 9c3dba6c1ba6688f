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
from runtime.spec.declare import FAILURE, ONREPLY, REQUEST, Function, ModuleSpec, Param
from runtime.spec.globals import GLOBALS
from serc.completing import MODPARAM, ROUTE, Completion, Opened, Proposal, opened_before
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
_WORD: Final = re.compile(r"\w+")
_LOAD: Final = re.compile(r"""^[ \t]*loadmodule[ \t]*["']([^"'\n]+)["']""", re.MULTILINE)
_IN_LOAD: Final = re.compile(r'loadmodule\s*"[^"]*\Z')
_IN_PARAM: Final = re.compile(r'modparam\s*\(\s*"[^"]*"\s*,\s*"[^"]*\Z')
_COMMENT: Final = re.compile(r"/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True)
class Call:
    """How something is called: each argument with what it is, and Markdown about it all."""

    name: str
    arguments: tuple[tuple[str, str], ...]
    text: str


@dataclass(frozen=True)
class Signature:
    """What a call can mean, and the number of the argument, from 0, that is being written."""

    calls: list[Call]
    argument: int


_ROUTE_CALL: Final = Call(
    ROUTE, (("number", "the number of a route"),), "Runs that route, and goes on behind the call."
)


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
        for call in reversed(opened_before(self.source, offset)[0]):
            if call.name == MODPARAM:
                return Signature([self._modparam(call)], call.commas)
            if call.name == ROUTE:
                return Signature([_ROUTE_CALL], call.commas)
            found = [_call_of(s, f) for s, f in self.functions() if f.name == call.name]
            if found:
                return Signature(found, call.commas)
        return None

    def _modparam(self, call: Opened) -> Call:
        """With what is to be said of the parameter, once it is named."""
        names = call.texts[0].split("|") if call.texts else []
        wanted = call.texts[1] if len(call.texts) > 1 else ""
        texts = [param_text(s, p) for s in self.specs if s.exported in names and (p := s.param(wanted)) is not None]
        arguments = (
            ("module", "modules that are loaded, with | between them"),
            ("parameter", "its name"),
            ("value", ""),
        )
        return Call(MODPARAM, arguments, "\n\n".join(texts) or "Sets a parameter of a module.")

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
        """What is legal there, whether the text parses or not."""
        return Completion(self.source, offset, self.specs, self.functions).proposals()

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


def _call_of(spec: ModuleSpec, function: Function) -> Call:
    arguments = tuple((argument.name, argument.kind.expects) for argument in function.arguments)
    return Call(function.name, arguments, function_text(spec, function))


def param_text(spec: ModuleSpec, param: Param) -> str:
    default = "must be set" if param.mandatory else f"default: {param.default!r}"
    return f"**{param.name}** of {spec.name}, {param.type.value}, {default}\n\n{param.summary}"
