"""Limits of a module that cross: the lowest value that is allowed above the highest."""

from __future__ import annotations

from runtime.spec.declare import ModuleSpec
from serc.diagnostics import codes
from serc.diagnostics.report import Related, Report
from serc.lint.subject import Subject
from serc.reading import tree
from serc.resolve.modules import Loaded


def check_limits(subject: Subject, report: Report) -> None:
    """min_X and max_X of one module, set or by default; 0 as the highest means that there is none."""
    bound = subject.bound
    for loaded in bound.modules.loaded:
        for param in loaded.spec.params:
            if not param.name.startswith("min_"):
                continue
            upper = f"max_{param.name.removeprefix('min_')}"
            low, high = _value(loaded, param.name), _value(loaded, upper)
            if low is None or high is None or high <= 0 or low <= high:
                continue
            places = [
                item for name in (param.name, upper) if (item := _set_at(bound.file, loaded.spec, name)) is not None
            ]
            if places:
                related = tuple(Related(item.span, "the other limit is set here") for item in places[1:])
                message = (
                    f"{param.name} of {loaded.spec.name} is {low}, and {upper} is {high}: no value lies between them"
                )
                report.add(codes.CROSSED_LIMITS, places[0].span, message, hint="exchange them", related=related)


def _value(loaded: Loaded, name: str) -> int | None:
    param = loaded.spec.param(name)
    value = None if param is None else loaded.parameters.get(name, param.default)
    return value if isinstance(value, int) else None


def _set_at(file: tree.File, spec: ModuleSpec, name: str) -> tree.ModParam | None:
    """The last modparam of that name; nothing is asked of its regex, since a module that has the parameter took it."""
    found = [item for item in file.items if isinstance(item, tree.ModParam) and item.parameter.value == name]
    return found[-1] if found and spec.param(name) is not None else None
