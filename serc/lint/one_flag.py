"""One flag of which two parameters make two things."""

from __future__ import annotations

from serc.diagnostics import codes
from serc.diagnostics.report import Related, Report
from serc.lint.subject import Subject
from serc.reading import tree

# What a parameter stands for, by the end of its name. The places that something is written to may share a flag: they write the same.
_MEANINGS = (("missed_flag", "missed calls"), ("nat_flag", "contacts behind a NAT"))
_REST = "calls"


def check_one_flag(subject: Subject, report: Report) -> None:
    """For calls and for missed calls, for calls and for clients behind a NAT."""
    bound = subject.bound
    seen: dict[int, list[tuple[str, tree.ModParam]]] = {}
    for item in bound.file.items:
        if not isinstance(item, tree.ModParam) or not isinstance(item.value, tree.Number) or item.value.value <= 0:
            continue
        name = item.parameter.value
        is_last = any(
            m.parameters.get(name) == item.value.value and m.spec.param(name) is not None for m in bound.modules.loaded
        )
        if name.endswith("_flag") and is_last and not any(item.value.span == d.span for d in report.diagnostics):
            seen.setdefault(item.value.value, []).append((_meaning(name), item))
    for number, params in seen.items():
        first, place = params[0]
        other = next(((meaning, item) for meaning, item in params if meaning != first), None)
        if other is None:
            continue
        meaning, item = other
        message = f"flag {number} is for {first} and for {meaning}: who sets it for one gets both"
        related = (Related(place.span, f"{place.parameter.value} is {number}, too"),)
        hint = f"give {item.parameter.value} a flag of its own"
        report.add(codes.DOUBTFUL_MODPARAM, item.span, message, hint=hint, related=related)


def _meaning(name: str) -> str:
    return next((meaning for ending, meaning in _MEANINGS if name.endswith(ending)), _REST)
