"""`serc check ser.cfg …`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, TextIO

from runtime.modules import catalogue
from serc.commands.files import CannotRead, complain, print_diff, read_source, write_whole
from serc.commands.progress import progress
from serc.diagnostics import codes
from serc.diagnostics.fix import Fix
from serc.diagnostics.printable import one_line
from serc.diagnostics.render import render_text
from serc.diagnostics.render_github import render_github
from serc.diagnostics.render_json import render_json
from serc.diagnostics.render_sarif import merged_sarif, render_sarif
from serc.diagnostics.report import Diagnostic, Report, Severity
from serc.diagnostics.suggest import did_you_mean
from serc.fixing import fixed
from serc.frontend import analyse
from serc.reading.source import Source, readable
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
        description="Report everything that is wrong with ser.cfg. No program that it names is run, and only --fix writes.",
        epilog="exit status: 0 clean or warnings only, 1 errors, or something with which the server does not start, such as modules that "
        "cannot run (with -W error also warnings; with --diff also something to cure), 2 bad command line. A warning is silenced on its line by the comment  # serc: ignore[SER0123]",
    )
    p.add_argument("config", metavar="ser.cfg", nargs="+", help='the script; "-" is standard input')
    p.add_argument(
        "--format",
        choices=tuple(_FORMATS),
        default="text",
        help="text goes to standard error; json (an array of objects), sarif (2.1.0) and github (workflow commands) "
        "to standard output",
    )
    p.add_argument("-W", dest="warnings", choices=("error",), metavar="error", help="warnings fail")
    p.add_argument(
        "--select", metavar="CODE,…", action="append", help="errors, and of the rest only these: SER0505 or SER05"
    )
    p.add_argument("--ignore", metavar="CODE,…", action="append", help="not these; errors are always shown")
    p.add_argument(
        "--fix",
        action="store_true",
        help="change ser.cfg: apply the cures after which it surely says what was meant, or does the same as before",
    )
    p.add_argument("--diff", action="store_true", help="change nothing, show what --fix would change")
    p.add_argument(
        "--unsafe",
        action="store_true",
        help="with --fix and --diff: also cures that are guesses, or change what ser.cfg does. Read the result",
    )
    p.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="colour; NO_COLOR is respected")
    return p


def main(argv: list[str]) -> int:
    p = parser()
    options = p.parse_args(argv)
    if options.unsafe and not (options.fix or options.diff):
        p.error("--unsafe goes with --fix or --diff")
    if options.fix and "-" in options.config and options.format != "text":
        p.error("--fix writes the cured text of standard input to standard output: --format cannot go there, too")
    check = _Check(options, Chosen(_codes(options.select, p), _codes(options.ignore, p)))
    for name in options.config:
        check.file(name)
    return check.end()


class _Check:
    """All files of one command."""

    def __init__(self, options: argparse.Namespace, chosen: Chosen) -> None:
        self._options: Final = options
        self._chosen: Final = chosen
        self._reports: Final[list[tuple[Source, Report]]] = []
        self._done = 0
        self._failed = False

    def file(self, name: str) -> None:
        options = self._options
        try:
            source = read_source(name)
            with progress(f"checking {source.name}"):
                if options.fix or options.diff:
                    source = self._fix(name, source)
                bound, report = analyse(source, catalogue, os.environ)
        except CannotRead as e:
            complain("serc", str(e))
            self._failed = True
            return
        idle = idle_modules(bound)
        self._chosen.filter(report)
        self._reports.append((source, report))
        if options.format == "text":
            sys.stderr.write(render_text(source, report, colour=wants_colour(options.color, sys.stderr)))
            if idle:
                print(f"{one_line(source.name)}: {idle}", file=sys.stderr)
        warned = report.count(Severity.WARNING) > 0
        # `ser -c` refuses what is idle, too: who asks here before a start wants to hear the same.
        self._failed |= report.has_errors or bool(idle) or options.warnings == "error" and warned

    def _fix(self, name: str, source: Source) -> Source:
        """The file as it is afterwards. Raises CannotRead if it cannot be written."""
        options = self._options
        result = fixed(source, lambda s: analyse(s, catalogue, os.environ)[1], self._is_wanted)
        after = result.source
        if options.diff:
            print_diff(source, after.text, "fixed")
            self._failed |= bool(result.done)
            return source
        try:
            if name == "-":
                sys.stdout.buffer.write(after.text.encode("latin-1"))
            elif result.done:
                write_whole(Path(name), after.text, encoding="latin-1")
        except OSError as e:
            raise CannotRead(f"cannot write {name}: {e.strerror or e}") from e
        for done in result.done:
            place = f"{source.name}:{done.place.line}:{done.place.column}"
            print(
                f"{one_line(place)}: fixed: {readable(done.fix.title)} [{done.diagnostic.code.name}]", file=sys.stderr
            )
        self._done += len(result.done)
        return after

    def _is_wanted(self, diagnostic: Diagnostic, fix: Fix) -> bool:
        return self._chosen.wants(diagnostic) and (fix.is_safe or bool(self._options.unsafe))

    def end(self) -> int:
        """Says what is left; the exit status."""
        reports = self._reports
        if self._options.format != "text":
            sys.stdout.write(_together(self._options.format, reports))
            return 1 if self._failed else 0
        summary = summed_up(reports)
        parts = [f"{self._done} fixed"] if self._done else []
        parts += [summary] if summary else []
        fixes = [d.fix for _, report in reports for d in report.diagnostics if d.fix is not None]
        safe = sum(1 for fix in fixes if fix.is_safe)
        if safe and not self._options.fix:
            parts.append(f"--fix cures {safe}")
        elif len(fixes) > safe and not self._options.unsafe and (self._options.fix or self._options.diff):
            parts.append(f"--unsafe cures {len(fixes) - safe} more")
        if any(report.has_errors for _, report in reports):
            # Routes that are missing, and all that warnings are about, are looked for in what has no errors.
            parts.append("more may show when the errors are cured")
        if summary or self._done:
            print("; ".join(parts), file=sys.stderr)
        return 1 if self._failed else 0


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
        report.diagnostics = [d for d in report.diagnostics if self.wants(d)]

    def wants(self, d: Diagnostic) -> bool:
        if d.severity is Severity.ERROR:
            return True
        is_selected = not self._select or d.code.name.startswith(self._select)
        return is_selected and not (self._ignore and d.code.name.startswith(self._ignore))


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
