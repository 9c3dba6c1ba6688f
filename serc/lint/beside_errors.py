"""Checks of a file with errors: what they find apart from what is broken.

A call or a comparison with an error means nothing that is known, so what follows from it is not told. What a whole file lacks is told
only where no route has an error, none may be lost and all functions are known: it may be what the error is about. Of a route with a
syntax error nothing is told, and one that calls it may do anything behind; where braces do not fit, of the route before it neither.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from serc.diagnostics import codes
from serc.diagnostics.report import Code, Diagnostic, Report, Severity
from serc.lint.subject import Subject
from serc.lint.table import lint
from serc.reading import tree
from serc.reading.source import Source
from serc.reading.walk import calls, routes
from serc.resolve.routes import key_of
from serc.resolve.words import STATEMENTS

# More errors than a file has by mistake: it is of something else.
_MOST_ERRORS: Final = 20
# Errors at places where the route before should have gone on or come to its end.
_OF_THE_ROUTE_BEFORE: Final = (codes.UNCLOSED_BLOCK, codes.STRAY_BRACKET, codes.OUTSIDE_OF_ROUTE)
_LOSES_ROUTES: Final = (*_OF_THE_ROUTE_BEFORE, codes.UNCLOSED_COMMENT)
_OF_SYNTAX: Final = (codes.FOREIGN_STATEMENT, codes.FOREIGN_ROUTE, codes.NAMED_ROUTE)
# Something that is nowhere in the file, as far as its routes can be read.
_ABSENT: Final = (
    codes.NO_RECORD_ROUTE,
    codes.NO_LOOSE_ROUTE,
    codes.NO_MAX_FORWARDS,
    codes.UNUSED_ROUTE,
    codes.IDLE_ROUTE,
    codes.NO_MAIN_ROUTE,
    codes.FLAG_NEVER_READ,
    codes.FLAG_NEVER_SET,
    codes.TABLE_NEVER_SAVED,
    codes.ARMED_IN_VAIN,
    codes.SAVE_UNVERIFIED,
    codes.ONE_WAY,
)
# What rests on the values of parameters.
_OF_PARAMETERS: Final = (
    codes.FLAG_NEVER_READ,
    codes.FLAG_NEVER_SET,
    codes.CROSSED_LIMITS,
    codes.DOUBTFUL_MODPARAM,
    codes.FORWARDED_TO_SELF,
    codes.NOT_LISTENING,
    codes.CONTRADICTING_GLOBALS,
)


def lint_beside_errors(subject: Subject, source: Source, report: Report) -> None:
    """Adds to `report` what does not depend on the errors in it."""
    errors = [d for d in report.diagnostics if d.severity is Severity.ERROR]
    if len(errors) > _MOST_ERRORS:
        return
    blocks = {route.span: key_of(route)[1] >= 0 for route in routes(subject.file)}
    in_routes = [d for d in errors if any(_is_in(d.span, block) for block in blocks)]
    elsewhere = len(in_routes) < len(errors)
    nameless = {block for block, has_name in blocks.items() if not has_name}
    broken = frozenset(block for d in _of_syntax(report) for block in _spoiled(d, blocks)) | nameless
    lost = may_lose_routes(subject.file, report)
    # What is of a module that is missing was not told call by call.
    unknown = any(
        call.name.name not in STATEMENTS and call.span not in subject.bound.calls
        for route in routes(subject.file)
        for call in calls(route.body)
    )
    found = Report(list(report.diagnostics))
    lint(replace(subject, broken=broken), found)
    lines = {source.line_of(d.span.start) for d in errors if not _is_before_route(d, blocks)}
    for diagnostic in found.diagnostics[len(report.diagnostics) :]:
        unsure = (*(_ABSENT if in_routes or unknown or lost else ()), *(_OF_PARAMETERS if elsewhere else ()))
        if not _touches(diagnostic, unsure, broken, lines, source):
            report.diagnostics.append(diagnostic)


def may_lose_routes(file: tree.File, report: Report) -> bool:
    """May the file have a route that was not read, or that was taken for a part of another one?"""
    blocks = [route.span for route in routes(file)]
    return any(key_of(route)[1] < 0 for route in routes(file)) or any(
        d.code in _LOSES_ROUTES or not any(_is_in(d.span, block) for block in blocks) for d in _of_syntax(report)
    )


def _of_syntax(report: Report) -> list[Diagnostic]:
    """Errors after which the text was not read as it stands."""
    errors = [d for d in report.diagnostics if d.severity is Severity.ERROR]
    return [d for d in errors if d.code.name.startswith(("SER00", "SER01")) or d.code in _OF_SYNTAX]


def _spoiled(error: Diagnostic, blocks: dict[tree.Span, bool]) -> list[tree.Span]:
    """The routes that may be other than they are read. `blocks` tells which of them have their names."""
    before = [block for block in blocks if block.end <= error.span.start][-1:]
    within = [block for block in blocks if _is_in(error.span, block)]
    if _is_before_route(error, blocks):
        return before
    if error.code in _OF_THE_ROUTE_BEFORE and not any(blocks[block] for block in within):
        return within + before
    return within


def _is_before_route(error: Diagnostic, blocks: dict[tree.Span, bool]) -> bool:
    """Is it of a route that has not ended where the next one begins?"""
    return error.code is codes.UNCLOSED_BLOCK and any(error.span.start == block.start for block in blocks)


def _touches(
    diagnostic: Diagnostic, unsure: tuple[Code, ...], broken: frozenset[tree.Span], lines: set[int], source: Source
) -> bool:
    """May it be a matter of an error?"""
    places = [diagnostic.span, *(related.span for related in diagnostic.related)]
    return diagnostic.code in unsure or any(
        source.line_of(place.start) in lines or any(_is_in(place, block) for block in broken) for place in places
    )


def _is_in(span: tree.Span, block: tree.Span) -> bool:
    return block.start <= span.start < block.end
