"""Calls of sipp through a proxy with transactions: forked, led on, cancelled, unanswered, and over a network that loses."""

from __future__ import annotations

from contextlib import ExitStack, closing

import pytest
from ports import free_port

from acceptance.phone import Phone
from acceptance.proxy import CALLS, Parties, Serve, expect, scenario
from acceptance.proxy import parties as parties  # the fixtures
from acceptance.proxy import serve as serve
from acceptance.sipp import LossyLink


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
