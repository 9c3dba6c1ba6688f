"""From text to a checked tree: what the compiler, `serc check` and the other commands begin with."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from serc.diagnostics import codes
from serc.diagnostics.ignore import apply_ignores
from serc.diagnostics.report import Diagnostic, Related, Report, Severity
from serc.lint.beside_errors import lint_beside_errors, may_lose_routes
from serc.lint.cures import Cures
from serc.lint.numbers import check_octal
from serc.lint.subject import Subject
from serc.lint.table import lint
from serc.reading import tree
from serc.reading.dialects import DIRECTIVE
from serc.reading.foreign_file import other_server
from serc.reading.lex import Token, lex
from serc.reading.source import Source, readable
from serc.reading.structure import parse_file
from serc.reading.walk import below, routes
from serc.resolve.bound import BoundFile
from serc.resolve.calls import CallCheck
from serc.resolve.effects import Effects
from serc.resolve.environment import check_environment
from serc.resolve.globals import check_globals
from serc.resolve.loading import check_modules
from serc.resolve.modules import Catalogue, Modules
from serc.resolve.operands import ComparisonCheck
from serc.resolve.routes import RouteGraph, RouteUses, check_defined, check_numbers, check_reach

# The sign before the name of a variable, which may be written as an escape.
_MAY_NAME: Final = re.compile(r"\$|\\(?:x24|0?44)")
# Python writes none of more than 4,300 digits; those of hexadecimal ones are more when they are written as others.
_MOST_DIGITS: Final = 3000
_DIGITS: Final = re.compile("0x[0-9A-Fa-f]+|[0-9]+")
_LOADS: Final = re.compile(r"load|\.so\b")


@contextmanager
def uncollected() -> Iterator[None]:
    """Lets the garbage collector rest meanwhile: a tree is many objects, and none of them is garbage before its time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def analyse(
    source: Source, catalogue: Catalogue, variables: Mapping[str, str] | None = None
) -> tuple[BoundFile | None, Report]:
    """The bound tree of a ser.cfg and everything that is wrong with it.

    The tree is None when there are errors; with warnings and notes alone it is complete and can be compiled. Nothing
    that the file names is opened or run. `variables`: the environment in which the server is going to start, None if nobody knows.
    """
    bound, report = inspect(source, catalogue, variables)
    return (None if report.has_errors else bound), report


def inspect(
    source: Source, catalogue: Catalogue, variables: Mapping[str, str] | None = None, *, takes_any: bool = False
) -> tuple[BoundFile, Report]:
    """The same, with a tree in any case: what of the file could be read, and bound. `takes_any`: each mistake is told, even where the
    whole file is of another server.
    """
    with uncollected():
        return _inspected(source, catalogue, variables, takes_any)


def _inspected(
    source: Source, catalogue: Catalogue, variables: Mapping[str, str] | None, takes_any: bool
) -> tuple[BoundFile, Report]:
    report = Report()
    lexed = lex(source, report)
    if _has_endless_number(lexed.tokens, report):
        nothing = parse_file(Source(source.name, ""), Report())
        return BoundFile(nothing, check_modules(nothing, catalogue, Report())), report
    file = parse_file(source, report, lexed)
    spoiled = {source.line_of(d.span.start) for d in report.diagnostics}
    # What a lost loadmodule would have brought in is not missed.
    swallowed = source.text_of(lexed.block_comments[-1]) if lexed.cut_off else ""
    lost = "\n".join((swallowed, *map(source.line_text, spoiled)))
    modules = check_modules(
        file, catalogue, report, complete=not _LOADS.search(lost), has_all_params="param" not in lost
    )
    bound = _check(source, file, lexed.tokens, modules, report, lambda span: source.line_of(span.start) in spoiled)
    if not report.has_errors and _MAY_NAME.search(source.text):
        check_environment(bound, variables, report)
    _directives(source, lexed.line_comments, report)
    if not takes_any:
        _foreign_file(source, report)
        _names_of_routes(report)
    apply_ignores(source, lexed.line_comments, report)
    return bound, report


