"""append_branch() where a failure route forwards: Kamailio and OpenSIPS append what the URI has become by themselves, 0.9 does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from runtime.modules import catalogue
from serc.diagnostics import codes
from serc.diagnostics.fix import Edit, Fix
from serc.diagnostics.report import Diagnostic, Report
from serc.fixing import Fixed, applied, settled
from serc.frontend import inspect
from serc.lint.cures import Cures
from serc.migration.draft import Draft
from serc.reading.source import Source
from serc.reading.tree import Span
from serc.reading.walk import routes
from serc.resolve.bound import BoundFile
from serc.resolve.routes import RouteGraph, key_of

ORIGINS: Final = ("openser", "kamailio")
_NAME: Final = "append_branch"
_STATEMENT: Final = "append_branch();"


def with_branches(source: Source) -> Fixed:
    """A branch wherever a failure route forwards to none. What is still told as SER0510 has to be looked at: some of the ways that lead
    there have a branch.
    """
    given, report = source, _check(source)
    rounds: list[list[Edit]] = []
    while (step := _step(source, report)) is not None:
        edits, source, report = step
        rounds.append(edits)
    return Fixed(source, [], report, given, rounds)


def _step(source: Source, report: Report) -> tuple[list[Edit], Source, Report] | None:
    """The first of the branches that are missing with which fewer are; None if there is none such."""
    for missing in report.in_order():
        if missing.code is codes.NO_BRANCH and missing.fix is not None:
            edits = settled(source, missing.fix.edits)
            after = Source(source.name, applied(source.text, edits))
            found = _check(after)
            if not found.has_errors and _count(found) < _count(report):
                return edits, after, found
    return None


def _count(report: Report) -> int:
    return sum(1 for d in report.diagnostics if d.code is codes.NO_BRANCH)


def _check(source: Source) -> Report:
    bound, report = inspect(source, catalogue, takes_any=True)
    draft = Draft(source)
    found: list[Diagnostic] = []
    for diagnostic in report.diagnostics:
        if diagnostic.code is codes.NO_BRANCH and _relays(source, diagnostic):
            fixes = list(_fixes(source, draft, bound, diagnostic))
            found.append(replace(diagnostic, fix=_together(fixes) if fixes else None))
        else:
            found.append(replace(diagnostic, fix=None))
    report.diagnostics[:] = found
    return report


def _relays(source: Source, diagnostic: Diagnostic) -> bool:
    """It is told of a branch, too, that nothing forwards to."""
    return not source.text_of(diagnostic.span).startswith(_NAME)


def _fixes(source: Source, draft: Draft, bound: BoundFile, diagnostic: Diagnostic) -> Iterator[Fix]:
    """One before the forwarding; where requests that have not failed come along, before the calls that lead there from a failure route."""
    cures = Cures(source, bound.file)
    for span in _places(bound, diagnostic.span):
        fix = None if _has_branch(draft, span) else cures.before(span, _STATEMENT)
        if fix is not None:
            yield fix


def _places(bound: BoundFile, span: Span) -> list[Span]:
    graph = RouteGraph(bound.file)
    route = next(r for r in routes(bound.file) if r.span.start <= span.start < r.span.end)
    main = {("route", 0)} | {("route", number) for number in graph.reached_from(("route", 0))}
    if key_of(route) not in main:
        return [span]
    leading = {edge.call.span for edge in graph.edges if edge.source not in main and edge.source[0] != "onreply_route"}
    ways = [edge for edge in graph.edges if edge.call.span in leading]
    number = key_of(route)[1]
    return [e.call.span for e in ways if e.target == number or number in graph.reached_from(("route", e.target))]


def _has_branch(draft: Draft, span: Span) -> bool:
    """Has the block, up to there, one that is appended?"""
    before = [at for at, token in enumerate(draft.tokens) if token.end <= span.start]
    around = [at for at in before if draft.is_sign(at, "{") and draft.tokens[draft.closing(at)].start >= span.end]
    return bool(around) and any(draft.text_at(at) == _NAME for at in before if at > around[-1])


def _together(fixes: list[Fix]) -> Fix:
    return Fix(fixes[0].title, tuple(edit for fix in fixes for edit in fix.edits), False)
