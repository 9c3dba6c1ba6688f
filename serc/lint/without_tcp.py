"""What needs TCP where disable_tcp turns it off."""

from __future__ import annotations

from typing import Final

from runtime.spec.effects import Does
from runtime.spec.operands import NumberOperand
from serc.diagnostics import codes
from serc.diagnostics.report import Related, Report
from serc.lint.subject import Subject
from serc.reading import tree
from serc.reading.walk import below, routes

_SENDS: Final = (Does.RELAY, Does.RELAY_STATEFUL, Does.COPY)
# SER has a function for each transport, whose name ends so.
_ENDINGS: Final = ("_tcp", "_tls")
_TRANSPORTS: Final = (";transport=tcp", ";transport=tls")


def check_without_tcp(subject: Subject, report: Report) -> None:
    """Functions that send by TCP, URIs that ask for it, and questions whether a message came by it."""
    disabled = _disabled(subject.file)
    if disabled is None:
        return
    before = len(report.diagnostics)
    related = (Related(disabled.span, "TCP is disabled here"),)
    hint = "remove disable_tcp, or use UDP"
    for route in routes(subject.file):
        for node in below(route.body):
            if isinstance(node, tree.Call) and _needs_tcp(node, subject):
                message = f"{node.name.name} needs TCP, which disable_tcp turns off: it always fails"
                report.add(codes.IN_VAIN, node.span, message, hint=hint, related=related)
            elif isinstance(node, tree.Compare) and _asks_for_tcp(node, subject):
                truth = "true" if node.operator == "!=" else "false"
                message = f"nothing comes by TCP, which disable_tcp turns off: this is always {truth}"
                report.add(codes.CONSTANT_CONDITION, node.span, message, hint=hint, related=related)
    children = _set(subject.file, "tcp_children")
    told = any(d.code is codes.CONTRADICTING_GLOBALS for d in report.diagnostics)
    if children is not None and len(report.diagnostics) == before and not told:
        message = "tcp_children does nothing: disable_tcp turns TCP off"
        hint = "remove it, or disable_tcp"
        report.add(codes.CONTRADICTING_GLOBALS, children.span, message, hint=hint, related=related)


def _set(file: tree.File, name: str) -> tree.Assignment | None:
    found = [item for item in file.items if isinstance(item, tree.Assignment) and item.name.name == name]
    return found[-1] if found else None


def _disabled(file: tree.File) -> tree.Assignment | None:
    item = _set(file, "disable_tcp")
    value = None if item is None else item.values[0]
    return item if isinstance(value, tree.Number) and value.value else None


def _needs_tcp(call: tree.Call, subject: Subject) -> bool:
    does = subject.effects.of(call)
    if does in _SENDS:
        return call.name.name.endswith(_ENDINGS)
    first = call.arguments[0] if call.arguments else None
    return (
        does is Does.REWRITE
        and isinstance(first, tree.String)
        and any(asked in first.value.lower() for asked in _TRANSPORTS)
    )


def _asks_for_tcp(compare: tree.Compare, subject: Subject) -> bool:
    operand = subject.comparison(compare).operand
    value = compare.value
    words = operand.words if isinstance(operand, NumberOperand) else {}
    return (
        isinstance(value, tree.Word)
        and "tcp" in words
        and value.name.lower() in ("tcp", "tls")
        and compare.operator in ("==", "!=")
    )
