"""Circles of calls that no condition breaks."""

from __future__ import annotations

from collections.abc import Iterator

from serc.diagnostics import codes
from serc.diagnostics.report import Related, Report
from serc.lint.subject import Subject
from serc.reading import tree
from serc.reading.walk import calls, routes
from serc.resolve.effects import ends_route
from serc.resolve.routes import key_of


def check_recursion(subject: Subject, report: Report) -> None:
    always: dict[int, tree.Call] = {}
    for route in routes(subject.file):
        if route.kind == "route" and key_of(route) in subject.uses.used:
            for call in _always_called(route.body):
                always.setdefault(key_of(route)[1], call)
    reported: set[int] = set()
    for start in always:
        path: list[int] = []
        here = start
        while here in always and here not in path and here not in reported:
            path.append(here)
            here = _target(always[here])
        if here in path:
            circle = path[path.index(here) :]
            reported.update(circle)
            _report_circle(circle, always, report)


def _report_circle(circle: list[int], always: dict[int, tree.Call], report: Report) -> None:
    # The last call closes the circle.
    closing = always[circle[-1]]
    names = " -> ".join(f"route({n})" for n in (*circle, circle[0]))
    message = f"endless recursion: {names}, on every path"
    related = tuple(Related(always[n].span, f"route({_target(always[n])}) is called here") for n in circle[:-1])
    hint = "the server stops it at 100 levels, for every message anew"
    report.add(codes.ENDLESS_RECURSION, closing.span, message, hint=hint, related=related)


def _target(call: tree.Call) -> int:
    argument = call.arguments[0]
    assert isinstance(argument, tree.Number)
    return argument.value


def _always_called(block: tree.Block) -> Iterator[tree.Call]:
    """Calls of routes that every run of the block comes to: none stands behind a possible end, or under a condition."""
    for statement in block.statements:
        if isinstance(statement, tree.Call):
            if (
                statement.name.name == "route"
                and statement.arguments
                and isinstance(statement.arguments[0], tree.Number)
            ):
                yield statement
        if any(ends_route(call) for call in calls(statement)):
            return
