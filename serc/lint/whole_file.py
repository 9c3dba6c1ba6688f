"""What a file as a whole lacks: Record-Route, a check of Max-Forwards."""

from __future__ import annotations

from runtime.spec.effects import Does
from serc.diagnostics import codes
from serc.diagnostics.report import Related, Report
from serc.lint.subject import Subject
from serc.reading.walk import calls, routes
from serc.resolve.routes import head_of


def check_record_route(subject: Subject, report: Report) -> None:
    file, effects = subject.file, subject.effects
    everything = [call for route in routes(file) for call in calls(route.body)]
    loose = next((call for call in everything if effects.of(call) is Does.LOOSE_ROUTE), None)
    if loose is not None and not any(effects.of(call) is Does.RECORD_ROUTE for call in everything):
        name = effects.named(Does.RECORD_ROUTE)
        message = f"{loose.name.name} is used, but {name} never"
        hint = f"without it the later requests of a dialog do not pass here: call {name}() before relaying"
        fix = subject.cures.before(loose.span, f"{name}();")
        report.add(codes.NO_RECORD_ROUTE, loose.span, message, hint=hint, fix=fix)
    recorded = next((call for call in everything if effects.of(call) is Does.RECORD_ROUTE), None)
    # What a function does that nobody knows, or a transaction's own route, may be to follow them.
    if recorded is not None and loose is None and not subject.bound.modules.puzzles:
        name, relay = effects.named(Does.LOOSE_ROUTE), effects.named(Does.RELAY_STATEFUL)
        message = f"{recorded.name.name} is used, but {name} never: requests inside of a dialog go where new ones go"
        hint = f"write if ({name}()) {{ {relay}(); break; }} before the Request-URI is looked at"
        report.add(codes.NO_LOOSE_ROUTE, recorded.span, message, hint=hint)


def check_hops(subject: Subject, report: Report) -> None:
    file, graph, effects = subject.file, subject.graph, subject.effects
    main = graph.defined.get(("route", 0))
    everything = [call for route in routes(file) for call in calls(route.body)]
    relay = next((call for call in everything if effects.of(call) in (Does.RELAY, Does.RELAY_STATEFUL)), None)
    if main is None or relay is None or any(effects.of(call) is Does.CHECK_HOPS for call in everything):
        return
    message = "requests are forwarded without a check of Max-Forwards: loops never end"
    check, reply = effects.named(Does.CHECK_HOPS), effects.named(Does.REPLY)
    test = f'if (!{check}("10")) {{ {reply}("483", "Too Many Hops"); break; }}'
    hint, fix = f"begin with {test}", subject.cures.at_start(main.body, test)
    related = (Related(relay.span, "forwarded here"),)
    report.add(codes.NO_MAX_FORWARDS, head_of(main), message, hint=hint, related=related, fix=fix)
