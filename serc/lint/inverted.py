"""Tests the wrong way round: the answer for a failure is given where the test succeeded."""

from __future__ import annotations

from typing import Final

from runtime.spec.effects import Does
from serc.diagnostics import codes
from serc.diagnostics.fix import insert, write
from serc.diagnostics.report import Related, Report
from serc.lint.subject import Subject
from serc.reading import tree
from serc.reading.walk import below, routes
from serc.resolve.effects import Effects, ends_route

_CHALLENGES: Final = (Does.CHALLENGE_WWW, Does.CHALLENGE_PROXY)
_FORWARDS: Final = (Does.RELAY, Does.RELAY_STATEFUL)
# They fail because of the request or the network, and leave an error behind.
_ANSWERED_BY_AN_ERROR: Final = (*_FORWARDS, Does.SAVE, Does.NEW_TRANSACTION)
_TOO_LARGE: Final = "513"
_BUSY: Final = ("403", "503", "600")
# What the answer to a failure of the test would be.
_CODES: Final = {
    Does.LOOKUP: ("404", "410", "480", "604"),
    Does.CHECK_HOPS: ("483",),
    Does.IDENTIFY: ("401", "403", "407"),
    Does.IDENTIFY_CALLEE: ("401", "403", "407"),
}


def check_inverted(subject: Subject, report: Report) -> None:
    for route in routes(subject.file):
        for node in below(route.body):
            if isinstance(node, tree.If) and isinstance(node.condition, tree.Call):
                _look_at(node.condition, node.then, subject.effects, report)
            elif isinstance(node, tree.If) and isinstance(node.condition, tree.Compare):
                _look_at_size(node.condition, node.then, subject.effects, report)
            elif isinstance(node, tree.If) and isinstance(node.condition, tree.Not):
                _look_at_routes(node, node.condition, subject, report)


def _look_at(test: tree.Call, block: tree.Block, effects: Effects, report: Report) -> None:
    does = effects.of(test)
    for statement in block.statements:
        if not isinstance(statement, tree.Call):
            return
        answer = effects.of(statement)
        if does in (Does.AUTH_WWW, Does.AUTH_PROXY) and answer in _CHALLENGES:
            what = "asks for credentials"
        elif answer in (Does.REPLY, Does.REPLY_STATEFUL) and does in _CODES and _code(statement) in _CODES[does]:
            what = f"answers {_code(statement)}"
        elif does in _ANSWERED_BY_AN_ERROR and answer is Does.ERROR_REPLY:
            what = "answers an error"
        elif does is Does.LIMIT and (ends_route(statement) or answer is Does.REPLY and _code(statement) in _BUSY):
            what = "turns away"
        else:
            continue
        message = f"{statement.name.name} {what} where {test.name.name} succeeded"
        if does is Does.LIMIT:
            message = f"{test.name.name} is true for who does not send too much, and those are turned away here"
        related = (Related(statement.span, "here"),)
        fix = insert(test.span.start, "!", safe=False)
        hint = f"write if (!{test.name.name}(…))"
        report.add(codes.INVERTED_TEST, test.span, message, hint=hint, related=related, fix=fix)
        return


def _look_at_size(test: tree.Compare, block: tree.Block, effects: Effects, report: Report) -> None:
    """`msg:len < 2048` before the answer that a message is too large."""
    answer = block.statements[0] if block.statements else None
    if test.operator not in ("<", "<=") or not isinstance(answer, tree.Call) or _code(answer) != _TOO_LARGE:
        return
    if effects.of(answer) in (Does.REPLY, Does.REPLY_STATEFUL):
        turned = test.operator.replace("<", ">")
        message = f"{answer.name.name} answers {_TOO_LARGE}, for messages that are too large, where they are not"
        fix = write(test.operator_span, turned, safe=False)
        related = (Related(answer.span, "here"),)
        hint = f"write {turned} in the place of {test.operator}"
        report.add(codes.INVERTED_TEST, test.span, message, hint=hint, related=related, fix=fix)


def _look_at_routes(node: tree.If, negation: tree.Not, subject: Subject, report: Report) -> None:
    """`if (!loose_route()) { t_relay(); break; }`: what has Route headers goes where new requests go."""
    test, statements = negation.operand, [s for s in node.then.statements if not isinstance(s, tree.Empty)]
    if (
        not isinstance(test, tree.Call)
        or subject.effects.of(test) is not Does.LOOSE_ROUTE
        or node.otherwise is not None
    ):
        return
    if not statements or not isinstance(statements[-1], tree.Call) or not ends_route(statements[-1]):
        return
    forwards = [call for call in node.then.calls if _forwards_only(call, subject)]
    looks = any(subject.effects.of(call) in (Does.LOOKUP, Does.SAVE, Does.REWRITE) for call in node.then.calls)
    if not forwards or looks:
        return
    message = f"{test.name.name} failed here: there is no Route, and the request is forwarded as if there were"
    hint = f"write if ({test.name.name}()), without the !"
    sign = tree.Span(negation.span.start, test.span.start)
    related = (Related(forwards[0].span, "forwarded here"),)
    fix = write(sign, "", safe=False)
    report.add(codes.INVERTED_TEST, negation.span, message, hint=hint, related=related, fix=fix)


def _forwards_only(call: tree.Call, subject: Subject) -> bool:
    """A forwarding, or the call of a route that forwards and looks for no other destination."""
    if call.name.name != "route":
        return subject.effects.of(call) in _FORWARDS
    argument = call.arguments[0] if call.arguments else None
    number = argument.value if isinstance(argument, tree.Number) else -1
    route = subject.graph.defined.get(("route", number))
    does = set() if route is None else {subject.effects.of(each) for each in route.body.calls}
    return bool(does & set(_FORWARDS)) and not does & {Does.LOOKUP, Does.SAVE, Does.REWRITE}


def _code(call: tree.Call) -> str:
    first = call.arguments[0] if call.arguments else None
    return first.value if isinstance(first, tree.String) else ""
