"""A proxy with transactions and the sipp that call each other through it.

SER_ACCEPTANCE_CALLS sets how many calls; a release is tried with 10,000 and SER_ACCEPTANCE_RATE 300. The pure build has fewer: the load of
the native one is an overload for it on a busy machine, and then calls are repeated.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from acceptance.conftest import Ser
from acceptance.sipp import FOLDER, NOTHING_ELSE, Sipp
from runtime.build import NATIVE

CALLS = int(os.environ.get("SER_ACCEPTANCE_CALLS", "200" if NATIVE else "40"))
RATE = int(os.environ.get("SER_ACCEPTANCE_RATE", "100" if NATIVE else "10"))
ALLOWED_S = CALLS / RATE + 40
ALL_GOOD = {"SuccessfulCall": CALLS, **NOTHING_ELSE}

# {destinations} is what the script does with a request for this server. Repetitions come fast enough to reach everybody within
# fr_timer through a network that loses a fifth each way.
CONFIG = """
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "maxfwd.so"
modparam("tm", "fr_timer", {fr_timer})
modparam("tm", "retr_timer1p2", 1)
modparam("tm", "retr_timer1p3", 2)
modparam("tm", "retr_timer2", 2)
route {{
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); break; }}
    if (method == "OPTIONS") {{ sl_send_reply("200", "OK"); break; }}
    force_rport();
    record_route();
    if (loose_route()) {{ t_relay(); break; }}
    {destinations}
    if (!t_relay()) sl_reply_error();
}}
{more}
"""

Serve = Callable[..., Ser]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts a server with CONFIG, `destinations` and `more` filled in, and whatever arguments."""
    with ExitStack() as stack:

        def start(destinations: str, *arguments: str, more: str = "", fr_timer: int = 30) -> Ser:
            config = tmp_path / "ser.cfg"
            config.write_text(CONFIG.format(destinations=destinations, more=more, fr_timer=fr_timer))
            server = Ser(tmp_path, config, *arguments)
            stack.callback(server.kill)
            server.wait_ready()
            return server

        yield start


class Parties:
    """The sipp of one test; those still running end with it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._all: list[Sipp] = []

    def callee(self, *scenario: str) -> Sipp:
        return self._add(f"callee{len(self._all)}", scenario)

    def caller(self, port: int, *scenario: str, rate: int = RATE) -> Sipp:
        """Calls 127.0.0.1:`port`."""
        return self._add("caller", (f"127.0.0.1:{port}", "-r", str(rate), *scenario))

    def _add(self, name: str, arguments: tuple[str, ...]) -> Sipp:
        party = Sipp(self._folder, name, CALLS, ALLOWED_S, *arguments)
        self._all.append(party)
        return party

    def end(self) -> None:
        for party in self._all:
            party.kill()


@pytest.fixture
def parties(tmp_path: Path) -> Iterator[Parties]:
    group = Parties(tmp_path)
    yield group
    group.end()


def scenario(name: str) -> tuple[str, str]:
    return "-sf", str(FOLDER / f"{name}.xml")


def expect(ser: Ser, *parties: Sipp) -> None:
    """All of them have played all their calls to the end, and nothing was repeated."""
    for party in parties:
        assert party.wait() == 0, party.text() + ser.log.read_text()
        assert party.totals() == ALL_GOOD, party.text() + ser.log.read_text()
