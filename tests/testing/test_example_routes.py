"""Nobody reaches others through an example by a Route of his own choice, or by a dialog that he has invented."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from serc.testing.running import Configs, load, run

EXAMPLES: Final = Path(__file__).parents[2] / "examples" / "cfg"
ROUTING: Final = sorted(path for path in EXAMPLES.glob("*.cfg") if "loose_route" in path.read_text())
OWN: Final = "<sip:127.0.0.1;lr>"
GATEWAY: Final = "<sip:127.0.0.21;lr>"
PRELOADED: Final = """
config {config}
listen 127.0.0.1:5060
user mallory at 127.0.0.66:5071

test "a request with a Route of its own"
  when {method} from mallory to sip:+4490099@127.0.0.1
    with header Route "{route}"
  then {answer}
"""


def happens(folder: Path, text: str) -> None:
    path = folder / "own.sertest"
    path.write_text(text)
    configs = Configs()
    tests = load(path, configs)
    assert tests.config is not None, tests.report
    for case in tests.file.cases:
        outcome = run(case, tests, configs)
        assert outcome.failure is None, (case.name, outcome.failure.message, outcome.failure.notes, outcome.trace)


def test_there_are_examples_that_route() -> None:
    assert {"phones", "gateways", "least_cost", "accounting", "start"} <= {path.stem for path in ROUTING}


@pytest.mark.parametrize("config", ROUTING, ids=lambda path: path.stem)
@pytest.mark.parametrize("route", [f"{OWN}, {GATEWAY}", GATEWAY, f"{OWN}, {OWN}"])
def test_who_begins_a_call_does_not_choose_its_way(config: Path, route: str, tmp_path: Path) -> None:
    for method, answer in [("INVITE", '403 "Preloaded Route"'), ("BYE", "403"), ("MESSAGE", "403"), ("ACK", "nothing")]:
        happens(tmp_path, PRELOADED.format(config=config, route=route, method=method, answer=answer))
