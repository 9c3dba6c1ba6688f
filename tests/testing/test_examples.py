"""What the example configs promise, proven by the tests beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from serc.testing.coverage import Coverage
from serc.testing.running import Configs, load, run

EXAMPLES = Path(__file__).parents[2] / "examples" / "cfg"
FILES = sorted(EXAMPLES.glob("*.sertest"))


def test_examples_have_tests() -> None:
    assert {
        "accounting",
        "answer",
        "offline",
        "phones",
        "proxy",
        "record_route",
        "redirect",
        "registrar",
        "start",
        "stateless",
    } <= {f.stem for f in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_example_does_what_it_promises(path: Path) -> None:
    """All of its tests hold, and run nearly all of it."""
    configs = Configs(counts=True)
    tests = load(path, configs)
    assert tests.config is not None, tests.report
    for case in tests.file.cases:
        outcome = run(case, tests, configs)
        assert outcome.failure is None, (case.name, outcome.failure.message, outcome.failure.notes, outcome.trace)
    ((key, config),) = configs.known.items()
    assert Coverage(config, configs.hits[key]).percent > 85
