"""The same question twice: behind a block that ends the route, and in a chain of `else if`."""

from __future__ import annotations

from runtime.spec.operands import Tells
from serc.diagnostics import codes
from serc.diagnostics.report import Related, Report
from serc.lint.flow import ends
from serc.lint.subject import Subject
from serc.reading import tree
from serc.reading.walk import below, else_if, routes

_Key = tuple[str, str, str]


def check_repeated(subject: Subject, report: Report) -> None:
    """Comparisons that no statement can change the result of. The second one is never true."""
    for route in routes(subject.file):
        links: set[int] = set()  # of chains that have been gone through from their beginning
        for node in below(route.body):
            if isinstance(node, tree.Block):
                _in_turn(node, subject, report)
            elif isinstance(node, tree.If) and id(node) not in links:
                _in_chain(node, links, subject, report)


def _in_turn(block: tree.Block, subject: Subject, report: Report) -> None:
    seen: dict[_Key, tree.If] = {}
    for statement in block.statements:
        if not isinstance(statement, tree.If):
            continue
        key = _key(statement.condition, subject)
        if key is None:
            continue
        first = seen.get(key)
        if first is not None:
            _tell(statement, first, "those have left the route", report)
        elif ends(statement.then):
            seen[key] = statement


def _in_chain(node: tree.If, links: set[int], subject: Subject, report: Report) -> None:
    seen: dict[_Key, tree.If] = {}
    link: tree.If | None = node
    while link is not None:
        links.add(id(link))
        key = _key(link.condition, subject)
        if key is not None and key in seen:
            _tell(link, seen[key], "those have taken the other branch", report)
        elif key is not None:
            seen[key] = link
        link = else_if(link)


def _tell(second: tree.If, first: tree.If, why: str, report: Report) -> None:
    place = second.condition.span
    message = f"this condition is never true: the same was asked before, and {why}"
    related = (Related(first.condition.span, "asked here"),)
    hint = "was another value meant? else remove one of the two"
    report.add(codes.CONSTANT_CONDITION, place, message, hint=hint, related=related)


def _key(condition: tree.Expression, subject: Subject) -> _Key | None:
    """None for what is no comparison, and for one of a text that scripts change."""
    if not isinstance(condition, tree.Compare):
        return None
    bound = subject.comparison(condition)
    if not bound.is_known or bound.operand.tells is Tells.DESTINATION:
        return None
    return condition.operand.name, condition.operator, repr(bound.values) + repr(bound.with_myself)
