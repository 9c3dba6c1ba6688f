"""Tests the wrong way round: the answer for a failure is given where the test succeeded."""

from __future__ import annotations

from typing import Final

from runtime.spec.effects import Does
from serc.diagnostics import codes
from serc.diagnostics.fix import insert
from serc.diagnostics.report import Related, Report
from serc.lint.subject import Subject
from serc.reading import tree
from serc.reading.walk import below, routes
from serc.resolve.effects import Effects

_CHALLENGES: Final = (Does.CHALLENGE_WWW, Does.CHALLENGE_PROXY)
_FORWARDS: Final = (Does.RELAY, Does.RELAY_STATEFUL)
# What the answer to a failure of the test would be.
_CODES: Final = {
    Does.LOOKUP: ("404", "410", "480", "604"),
    Does.CHECK_HOPS: ("483",),
    Does.IDENTIFY: ("401", "403", "407"),
}


def check_inverted(subject: Subject, report: Report) -> None:
    for route in routes(subject.file):
        for node in below(route.body):
            if isinstance(node, tree.If) and isinstance(node.condition, tree.Call):
                _look_at(node.condition, node.then, subject.effects, report)


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
        elif does in _FORWARDS and answer is Does.ERROR_REPLY:
            what = "answers an error"
        else:
            continue
        message = f"{statement.name.name} {what} where {test.name.name} succeeded"
        related = (Related(statement.span, "here"),)
        fix = insert(test.span.start, "!", safe=False)
        hint = f"write if (!{test.name.name}(…))"
        report.add(codes.INVERTED_TEST, test.span, message, hint=hint, related=related, fix=fix)
        return


def _code(call: tree.Call) -> str:
    first = call.arguments[0] if call.arguments else None
    return first.value if isinstance(first, tree.String) else ""
