"""Conditions that are always true or always false."""

from __future__ import annotations

from dataclasses import dataclass

from runtime.spec.operands import AddressOperand, Messages, NumberOperand, Tells
from serc.diagnostics import codes
from serc.diagnostics.report import Related, Report
from serc.lint.subject import Subject
from serc.reading import tree
from serc.reading.walk import below, routes


@dataclass(frozen=True)
class _Fact:
    """A comparison in a chain: `operand` is (`holds`) or is not `value`. `is_single`: it is one value at a time."""

    operand: str
    value: str
    holds: bool
    is_single: bool
    node: tree.Compare


def check_conditions(subject: Subject, report: Report) -> None:
    for route in routes(subject.file):
        for node in below(route.body):
            if isinstance(node, tree.If):
                _constant(node.condition, report)
                _chains(node.condition, subject, report)


def _constant(condition: tree.Expression, report: Report) -> None:
    negated, inner = False, condition
    while isinstance(inner, tree.Not):
        negated, inner = not negated, inner.operand
    if isinstance(inner, tree.Number):
        truth = "true" if bool(inner.value) != negated else "false"
        report.add(codes.CONSTANT_CONDITION, condition.span, f"this condition is always {truth}")


def _chains(condition: tree.Expression, subject: Subject, report: Report) -> None:
    """Every chain of && and of || in the condition, each looked at once, at its top."""
    waiting: list[tuple[tree.Expression, bool]] = [(condition, False)]
    while waiting:
        node, negated = waiting.pop()
        if isinstance(node, tree.Not):
            waiting.append((node.operand, not negated))
        elif isinstance(node, (tree.And, tree.Or)):
            members = _members(node, negated, isinstance(node, tree.And) != negated)
            facts = [fact for member, reverse in members if (fact := _fact(member, reverse, subject)) is not None]
            _contradiction(node, facts, isinstance(node, tree.And) != negated, report)
            waiting += [m for m in members if m[0] is not node and not isinstance(m[0], tree.Compare)]


def _members(node: tree.Expression, negated: bool, conjunction: bool) -> list[tuple[tree.Expression, bool]]:
    """The members of the chain that `node` is the top of; `negated` ones count reversed (De Morgan)."""
    if isinstance(node, tree.Not):
        return _members(node.operand, not negated, conjunction)
    if isinstance(node, (tree.And, tree.Or)) and (isinstance(node, tree.And) != negated) == conjunction:
        return [m for operand in node.operands for m in _members(operand, negated, conjunction)]
    return [(node, negated)]


def _contradiction(
    top: tree.And | tree.Or,
    facts: list[_Fact],
    conjunction: bool,
    report: Report,
) -> None:
    """In a conjunction two facts that exclude each other, in a disjunction two of which one always holds."""
    seen: dict[tuple[str, str, bool], _Fact] = {}
    method: _Fact | None = None
    for second in facts:
        first = seen.get((second.operand, second.value, not second.holds))
        if first is None and second.is_single and second.holds is conjunction:
            method = method or second
            first = method if method.value != second.value else None
        if first is not None:
            and_sign = isinstance(top, tree.And)
            truth = "false" if and_sign else "true"
            why = "both cannot hold" if and_sign else "one of them always holds"
            hint = "was || meant?" if and_sign else "was && meant?"
            related = (Related(first.node.span, "this"), Related(second.node.span, "and this"))
            message = f"this condition is always {truth}: {why}"
            report.add(codes.CONSTANT_CONDITION, top.span, message, hint=hint, related=related)
            return
        seen.setdefault((second.operand, second.value, second.holds), second)


def _fact(node: tree.Expression, reverse: bool, subject: Subject) -> _Fact | None:
    """None for what is no plain (in)equality. A URI may equal several literals, one is never equal and unequal."""
    if not isinstance(node, tree.Compare) or node.operator not in ("==", "!="):
        return None
    operand = subject.comparison(node).operand
    if not operand.name:
        return None  # there is a mistake in it
    value = node.value
    if isinstance(value, tree.String):
        text = value.value.lower()
    elif isinstance(value, (tree.Identifier, tree.Host, tree.Word)):
        text = value.name.lower()
    elif isinstance(value, tree.Number):
        text = str(value.value)
    else:
        text = f"{value.address.text}/{getattr(value.mask, 'text', '')}"
    # A URI may equal several literals, and a network has many addresses.
    is_single = operand.tells is Tells.METHOD or operand.of is Messages.REPLIES
    is_single = is_single or isinstance(operand, NumberOperand) and text != "*"
    if isinstance(operand, AddressOperand):
        is_single = isinstance(value, tree.IpNet) and value.mask is None
    return _Fact(node.operand.name, text, (node.operator == "==") != reverse, is_single, node)
