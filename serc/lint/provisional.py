"""A provisional reply behind which the route ends: the final one never comes."""

from __future__ import annotations

from itertools import pairwise

from runtime.spec.effects import Does
from serc.diagnostics import codes
from serc.diagnostics.report import Related, Report
from serc.lint.subject import Subject
from serc.reading import tree
from serc.reading.walk import below, routes
from serc.resolve.effects import ends_route


def check_provisional(subject: Subject, report: Report) -> None:
    """Without a transaction nobody is left who could answer."""
    for route in routes(subject.file):
        for node in below(route.body):
            if not isinstance(node, tree.Block):
                continue
            for reply, following in pairwise(node.statements):
                if (
                    not isinstance(reply, tree.Call)
                    or not isinstance(following, tree.Call)
                    or not ends_route(following)
                ):
                    continue
                code = reply.arguments[0] if reply.arguments else None
                if subject.effects.of(reply) is not Does.REPLY or not isinstance(code, tree.String):
                    continue
                if code.value.startswith("1"):
                    message = f"{code.value} is no final reply: the client waits for one that never comes"
                    related = (Related(following.span, "the route ends here"),)
                    hint = "answer with a code from 200 to 699, or forward the request behind it"
                    report.add(codes.UNANSWERED, reply.span, message, hint=hint, related=related)
