"""Flags that nobody reads, or nobody sets."""

from __future__ import annotations

from typing import Final

from runtime.spec.effects import Does
from serc.diagnostics import codes
from serc.diagnostics.fix import write
from serc.diagnostics.report import Related, Report
from serc.lint.subject import Subject
from serc.reading import tree
from serc.reading.walk import calls, routes

_LAST_FLAG: Final = 31


def check_flags(subject: Subject, report: Report) -> None:
    """Neither the script nor a parameter of a module that is loaded names the flag."""
    file, modules, effects = subject.file, subject.bound.modules, subject.effects
    written: dict[int, tree.Call] = {}
    read: dict[int, tree.Call] = {}
    cleared: dict[int, tree.Call] = {}
    shared: set[int] = set()
    for route in routes(file):
        for call in calls(route.body):
            argument = call.arguments[0] if call.arguments else None
            if isinstance(argument, tree.Number):
                if effects.of(call) is Does.SET_FLAG:
                    written.setdefault(argument.value, call)
                elif effects.of(call) is Does.TEST_FLAG:
                    read.setdefault(argument.value, call)
                elif effects.of(call) is Does.CLEAR_FLAG:
                    cleared.setdefault(argument.value, call)
    for module in modules.loaded:
        for param in module.spec.params:
            value = module.parameters.get(param.name, param.default)
            if "flag" in param.name and isinstance(value, int) and value > 0:
                shared.add(value)
    if modules.puzzles:
        return
    idle = [number for number in written if number not in read and number not in shared]
    if _asked_for(subject, written, idle, report):
        return
    for number, call in written.items():
        if number not in read and number not in shared:
            message = f"flag {number} is set and never read"
            hint = f"nothing calls {effects.named(Does.TEST_FLAG)}({number}), and no module that is loaded has it as a parameter"
            report.add(codes.FLAG_NEVER_READ, call.span, message, hint=hint)
    hint = f"flags that are set: {', '.join(map(str, sorted(written)))}" if written else "no flag is set"
    for number, call in (cleared | read).items():
        if number not in written and number not in shared:
            if number in read:
                message = f"flag {number} is tested and never set: this is always false"
            else:
                message = f"flag {number} is cleared and never set: this does nothing"
            report.add(codes.FLAG_NEVER_SET, call.span, message, hint=hint)


def _asked_for(subject: Subject, written: dict[int, tree.Call], idle: list[int], report: Report) -> bool:
    """Reports flags that a modparam makes a module look for, and that no route sets; True where one that is set in vain is meant."""
    is_meant = False
    for item in subject.file.items:
        if not isinstance(item, tree.ModParam) or not isinstance(item.value, tree.Number):
            continue
        name, number = item.parameter.value, item.value.value
        if not name.endswith("flag") or number <= 0 or number in written or not _is_flag(subject, name):
            continue
        message = f"flag {number}, the {name} of {item.module.value}, is never set: nothing is ever marked with it"
        related = tuple(Related(written[each].span, f"flag {each} is set here, and never read") for each in idle)
        hint = f"call {subject.effects.named(Does.SET_FLAG)}({number}) in a route"
        fix = None
        if len(idle) == 1:
            hint, fix = f"was flag {idle[0]} meant?", write(item.value.span, str(idle[0]), safe=False)
        report.add(codes.FLAG_NEVER_SET, item.span, message, hint=hint, related=related, fix=fix)
        is_meant = is_meant or bool(idle)
    return _never_pinged(subject, written, idle, report) or is_meant


def _never_pinged(subject: Subject, written: dict[int, tree.Call], idle: list[int], report: Report) -> bool:
    """Pings only for contacts with a flag that is left at its default, which nobody sets. Reference modules-main, nathelper."""
    modules = subject.bound.modules
    number = modules.value("registrar", "nat_flag")
    given = [i for i in subject.file.items if isinstance(i, tree.ModParam) and i.parameter.value == "ping_nated_only"]
    is_set = any("nat_flag" in m.parameters for m in modules.loaded)
    if not given or not isinstance(number, int) or number in written or is_set:
        return False
    if not modules.value("nathelper", "ping_nated_only") or not modules.value("nathelper", "natping_interval"):
        return False
    message = f"nobody is ever pinged: no contact has flag {number}, the nat_flag of registrar, which is never set"
    meant = idle[0] if len(idle) == 1 else next(iter(written), number)
    hint = f"call {subject.effects.named(Does.SET_FLAG)}({number}) in a route"
    if written:
        hint = f'write modparam("registrar", "nat_flag", {meant})'
    report.add(codes.FLAG_NEVER_SET, given[-1].span, message, hint=hint)
    return bool(idle)


def _is_flag(subject: Subject, name: str) -> bool:
    """Is it the number of a flag to a module that is loaded?"""
    params = [p for m in subject.bound.modules.loaded for p in m.spec.params if p.name == name]
    return any(
        param.check is not None and param.check(_LAST_FLAG + 1) and not param.check(_LAST_FLAG) for param in params
    )
