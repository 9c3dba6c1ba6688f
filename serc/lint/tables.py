"""A table of contacts that is looked up and never saved to, beside one of almost the same name."""

from __future__ import annotations

from runtime.spec.effects import Does
from serc.diagnostics import codes
from serc.diagnostics.fix import write
from serc.diagnostics.report import Related, Report
from serc.diagnostics.suggest import is_slip, nearest
from serc.lint.subject import Subject
from serc.reading import tree
from serc.reading.walk import calls, routes


def check_tables(subject: Subject, report: Report) -> None:
    """Tables that are filled in other ways, as aliases are, have other names."""
    saved: dict[str, tree.String] = {}
    looked_up: dict[str, tree.String] = {}
    for route in routes(subject.file):
        for call in calls(route.body):
            table = call.arguments[0] if call.arguments else None
            does = subject.effects.of(call)
            if isinstance(table, tree.String) and does in (Does.SAVE, Does.LOOKUP):
                (saved if does is Does.SAVE else looked_up).setdefault(table.value, table)
    for name, place in looked_up.items():
        meant = nearest(name, [other for other in saved if other not in looked_up])
        if meant is None:
            slip = nearest(name, saved)
            meant = slip if slip is not None and is_slip(name, slip, ()) else None
        if name not in saved and meant is not None:
            related = (Related(saved[meant].span, "saved here"),)
            message = f'contacts are looked up in the table "{name}", and saved in "{meant}"'
            fix = write(place.span, f'"{meant}"', safe=False)
            hint = f'write "{meant}" in both'
            report.add(codes.TABLE_NEVER_SAVED, place.span, message, hint=hint, related=related, fix=fix)
