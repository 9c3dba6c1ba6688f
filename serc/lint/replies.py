"""Questions that a reply has no answer to."""

from __future__ import annotations

import re

from runtime.spec.effects import Does
from runtime.spec.operands import Messages, Tells
from serc.diagnostics import codes
from serc.diagnostics.fix import write
from serc.diagnostics.report import Report
from serc.lint.subject import Subject
from serc.reading import tree
from serc.reading.walk import below, routes
from serc.resolve.routes import key_of


def check_replies(subject: Subject, report: Report) -> None:
    """The first line of a reply has no method."""
    starts = [key for key in subject.graph.defined if key[0] == "onreply_route"]
    for_replies = {number for start in starts for number in subject.graph.reached_from(start)}
    for route in routes(subject.file):
        if route.kind != "onreply_route":
            _status(route, for_replies, subject, report)
            continue
        for node in below(route.body):
            if isinstance(node, tree.Compare) and _is_uri(node, subject):
                message = f"a reply has no {node.operand.name}: it is the status here, and never like this"
                hint = (
                    f"ask for the {node.operand.name} in the route that forwards, and arm another onreply_route there"
                )
                report.add(codes.CONSTANT_CONDITION, node.span, message, hint=hint)
            elif isinstance(node, tree.Compare) and subject.comparison(node).operand.of is Messages.REQUESTS:
                truth = "true" if node.operator == "!=" else "false"
                name = node.operand.name
                message = f"a reply has no {name}: this is always {truth}"
                hint = f"ask for the {name} in the route that forwards, and arm another onreply_route there"
                report.add(codes.CONSTANT_CONDITION, node.span, message, hint=hint)


def _status(route: tree.Route, for_replies: set[int], subject: Subject, report: Report) -> None:
    """Requests have no status: the operand is their URI. Routes with numbers may be called for replies, too."""
    if route.kind == "route" and key_of(route)[1] in for_replies:
        return
    for node in below(route.body):
        if (
            isinstance(node, tree.Compare)
            and subject.comparison(node).operand.of is Messages.REPLIES
            and _is_code(node.value)
        ):
            test = subject.effects.named(Does.TEST_STATUS)
            truth = "true" if node.operator == "!=" else "false"
            name = node.operand.name
            message = f"a request has no {name}: this is always {truth}"
            hint, fix = f"the {name} of a reply is asked for in an onreply_route", None
            if route.kind == "failure_route" and isinstance(node.value, (tree.String, tree.Number)):
                ours = f'{test}("{node.value.value}")'
                fix = write(node.span, f"!{ours}" if node.operator == "!=" else ours, safe=False)
                hint = f"write {ours}"
            report.add(codes.CONSTANT_CONDITION, node.span, message, hint=hint, fix=fix)


def _is_uri(node: tree.Compare, subject: Subject) -> bool:
    """Is this a comparison of a Request-URI with something that begins with a scheme?"""
    operand, value = subject.comparison(node).operand, node.value
    return (
        operand.tells is Tells.DESTINATION
        and operand.of is Messages.ALL
        and isinstance(value, tree.String)
        and re.search("sips?:|@", value.value) is not None
    )


def _is_code(value: object) -> bool:
    if isinstance(value, tree.Number):
        return True
    return isinstance(value, tree.String) and re.fullmatch(r"\^?[1-6][0-9.\[\]-]*\$?", value.value) is not None
