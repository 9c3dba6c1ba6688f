"""How long it matters to have known something: what nobody asks about any more is forgotten, so that ways through the script are one again."""

from __future__ import annotations

from typing import Final

from runtime.spec.effects import Does
from serc.reading import tree
from serc.reading.walk import calls, routes
from serc.resolve.effects import Effects
from serc.resolve.routes import RouteGraph, key_of

_Key = tuple[str, int]


class Ahead:
    """Can a function of one effect still be called, behind a place of a file?"""

    def __init__(self, does: Does, file: tree.File, effects: Effects, graph: RouteGraph) -> None:
        self._last: Final[dict[_Key, int]] = {}
        for route in routes(file):
            for call in calls(route.body):
                if effects.of(call) is does:
                    self._note(key_of(route), call)
        changed = True
        while changed:  # who calls a route that calls one
            changed = any([("route", e.target) in self._last and self._note(e.source, e.call) for e in graph.edges])
        self._returning: Final[set[_Key]] = set()
        changed = True
        while changed:  # a route whose caller goes on to one
            before = len(self._returning)
            self._returning.update(("route", e.target) for e in graph.edges if self.after(e.call, e.source))
            changed = len(self._returning) > before

    def _note(self, key: _Key, call: tree.Call) -> bool:
        """Is this later than what was known of the route?"""
        later = call.span.start > self._last.get(key, -1)
        if later:
            self._last[key] = call.span.start
        return later

    def after(self, call: tree.Call, key: _Key) -> bool:
        """Behind a call in the route `key`. There are no loops: what comes later stands further down."""
        return call.span.start < self._last.get(key, -1) or key in self._returning