def _has_endless_number(tokens: list[Token], report: Report) -> bool:
    """Reports a number, be it part of a text, of more digits than Python makes numbers of: such a file is not read any further."""
    for token in tokens:
        runs = _DIGITS.finditer(token.text) if len(token.text) > _MOST_DIGITS else ()
        for run in runs:
            if run.end() - run.start() > _MOST_DIGITS:
                span = tree.Span(token.span.start + run.start(), token.span.start + run.end())
                report.add(codes.BAD_NUMBER, span, f"a number of {run.end() - run.start()} digits")
                return True
    return False


def _check(
    source: Source,
    file: tree.File,
    tokens: list[Token],
    modules: Modules,
    report: Report,
    spoiled: Callable[[tree.Span], bool],
) -> BoundFile:
    """`spoiled` tells what stands on a line with a syntax error: what is wrong there may be an echo of it."""
    has_all_routes = not may_lose_routes(file, report)
    before = len(report.diagnostics)
    check_globals(file, report)
    modules.refused += [d.message for d in report.diagnostics[before:] if d.code is codes.REFUSED]
    check_octal(tokens, report)
    bound = BoundFile(file, modules)
    calls = CallCheck(bound, report)
    comparisons = ComparisonCheck(bound, report)
    for route in routes(file):
        for node in below(route.body):
            if spoiled(node.span):
                continue
            if isinstance(node, tree.Call):
                calls.call(node, route)
            elif isinstance(node, tree.Compare):
                comparisons.compare(node)
    graph = RouteGraph(file)
    functions = bound.functions
    uses = RouteUses(file, functions, graph)
    check_numbers(file, report)
    if has_all_routes:
        check_defined(uses, graph, report)
        check_reach(file, functions, graph, report)
    subject = Subject(bound, Effects(functions, modules), graph, uses, Cures(source, file))
    if report.has_errors:
        lint_beside_errors(subject, source, report)
    else:
        lint(subject, report)
    return bound


def _foreign_file(source: Source, report: Report) -> None:
    """Puts one diagnostic in the place of all, where the whole file is of another server."""
    found = other_server(source.text, report.count(Severity.ERROR))
    if found is not None:
        name, span = found
        report.diagnostics.clear()
        message = f"this is a config of {name}: SER 0.9 has another language, other functions and other modules"
        origin = "kamailio" if name == "Kamailio" else "openser"
        hint = f"serc migrate --from {origin} {readable(source.name)} -o NEW.cfg carries it over; serc explain SER0709 says more"
        report.add(codes.FOREIGN_FILE, span, message, hint=hint)


def _names_of_routes(report: Report) -> None:
    """One name of a route is one mistake, however often the route is called."""
    places: dict[str, int] = {}
    kept: list[Diagnostic] = []
    others: dict[str, list[Related]] = {}
    for diagnostic in report.diagnostics:
        name = diagnostic.message
        if diagnostic.code is not codes.NAMED_ROUTE:
            kept.append(diagnostic)
        elif name not in places:
            places[name] = len(kept)
            kept.append(diagnostic)
        else:
            others.setdefault(name, []).append(Related(diagnostic.span, "and here"))
    for name, related in others.items():
        before = kept[places[name]]
        kept[places[name]] = replace(before, related=(*before.related, *related))
    report.diagnostics[:] = kept


def _directives(source: Source, comments: list[tree.Span], report: Report) -> None:
    """Preprocessor directives of Kamailio look like comments."""
    for comment in comments:
        found = DIRECTIVE.match(source.text_of(comment))
        if found is not None:
            span = tree.Span(comment.start, comment.start + found.end())
            message = f"{found[0]} is a directive of Kamailio; here it is a comment and does nothing"
            report.add(codes.FOREIGN_DIRECTIVE, span, message)
