"""Calls of sipp through a proxy with transactions: forked, led on, cancelled, unanswered, and over a network that loses.

SER_ACCEPTANCE_CALLS sets how many; a release is tried with 10,000 and SER_ACCEPTANCE_RATE 300.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from acceptance.conftest import Ser, free_port
from acceptance.phone import Phone
from acceptance.sipp import FOLDER, NOTHING_ELSE, LossyLink, Sipp

CALLS = int(os.environ.get("SER_ACCEPTANCE_CALLS", "200"))
RATE = int(os.environ.get("SER_ACCEPTANCE_RATE", "100"))
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


@pytest.mark.parametrize("children", ["1", "4"])
def test_whole_calls(children: str, serve: Serve, parties: Parties) -> None:
    callee = parties.callee("-sn", "uas")
    ser = serve(f'if (uri == myself) rewritehostport("127.0.0.1:{callee.port}");', "-n", children)
    expect(ser, parties.caller(ser.port, "-sn", "uac"), callee)


def test_forked_to_three_of_which_one_answers(serve: Serve, parties: Parties) -> None:
    answers, *cancelled = [
        parties.callee(*how) for how in (("-sn", "uas"), scenario("uas_cancelled"), scenario("uas_cancelled"))
    ]
    others = "".join(f'append_branch("sip:x@127.0.0.1:{party.port}");' for party in cancelled)
    ser = serve(
        f'if (uri == myself) rewritehostport("127.0.0.1:{answers.port}"); if (method == "INVITE") {{ {others} }}',
        "-n",
        "2",
    )
    # The callee answers at once and others may not have rung by then: their CANCEL follows their ringing.
    expect(ser, parties.caller(ser.port, "-sn", "uac"), answers, *cancelled)


def test_led_on_from_who_is_busy(serve: Serve, parties: Parties) -> None:
    busy, answers = parties.callee(*scenario("uas_busy")), parties.callee("-sn", "uas")
    ser = serve(
        f'if (method == "INVITE") {{ rewritehostport("127.0.0.1:{busy.port}"); t_on_failure("1"); }} '
        f'else rewritehostport("127.0.0.1:{answers.port}");',
        "-n",
        "2",
        more=f"""failure_route[1] {{
            if (t_check_status("486")) {{ append_branch("sip:x@127.0.0.1:{answers.port}"); t_relay(); }}
        }}""",
    )
    expect(ser, parties.caller(ser.port, "-sn", "uac"), busy, answers)


def test_cancelled_by_the_caller(serve: Serve, parties: Parties) -> None:
    callee = parties.callee(*scenario("uas_cancelled"))
    ser = serve(f'rewritehostport("127.0.0.1:{callee.port}");', "-n", "2")
    expect(ser, parties.caller(ser.port, *scenario("uac_cancels")), callee)


def test_answered_by_nobody(serve: Serve, parties: Parties) -> None:
    ser = serve(f'rewritehostport("127.0.0.1:{free_port()}");', "-n", "2", fr_timer=2)
    expect(ser, parties.caller(ser.port, *scenario("uac_gets_408")))


@pytest.mark.slow
def test_a_fifth_of_all_datagrams_lost(serve: Serve, parties: Parties) -> None:
    with ExitStack() as stack:
        phone = stack.enter_context(closing(Phone()))
        far = stack.enter_context(closing(LossyLink(phone.port, 0.2, 1)))
        ser = serve(f'rewritehostport("127.0.0.1:{far.port}");', "-n", "2")
        near = stack.enter_context(closing(LossyLink(ser.port, 0.2, 2)))
        caller = parties.caller(near.port, *scenario("uac_patient"), rate=50)
        assert caller.wait() == 0, caller.text() + ser.log.read_text()
        assert caller.totals()["SuccessfulCall"] == CALLS
        assert len(phone.answered) == len(phone.ended) == CALLS
        assert near.dropped > CALLS and far.dropped > CALLS
