"""Flow within and between routes: what is never reached, never used, never read, or never ends."""

from __future__ import annotations

from collections.abc import Iterator

from runtime.spec.effects import Does
from runtime.spec.kinds_words import FAILURE_ROUTE, ONREPLY_ROUTE
from serc.diagnostics import codes
from serc.diagnostics.report import Related, Report
from serc.reading import tree
from serc.reading.walk import below, calls, else_if, routes
from serc.resolve.effects import Effects, ends_route
from serc.resolve.modules import Modules
from serc.resolve.routes import RouteGraph, RouteUses, head_of, key_of


def check_flow(
    file: tree.File, modules: Modules, effects: Effects, uses: RouteUses, graph: RouteGraph, report: Report
) -> None:
    for route in routes(file):
        for node in below(route.body):
            if isinstance(node, tree.Block):
                _unreachable(node, report)
                _ignored_tests(node, effects, report)
    _main_route(file, report)
    _duplicates(file, report)
    _unused(uses, graph, effects, report)
    _recursion(file, uses.used, report)
    _idle(file, uses.used, effects, report)
    _flags(file, modules, effects, report)
    _loose_without_record(file, effects, report)
    _max_forwards(file, graph, effects, report)


# --- within a block --------------------------------------------------------------------------------------------------


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
                report.add(codes.UNREACHABLE, span, "this statement is never reached", related=related)
            return


def _ignored_tests(block: tree.Block, effects: Effects, report: Report) -> None:
    for statement in block.statements:
        alone = effects.alone(statement) if isinstance(statement, tree.Call) else ""
        if isinstance(statement, tree.Call) and alone:
            name = statement.name.name
            message = f"the result of {name} is ignored, and it does {alone}"
            written = f"{name}(…)" if statement.arguments else f"{name}()"
            report.add(codes.IGNORED_RESULT, statement.span, message, hint=f"write if ({written}) or if (!{written})")


# --- between routes --------------------------------------------------------------------------------------------------


def _main_route(file: tree.File, report: Report) -> None:
    if not any(key_of(route) == ("route", 0) for route in routes(file)):
        end = tree.Span(file.span.end, file.span.end)
        report.add(codes.NO_MAIN_ROUTE, end, "there is no main route: no request is answered or forwarded")


def _duplicates(file: tree.File, report: Report) -> None:
    seen: dict[tuple[str, int], tree.Route] = {}
    for route in routes(file):
        first = seen.setdefault(key_of(route), route)
        if first is not route:
            related = (Related(head_of(first), "first defined here"),)
            name = f"{route.kind}[{key_of(route)[1]}]"
            message = f"{name} is defined already: this body is appended to the first"
            report.add(codes.DUPLICATE_ROUTE, head_of(route), message, related=related)


def _unused(uses: RouteUses, graph: RouteGraph, effects: Effects, report: Report) -> None:
    meant = {uses.misnamed(key) for key in uses.undefined()}
    for key in uses.unused:
        if key in meant:
            continue  # said where the wrong number is
        route = graph.defined[key]
        kind = {"failure_route": FAILURE_ROUTE, "onreply_route": ONREPLY_ROUTE}.get(route.kind)
        what = f'no {effects.arming(kind)}("{key[1]}") names it' if kind else f"nothing calls route({key[1]})"
        message = f"{route.kind}[{key[1]}] is never used: {what}"
        report.add(codes.UNUSED_ROUTE, head_of(route), message)


def _recursion(file: tree.File, used: set[tuple[str, int]], report: Report) -> None:
    """Circles of calls that no condition breaks."""
    always: dict[int, tree.Call] = {}
    for route in routes(file):
        if route.kind == "route" and key_of(route) in used:
            for call in _always_called(route.body):
                always.setdefault(key_of(route)[1], call)
    reported: set[int] = set()
    for start in always:
        path: list[int] = []
        here = start
        while here in always and here not in path and here not in reported:
            path.append(here)
            here = _target(always[here])
        if here in path:
            circle = path[path.index(here) :]
            reported.update(circle)
            _report_circle(circle, always, report)


def _report_circle(circle: list[int], always: dict[int, tree.Call], report: Report) -> None:
    # The last call closes the circle.
    closing = always[circle[-1]]
    names = " -> ".join(f"route({n})" for n in (*circle, circle[0]))
    message = f"endless recursion: {names}, on every path"
    related = tuple(Related(always[n].span, f"route({_target(always[n])}) is called here") for n in circle[:-1])
    hint = "the server stops it at 100 levels, for every message anew"
    report.add(codes.ENDLESS_RECURSION, closing.span, message, hint=hint, related=related)


