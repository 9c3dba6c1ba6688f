"""`if (…);`: the semicolon is all that depends on the condition."""

from __future__ import annotations

from serc.diagnostics import codes
from serc.diagnostics.fix import remove
from serc.diagnostics.report import Report
from serc.lint.subject import Subject
from serc.reading import tree
from serc.reading.walk import below, calls, routes


def check_ended_ifs(subject: Subject, report: Report) -> None:
    """A condition that does something of its own, such as a call whose result is of no interest, may stand alone."""
    for route in routes(subject.file):
        for node in below(route.body):
            if not isinstance(node, tree.If) or node.then.braced or node.otherwise is not None:
                continue
            if len(node.then.statements) != 1 or not isinstance(node.then.statements[0], tree.Empty):
                continue
            if any(True for _ in calls(node.condition)):
                continue
            span = node.then.statements[0].span
            message = "this semicolon ends the if: what follows runs in any case"
            fix = remove(span, "the semicolon", safe=False)
            report.add(codes.ENDED_IF, span, message, hint="remove it", fix=fix)
