"""Names of AVPs that stand once in a file, and are nearly one that stands there more often: nothing else reads or writes such an AVP."""

from __future__ import annotations

from collections import Counter
from typing import Final

from serc.diagnostics import codes
from serc.diagnostics.fix import write
from serc.diagnostics.report import Report
from serc.diagnostics.suggest import nearest
from serc.lint.subject import Subject
from serc.reading import tree
from serc.reading.walk import calls, routes

_NAMED: Final = "s:"
# Shorter ones are alike by accident.
_SHORTEST: Final = 4


def check_avp_names(subject: Subject, report: Report) -> None:
    """Names as texts alone: numbers next to each other are no slips."""
    places = [
        argument
        for route in routes(subject.file)
        for call in calls(route.body)
        for argument in call.arguments
        if isinstance(argument, tree.String) and argument.value.startswith(_NAMED)
    ]
    names = Counter(place.value.partition("/")[0] for place in places)
    usual = [name for name, times in names.items() if times > 1]
    for place in places:
        name = place.value.partition("/")[0]
        meant = nearest(name, usual) if names[name] == 1 and len(name) >= len(_NAMED) + _SHORTEST else None
        if meant is not None and len(meant) >= len(_NAMED) + _SHORTEST and not _is_counted(name, meant):
            message = f'"{name}" stands here alone: nothing else reads or writes this AVP'
            fix = write(place.span, f'"{meant}{place.value[len(name):]}"', safe=False)
            report.add(codes.DOUBTFUL_ARGUMENT, place.span, message, hint=f'did you mean "{meant}"?', fix=fix)


def _is_counted(name: str, other: str) -> bool:
    """Two of a row, such as gw1 and gw2, or one and its plural."""
    return name.rstrip("0123456789s") == other.rstrip("0123456789s")
