"""ser.cfg -> routes.py, in memory."""

from __future__ import annotations

from runtime.modules import catalogue
from serc.codegen import Generated, generate
from serc.diagnostics.report import Report
from serc.frontend import analyse
from serc.lower import lower
from serc.passes import run_passes
from serc.reading.source import Source
from serc.resolve.bound import BoundFile


def compile_source(source: Source, skip: frozenset[str] = frozenset()) -> tuple[Generated | None, Report]:
    """The module, and everything that there is to say of the file; None where that has errors.

    `skip` names passes that do not run.
    """
    bound, report = analyse(source, catalogue)
    return (None if bound is None else compile_tree(bound, source, skip)), report


def compile_tree(bound: BoundFile, source: Source, skip: frozenset[str] = frozenset()) -> Generated:
    """The module of a tree that has passed all checks."""
    return generate(run_passes(lower(bound, source), skip))
