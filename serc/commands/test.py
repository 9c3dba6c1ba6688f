"""`serc test …`: the tests of a ser.cfg."""

from __future__ import annotations

import argparse
import os
import stat
import sys
import time
from pathlib import Path
from typing import Final

from serc.commands.check import wants_colour
from serc.commands.files import CannotRead, complain, tests_of, write_whole
from serc.commands.numbers import decimal_number, whole_number
from serc.commands.recording import record_tests
from serc.diagnostics import codes
from serc.diagnostics.render import render_text
from serc.diagnostics.report import Report, Severity
from serc.testing.coverage import Coverage, as_html, as_lcov, as_text
from serc.testing.junit import as_junit
from serc.testing.parallel import Job, run_all
from serc.testing.running import ENDING, Configs, Outcome, Tests, files_of, load

_FORMATS: Final = {"text": as_text, "html": as_html, "lcov": as_lcov}
_WATCH_S: Final = 0.3
# To start a process takes as long as some dozen tests.
_WORTH_A_PROCESS: Final = 50
_EPILOG: Final = """\
A test file, ser.sertest for ser.cfg, says what is given, what happens, and what must come of it:

  user alice at 10.0.0.7
  test "who is not known is not found"
    when INVITE from alice to bob
    then 404 to alice

docs/operating.md has the language. Nothing leaves this machine, and no time is waited for.

exit status: 0 all hold; 1 some do not, or a file has mistakes, or too little is covered; 2 bad command line
"""


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="serc test",
        description="Run the tests of a ser.cfg (*.sertest), without sockets and in a time of their own.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument(
        "paths",
        metavar="FILE",
        nargs="*",
        help="test files, folders with such, or a ser.cfg whose tests stand beside it; default: here and below",
    )
    p.add_argument("-k", dest="words", metavar="TEXT", default="", help="only tests whose name has this in it")
    p.add_argument("-q", "--quiet", action="store_true", help="say only what fails")
    p.add_argument("-x", "--exitfirst", action="store_true", help="stop at the first failure")
    p.add_argument(
        "-j",
        "--jobs",
        metavar="N",
        type=whole_number(0),
        help="run tests in N processes at a time; 0: in as many as there are cores; default: so where there are many tests",
    )
    p.add_argument("--list", action="store_true", help="name the tests and run none")
    p.add_argument("--junit", metavar="FILE", help="write the results as JUnit's XML")
    p.add_argument(
        "--record",
        metavar="CAPTURE",
        help="run nothing: write tests of what a pcap, or a text of ngrep or sngrep, has, without names, addresses and passwords; "
        "FILE is the ser.cfg that they are for, ser.cfg by default",
    )
    p.add_argument(
        "--server",
        metavar="ADDRESS",
        help="with --record: where the server is in it; default: who talks with the most others",
    )
    p.add_argument("-o", "--output", metavar="FILE", default="-", help="with --record: where to write; default: print")
    p.add_argument("--watch", action="store_true", help="run again whenever a file of the tests changes, until Ctrl-C")
    p.add_argument(
        "--coverage",
        metavar="FORMAT[:FILE]",
        action="append",
        default=[],
        help="how much of ser.cfg ran, by line and branch: text, html:FILE, lcov:FILE; may be given several times",
    )
    p.add_argument(
        "--fail-under",
        metavar="PERCENT",
        type=decimal_number(0, 100),
        help="fail if less than this is covered, of any ser.cfg",
    )
    p.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="colour; NO_COLOR is respected")
    return p


def main(argv: list[str]) -> int:
    p = parser()
    options = p.parse_args(argv)
    for wanted in options.coverage:
        if wanted.partition(":")[0] not in _FORMATS:
            p.error(f"--coverage {wanted}: there are text, html:FILE and lcov:FILE")
    if options.record:
        return record_tests(options.record, options.paths, options.server, options.output)
    options.paths = _tests_of(options.paths)
    paths = list(files_of(options.paths or ["."]))
    if not paths:
        complain("serc", "there are no test files (*.sertest) here: name one, or a folder")
        return 1
    before = _times(paths, options)  # before the tests run: what is changed meanwhile counts
    status = _Run(options, paths).all()
    while options.watch:
        while _times(paths, options) == before:
            time.sleep(_WATCH_S)
        print("\n--- again ---")
        paths = list(files_of(options.paths or ["."]))
        before = _times(paths, options)
        status = _Run(options, paths).all()
    return status


def _tests_of(names: list[str]) -> list[str]:
    """The test files that are meant: of a ser.cfg those beside it. Raises CannotRead."""
    found: list[str] = []
    for name in names:
        path = Path(name)
        if path.suffix != ".cfg" or path.is_dir():
            found.append(name)
            continue
        try:
            tests = tests_of(path)
        except OSError as e:
            raise CannotRead(f"cannot read {e.filename}: {e.strerror or e}") from e
        if not tests:
            missing = path.with_suffix(ENDING)
            raise CannotRead(f"{name} has no tests: {missing} is missing, docs/operating.md says how to write it")
        found += map(str, tests)
    return found


def _times(paths: list[Path], options: argparse.Namespace) -> dict[str, int]:
    """When the files of the tests, and those beside them, were changed last; what the tests write themselves is left out."""
    written = _written(options)
    found: dict[str, int] = {}
    for folder in {path.parent for path in paths}:
        for entry in os.scandir(folder):
            try:
                status = entry.stat()
            except OSError:
                found[entry.path] = 0
                continue
            if stat.S_ISREG(status.st_mode) and (status.st_dev, status.st_ino) not in written:
                found[entry.path] = status.st_mtime_ns
    return found


