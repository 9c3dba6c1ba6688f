"""Questions that a reply has no answer to."""

from __future__ import annotations

from serc.diagnostics import codes
from serc.diagnostics.report import Report
from serc.lint.subject import Subject
from serc.reading import tree
from serc.reading.walk import below, routes


def check_replies(subject: Subject, report: Report) -> None:
    """The first line of a reply has no method."""
    for route in routes(subject.file):
        if route.kind != "onreply_route":
            continue
        for node in below(route.body):
            if isinstance(node, tree.Compare) and node.operand.name == "method" and node.operator in ("==", "!=", "=~"):
                truth = "true" if node.operator == "!=" else "false"
                message = f"a reply has no method: this is always {truth}"
                hint = "ask for the method in the route that forwards, and arm another onreply_route there"
                report.add(codes.CONSTANT_CONDITION, node.span, message, hint=hint)
