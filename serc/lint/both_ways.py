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

    Who does it for some requests alone, and with other functions for replies, has thought of it: any of these counts for all. But a
    relay outside of the server, which is asked and waited for, has to be told of both sides.
    """
    requests: list[tree.Call] = []
    replies: list[tree.Call] = []
    relays = False
    for route in routes(subject.file):
        of_replies = route.kind == "onreply_route" or _is_called_from_reply(route, subject)
        for call in calls(route.body):
            does = subject.effects.of(call)
            relays = relays or does is Does.RELAY_STATEFUL
            if does is Does.EDIT_BOTH_WAYS:
                (replies if of_replies else requests).append(call)
    outside = [call for call in requests if _asks(subject, call)]
    if not relays:
        return
    if requests and not replies:
        _tell(requests[0], report)
    elif outside and not any(_asks(subject, call) for call in replies):
        _tell(outside[0], report)


def _asks(subject: Subject, call: tree.Call) -> bool:
    function = subject.bound.function_of(call)
    return function is not None and function.waits


def _tell(call: tree.Call, report: Report) -> None:
    name = call.name.name
    message = (
        f"{name} is called for requests and for no reply: one side of the call keeps an address that cannot be reached"
    )
    report.add(codes.ONE_WAY, call.span, message, hint=f"call {name}() in an onreply_route as well")


def _is_called_from_reply(route: tree.Route, subject: Subject) -> bool:
    number = route.number.value if route.number else 0
    starts = [key for key in subject.graph.defined if key[0] == "onreply_route"]
    return route.kind == "route" and any(number in subject.graph.reached_from(key) for key in starts)
