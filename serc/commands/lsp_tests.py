"""What an editor sees of test files: their mistakes, a button at each test, and which tests failed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from lsprotocol import types as t

from serc.commands.lsp_text import Text
from serc.diagnostics import codes
from serc.diagnostics.report import Report
from serc.testing.language.parsing import parse_tests
from serc.testing.running import ENDING, Configs, Outcome, Tests, load, run

RUN: Final = "serc.runTests"


def is_tests(uri: str) -> bool:
    return uri.endswith(ENDING)


def mistakes(path: str, text: Text) -> Report:
    """What is wrong with a test file that is being written, and with its ser.cfg as it is on disk."""
    if not os.path.isdir(os.path.dirname(path) or "."):
        return parse_tests(text.source)[1]
    return load(Path(path), Configs(), text.source).report


def lenses(uri: str, text: Text) -> list[t.CodeLens]:
    """One for all tests of the file, and one for each; a table has one for all its rows."""
    file, _ = parse_tests(text.source)
    top = t.Range(t.Position(0, 0), t.Position(0, 0))
    found = [t.CodeLens(top, t.Command("Run all tests", RUN, arguments=[uri]))] if file.cases else []
    seen: set[int] = set()
    for case in file.cases:
        if case.head.start not in seen:
            seen.add(case.head.start)
            title = "Run this test"
            found.append(t.CodeLens(text.range(case.head), t.Command(title, RUN, arguments=[uri, case.head.start])))
    return found


def lenses_of_config(uri: str, path: str) -> list[t.CodeLens]:
    """One at the top of a ser.cfg that has tests beside it."""
    beside = Path(path).with_suffix(ENDING)
    if not beside.is_file():
        return []
    top = t.Range(t.Position(0, 0), t.Position(0, 0))
    return [t.CodeLens(top, t.Command(f"Run {beside.name}", RUN, arguments=[beside.absolute().as_uri()]))]


class Results:
    """The outcome of a run: `diagnostics` at the lines that do not hold, `summary` in a sentence."""

    def __init__(self, path: str, uri: str, text: Text, at: int | None) -> None:
        configs = Configs()
        tests = load(Path(path), configs, text.source)
        self.diagnostics = [text.diagnostic(uri, d) for d in tests.report.in_order()]
        self.summary = "the tests have mistakes" if tests.config is None else ""
        self.failed = tests.config is None
        if tests.config is not None:
            outcomes = list(_outcomes(tests, configs, at))
            self.diagnostics += _failures(outcomes, uri, text)
            failed = sum(1 for outcome in outcomes if outcome.failure is not None)
            self.failed = failed > 0
            self.summary = f"{failed} of {len(outcomes)} failed" if failed else f"{len(outcomes)} passed"


def _outcomes(tests: Tests, configs: Configs, at: int | None) -> Iterator[Outcome]:
    for case in tests.file.cases:
        if at is None or case.head.start == at:
            yield run(case, tests, configs)


def _failures(outcomes: list[Outcome], uri: str, text: Text) -> Iterator[t.Diagnostic]:
    for outcome in outcomes:
        if outcome.failure is not None:
            report = Report()
            more = [*outcome.failure.notes, *outcome.trace.splitlines()]
            report.add(codes.TEST_FAILED, outcome.failure.span, "\n".join([outcome.failure.message, *more]))
            yield text.diagnostic(uri, report.diagnostics[0])
