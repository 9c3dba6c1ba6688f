"""ser.cfg -> routes.py, in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from runtime.modules import catalogue
from serc.codegen import Generated, generate
from serc.diagnostics.report import Report
from serc.frontend import analyse, uncollected
from serc.lower import lower
from serc.passes import PASSES, Probe, place_probes, run_passes
from serc.reading.remarks import remarks
from serc.reading.source import Source
from serc.resolve.bound import BoundFile


def compile_source(source: Source, skip: frozenset[str] = frozenset()) -> tuple[Generated | None, Report]:
    """The module, and everything that there is to say of the file; None where that has errors.

    `skip` names passes that do not run.
    """
    with uncollected():
        bound, report = analyse(source, catalogue)
        return (None if bound is None else compile_tree(bound, source, skip)), report


def compile_tree(
    bound: BoundFile, source: Source, skip: frozenset[str] = frozenset(), is_read: bool = True
) -> Generated:
    """The module of a tree that has passed all checks. `is_read` by people: else it is made quickly, with long lines."""
    return generate(run_passes(lower(bound, source), skip), is_read, remarks(source) if is_read else None)


@dataclass(frozen=True)
class Probed:
    """A module that tells what it does to the object `probe`, which who loads it puts into it; and what each number stands for."""

    generated: Generated
    probes: tuple[Probe, ...]


_OPTIONAL: Final = frozenset(each.name for each in PASSES if not each.needed)


def compile_probed(bound: BoundFile, source: Source) -> Probed:
    """The module of a tree that has passed all checks, as ser.cfg has it: nothing is left out or put together."""
    program, probes = place_probes(lower(bound, source))
    return Probed(generate(run_passes(program, _OPTIONAL), is_read=False), probes)
