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
_SIGNED: Final = [path for path in ROUTING if '"signed", 1' in path.read_text()]
UNSIGNED: Final = [path for path in ROUTING if path not in _SIGNED]
# start.cfg serves whoever is on this machine.
SIGNED: Final = [path for path in _SIGNED if path.stem != "start"]
OWN_ROUTE: Final = """
config {config}
listen 127.0.0.1:5060
user mallory at 127.0.0.66:5071

test "a request with a Route of its own"
  when {method} from mallory to sip:+4490099@{host}
    with header Route "{route}"
    with header To "<sip:+4490099@{host}>{tag}"
    with header From "<sip:mallory@127.0.0.66>;tag=m"
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
    assert {"proxy", "record_route"} == {path.stem for path in UNSIGNED}
    assert {"phones", "gateways", "least_cost", "accounting", "registrar"} <= {path.stem for path in SIGNED}


@pytest.mark.parametrize("config", UNSIGNED, ids=lambda path: path.stem)
@pytest.mark.parametrize("route", [f"{OWN}, {GATEWAY}", GATEWAY, f"{OWN}, {OWN}"])
def test_who_begins_a_call_does_not_choose_its_way(config: Path, route: str, tmp_path: Path) -> None:
    for method, answer in [("INVITE", '403 "Preloaded Route"'), ("BYE", "403"), ("MESSAGE", "403"), ("ACK", "nothing")]:
        case = {"config": config, "route": route, "method": method, "answer": answer}
        happens(tmp_path, OWN_ROUTE.format(host="127.0.0.1", tag="", **case))


@pytest.mark.parametrize("config", SIGNED, ids=lambda path: path.stem)
@pytest.mark.parametrize("tag", ["", ";tag=invented"])
def test_a_route_that_this_server_has_not_written_is_no_way_to_a_gateway(
    config: Path, tag: str, tmp_path: Path
) -> None:
    forged = "<sip:127.0.0.1;ftag=x;sig=0123456789abcdef;lr>"
    for route in (OWN, forged, GATEWAY, f"{OWN}, {GATEWAY}", f"{forged}, {forged}, {GATEWAY}"):
        for method in ("INVITE", "MESSAGE", "BYE", "ACK"):
            answer = "nothing" if method == "ACK" else '403 "Relaying Forbidden"'
            case = {"config": config, "route": route, "method": method, "answer": answer, "tag": tag}
            happens(tmp_path, OWN_ROUTE.format(host="127.0.0.21", **case))


@pytest.mark.parametrize("config", SIGNED, ids=lambda path: path.stem)
def test_a_phone_with_this_server_as_its_outbound_proxy_is_served_as_any_other(config: Path, tmp_path: Path) -> None:
    case = {"config": config, "route": OWN, "method": "REGISTER", "tag": "", "host": "127.0.0.1"}
    with_passwords = "auth_db" in config.read_text()
    happens(tmp_path, OWN_ROUTE.format(answer="401" if with_passwords else "200", **case))
