"""How large a ser.cfg is, what it uses, and where it is hard to follow."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from runtime.modules import catalogue
from serc.diagnostics.report import Report, Severity
from serc.reading import tree
from serc.reading.lex import lex
from serc.reading.source import Source
from serc.reading.tree import parts
from serc.reading.walk import below, calls, routes
from serc.resolve.bound import BoundFile
from serc.resolve.routes import RouteGraph, RouteUses, key_of
from serc.symbols import Symbols

# Routes above this are hard to follow (McCabe 1976).
COMPLEX: Final = 10


@dataclass(frozen=True)
class RouteStatistics:
    """`complexity` is the number of ways through it, as McCabe counts: conditions and their parts, and one. `depth` counts blocks within
    blocks, `callers` the calls that lead to it or arm it."""

    name: str
    line: int
    lines: int
    statements: int
    complexity: int
    depth: int
    callers: int


@dataclass(frozen=True)
class ModuleStatistics:
    """`functions` are those that are called, with how often; `parameters` those that modparam sets."""

    name: str
    functions: dict[str, int]
    parameters: list[str]


@dataclass(frozen=True)
class Statistics:
    """`lines` with anything but blanks and comments are `code`."""

    lines: int
    code: int
    comments: int
    routes: list[RouteStatistics]
    modules: list[ModuleStatistics]
    globals: list[str]
    flags: list[str]
    avps: list[str]
    warnings: int

    def unused(self) -> list[str]:
        """Modules without which the file has the same functions and parameters. Others may need them all the same."""
        needed = {need for m in self.modules if (spec := catalogue.find(m.name)) is not None for need in spec.needs}
        needed.add(catalogue.core().name)  # which nobody loads
        return [m.name for m in self.modules if not m.functions and not m.parameters and m.name not in needed]


def statistics(source: Source, bound: BoundFile, report: Report) -> Statistics:
    """Of a file without errors."""
    lexed = lex(source, Report())
    code = {source.line_of(token.start) for token in lexed.tokens[:-1]}
    filled = {n for n in range(1, source.line_count + 1) if source.line_text(n).strip()}
    file = bound.file
    graph = RouteGraph(file)
    uses = RouteUses(file, bound.functions, graph)
    symbols = Symbols(file, bound.modules)
    return Statistics(
        lines=source.line_count - (source.text.endswith("\n") or not source.text),
        code=len(code),
        comments=len(filled - code),
        routes=[_route(route, source, uses) for route in routes(file)],
        modules=_modules(bound),
        globals=list(dict.fromkeys(item.name.name for item in file.items if isinstance(item, tree.Assignment))),
        flags=_names(symbols, "flag"),
        avps=_names(symbols, "AVP"),
        warnings=report.count(Severity.WARNING),
    )


def _names(symbols: Symbols, kind: str) -> list[str]:
    return list(dict.fromkeys(use.symbol.name for use in symbols.uses if use.symbol.kind == kind))


def _route(route: tree.Route, source: Source, uses: RouteUses) -> RouteStatistics:
    kind, number = key_of(route)
    first, last = source.line_of(route.span.start), source.line_of(route.span.end)
    nodes = list(below(route.body))
    complexity = 1
    for node in nodes:
        if isinstance(node, tree.If):
            complexity += 1
        elif isinstance(node, (tree.And, tree.Or)):
            complexity += len(node.operands) - 1
    return RouteStatistics(
        name=f"{kind}[{number}]" if number or kind != "route" else "route",
        line=first,
        lines=last - first + 1,
        statements=sum(len(node.statements) for node in nodes if isinstance(node, tree.Block)),
        complexity=complexity,
        depth=_depth(route.body),
        callers=len(uses.calls.get((kind, number), [])),
    )


def _depth(block: tree.Block) -> int:
    """Of the deepest block in braces, the body itself not counted."""
    deepest = 0
    waiting: list[tuple[tree.Statement | tree.Expression, int]] = [(block, -1)]
    while waiting:
        node, depth = waiting.pop()
        if isinstance(node, tree.Block) and node.braced:
            depth += 1
        deepest = max(deepest, depth)
        waiting += [(part, depth) for part in parts(node)]
    return deepest


def _modules(bound: BoundFile) -> list[ModuleStatistics]:
    counted: dict[str, Counter[str]] = {}
    for call in (c for route in routes(bound.file) for c in calls(route.body)):
        found = bound.calls.get(call.span)
        if found is not None:
            counted.setdefault(found.spec.name, Counter())[call.name.name] += 1
    loaded = [
        ModuleStatistics(m.spec.name, dict(counted.get(m.spec.name, Counter()).most_common()), sorted(m.parameters))
        for m in bound.modules.loaded
    ]
    return [ModuleStatistics("core", dict(counted.get("core", Counter()).most_common()), []), *loaded]
