"""Within a block: statements that are never reached, and tests whose result nobody looks at."""

from __future__ import annotations

from serc.diagnostics import codes
from serc.diagnostics.report import Related, Report
from serc.lint.subject import Subject
from serc.reading import tree
from serc.reading.walk import below, else_if, routes
from serc.resolve.effects import Effects, ends_route


def check_statements(subject: Subject, report: Report) -> None:
    for route in routes(subject.file):
        for node in below(route.body):
            if isinstance(node, tree.Block):
                _unreachable(node, report)
                _ignored_tests(node, subject.effects, report)


def ends(statement: tree.Statement) -> bool:
    """Does the route always end here, by break or drop?"""
    if isinstance(statement, tree.Call):
        return ends_route(statement)
    while isinstance(statement, tree.If):  # a loop, since chains of `else if` can be long
        if statement.otherwise is None or not ends(statement.then):
            return False
        statement = else_if(statement) or statement.otherwise
    return isinstance(statement, tree.Block) and any(ends(s) for s in statement.statements)


def _unreachable(block: tree.Block, report: Report) -> None:
    """The first statement behind an end; lone semicolons do not count."""
    for i, statement in enumerate(block.statements[:-1]):
        if ends(statement):
            rest = [s for s in block.statements[i + 1 :] if not isinstance(s, tree.Empty)]
            if rest:
                related = (Related(statement.span, "the route ends here"),)
                span = tree.Span(rest[0].span.start, rest[0].span.end)
                before = block.statements[i - 1] if i else None
                hint = ""
                if isinstance(before, tree.If) and before.otherwise is None and not before.then.braced:
                    hint = "put braces around what belongs to the if before it: without them it has one statement alone"
                report.add(codes.UNREACHABLE, span, "this statement is never reached", hint=hint, related=related)
            return


def _ignored_tests(block: tree.Block, effects: Effects, report: Report) -> None:
    for statement in block.statements:
        alone = effects.alone(statement) if isinstance(statement, tree.Call) else ""
        if isinstance(statement, tree.Call) and alone:
            name = statement.name.name
            message = f"the result of {name} is ignored, and it does {alone}"
            written = f"{name}(…)" if statement.arguments else f"{name}()"
            report.add(codes.IGNORED_RESULT, statement.span, message, hint=f"write if ({written}) or if (!{written})")
