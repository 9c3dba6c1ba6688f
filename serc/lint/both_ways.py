"""What is done with requests, and has to be done with their replies as well."""

from __future__ import annotations

from runtime.spec.effects import Does
from serc.diagnostics import codes
from serc.diagnostics.report import Report
from serc.lint.subject import Subject
from serc.reading import tree
from serc.reading.walk import calls, routes


def check_both_ways(subject: Subject, report: Report) -> None:
    """Of addresses of media, which offer and answer have: told at the first call, where no reply ever comes to one.

    Who does it for some requests alone, and with other functions for replies, has thought of it: any of these counts for all.
    """
    first: tree.Call | None = None
    for route in routes(subject.file):
        for call in calls(route.body):
            if subject.effects.of(call) is Does.EDIT_BOTH_WAYS:
                if route.kind == "onreply_route" or _is_called_from_reply(route, subject):
                    return
                first = first or call
    if first is None or not any(
        subject.effects.of(c) is Does.RELAY_STATEFUL for r in routes(subject.file) for c in calls(r.body)
    ):
        return
    name = first.name.name
    message = (
        f"{name} is called for requests and for no reply: one side of the call keeps an address that cannot be reached"
    )
    hint = f"call {name}() in an onreply_route as well"
    report.add(codes.ONE_WAY, first.span, message, hint=hint)


def _is_called_from_reply(route: tree.Route, subject: Subject) -> bool:
    number = route.number.value if route.number else 0
    starts = [key for key in subject.graph.defined if key[0] == "onreply_route"]
    return route.kind == "route" and any(number in subject.graph.reached_from(key) for key in starts)
