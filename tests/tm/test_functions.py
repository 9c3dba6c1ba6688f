"""What tm's functions say to messages in unusual states: repetitions, ACKs, transactions that the script has let go."""

from __future__ import annotations

import re

import pytest
from engine import header, vias

from runtime.modules import core
from runtime.modules.tm import Tm
from runtime.routing.context import Context
from runtime.sip import methods
from runtime.sip.regex import Regex
from runtime.sip.transport import Send
from tm.site import Site, acknowledgement, reply, request, said, to


def test_t_reply_finds_the_transaction_of_a_repetition() -> None:
    tm = Tm()
    site = Site(tm, lambda ctx: 1 if tm.t_reply(ctx, 183, b"Wait") else tm.t_relay(ctx))
    assert said(site.say(request())) == ["5080 100", "5090 INVITE"]
    assert said(site.say(request())) == ["5080 183"]


def test_t_retransmit_reply_needs_no_lookup() -> None:
    tm = Tm()
    site = Site(tm, lambda ctx: 1 if tm.t_retransmit_reply(ctx) else tm.t_relay(ctx))
    site.say(request())
    assert said(site.say(request())) == ["5080 100"]


def test_t_check_status_looks_at_the_last_reply_of_a_repetition() -> None:
    tm, seen = Tm(), []

    def route(ctx: Context) -> int:
        seen.append(tm.t_check_status(ctx, Regex(b"^1..$")))
        return tm.t_relay(ctx)

    site = Site(tm, route)
    site.say(request())
    site.say(request())
    assert seen == [False, True]


def test_t_check_status_in_a_failure_route_is_false_while_a_new_branch_is_open() -> None:
    tm, seen = Tm(), []

    def route(ctx: Context) -> int:
        tm.t_on_failure(ctx, 1)
        return tm.t_relay(ctx)

    def failure(ctx: Context) -> int:
        seen.append(tm.t_check_status(ctx, Regex(b"486")))
        core.append_branch_uri(ctx, b"sip:b@127.0.0.1:5091", -1)
        tm.t_relay(ctx)
        seen.append(tm.t_check_status(ctx, Regex(b"486")))
        return 1

    site = Site(tm, route, {1: failure})
    site.say(reply(to(site.say(request()), 5090), 486), 5090)
    assert seen == [True, False]


def test_t_replicate_sends_an_ack_on_and_ends_the_script_as_t_relay_does() -> None:
    tm, said_by_tm = Tm(), []

    def route(ctx: Context) -> int:
        said_by_tm.append(tm.t_replicate(ctx, b"127.0.0.1", 5091))
        return 1

    site = Site(tm, route)
    assert said(site.say(acknowledgement("z9hG4bKother"))) == ["5091 ACK"]
    assert said_by_tm == [0]


@pytest.mark.parametrize("status", [200, 486])
def test_the_final_reply_to_a_replicated_invite_gets_its_ack_here_each_time(status: int) -> None:
    tm = Tm()
    site = Site(tm, lambda ctx: tm.t_replicate(ctx, b"127.0.0.1", 5091))
    copy = to(site.say(request()), 5091)
    for _ in range(2):
        sends = site.say(reply(copy, status), 5091)
        assert said(sends) == ["5091 ACK"]
        ack = sends[0].data
        assert vias(ack) == vias(copy.data)[:1] and header(ack, "CSeq") == "1 ACK"
        assert header(ack, "To") == "<sip:bob@b.example>;tag=t"


def relayed_and_released() -> tuple[Site, Send]:
    """A proxy whose script lets the transaction go behind t_relay, and the request as it left."""
    tm = Tm(wt_timer=5)

    def route(ctx: Context) -> int:
        relayed = tm.t_relay(ctx)
        tm.t_release(ctx)
        return relayed

    site = Site(tm, route)
    return site, to(site.say(request("OPTIONS")), 5090)