def _written(options: argparse.Namespace) -> set[tuple[int, int]]:
    """Device and inode of what a run writes: results, coverage, and where its output goes."""
    names: list[str | int] = [options.junit] if options.junit else []
    names += [file for _, _, file in (wanted.partition(":") for wanted in options.coverage) if file]
    found: set[tuple[int, int]] = set()
    for name in [*names, 1, 2]:
        try:
            status = os.stat(name)
        except OSError:
            # It is not written yet, or has been closed.
            continue
        found.add((status.st_dev, status.st_ino))
    return found


class _Run:
    """All tests, once."""

    def __init__(self, options: argparse.Namespace, paths: list[Path]) -> None:
        self._options: Final = options
        self._paths: Final = paths
        self._colour: Final = wants_colour(options.color, sys.stdout)
        wants_coverage = bool(options.coverage) or options.fail_under is not None
        self._configs: Final = Configs(counts=wants_coverage)
        self._outcomes: Final[list[Outcome]] = []
        self._mistakes = 0
        self._warnings = 0

    def all(self) -> int:
        began = time.perf_counter()
        jobs: list[Job] = []
        for path in self._paths:
            jobs += self._load(path)
            if self._mistakes and self._options.exitfirst:
                break
        if self._options.list:
            print("".join(f"{tests.source.name}: {case.name}\n" for tests, case in jobs), end="")
            return 1 if self._mistakes else 0
        self._run(jobs)
        seconds = time.perf_counter() - began
        if self._options.junit:
            _write(self._options.junit, as_junit(self._outcomes))
        failed = sum(1 for outcome in self._outcomes if outcome.failure is not None)
        covers = self._coverage()
        print(self._summary(failed, seconds))
        return 1 if failed or self._mistakes or not covers or not self._outcomes else 0

    def _load(self, path: Path) -> list[Job]:
        """The tests of a file that are wanted; none where it has mistakes, which are shown."""
        try:
            tests = load(path, self._configs)
        except OSError as e:
            complain("serc", f"cannot read {path}: {e.strerror or e}")
            self._mistakes += 1
            return []
        if tests.broken is not None:
            sys.stdout.write(render_text(*tests.broken, colour=self._colour))
        sys.stdout.write(render_text(tests.source, tests.report, colour=self._colour))
        self._warnings += tests.report.count(Severity.WARNING)
        if tests.config is None:
            self._mistakes += 1
            return []
        return [(tests, case) for case in tests.file.cases if self._options.words.lower() in case.name.lower()]

    def _run(self, jobs: list[Job]) -> None:
        count = self._options.jobs
        if not count:
            count = len(os.sched_getaffinity(0))
            if self._options.jobs is None:
                count = min(count, len(jobs) // _WORTH_A_PROCESS)
        outcomes = run_all(jobs, self._configs, count)
        for (tests, case), outcome in zip(jobs, outcomes, strict=False):
            self._outcomes.append(outcome)
            if outcome.failure is not None:
                sys.stdout.write(self._failure(tests, outcome))
                if self._options.exitfirst:
                    break
            elif not self._options.quiet:
                print(f"{self._paint('ok', '32')}    {tests.source.name}: {case.name}")
        outcomes.close()

    def _failure(self, tests: Tests, outcome: Outcome) -> str:
        """The test, the place, why, and what ser.cfg did."""
        failure = outcome.failure
        assert failure is not None
        report = Report()
        report.add(codes.TEST_FAILED, failure.span, failure.message)
        text = f"{self._paint('FAILED', '1;31')} {outcome.file}: {outcome.case.name}\n"
        text += render_text(tests.source, report, colour=self._colour)
        text += "".join(f"  {note}\n" for note in failure.notes)
        if outcome.trace and tests.config is not None:
            text += f"  what {tests.config.source.name} did:\n"
            text += "".join(f"    {line}\n" for line in outcome.trace.splitlines())
        return text

    def _coverage(self) -> bool:
        """Write what is asked for; False if it is too little."""
        found = [Coverage(c, self._configs.hits[key]) for key, c in self._configs.known.items() if self._configs.counts]
        for wanted in self._options.coverage:
            name, _, file = wanted.partition(":")
            text = _FORMATS[name](found)
            if file:
                _write(file, text)
            else:
                sys.stdout.write(text)
        least = self._options.fail_under
        short = [c for c in found if least is not None and c.percent < least]
        for c in short:
            complain("serc", f"the tests cover {c.percent:.1f} % of {c.source.name}, less than {least:g} %")
        return not short

    def _summary(self, failed: int, seconds: float) -> str:
        count = len(self._outcomes)
        parts = [f"{failed} failed"] if failed else []
        parts += [f"{count - failed} passed"] if count - failed else []
        parts += [f"{self._mistakes} file{'s' if self._mistakes > 1 else ''} with mistakes"] if self._mistakes else []
        parts += [f"{self._warnings} warning{'s' if self._warnings > 1 else ''}"] if self._warnings else []
        text = f"{', '.join(parts) or 'no test has this name'} in {seconds:.2f} s"
        return self._paint(text, "1;31" if failed or self._mistakes else "1;32")

    def _paint(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self._colour else text


def _write(name: str, text: str) -> None:
    try:
        write_whole(Path(name), text)
    except OSError as e:
        raise CannotRead(f"cannot write {name}: {e.strerror or e}") from e
