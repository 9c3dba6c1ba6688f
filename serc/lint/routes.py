"""Routes that are missing, defined twice, never used, or do nothing."""

from __future__ import annotations

from runtime.spec.effects import Does
from runtime.spec.kinds_words import FAILURE_ROUTE, ONREPLY_ROUTE
from serc.diagnostics import codes
from serc.diagnostics.fix import write
from serc.diagnostics.report import Related, Report
from serc.lint.subject import Subject
from serc.reading import tree
from serc.reading.walk import calls, routes
from serc.resolve.effects import Effects, ends_route
from serc.resolve.routes import RouteGraph, RouteUses, head_of, key_of


def check_routes(subject: Subject, report: Report) -> None:
    _main_route(subject.file, report)
    _duplicates(subject.file, subject.uses, report)
    _unused(subject.uses, subject.graph, subject.effects, report)
    _idle(subject.file, subject.uses.used, subject.effects, report)


def _main_route(file: tree.File, report: Report) -> None:
    if not any(key_of(route) == ("route", 0) for route in routes(file)):
        end = tree.Span(file.span.end, file.span.end)
        report.add(codes.NO_MAIN_ROUTE, end, "there is no main route: no request is answered or forwarded")


def _duplicates(file: tree.File, uses: RouteUses, report: Report) -> None:
    missing = uses.undefined()
    seen: dict[tuple[str, int], tree.Route] = {}
    for route in routes(file):
        first = seen.setdefault(key_of(route), route)
        if first is not route:
            related: tuple[Related, ...] = (Related(head_of(first), "first defined here"),)
            name = f"{route.kind}[{key_of(route)[1]}]"
            message = f"{name} is defined already: this body is appended to the first"
            hint, fix = "", None
            if len(missing) == 1 and missing[0][0] == route.kind and route.number is not None:
                number = missing[0][1]
                hint = f"was {route.kind}[{number}] meant? it is used, and not defined"
                related = (*related, Related(uses.calls[missing[0]][0].span, f"{route.kind}[{number}] is used here"))
                fix = write(route.number.span, str(number), safe=False)
            report.add(codes.DUPLICATE_ROUTE, head_of(route), message, hint=hint, related=related, fix=fix)


def _unused(uses: RouteUses, graph: RouteGraph, effects: Effects, report: Report) -> None:
    meant = {uses.misnamed(key) for key in uses.undefined()}
    for key in uses.unused:
        if key in meant:
            continue  # said where the wrong number is
        route = graph.defined[key]
        kind = {"failure_route": FAILURE_ROUTE, "onreply_route": ONREPLY_ROUTE}.get(route.kind)
        what = f'no {effects.arming(kind)}("{key[1]}") names it' if kind else f"nothing calls route({key[1]})"
        message = f"{route.kind}[{key[1]}] is never used: {what}"
        report.add(codes.UNUSED_ROUTE, head_of(route), message)


def _idle(file: tree.File, used: set[tuple[str, int]], effects: Effects, report: Report) -> None:
    for route in routes(file):
        if route.kind == "route" or key_of(route) not in used:
            continue
        working = [call for call in calls(route.body) if not ends_route(call)]
        if all(effects.of(call) is Does.LOG for call in working):
            logs = " but log" if working else ""
            if logs and route.kind == "onreply_route":
                continue
            message = f"{route.kind}[{key_of(route)[1]}] does nothing{logs}"
            hint = ""
            if route.kind == "failure_route":
                names = f"{effects.named(Does.APPEND_BRANCH)}() and {effects.named(Does.RELAY_STATEFUL)}()"
                hint = f"to try another destination, call {names}"
            report.add(codes.IDLE_ROUTE, head_of(route), message, hint=hint)
