"""Tables of users that do not fit the rest of the file."""

from __future__ import annotations

from collections import Counter

from runtime.spec.effects import Does
from serc.diagnostics import codes
from serc.diagnostics.fix import quoted, write
from serc.diagnostics.report import Related, Report
from serc.diagnostics.suggest import nearest
from serc.lint.subject import Subject
from serc.reading import tree
from serc.reading.walk import calls, routes


def check_user_tables(subject: Subject, report: Report) -> None:
    """Credentials are looked for where contacts are kept, or in a table whose name is nearly that of all others."""
    verified: list[tree.String] = []
    contacts: dict[str, tree.Span] = {}
    for route in routes(subject.file):
        for call in calls(route.body):
            does = subject.effects.of(call)
            place = 1 if does in (Does.AUTH_WWW, Does.AUTH_PROXY) else 0 if does in (Does.SAVE, Does.LOOKUP) else None
            table = call.arguments[place] if place is not None and len(call.arguments) > place else None
            if isinstance(table, tree.String) and place:
                verified.append(table)
            elif isinstance(table, tree.String):
                contacts.setdefault(table.value, table.span)
    names = Counter(table.value for table in verified)
    for table in verified:
        if any(d.span.start <= table.span.start < d.span.end for d in report.diagnostics):
            continue
        if table.value in contacts:
            message = f'"{table.value}" is a table of contacts: there are no passwords in it'
            related = (Related(contacts[table.value], "its contacts are used here"),)
            hint = 'write the table of users, which usually is "subscriber"'
            report.add(codes.DOUBTFUL_ARGUMENT, table.span, message, hint=hint, related=related)
            continue
        meant = nearest(table.value, [name for name in names if names[name] > names[table.value]])
        if meant is not None:
            other = next(each for each in verified if each.value == meant)
            message = f'users are looked for in the table "{table.value}" here, and in "{meant}" elsewhere'
            related = (Related(other.span, "as here"),)
            fix = write(table.span, quoted(meant), safe=False)
            report.add(codes.DOUBTFUL_ARGUMENT, table.span, message, hint=fix.title, related=related, fix=fix)
