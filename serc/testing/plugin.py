"""pytest with tests of a ser.cfg: fixtures for those in Python, and *.sertest files as tests of their own.

In conftest.py: `pytest_plugins = ["serc.testing.plugin"]`. Which ser.cfg a test is about says
`@pytest.mark.ser_config("ser.cfg")`, by its name from the folder of the test's file; without it, it is the ser.cfg
there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from serc.diagnostics import codes
from serc.diagnostics.render import render_text
from serc.diagnostics.report import Report
from serc.testing.config import BrokenConfig
from serc.testing.language.cases import Case
from serc.testing.running import ENDING, Configs, Outcome, Tests, load, run
from serc.testing.scene import Clock, Device, NamesOfTest, Rows, Scene

_CONFIGS = Configs()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "ser_config(path): the ser.cfg that a test is about")


@pytest.fixture
def proxy(request: pytest.FixtureRequest) -> Iterator[Scene]:
    """The server under test."""
    mark = request.node.get_closest_marker("ser_config")
    name = mark.args[0] if mark is not None else "ser.cfg"
    try:
        config = _CONFIGS.read(Path(request.path).parent / name)
    except OSError as e:
        raise pytest.UsageError(f"cannot read {name}: {e.strerror or e}") from e
    except BrokenConfig as e:
        raise pytest.UsageError(render_text(e.source, e.report)) from e
    scene = Scene(config)
    yield scene
    scene.close()


@pytest.fixture
def caller(proxy: Scene, request: pytest.FixtureRequest) -> Device:
    """Alice's phone."""
    _make_first(request)
    return proxy.phone("alice")


@pytest.fixture
def callee(proxy: Scene, request: pytest.FixtureRequest) -> Device:
    """Bob's phone."""
    _make_first(request)
    return proxy.phone("bob")


@pytest.fixture
def clock(proxy: Scene) -> Clock:
    """Time, which passes when it is told to."""
    return Clock(proxy)


@pytest.fixture
def database(proxy: Scene) -> Rows:
    """SER's tables."""
    return Rows(proxy)


@pytest.fixture
def dns(proxy: Scene) -> NamesOfTest:
    """The name server."""
    return NamesOfTest(proxy)


def _make_first(request: pytest.FixtureRequest) -> None:
    """A phone needs a started server, and some things are given before it starts: whatever gives them is made first."""
    for name in ("database", "dns"):
        if name in request.fixturenames:
            request.getfixturevalue(name)


# --- *.sertest -------------------------------------------------------------------------------------------------------


def pytest_collect_file(parent: pytest.Collector, file_path: Path) -> pytest.Collector | None:
    return SerTestFile.from_parent(parent, path=file_path) if file_path.suffix == ENDING else None


class SerTestFile(pytest.File):
    """A test file."""

    def collect(self) -> Iterator[pytest.Item]:
        tests = load(self.path, _CONFIGS)
        if tests.config is None:
            broken = "" if tests.broken is None else render_text(*tests.broken)
            raise self.CollectError(broken + render_text(tests.source, tests.report))
        for case in tests.file.cases:
            yield SerTestItem.from_parent(self, name=case.name, case=case, tests=tests)


class DoesNotHold(Exception):
    """A case has failed."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.case.name)
        self.outcome = outcome


class SerTestItem(pytest.Item):
    """One case."""

    def __init__(self, *, case: Case, tests: Tests, **more: Any) -> None:
        super().__init__(**more)
        self._case = case
        self._tests = tests

    def runtest(self) -> None:
        outcome = run(self._case, self._tests, _CONFIGS)
        if outcome.failure is not None:
            raise DoesNotHold(outcome)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        error = excinfo.value
        if not isinstance(error, DoesNotHold) or error.outcome.failure is None:
            return super().repr_failure(excinfo, style)
        report = Report()
        report.add(codes.TEST_FAILED, error.outcome.failure.span, error.outcome.failure.message)
        return "\n".join([render_text(self._tests.source, report), *error.outcome.failure.notes, error.outcome.trace])

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, self._tests.source.line_of(self._case.span.start) - 1, self._case.name
