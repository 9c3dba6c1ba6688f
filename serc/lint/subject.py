"""What every check looks at: a file, and what its names mean; what is broken means nothing that is known."""

from __future__ import annotations

from dataclasses import dataclass

from serc.lint.cures import Cures
from serc.reading import tree
from serc.resolve.bound import UNKNOWN, BoundComparison, BoundFile
from serc.resolve.effects import Effects
from serc.resolve.routes import RouteGraph, RouteUses


@dataclass(frozen=True)
class Subject:
    """`cures` writes changes of the file, `effects` tells what calls do, `graph` who calls whom, `uses` which routes are called or armed.
    `broken` are routes with syntax errors, of which parts may be lost.
    """

    bound: BoundFile
    effects: Effects
    graph: RouteGraph
    uses: RouteUses
    cures: Cures
    broken: frozenset[tree.Span] = frozenset()

    @property
    def file(self) -> tree.File:
        return self.bound.file

    def comparison(self, node: tree.Compare) -> BoundComparison:
        """What a comparison means."""
        return self.bound.comparisons.get(node.span, UNKNOWN)
