"""Functions that are never true, since a parameter that they need is not set."""

from __future__ import annotations

from serc.diagnostics import codes
from serc.diagnostics.report import Report
from serc.lint.subject import Subject
from serc.reading.walk import calls, routes


def check_switched_off(subject: Subject, report: Report) -> None:
    """What to set is said at each call."""
    missing = {
        function: f'modparam("{module.spec.name}", "{param.name}", 1)'
        for module in subject.bound.modules.loaded
        for param in module.spec.params
        for function in param.needed_by
        if not module.parameters.get(param.name, param.default)
    }
    for route in routes(subject.file) if missing else ():
        for call in calls(route.body):
            name = call.name.name
            if name in missing:
                message = f"{name} is always false without {missing[name]}"
                report.add(codes.CONSTANT_CONDITION, call.span, message, hint=f"write {missing[name]}")
