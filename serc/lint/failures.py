"""Statuses that a failure route never sees."""

from __future__ import annotations

from typing import Final

from runtime.spec.effects import Does
from runtime.spec.kinds_words import codes_like
from serc.diagnostics import codes
from serc.diagnostics.report import Report
from serc.lint.subject import Subject
from serc.reading import tree
from serc.reading.walk import calls, routes

_FIRST_FAILURE: Final = 300


def check_failures(subject: Subject, report: Report) -> None:
    """It runs when all branches have failed: provisional replies and those of 200 do not lead into it."""
    for route in routes(subject.file):
        if route.kind != "failure_route":
            continue
        for call in calls(route.body):
            status = call.arguments[0] if call.arguments else None
            if subject.effects.of(call) is not Does.TEST_STATUS or not isinstance(status, tree.String):
                continue
            matched = codes_like(status.value)
            if matched and max(matched) < _FIRST_FAILURE:
                message = (
                    f'"{status.value}" is never true here: a failure_route runs for a final reply of 300 and above'
                )
                hint = "replies that come before, and those of 200, are seen in an onreply_route"
                report.add(codes.CONSTANT_CONDITION, call.span, message, hint=hint)