def test_a_transaction_that_was_let_go_repeats_nothing_and_is_forgotten_after_wt_timer() -> None:
    site, _ = relayed_and_released()
    assert site.wait(6) == []
    assert site.open == 0


def test_a_reply_soon_after_the_transaction_was_let_go_still_reaches_the_caller() -> None:
    site, options = relayed_and_released()
    site.wait(2)
    assert said(site.say(reply(options, 180), 5090)) == ["5080 180"]
    assert said(site.say(reply(options, 200), 5090)) == ["5080 200"]
    site.wait(11)
    assert site.open == 0


def test_the_script_may_answer_what_it_has_let_go() -> None:
    tm = Tm()

    def route(ctx: Context) -> int:
        tm.t_newtran(ctx)
        tm.t_release(ctx)
        return 1 if tm.t_reply(ctx, 404, b"Gone") else -1

    site = Site(tm, route)
    assert said(site.say(request("OPTIONS"))) == ["5080 404"]
    assert said(site.say(request("OPTIONS"))) == ["5080 404"]
    site.wait(6)
    assert site.open == 0


def test_a_reply_without_to_goes_on_without_state_for_nobody_could_confirm_it() -> None:
    site = Site()
    invite = to(site.say(request()), 5090)
    odd = re.sub(rb"To: [^\r]*\r\n", b"", reply(invite, 486))
    assert said(site.say(odd, 5090)) == ["5080 486"]
    assert said(site.say(reply(invite, 200), 5090)) == ["5080 200"]


def test_a_transport_that_nothing_here_speaks_is_told_as_the_lack_of_a_socket() -> None:
    sends = Site().say(request(to="sip:bob@127.0.0.1:5090;transport=sctp"))
    assert said(sends) == ["5080 100", "5080 500"]
    assert b" (7/TM)\r\n" in sends[1].data


def test_a_cancel_for_another_method_is_answered_and_passed_on_where_the_branch_has_given_a_sign_of_life() -> None:
    site = Site()
    options = to(site.say(request("OPTIONS")), 5090)
    site.say(reply(options, 180), 5090)
    sends = site.say(request("CANCEL"))
    assert said(sends) == ["5090 CANCEL", "5080 200"] and b" 200 canceling\r\n" in sends[1].data
    assert site.say(reply(sends[0], 200), 5090) == []
    site.wait(20)
    assert said(site.say(reply(options, 200), 5090)) == ["5080 200"]
    site.wait(40)
    assert site.open == 0


def test_a_cancel_changes_nothing_for_another_method_that_nobody_has_answered() -> None:
    site = Site()
    options = to(site.say(request("OPTIONS")), 5090)
    sends = site.say(request("CANCEL"))
    assert said(sends) == ["5080 200"] and b"no more pending branches" in sends[0].data
    assert said(site.say(reply(options, 200), 5090)) == ["5080 200"]


def test_t_forward_nonack_of_a_cancel_cancels_wherever_it_was_to_go() -> None:
    tm = Tm()

    def route(ctx: Context) -> int:
        if ctx.message.method != methods.CANCEL:
            return tm.t_relay(ctx)
        tm.t_newtran(ctx)
        return 1 if tm.t_forward_nonack(ctx, b"127.0.0.1", 5091) else -1

    site = Site(tm, route)
    invite = to(site.say(request()), 5090)
    site.say(reply(invite, 180), 5090)
    assert said(site.say(request("CANCEL"))) == ["5090 CANCEL", "5080 200"]


def test_a_reply_whose_via_ends_in_a_comma_keeps_its_lines_apart() -> None:
    site = Site()
    ringing = reply(to(site.say(request()), 5090), 180)
    sends = site.say(ringing.replace(b"\r\nVia: ", b"\r\nVIA: ", 1).replace(b"\r\nVia: ", b" ,\r\nVia: ", 1), 5090)
    assert len(sends) == 1 and vias(sends[0].data) == ["SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bKa"]
    assert b"\r\nVia: SIP/2.0/UDP 127.0.0.1:5080;" in sends[0].data
