"""Test files, read and run."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from serc.diagnostics import codes
from serc.diagnostics.ignore import apply_ignores
from serc.diagnostics.report import Report
from serc.diagnostics.suggest import did_you_mean
from serc.reading.source import Source
from serc.reading.tree import Span
from serc.testing.acting import play
from serc.testing.config import BrokenConfig, Config
from serc.testing.language.cases import Case, TestFile
from serc.testing.language.naming import report_tables
from serc.testing.language.parsing import parse_tests
from serc.testing.log import Lines
from serc.testing.logins import why_refused
from serc.testing.proxy import CannotStart, Proxy
from serc.testing.recorder import Hits
from serc.testing.rendering import render
from serc.testing.stage import Failed, surroundings_of
from serc.testing.tables import table_names
from serc.testing.trace import Tracer

ENDING: Final = ".sertest"
# So much of a trace is shown with a failure.
_EVENTS_SHOWN: Final = 2


@dataclass(frozen=True)
class Outcome:
    """How a case ended: `failure` None is well. `trace` is what ser.cfg did last."""

    case: Case
    file: str
    seconds: float
    failure: Failed | None = None
    trace: str = ""


@dataclass
class Tests:
    """A test file with its ser.cfg; `config` None where one of them has mistakes, which `report` has. `broken` is the report of ser.cfg."""

    source: Source
    file: TestFile
    report: Report
    config: Config | None
    broken: tuple[Source, Report] | None = None


@dataclass
class Configs:
    """Each ser.cfg is compiled once. With `counts`, `hits` has what ran of it, by its path."""

    counts: bool = False
    known: dict[str, Config] = field(default_factory=dict)
    hits: dict[str, Hits] = field(default_factory=dict)

    def read(self, path: Path) -> Config:
        """Raises OSError and BrokenConfig."""
        key = os.path.realpath(path)
        if key not in self.known:
            config = self.known[key] = Config.read(path)
            if self.counts:
                self.hits[key] = Hits(len(config.probed.probes))
        return self.known[key]

    def hits_of(self, config: Config) -> Hits | None:
        return next((self.hits.get(key) for key, known in self.known.items() if known is config), None)


def files_of(names: list[str]) -> Iterator[Path]:
    """The files that are named, and those in folders that are."""
    for name in names:
        path = Path(name)
        if not path.is_dir():
            yield path
            continue
        for folder, inner, files in os.walk(path):
            inner[:] = sorted(one for one in inner if not one.startswith("."))
            yield from (Path(folder, file) for file in sorted(files) if file.endswith(ENDING))


def load(path: Path, configs: Configs, source: Source | None = None) -> Tests:
    """A test file and its ser.cfg; `source` is its text, if that is not the one on disk. Raises OSError if it cannot be read."""
    source = source or Source.read(path)
    file, report = parse_tests(source)
    name = file.config or path.with_suffix(".cfg").name
    span = file.config_span or Span(0, 1)
    tests = Tests(source, file, report, None)
    try:
        tests.config = configs.read(path.parent / name)
    except OSError as e:
        others = [other.name for other in path.parent.glob("*.cfg")]
        hint = did_you_mean(name, others) or "name it in the first line:  config ser.cfg"
        report.add(codes.TEST_CONFIG, span, f"cannot read {name}: {e.strerror or e}", hint=hint)
    except BrokenConfig as e:
        tests.broken = (e.source, e.report)
        report.add(codes.TEST_CONFIG, span, f"{name} has errors, so no test of it can run")
    if tests.config is not None:
        report_tables(source, file.tables, table_names(), tests.config.source.text, report)
    apply_ignores(source, list(file.comments), report)
    if report.has_errors:
        tests.config = None
    return tests


def run(case: Case, tests: Tests, configs: Configs) -> Outcome:
    """Run one case; if it fails, once more, to tell what ser.cfg did."""
    config = tests.config
    assert config is not None, "tests with mistakes do not run"
    began = time.perf_counter()
    hits = configs.hits_of(config) if configs.counts else None
    log = Lines()
    failure = _play(case, tests, config, log, hits)
    seconds = time.perf_counter() - began
    trace = "" if failure is None else _trace(case, tests, config)
    return Outcome(case, tests.source.name, seconds, failure, trace)


def _play(case: Case, tests: Tests, config: Config, log: Lines, hits: Hits | None) -> Failed | None:
    try:
        proxy = Proxy(config.program(hits), surroundings_of(case, tests.file.listen), config.folder, log)
    except CannotStart as e:
        return Failed(case.span, f"the server does not start: {e}")
    except Failed as e:
        return e
    try:
        play(case, proxy)
    except Failed as e:
        e.notes.extend(why_refused(proxy, config.bound, case.statements))
        return e
    finally:
        proxy.close()
    return None


def _trace(case: Case, tests: Tests, config: Config) -> str:
    """What ser.cfg did in the last events of the case."""
    tracer: Tracer | None = None
    with suppress(CannotStart, Failed):  # as it did before; now it is known how
        tracer = Tracer(config, surroundings_of(case, tests.file.listen))
        try:
            play(case, tracer.proxy)
        finally:
            tracer.proxy.close()
    if tracer is None:
        return ""
    return render(tracer.as_data([e for e in tracer.events if e.steps][-_EVENTS_SHOWN:]))
