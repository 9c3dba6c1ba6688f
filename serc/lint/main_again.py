"""route(0): the main route, called like any other."""

from __future__ import annotations

from serc.diagnostics import codes
from serc.diagnostics.report import Related, Report
from serc.lint.subject import Subject
from serc.resolve.routes import head_of


def check_main_again(subject: Subject, report: Report) -> None:
    """A request that comes to the main route a second time is handled twice; the caller goes on behind it, too."""
    graph = subject.graph
    main = graph.defined.get(("route", 0))
    if main is None:
        return
    for edge in graph.edges:
        if edge.target == 0:
            message = "this calls the main route again: everything in it is done a second time"
            hint = "put what both need into a route of its own"
            related = (Related(head_of(main), "the main route"),)
            report.add(codes.MAIN_ROUTE_AGAIN, edge.call.span, message, hint=hint, related=related)
