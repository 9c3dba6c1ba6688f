"""Checks the routes: their numbers, which exist and are used, and what is reached from where."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from runtime.spec.declare import Function, RouteKind
from runtime.spec.kinds_words import LAST_ROUTE
from serc.diagnostics import codes
from serc.diagnostics.fix import Edit, Fix
from serc.diagnostics.report import Related, Report
from serc.reading import tree
from serc.reading.walk import calls, routes
from serc.resolve.calls import ROUTE_KINDS, named_route


@dataclass(frozen=True)
class Edge:
    """A call of route(n) that stands in a block of kind and number `source`."""

    source: tuple[str, int]
    target: int
    call: tree.Call


def key_of(route: tree.Route) -> tuple[str, int]:
    return route.kind, route.number.value if route.number else 0


def head_of(route: tree.Route) -> tree.Span:
    """`route[1]` without its block."""
    end = route.number.span.end + 1 if route.number else route.span.start + len(route.kind)
    return tree.Span(route.span.start, end)


class RouteGraph:
    """Who calls whom."""

    def __init__(self, file: tree.File) -> None:
        self.defined: dict[tuple[str, int], tree.Route] = {}
        self.edges: list[Edge] = []
        self.twice: set[tuple[str, int]] = set()
        for route in routes(file):
            if self.defined.setdefault(key_of(route), route) is not route:
                self.twice.add(key_of(route))
            for call in calls(route.body):
                if call.name.name == "route" and call.arguments and isinstance(call.arguments[0], tree.Number):
                    self.edges.append(Edge(key_of(route), call.arguments[0].value, call))

    def reached_from(self, start: tuple[str, int]) -> dict[int, list[Edge]]:
        """Each route(n) that the block leads to, with the calls that lead there, outermost first."""
        outgoing: dict[tuple[str, int], list[Edge]] = defaultdict(list)
        for edge in self.edges:
            outgoing[edge.source].append(edge)
        paths: dict[int, list[Edge]] = {}
        waiting: list[tuple[tuple[str, int], list[Edge]]] = [(start, [])]
        while waiting:
            here, path = waiting.pop(0)
            for edge in outgoing[here]:
                if edge.target not in paths:
                    paths[edge.target] = [*path, edge]
                    waiting.append((("route", edge.target), paths[edge.target]))
        return paths


def check_numbers(file: tree.File, report: Report) -> None:
    for route in routes(file):
        number = route.number
        if number is None or number.value < 0:
            continue
        lowest = 0 if route.kind == "route" else 1
        if not lowest <= number.value <= LAST_ROUTE:
            span = tree.Span(route.span.start, number.span.end + 1)
            message = f"the number of {route.kind}[{number.text}] is out of range"
            report.add(codes.OUT_OF_RANGE, span, message, hint=f"numbers go from {lowest} to {LAST_ROUTE}")


class RouteUses:
    """Which routes are called, or armed by t_on_failure and its like, and where."""

    def __init__(self, file: tree.File, functions: dict[tree.Span, Function], graph: RouteGraph) -> None:
        self.calls: dict[tuple[str, int], list[tree.Call]] = {}
        self._graph = graph
        used = {("route", 0)}
        for edge in graph.edges:
            self.calls.setdefault(("route", edge.target), []).append(edge.call)
            if edge.source != ("route", edge.target):
                used.add(("route", edge.target))
        for route in routes(file):
            for call in calls(route.body):
                function = functions.get(call.span)
                armed = named_route(function, call) if function is not None else None
                if armed is not None:
                    self.calls.setdefault(armed, []).append(call)
                    used.add(armed)
        self.used = used
        self.unused = [key for key in graph.defined if key not in used]

    def defined_twice(self) -> set[str]:
        """The kinds of which two routes have one number."""
        return {kind for kind, _ in self._graph.twice}

    def undefined(self) -> list[tuple[str, int]]:
        """Those that are called and not there. A definition with an impossible number may be any of them."""
        lost = {kind for kind, number in self._graph.defined if not (kind != "route") <= number <= LAST_ROUTE}
        wanted = [key for key in self.calls if key not in self._graph.defined and key[0] not in lost]
        return [(kind, number) for kind, number in wanted if (kind == "route" or number) and number <= LAST_ROUTE]

    def misnamed(self, missing: tuple[str, int]) -> tuple[str, int] | None:
        """The only unused route of the kind, if `missing` is the only undefined one: most likely the same is meant."""
        unused = [key for key in self.unused if key[0] == missing[0]]
        if len(unused) == 1 and [key for key in self.undefined() if key[0] == missing[0]] == [missing]:
            return unused[0]
        return None


def check_defined(uses: RouteUses, graph: RouteGraph, report: Report) -> None:
    """Each route that is missing, once."""
    twice = uses.defined_twice()
    for key in uses.undefined():
        kind, number = key
        if len(uses.undefined()) == 1 and key[0] in twice:
            continue  # one of the two is meant, which is said there
        first, *others = sorted(uses.calls[key], key=lambda call: call.span.start)
        message = f"route({number}) is not defined: the call does nothing and counts as true"
        if kind != "route":
            message = f"{first.name.name} names {kind}[{number}], which is not defined"
        related = [Related(call.span, "and here") for call in others]
        hint = _defined(graph, kind)
        meant = uses.misnamed(key)
        if meant is not None:
            related.append(Related(head_of(graph.defined[meant]), "nothing uses this one"))
            hint = f"was {kind}[{meant[1]}] meant?"
        fix = None if meant is None else _renumbered(uses.calls[key], str(meant[1]))
        report.add(codes.UNDEFINED_ROUTE, first.span, message, hint=hint, related=tuple(related), fix=fix)


def _renumbered(found: list[tree.Call], number: str) -> Fix:
    """The calls name another route."""
    edits = []
    for call in found:
        for argument in call.arguments:
            if (
                isinstance(argument, tree.Number)
                or isinstance(argument, tree.String)
                and argument.value.strip().isdigit()
            ):
                text = number if isinstance(argument, tree.Number) else f'"{number}"'
                edits.append(Edit(argument.span, text))
                break
    return Fix(f"write {number}", tuple(edits), False)


def _defined(graph: RouteGraph, kind: str) -> str:
    numbers = sorted(number for k, number in graph.defined if k == kind and number >= 0)
    return f"defined: {', '.join(f'{kind}[{n}]' for n in numbers)}" if numbers else f"there is no {kind} in this file"


def check_reach(file: tree.File, functions: dict[tree.Span, Function], graph: RouteGraph, report: Report) -> None:
    """Functions in sub-routes that are also run for failures or replies, where they do not work."""
    bodies: dict[int, list[tree.Route]] = defaultdict(list)
    for route in routes(file):
        if route.kind == "route":
            bodies[key_of(route)[1]].append(route)
    for kind in ("failure_route", "onreply_route"):
        starts = [key for key in graph.defined if key[0] == kind and key[1] <= LAST_ROUTE]
        for start in starts:
            for number, path in graph.reached_from(start).items():
                for route in bodies.get(number, ()):
                    _reached(route, kind, start, path, functions, report)


def _reached(
    route: tree.Route,
    kind: str,
    start: tuple[str, int],
    path: list[Edge],
    functions: dict[tree.Span, Function],
    report: Report,
) -> None:
    wanted: RouteKind = ROUTE_KINDS[kind]
    found = [
        call
        for call in calls(route.body)
        if (function := functions.get(call.span)) is not None
        and not function.routes & wanted
        and function.routes & RouteKind.REQUEST
    ]
    if not found:
        return
    related = [Related(path[0].call.span, f"called from {start[0]}[{start[1]}] here")]
    related += [Related(edge.call.span, f"and on to route({edge.target}) here") for edge in path[1:]]
    names = list(dict.fromkeys(call.name.name for call in found))
    related += [Related(call.name.span, "nor does this") for call in found[1:]]
    verb = "does" if len(names) == 1 else "do"
    message = f"{_listed(names)} {verb} not work in {start[0]}[{start[1]}], from where this route is reached"
    report.add(codes.REACHED_FROM_WRONG_ROUTE, found[0].name.span, message, related=tuple(related))


def _listed(names: list[str]) -> str:
    return " and ".join([*([", ".join(names[:-1])] if names[1:] else []), names[-1]])
