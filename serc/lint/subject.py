"""What every check looks at: a file without errors, and what its names mean."""

from __future__ import annotations

from dataclasses import dataclass

from serc.lint.cures import Cures
from serc.reading import tree
from serc.resolve.bound import BoundComparison, BoundFile
from serc.resolve.effects import Effects
from serc.resolve.routes import RouteGraph, RouteUses


@dataclass(frozen=True)
class Subject:
    """`cures` writes changes of the file, `effects` tells what calls do, `graph` who calls whom, `uses` which routes are called or armed."""

    bound: BoundFile
    effects: Effects
    graph: RouteGraph
    uses: RouteUses
    cures: Cures

    @property
    def file(self) -> tree.File:
        return self.bound.file

    def comparison(self, node: tree.Compare) -> BoundComparison:
        """What a comparison means."""
        return self.bound.comparisons[node.span]