def _target(call: tree.Call) -> int:
    argument = call.arguments[0]
    assert isinstance(argument, tree.Number)
    return argument.value


def _always_called(block: tree.Block) -> Iterator[tree.Call]:
    """Calls of routes that every run of the block comes to: none stands behind a possible end, or under a condition."""
    for statement in block.statements:
        if isinstance(statement, tree.Call):
            if (
                statement.name.name == "route"
                and statement.arguments
                and isinstance(statement.arguments[0], tree.Number)
            ):
                yield statement
        if any(ends_route(call) for call in calls(statement)):
            return


def _idle(file: tree.File, used: set[tuple[str, int]], effects: Effects, report: Report) -> None:
    for route in routes(file):
        if route.kind == "route" or key_of(route) not in used:
            continue
        working = [call for call in calls(route.body) if not ends_route(call)]
        if all(effects.of(call) is Does.LOG for call in working):
            logs = " but log" if working else ""
            if logs and route.kind == "onreply_route":
                continue
            message = f"{route.kind}[{key_of(route)[1]}] does nothing{logs}"
            hint = ""
            if route.kind == "failure_route":
                names = f"{effects.named(Does.APPEND_BRANCH)}() and {effects.named(Does.RELAY_STATEFUL)}()"
                hint = f"to try another destination, call {names}"
            report.add(codes.IDLE_ROUTE, head_of(route), message, hint=hint)


# --- the file as a whole ---------------------------------------------------------------------------------------------


def _flags(file: tree.File, modules: Modules, effects: Effects, report: Report) -> None:
    """Flags that nobody reads, or nobody sets: neither the script nor a parameter of a module that is loaded."""
    written: dict[int, tree.Call] = {}
    read: dict[int, tree.Call] = {}
    shared: set[int] = set()
    for route in routes(file):
        for call in calls(route.body):
            argument = call.arguments[0] if call.arguments else None
            if isinstance(argument, tree.Number):
                if effects.of(call) is Does.SET_FLAG:
                    written.setdefault(argument.value, call)
                elif effects.of(call) is Does.TEST_FLAG:
                    read.setdefault(argument.value, call)
    for module in modules.loaded:
        shared |= {p.default for p in module.spec.params if "flag" in p.name and isinstance(p.default, int)}
    for item in file.items:
        if isinstance(item, tree.ModParam) and "flag" in item.parameter.value and isinstance(item.value, tree.Number):
            shared.add(item.value.value)
    if modules.puzzles:
        return
    for number, call in written.items():
        if number not in read and number not in shared:
            message = f"flag {number} is set and never read"
            hint = f"nothing calls isflagset({number}), and no module that is loaded has it as a parameter"
            report.add(codes.FLAG_NEVER_READ, call.span, message, hint=hint)
    for number, call in read.items():
        if number not in written and number not in shared:
            message = f"flag {number} is tested and never set: this is always false"
            hint = f"flags that are set: {', '.join(map(str, sorted(written)))}" if written else "no flag is set"
            report.add(codes.FLAG_NEVER_SET, call.span, message, hint=hint)


def _loose_without_record(file: tree.File, effects: Effects, report: Report) -> None:
    everything = [call for route in routes(file) for call in calls(route.body)]
    loose = next((call for call in everything if effects.of(call) is Does.LOOSE_ROUTE), None)
    if loose is not None and not any(effects.of(call) is Does.RECORD_ROUTE for call in everything):
        name = effects.named(Does.RECORD_ROUTE)
        message = f"{loose.name.name} is used, but {name} never"
        hint = f"without it the later requests of a dialog do not pass here: call {name}() before relaying"
        report.add(codes.NO_RECORD_ROUTE, loose.span, message, hint=hint)


def _max_forwards(file: tree.File, graph: RouteGraph, effects: Effects, report: Report) -> None:
    main = graph.defined.get(("route", 0))
    everything = [call for route in routes(file) for call in calls(route.body)]
    relay = next((call for call in everything if effects.of(call) in (Does.RELAY, Does.RELAY_STATEFUL)), None)
    if main is None or relay is None or any(effects.of(call) is Does.CHECK_HOPS for call in everything):
        return
    message = "requests are forwarded without a check of Max-Forwards: loops never end"
    check, reply = effects.named(Does.CHECK_HOPS), effects.named(Does.REPLY)
    hint = f'begin with if (!{check}("10")) {{ {reply}("483", "Too Many Hops"); break; }}'
    related = (Related(relay.span, "forwarded here"),)
    report.add(codes.NO_MAX_FORWARDS, head_of(main), message, hint=hint, related=related)
