"""Limits of a module that cross: the lowest value that is allowed above the highest."""

from __future__ import annotations

from runtime.spec.declare import ModuleSpec
from serc.diagnostics import codes
from serc.diagnostics.fix import Edit, Fix
from serc.diagnostics.report import Related, Report
from serc.lint.subject import Subject
from serc.reading import tree
from serc.resolve.modules import Loaded


def check_limits(subject: Subject, report: Report) -> None:
    """min_X and max_X of one module, set or by default; 0 as the highest means that there is none."""
    bound = subject.bound
    for loaded in bound.modules.loaded:
        lows = [param.name for param in loaded.spec.params if param.name.startswith("min_")]
        pairs = [(name, f"max_{name.removeprefix('min_')}") for name in lows]
        chosen = [pair for pair in loaded.spec.ordered_if_set if pair[0] in loaded.parameters]
        crossed: set[str] = set()
        for lower, upper in (*pairs, *loaded.spec.ordered, *chosen):
            low, high = _value(loaded, lower), _value(loaded, upper)
            if low is None or high is None or high <= 0 or low <= high or crossed & {lower, upper}:
                continue  # one value that is wrong may cross several
            places = [item for name in (lower, upper) if (item := _set_at(bound.file, loaded.spec, name)) is not None]
            doubted = any(d.span == item.value.span for d in report.diagnostics for item in places)
            if places and not doubted:
                crossed |= {lower, upper}
                related = tuple(Related(item.span, "the other limit is set here") for item in places[1:])
                what = "no value lies between them" if (lower, upper) in pairs else "it should not be greater"
                message = f"{lower} of {loaded.spec.name} is {low}, and {upper} is {high}: {what}"
                hint = "exchange them" if len(places) > 1 else f"{upper} is {high} unless modparam sets it"
                if len(places) == 1 and places[0].parameter.value == upper:
                    hint = f"{lower} is {low} unless modparam sets it"
                fix = None
                if len(places) > 1:
                    first, second = places
                    edits = (Edit(first.value.span, str(high)), Edit(second.value.span, str(low)))
                    fix = Fix("exchange the values", edits, False)
                report.add(codes.CROSSED_LIMITS, places[0].span, message, hint=hint, related=related, fix=fix)


def _value(loaded: Loaded, name: str) -> int | None:
    param = loaded.spec.param(name)
    value = None if param is None else loaded.parameters.get(name, param.default)
    return value if isinstance(value, int) else None


def _set_at(file: tree.File, spec: ModuleSpec, name: str) -> tree.ModParam | None:
    """The last modparam of that name; nothing is asked of its regex, since a module that has the parameter took it."""
    found = [item for item in file.items if isinstance(item, tree.ModParam) and item.parameter.value == name]
    return found[-1] if found and spec.param(name) is not None else None
