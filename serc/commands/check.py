"""`serc check ser.cfg`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Final

from runtime.modules import catalogue
from serc.commands.files import read_source
from serc.diagnostics.render import render_text
from serc.diagnostics.render_github import render_github
from serc.diagnostics.render_json import render_json
from serc.diagnostics.render_sarif import render_sarif
from serc.diagnostics.report import Report, Severity
from serc.frontend import analyse
from serc.reading.source import Source

_FORMATS: Final[dict[str, Callable[[Source, Report], str]]] = {
    "text": render_text,
    "json": render_json,
    "sarif": render_sarif,
    "github": render_github,
}


def main(argv: list[str]) -> int:
    p = argparse.ArgumentParser(
        prog="serc check",
        description="Say everything that is wrong with ser.cfg; write nothing, run nothing that it names.",
        epilog="exit status: 0 clean or warnings only, 1 errors (with -W error: warnings too), 2 bad command line. "
        "A warning is silenced on its line by the comment  # serc: ignore[SER0123]",
    )
    p.add_argument("config", metavar="ser.cfg", help='the script; "-" is standard input')
    p.add_argument(
        "--format",
        choices=tuple(_FORMATS),
        default="text",
        help="text goes to standard error; json (an array of objects), sarif (2.1.0) and github (workflow commands) "
        "to standard output",
    )
    p.add_argument("-W", dest="warnings", choices=("error",), help="warnings fail")
    options = p.parse_args(argv)
    source = read_source(options.config)
    _, report = analyse(source, catalogue)
    text = _FORMATS[options.format](source, report)
    (sys.stderr if options.format == "text" else sys.stdout).write(text)
    failed = report.has_errors or (options.warnings == "error" and report.count(Severity.WARNING) > 0)
    return 1 if failed else 0
