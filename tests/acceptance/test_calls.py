"""Calls between two sipp through a proxy that record-routes and forwards statelessly: none fails, nothing is repeated.

SER_ACCEPTANCE_CALLS sets how many, at 100 a second; a release is tried with 1,000.
"""

from __future__ import annotations

import csv
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from acceptance.conftest import Ser, free_port, tool

CALLS = int(os.environ.get("SER_ACCEPTANCE_CALLS", "200"))
RATE = 100
ALLOWED_S = CALLS / RATE + 20
# sipp's own caller sends later requests without a route set, the other one follows Record-Route.
CALLERS = {"uac": ["-sn", "uac"], "uac_with_routes": ["-sf", str(Path(__file__).parent / "uac_with_routes.xml")]}


class Callee:
    """`sipp -sn uas` that ends by itself after CALLS calls."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.statistics = folder / "uas.csv"
        self.output = folder / "uas.log"
        command = [tool("sipp"), "-sn", "uas", *_common(self.port, self.statistics)]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder)


def _common(port: int, statistics: Path) -> list[str]:
    """No media port is wanted, but sipp takes two; any free one does for a start of its search."""
    words = ["-i", "127.0.0.1", "-p", port, "-mp", free_port() & ~1, "-m", CALLS, "-nostdin"]
    return [str(word) for word in [*words, "-trace_stat", "-stf", statistics, "-fd", 1, "-timeout", int(ALLOWED_S)]]


def _totals(statistics: Path) -> dict[str, int]:
    """The counters that sipp wrote last."""
    with statistics.open(newline="") as file:
        *_, last = csv.DictReader(file, delimiter=";")
    names = ("SuccessfulCall", "FailedCall", "Retransmissions", "OutOfCallMsgs", "DeadCallMsgs")
    return {name: int(last[f"{name}(C)"]) for name in names}


@pytest.fixture
def callee(tmp_path: Path) -> Iterator[Callee]:
    party = Callee(tmp_path)
    yield party
    party.process.kill()
    party.process.wait()


@pytest.mark.parametrize("caller", CALLERS)
def test_calls_through_a_record_routing_proxy(caller: str, ser: Ser, callee: Callee, tmp_path: Path) -> None:
    statistics = tmp_path / "uac.csv"
    command = [tool("sipp"), f"127.0.0.1:{callee.port}", "-rsa", f"127.0.0.1:{ser.port}", *CALLERS[caller]]
    command += ["-r", str(RATE), *_common(free_port(), statistics)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=ALLOWED_S + 10, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr + ser.log.read_text()
    assert callee.process.wait(10) == 0, callee.output.read_text()[-3000:]
    nothing_else = {"FailedCall": 0, "Retransmissions": 0, "OutOfCallMsgs": 0, "DeadCallMsgs": 0}
    assert _totals(statistics) == {"SuccessfulCall": CALLS, **nothing_else}
    assert _totals(callee.statistics) == {"SuccessfulCall": CALLS, **nothing_else}
