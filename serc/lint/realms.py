"""A challenge for another realm than the one that is verified: no answer to it can ever be right."""

from __future__ import annotations

from typing import Final

from runtime.spec.effects import Does
from serc.diagnostics import codes
from serc.diagnostics.fix import Edit, Fix, quoted, write
from serc.diagnostics.report import Related, Report
from serc.lint.subject import Subject
from serc.reading import tree
from serc.reading.walk import below, calls, routes
from serc.resolve.effects import Effects

_CHALLENGE_OF: Final = {Does.AUTH_WWW: Does.CHALLENGE_WWW, Does.AUTH_PROXY: Does.CHALLENGE_PROXY}


def check_realms(subject: Subject, report: Report) -> None:
    """`if (!proxy_authorize(REALM, …)) { proxy_challenge(REALM, …); }`: the two are one text."""
    for route in routes(subject.file):
        for node in below(route.body):
            if isinstance(node, tree.If):
                for verified in calls(node.condition):
                    if any(
                        d.code is codes.DOUBTFUL_ARGUMENT and node.span.start <= d.span.start < node.span.end
                        for d in report.diagnostics
                    ):
                        continue  # one of the two is none, which was said
                    _compare(verified, node.then, subject.effects, report)


def _compare(verified: tree.Call, block: tree.Block, effects: Effects, report: Report) -> None:
    does = effects.of(verified)
    wanted = _CHALLENGE_OF.get(does) if does is not None else None
    realm = _realm(verified)
    if wanted is None or realm is None:
        return
    for statement in block.statements:
        if isinstance(statement, tree.Call) and effects.of(statement) is wanted:
            asked = _realm(statement)
            table = verified.arguments[1] if len(verified.arguments) > 1 else None
            if isinstance(table, tree.String) and table.value == asked != realm:
                message = f"{verified.name.name} takes the realm first, and then the table"
                related = (Related(statement.span, "the realm that is asked for"),)
                edits = (Edit(verified.arguments[0].span, quoted(asked)), Edit(table.span, quoted(realm)))
                hint = f"write {verified.name.name}({quoted(asked)}, {quoted(realm)})"
                fix = Fix("exchange the two", edits, False)
                report.add(codes.REALMS_DIFFER, verified.span, message, hint=hint, related=related, fix=fix)
            elif asked is not None and asked != realm and "$" not in asked + realm:
                message = f'{statement.name.name} asks for the realm "{asked}", {verified.name.name} verifies "{realm}"'
                related = (Related(verified.span, "verified here"),)
                hint = f'write "{realm}" in both'
                fix = write(statement.arguments[0].span, quoted(realm), safe=False)
                report.add(codes.REALMS_DIFFER, statement.span, message, hint=hint, related=related, fix=fix)


def _realm(call: tree.Call) -> str | None:
    first = call.arguments[0] if call.arguments else None
    return first.value if isinstance(first, tree.String) else None
