"""Checks of a file with errors: what they find apart from what is broken.

A call or a comparison with an error means nothing that is known, so what follows from it is not told. What a whole file lacks is told
only where no route has an error and all functions are known: it may be what the error is about. Of a route with a syntax error nothing
is told, and one that calls it may do anything behind.
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
from serc.resolve.words import STATEMENTS

# More errors than a file has by mistake: it is of something else.
_MOST_ERRORS: Final = 20
# Syntax errors after which nobody knows where routes and texts end.
_LOST: Final = (
    codes.UNCLOSED_STRING,
    codes.UNCLOSED_COMMENT,
    codes.UNCLOSED_BLOCK,
    codes.STRAY_BRACKET,
    codes.TOO_DEEP,
    codes.MISSING_ROUTE,
    codes.OUTSIDE_OF_ROUTE,
    codes.FOREIGN_ROUTE,
    codes.NAMED_ROUTE,
)
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
    if len(errors) > _MOST_ERRORS or any(d.code in _LOST for d in errors):
        return
    blocks = [route.span for route in routes(subject.file)]
    in_routes = [d for d in errors if any(_is_in(d.span, block) for block in blocks)]
    elsewhere = len(in_routes) < len(errors)
    syntax = [d for d in errors if d.code.name.startswith(("SER00", "SER01")) or d.code in (codes.FOREIGN_STATEMENT,)]
    broken = frozenset(block for block in blocks for d in syntax if _is_in(d.span, block))
    if any(not any(_is_in(d.span, block) for block in broken) for d in syntax):
        return  # something between routes is lost
    # What is of a module that is missing was not told call by call.
    unknown = any(
        call.name.name not in STATEMENTS and call.span not in subject.bound.calls
        for route in routes(subject.file)
        for call in calls(route.body)
    )
    found = Report(list(report.diagnostics))
    lint(replace(subject, broken=broken), found)
    lines = {source.line_of(d.span.start) for d in errors}
    for diagnostic in found.diagnostics[len(report.diagnostics) :]:
        unsure = (*(_ABSENT if in_routes or unknown else ()), *(_OF_PARAMETERS if elsewhere else ()))
        if not _touches(diagnostic, unsure, broken, lines, source):
            report.diagnostics.append(diagnostic)


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
