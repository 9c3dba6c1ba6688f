"""Flags that nobody reads, or nobody sets."""

from __future__ import annotations

from runtime.spec.effects import Does
from serc.diagnostics import codes
from serc.diagnostics.report import Report
from serc.lint.subject import Subject
from serc.reading import tree
from serc.reading.walk import calls, routes


def check_flags(subject: Subject, report: Report) -> None:
    """Neither the script nor a parameter of a module that is loaded names the flag."""
    file, modules, effects = subject.file, subject.bound.modules, subject.effects
    written: dict[int, tree.Call] = {}
    read: dict[int, tree.Call] = {}
    shared: set[int] = set()
    for route in routes(file):
        for call in calls(route.body):
            argument = call.arguments[0] if call.arguments else None
            if isinstance(argument, tree.Number):
                if effects.of(call) is Does.SET_FLAG:
                    written.setdefault(argument.value, call)
                elif effects.of(call) is Does.TEST_FLAG:
                    read.setdefault(argument.value, call)
    for module in modules.loaded:
        values = [module.parameters.get(p.name, p.default) for p in module.spec.params if "flag" in p.name]
        shared.update(value for value in values if isinstance(value, int))
    if modules.puzzles:
        return
    for number, call in written.items():
        if number not in read and number not in shared:
            message = f"flag {number} is set and never read"
            hint = f"nothing calls {effects.named(Does.TEST_FLAG)}({number}), and no module that is loaded has it as a parameter"
            report.add(codes.FLAG_NEVER_READ, call.span, message, hint=hint)
    for number, call in read.items():
        if number not in written and number not in shared:
            message = f"flag {number} is tested and never set: this is always false"
            hint = f"flags that are set: {', '.join(map(str, sorted(written)))}" if written else "no flag is set"
            report.add(codes.FLAG_NEVER_SET, call.span, message, hint=hint)
