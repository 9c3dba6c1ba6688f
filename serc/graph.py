"""The routes of ser.cfg and what calls what, in Graphviz's language."""

from __future__ import annotations

from pathlib import PurePath
from typing import Final

from serc.reading.source import Source
from serc.reading.walk import calls, routes
from serc.resolve.bound import BoundFile
from serc.resolve.calls import named_route
from serc.resolve.routes import RouteGraph, key_of

_Key = tuple[str, int]
_SHAPES: Final = {"route": "box", "failure_route": "octagon", "onreply_route": "cds"}
_MAIN: Final = ("route", 0)


def dot(bound: BoundFile, source: Source) -> str:
    """A digraph: a node for each route, an arrow for each pair of caller and callee, with the lines of the calls.

    A solid arrow is route(n), a dashed one a route that a function such as t_on_failure arms. Grey is what the main route
    never leads to, red what is not defined.
    """
    arrows = _arrows(bound, source)
    places: dict[_Key, list[int]] = {}
    for route in routes(bound.file):
        places.setdefault(key_of(route), []).append(source.line_of(route.span.start))
    reached = _reached(arrows)
    name = PurePath(source.name).name
    lines = [
        f"digraph {_quoted(name)} {{",
        '    node [fontname="sans-serif" fontsize=11 style=filled fillcolor=white];',
        '    edge [fontname="sans-serif" fontsize=9];',
    ]
    order = list(_SHAPES)
    missing = {target for _, target, _ in arrows} - set(places)
    for key in sorted(set(places) | missing, key=lambda k: (order.index(k[0]), k[1])):
        lines.append(f"    {_quoted(_label(key))} [{_node(key, places.get(key), key in reached, name)}];")
    for (caller, target, how), at in arrows.items():
        label = (
            ("" if how == "route" else f"{how}, ") + ("lines " if len(at) > 1 else "line ") + ", ".join(map(str, at))
        )
        style = "" if how == "route" else " style=dashed"
        lines.append(f"    {_quoted(_label(caller))} -> {_quoted(_label(target))} [label={_quoted(label)}{style}];")
    return "\n".join([*lines, "}"]) + "\n"


def _arrows(bound: BoundFile, source: Source) -> dict[tuple[_Key, _Key, str], list[int]]:
    """Lines of the calls by caller, callee and the function that names it."""
    arrows: dict[tuple[_Key, _Key, str], list[int]] = {}
    for edge in RouteGraph(bound.file).edges:
        key = edge.source, ("route", edge.target), "route"
        arrows.setdefault(key, []).append(source.line_of(edge.call.span.start))
    for route in routes(bound.file):
        for call in calls(route.body):
            function = bound.calls.get(call.span)
            armed = None if function is None else named_route(function.function, call)
            if armed is not None and armed[1] > 0:
                arrows.setdefault((key_of(route), armed, call.name.name), []).append(source.line_of(call.span.start))
    return arrows


def _reached(arrows: dict[tuple[_Key, _Key, str], list[int]]) -> set[_Key]:
    reached: set[_Key] = set()
    waiting: list[_Key] = [_MAIN]
    while waiting:
        here = waiting.pop()
        if here not in reached:
            reached.add(here)
            waiting += [target for caller, target, _ in arrows if caller == here]
    return reached


def _node(key: _Key, lines: list[int] | None, reached: bool, name: str) -> str:
    if lines is None:
        return f'label={_quoted(_label(key))} tooltip="not defined" color=red fontcolor=red style=dashed'
    place = f"{name}:{', '.join(map(str, lines))}"
    width = " penwidth=2" if key == _MAIN else ""
    colour = "" if reached else " color=grey fontcolor=grey"
    label = _quoted(_label(key) + "\\n" + place)
    return f"label={label} shape={_SHAPES[key[0]]}{width}{colour}"


def _label(key: _Key) -> str:
    return "route" if key == _MAIN else f"{key[0]}[{key[1]}]"


def _quoted(text: str) -> str:
    """A string of Graphviz; line ends stay the two characters that Graphviz reads as one."""
    return '"' + text.replace('"', '\\"') + '"'
