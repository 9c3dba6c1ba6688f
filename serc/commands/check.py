"""`serc check ser.cfg …`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from typing import Final, TextIO

from runtime.modules import catalogue
from serc.commands.files import CannotRead, complain, read_source
from serc.commands.progress import progress
from serc.diagnostics import codes
from serc.diagnostics.render import render_text
from serc.diagnostics.render_github import render_github
from serc.diagnostics.render_json import render_json
from serc.diagnostics.render_sarif import merged_sarif, render_sarif
from serc.diagnostics.report import Report, Severity
from serc.diagnostics.suggest import did_you_mean
from serc.frontend import analyse
from serc.reading.source import Source
from serc.resolve.bound import BoundFile

_FORMATS: Final[dict[str, Callable[[Source, Report], str]]] = {
    "text": render_text,
    "json": render_json,
    "sarif": render_sarif,
    "github": render_github,
}


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="serc check",
        description="Say everything that is wrong with ser.cfg; write nothing, run nothing that it names.",
        epilog="exit status: 0 clean or warnings only, 1 errors (with -W error also warnings, and modules that cannot run), "
        "2 bad command line. A warning is silenced on its line by the comment  # serc: ignore[SER0123]",
    )
    p.add_argument("config", metavar="ser.cfg", nargs="+", help='the script; "-" is standard input')
    p.add_argument(
        "--format",
        choices=tuple(_FORMATS),
        default="text",
        help="text goes to standard error; json (an array of objects), sarif (2.1.0) and github (workflow commands) "
        "to standard output",
    )
    p.add_argument("-W", dest="warnings", choices=("error",), help="warnings fail")
    p.add_argument(
        "--select", metavar="CODE,…", action="append", help="errors, and of the rest only these: SER0505 or SER05"
    )
    p.add_argument("--ignore", metavar="CODE,…", action="append", help="not these; errors are always shown")
    p.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="colour; NO_COLOR is respected")
    return p


def main(argv: list[str]) -> int:
    p = parser()
    options = p.parse_args(argv)
    chosen = Chosen(_codes(options.select, p), _codes(options.ignore, p))
    reports: list[tuple[Source, Report]] = []
    failed = False
    for name in options.config:
        try:
            source = read_source(name)
        except CannotRead as e:
            complain("serc", str(e))
            failed = True
            continue
        with progress(f"checking {source.name}"):
            bound, report = analyse(source, catalogue, os.environ)
        idle = idle_modules(bound)
        chosen.filter(report)
        reports.append((source, report))
        if options.format == "text":
            sys.stderr.write(render_text(source, report, colour=wants_colour(options.color, sys.stderr)))
            if idle:
                print(f"{source.name}: {idle}", file=sys.stderr)
        failed |= (
            report.has_errors or options.warnings == "error" and (report.count(Severity.WARNING) > 0 or bool(idle))
        )
    if options.format == "text":
        summary = summed_up(reports)
        if summary:
            print(summary, file=sys.stderr)
    else:
        sys.stdout.write(_together(options.format, reports))
    return 1 if failed else 0


def _together(name: str, reports: list[tuple[Source, Report]]) -> str:
    """One document for all files."""
    texts = [_FORMATS[name](source, report) for source, report in reports]
    if name == "json":
        everything = [entry for text in texts for entry in json.loads(text)]
        return texts[0] if len(texts) == 1 else json.dumps(everything, indent=2, ensure_ascii=False) + "\n"
    return merged_sarif(texts) if name == "sarif" else "".join(texts)


class Chosen:
    """What --select and --ignore leave: errors, and what they say of the rest."""

    def __init__(self, select: tuple[str, ...], ignore: tuple[str, ...]) -> None:
        self._select = select
        self._ignore = ignore

    def filter(self, report: Report) -> None:
        report.diagnostics = [
            d
            for d in report.diagnostics
            if d.severity is Severity.ERROR
            or (not self._select or d.code.name.startswith(self._select))
            and not (self._ignore and d.code.name.startswith(self._ignore))
        ]


def _codes(given: list[str] | None, p: argparse.ArgumentParser) -> tuple[str, ...]:
    names = tuple(name.strip().upper() for text in given or () for name in text.split(",") if name.strip())
    for name in names:
        if len(name) < 4 or not any(code.startswith(name) for code in codes.CODES):
            hint = did_you_mean(name, codes.CODES)
            p.error(f"there is no diagnostic {name}{f': {hint}' if hint else ''}")
    return names


def idle_modules(bound: BoundFile | None) -> str:
    """The sentence about modules that keep the server from starting, "" where there are none or where errors do."""
    if bound is None:
        return ""
    loaded = [m.spec for m in bound.modules.loaded]
    idle = [spec.name for spec in loaded if not spec.runs]
    functions = sorted(
        {f"{c.function.name} of {c.spec.name}" for c in bound.calls.values() if _is_idle(c.spec.runs, c.function.body)}
    )
    what = []
    if idle:
        plural = "modules" if len(loaded) > 1 else "module"
        what.append(f"{len(idle)} of {len(loaded)} {plural} cannot run: {', '.join(idle)}")
    if functions:
        what.append(f"{', '.join(functions)} cannot run")
    what += bound.modules.refused
    return f"{'; '.join(what)}; the server will refuse this" if what else ""


def _is_idle(module_runs: bool, body: object) -> bool:
    return module_runs and body is None


def summed_up(reports: list[tuple[Source, Report]]) -> str:
    """ "2 errors, 1 warning in 3 files"; "" where there is nothing to say."""
    counts = {s: sum(report.count(s) for _, report in reports) for s in Severity}
    parts = [f"{n} {s.value}{'' if n == 1 else 's'}" for s, n in counts.items() if n and s is not Severity.NOTE]
    if not parts:
        return ""
    return f"{', '.join(parts)} in {reports[0][0].name if len(reports) == 1 else f'{len(reports)} files'}"


def wants_colour(choice: str, stream: TextIO) -> bool:
    """https://no-color.org: NO_COLOR wins over a terminal, the command line over NO_COLOR."""
    if choice != "auto":
        return choice == "always"
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "") != "dumb"
