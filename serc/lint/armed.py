"""Failure and onreply routes that are armed where no request is forwarded in a transaction."""

from __future__ import annotations

from runtime.spec.effects import Does
from serc.diagnostics import codes
from serc.diagnostics.fix import write
from serc.diagnostics.report import Related, Report
from serc.lint.subject import Subject
from serc.reading import tree
from serc.reading.walk import below, calls, routes
from serc.resolve.words import STATEMENTS


def check_armed(subject: Subject, report: Report) -> None:
    """Only transactions run them."""
    effects = subject.effects
    for route in routes(subject.file):
        if route.kind == "route":
            for node in below(route.body):
                if isinstance(node, tree.Block):
                    _in_block(node, subject, report)
    everything = [
        call
        for route in routes(subject.file)
        if route.kind == "route"
        for call in calls(route.body)
        if call.name.name not in STATEMENTS
    ]
    armed = next((call for call in everything if effects.of(call) is Does.ARM), None)
    stateless = next((call for call in everything if effects.of(call) is Does.RELAY), None)
    told = (codes.TRANSACTION_LEFT, codes.ARMED_IN_VAIN)
    if armed is None or stateless is None or any(d.code in told for d in report.diagnostics):
        return
    if any(effects.of(call) in (Does.RELAY_STATEFUL, None) for call in everything):
        return
    message = f"{armed.name.name} names a route that never runs: no request is forwarded in a transaction"
    related = (Related(stateless.span, "forwarded here, without one"),)
    hint = f"forward with {effects.named(Does.RELAY_STATEFUL)}()"
    fix = None
    if all(isinstance(argument, tree.Word) for argument in stateless.arguments):
        fix = write(stateless.span, f"{effects.named(Does.RELAY_STATEFUL)}()", safe=False)
    report.add(codes.ARMED_IN_VAIN, armed.span, message, hint=hint, related=related, fix=fix)


def _in_block(block: tree.Block, subject: Subject, report: Report) -> None:
    """Armed, and then forwarded without a transaction, though the file forwards with one elsewhere."""
    effects = subject.effects
    armed: tree.Call | None = None
    for statement in block.statements:
        if isinstance(statement, tree.Call) and effects.of(statement) is Does.ARM:
            armed = statement
            continue
        if armed is None:
            continue
        here = [call for call in calls(statement) if call.name.name not in STATEMENTS]
        if any(effects.of(call) in (Does.RELAY_STATEFUL, Does.NEW_TRANSACTION, None) for call in here):
            armed = None
            continue
        forwarded = here[0] if here else None
        if forwarded is None or effects.of(forwarded) is not Does.RELAY:
            continue
        forward = f"{effects.named(Does.RELAY_STATEFUL)}()"
        message = f"{armed.name.name} names a route that never runs: the request is forwarded without a transaction"
        related = (Related(forwarded.span, "forwarded here"),)
        fix = None
        if all(isinstance(argument, tree.Word) for argument in forwarded.arguments):
            fix = write(forwarded.span, forward, safe=False)
        report.add(codes.ARMED_IN_VAIN, armed.span, message, hint=f"forward with {forward}", related=related, fix=fix)
        return
