"""Circles of calls that no condition breaks."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Final

from runtime.spec.effects import Does
from runtime.spec.operands import Tells
from serc.diagnostics import codes
from serc.diagnostics.report import Related, Report
from serc.lint.subject import Subject
from serc.reading import tree
from serc.reading.walk import below, calls, routes
from serc.resolve.effects import ends_route
from serc.resolve.routes import key_of

# Tests of what a route cannot change: the message as it came. A transaction is no other one the next time.
_OF_THE_MESSAGE: Final = frozenset(
    (Does.AUTH_WWW, Does.AUTH_PROXY, Does.IDENTIFY, Does.IDENTIFY_CALLEE, Does.SAVE, Does.TEST_STATUS)
)
_CHANGES_URI: Final = frozenset(
    (
        *(Does.REWRITE, Does.MAY_REWRITE, Does.EDIT_URI, Does.NEXT_TARGET, Does.REVERT_URI, Does.LOOKUP),
        *(Does.LOOSE_ROUTE, None),
    )
)


def check_recursion(subject: Subject, report: Report) -> None:
    always: dict[int, tree.Call] = {}
    for route in routes(subject.file):
        if route.kind == "route" and key_of(route) in subject.uses.used:
            for call in _Ways(route, subject).always_called():
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
    message = f"endless recursion: {names}, and nothing on the way ends it"
    related = tuple(Related(always[n].span, f"route({_target(always[n])}) is called here") for n in circle[:-1])
    hint = "the server stops it at 100 levels, for every message anew"
    report.add(codes.ENDLESS_RECURSION, closing.span, message, hint=hint, related=related)


def _target(call: tree.Call) -> int:
    argument = call.arguments[0]
    assert isinstance(argument, tree.Number)
    return argument.value


class _Ways:
    """Through one route."""

    def __init__(self, route: tree.Route, subject: Subject) -> None:
        self._route: Final = route
        self._body: Final = route.body
        self._subject: Final = subject

    @cached_property
    def _done(self) -> set[Does | None]:
        """What may have been done to the request when it comes here again."""
        return _done_by(self._route, self._subject, set())

    def always_called(self) -> Iterator[tree.Call]:
        """Calls of routes that stand under no condition, and behind no end but one that would have come the last time, too."""
        for statement in self._body.statements:
            if isinstance(statement, tree.Call):
                is_number = bool(statement.arguments) and isinstance(statement.arguments[0], tree.Number)
                if statement.name.name == "route" and is_number:
                    yield statement
            may_end = any(ends_route(call) for call in calls(statement))
            if may_end and not (isinstance(statement, tree.If) and self._decides_alike(statement.condition)):
                return

    def _decides_alike(self, condition: tree.Expression) -> bool:
        """Is the condition the same each time that the request comes here?"""
        for node in below(condition):
            if isinstance(node, (tree.Block, tree.If)):
                return False
            if isinstance(node, tree.Call) and not self._is_test(node):
                return False
            if isinstance(node, tree.Compare) and self._done & _CHANGES_URI:
                if self._subject.comparison(node).operand.tells is Tells.DESTINATION:
                    return False
        return True

    def _is_test(self, call: tree.Call) -> bool:
        """Of something that is the same the next time."""
        does = self._subject.effects.of(call)
        return does in _OF_THE_MESSAGE or does is Does.TEST_FLAG and not self._done & {Does.SET_FLAG, None}


def _done_by(route: tree.Route, subject: Subject, seen: set[int]) -> set[Does | None]:
    """By a route, and all that it calls."""
    does: set[Does | None] = set()
    for call in route.body.calls:
        if call.name.name == "route":
            argument = call.arguments[0] if call.arguments else None
            number = argument.value if isinstance(argument, tree.Number) else -1
            called = subject.graph.defined.get(("route", number))
            if called is not None and number not in seen:
                seen.add(number)
                does |= _done_by(called, subject, seen)
        elif not ends_route(call):
            does.add(subject.effects.of(call))
    return does
