"""ser.cfg as the commands want it that look at what it means."""

from __future__ import annotations

import sys

from runtime.modules import catalogue
from serc.commands.files import read_source
from serc.diagnostics.render import render_text
from serc.diagnostics.report import Report
from serc.frontend import analyse
from serc.reading.source import Source
from serc.resolve.bound import BoundFile


def read_bound(name: str) -> tuple[Source, BoundFile, Report] | None:
    """The script of this file, "-" for standard input; None, with its mistakes on standard error, if it has errors."""
    source = read_source(name)
    bound, report = analyse(source, catalogue)
    if bound is None:
        sys.stderr.write(render_text(source, report))
        return None
    return source, bound, report
