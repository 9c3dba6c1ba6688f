"""Stateful proxying, seen from outside. RFC 3261 16 and 17, reference modules-main chapter 1."""

from __future__ import annotations

import pytest
import script as scripted
from engine import header, vias

from runtime.modules import core
from runtime.modules.tm import Tm
from runtime.routing.config import Config
from runtime.routing.context import Context
from runtime.sip import methods
from runtime.sip.edits import Edit
from runtime.sip.regex import Regex
from runtime.sip.transport import Send
from tm.site import Site, acknowledgement, reply, request, said, to


def fork(tm: Tm, *ports: int) -> Site:
    """A proxy that relays to several callees at once."""

    def route(ctx: Context) -> int:
        core.set_uri(ctx, b"sip:b@127.0.0.1:%d" % ports[0])
        for port in ports[1:]:
            core.append_branch_uri(ctx, b"sip:b@127.0.0.1:%d" % port, -1)
        return tm.t_relay(ctx)

    return Site(tm, route)


# --- one branch ----------------------------------------------------------------------------------------------------------


def test_a_call_goes_through_and_leaves_nothing() -> None:
    site = Site()
    sends = site.say(request())
    assert said(sends) == ["5080 100", "5090 INVITE"]
    invite = to(sends, 5090)
    assert len(vias(invite.data)) == 2 and ";branch=z9hG4bK" in vias(invite.data)[0]
    ringing = site.say(reply(invite, 180), 5090)
    assert said(ringing) == ["5080 180"] and len(vias(ringing[0].data)) == 1
    assert said(site.say(reply(invite, 200), 5090)) == ["5080 200"]
    assert said(site.say(acknowledgement("z9hG4bKnew"))) == ["5090 ACK"]
    assert site.wait(10) == []
    assert site.open == 0


def test_repetitions_of_the_caller_get_the_last_reply_and_go_nowhere() -> None:
    site = Site()
    invite = to(site.say(request()), 5090)
    assert said(site.say(request())) == ["5080 100"]
    site.say(reply(invite, 180), 5090)
    assert said(site.say(request())) == ["5080 180"]


def test_an_unanswered_invite_is_repeated_and_then_answered_with_408() -> None:
    site = Site(Tm(fr_timer=30))
    site.say(request())
    assert site.times(29.9, 5090) == [1.0, 3.0, 7.0, 11.0, 15.0, 19.0, 23.0, 27.0]
    assert said(site.wait(0.2)) == ["5080 408"]


def test_a_provisional_reply_ends_the_repetitions_of_an_invite() -> None:
    site = Site()
    invite = to(site.say(request()), 5090)
    site.say(reply(invite, 100), 5090)
    assert site.times(60, 5090) == []


def test_a_provisional_reply_slows_the_repetitions_of_another_request() -> None:
    site = Site()
    options = to(site.say(request("OPTIONS")), 5090)
    site.say(reply(options, 100), 5090)
    assert site.times(10, 5090) == [4.0, 8.0]


def test_a_100_stays_here_and_every_other_provisional_reply_goes_up() -> None:
    site = Site()
    invite = to(site.say(request()), 5090)
    assert site.say(reply(invite, 100), 5090) == []
    for code in (180, 183, 181, 180):
        assert said(site.say(reply(invite, code), 5090)) == [f"5080 {code}"]


def test_a_phone_that_rings_too_long_is_cancelled() -> None:
    site = Site(Tm(fr_inv_timer=120))
    invite = to(site.say(request()), 5090)
    site.say(reply(invite, 180), 5090)
    assert site.wait(119.9) == []
    sends = site.wait(0.2)
    assert said(sends) == ["5090 CANCEL", "5080 408"]
    assert vias(to(sends, 5090).data) == vias(invite.data)[:1]


def test_provisional_replies_start_fr_inv_timer_anew_unless_told_not_to() -> None:
    for restart, quiet in ((1, True), (0, False)):
        site = Site(Tm(fr_inv_timer=10, restart_fr_on_each_reply=restart))
        invite = to(site.say(request()), 5090)
        site.say(reply(invite, 180), 5090)
        site.wait(8)
        site.say(reply(invite, 180), 5090)
        assert (site.wait(5) == []) is quiet


def test_a_negative_reply_is_acknowledged_to_its_hop_and_repeated_until_the_caller_does_so() -> None:
    site = Site()
    invite = to(site.say(request(more="Route: <sip:127.0.0.1:5090;lr>\r\n")), 5090)
    sends = site.say(reply(invite, 486), 5090)
    assert said(sends) == ["5090 ACK", "5080 486"]
    ack = to(sends, 5090).data
    assert vias(ack) == vias(invite.data)[:1] and header(ack, "To") == "<sip:bob@b.example>;tag=t"
    assert header(ack, "CSeq") == "1 ACK" and header(ack, "Route") == "<sip:127.0.0.1:5090;lr>"
    assert site.times(4, 5080) == [1.0, 3.0]
    assert site.say(acknowledgement()) == []
    assert site.wait(20) == [] and site.open == 0


def test_an_ack_from_here_names_cseq_as_the_invite_does() -> None:
    site = Site()
    invite = request()
    assert b"CSeq: 1 " in invite
    sent = to(site.say(invite.replace(b"CSeq: 1 ", b"cseq :  0001 ")), 5090)
    usual = Send(sent.data.replace(b"cseq :  ", b"CSeq: "), sent.destination, sent.socket)
    ack = to(site.say(reply(usual, 486), 5090), 5090)
    assert b"\r\ncseq :  0001 ACK\r\n" in ack.data


def test_a_negative_reply_that_nobody_acknowledges_is_given_up() -> None:
    site = Site(Tm(fr_timer=10))
    invite = to(site.say(request()), 5090)
    site.say(reply(invite, 404), 5090)
    assert site.times(40, 5080) == [1.0, 3.0, 7.0] and site.open == 0


def test_each_negative_reply_gets_its_ack_also_a_repeated_one() -> None:
    site = Site()
    invite = to(site.say(request()), 5090)
    site.say(reply(invite, 486), 5090)
    assert said(site.say(reply(invite, 486), 5090)) == ["5090 ACK"]


def test_2xx_pass_again_and_again_and_from_other_ends_too() -> None:
    site = Site()
    invite = to(site.say(request()), 5090)
    for tag in ("t", "t", "other"):
        assert said(site.say(reply(invite, 200, tag=tag), 5090)) == ["5080 200"]


def test_a_request_that_is_not_invite_gets_its_final_reply_once_and_its_repetitions_the_same() -> None:
    site = Site()
    options = to(site.say(request("OPTIONS")), 5090)
    assert said(site.say(reply(options, 200), 5090)) == ["5080 200"]
    assert site.say(reply(options, 200), 5090) == []
    assert said(site.say(request("OPTIONS"))) == ["5080 200"]
    assert site.wait(6) == [] and site.open == 0


def test_a_2xx_after_the_408_still_passes() -> None:
    site = Site(Tm(fr_timer=2))
    invite = to(site.say(request()), 5090)
    assert "5080 408" in said(site.wait(2.1))
    assert said(site.say(reply(invite, 200), 5090)) == ["5080 200"]


@pytest.mark.parametrize("damage", ["label", "branch number", "cookie", "method"])
def test_a_reply_that_fits_no_transaction_goes_by_its_second_via(damage: str) -> None:
    site = Site()
    invite = to(site.say(request()), 5090)
    ours = vias(invite.data)[0].partition(";branch=")[2]
    data = reply(invite, 200, method="OPTIONS" if damage == "method" else "")
    wrong = {
        "label": ours.replace(".", ".f", 1),
        "branch number": ours[:-1] + "7",
        "cookie": "x" + ours[1:],
        "method": ours,
    }
    sends = site.say(data.replace(ours.encode(), wrong[damage].encode(), 1), 5090)
    assert said(sends) == ["5080 200"]
    assert said(site.say(request())) == ["5080 100"], "the transaction has not noticed"


def test_requests_without_the_cookie_match_by_what_rfc_2543_says() -> None:
    site = Site()
    invite = to(site.say(request(branch="old")), 5090)
    assert said(site.say(request(branch="old"))) == ["5080 100"]
    site.say(reply(invite, 486), 5090)
    assert site.say(acknowledgement("old")) == []
    assert site.wait(3) == []


def test_two_old_requests_with_different_uris_are_two() -> None:
    site = Site()
    site.say(request(branch="old"))
    assert "5091 INVITE" in said(site.say(request(branch="old", to="sip:bob@127.0.0.1:5091")))
    site = Site(Tm(ruri_matching=0))
    site.say(request(branch="old"))
    assert said(site.say(request(branch="old", to="sip:bob@127.0.0.1:5091"))) == ["5080 100"]


def test_the_same_branch_in_another_call_is_another_transaction() -> None:
    site = Site()
    site.say(request())
    assert said(site.say(request(call="c2"))) == ["5080 100", "5090 INVITE"]


def test_an_ack_that_belongs_to_nothing_is_forwarded_without_state() -> None:
    site = Site()
    assert said(site.say(acknowledgement())) == ["5090 ACK"]
    assert site.open == 0


def test_broken_requests_open_no_transaction_and_are_refused() -> None:
    site = Site()
    for header_name in ("From", "To", "Call-ID", "CSeq"):
        assert said(site.say(request().replace(header_name.encode() + b":", b"X-Gone:"))) == ["5080 400"]
    assert said(site.say(request().replace(b"CSeq: 1 INVITE", b"CSeq: one INVITE"))) == ["5080 400"]
    assert site.open == 0


@pytest.mark.parametrize(
    "uri", ["tel:+49301234", "urn:service:sos", "TEL:911", "mailto:b@h", "http://h/x", "x-y.z+1:a"]
)
def test_a_uri_of_another_scheme_gets_416(uri: str) -> None:
    site = Site()
    (answer,) = site.say(request(to=uri))
    assert answer.data.startswith(b"SIP/2.0 416 Unsupported URI Scheme")
    assert site.say(acknowledgement().replace(b"sip:bob@127.0.0.1:5090", uri.encode())) == []
    assert said(site.say(request("MESSAGE", to=uri, branch="z9hG4bKm"))) == ["5080 416"]


@pytest.mark.parametrize("uri", ["*", "sip:", "sips:@", "sip:b@h:99999", ":x", "1a:b", "t el:1"])
def test_what_is_no_uri_at_all_is_the_scripts_business(uri: str) -> None:
    assert Site().say(request(to=uri)) == []


@pytest.mark.parametrize("uri", ["tel:+49301234", "urn:service:sos"])
def test_unless_somebody_has_said_where_to_go(uri: str) -> None:
    tm = Tm()

    def route(ctx: Context) -> int:
        ctx.dst_uri = b"sip:127.0.0.1:5091;lr"
        return tm.t_relay(ctx)

    sent = to(Site(tm, route).say(request(to=uri)), 5091)
    assert sent.data.startswith(b"INVITE " + uri.encode() + b" SIP/2.0\r\n")


@pytest.mark.parametrize("refusal", [302, 404, 486, 503, 603])
def test_a_2xx_is_forwarded_whatever_its_branch_has_answered_before(refusal: int) -> None:
    site = Site()
    invite = to(site.say(request()), 5090)
    site.say(reply(invite, refusal), 5090)
    assert said(site.say(reply(invite, 200), 5090)) == ["5080 200"]
    assert said(site.say(reply(invite, 200), 5090)) == ["5080 200"]
    site.wait(300)
    assert site.open == 0


def test_a_2xx_after_a_refusal_answers_a_call_that_is_still_open() -> None:
    tm = Tm()

    def route(ctx: Context) -> int:
        core.append_branch_uri(ctx, b"sip:c@127.0.0.1:5091", -1)
        return tm.t_relay(ctx)

    site = Site(tm, route)
    sends = site.say(request())
    site.say(reply(to(sends, 5091), 180), 5091)
    site.say(reply(to(sends, 5090), 486), 5090)
    assert said(site.say(reply(to(sends, 5090), 200), 5090)) == ["5080 200", "5091 CANCEL"]
    site.wait(300)
    assert site.open == 0


def test_a_late_2xx_to_another_method_is_dropped() -> None:
    site = Site()
    message = to(site.say(request("MESSAGE")), 5090)
    site.say(reply(message, 486), 5090)
    assert site.say(reply(message, 200), 5090) == []


@pytest.mark.parametrize(
    "more",
    ["", "Via: SIP/2.0/UDP 9.9.9.9;branch=z9hG4bKb,SIP/2.0/TCP h\r\nv: SIP/2.0/UDP 8.8.8.8;received=1.1.1.1\r\n"],
)
def test_a_cancel_that_is_relayed_has_the_via_of_its_invite_alone(more: str) -> None:
    site = Site()
    invite = to(site.say(request(more=more)), 5090)
    site.say(reply(invite, 180), 5090)
    cancel = to(site.say(request("CANCEL", more=more + "Reason: SIP;cause=200\r\n")), 5090)
    assert vias(cancel.data) == vias(invite.data)[:1]
    assert header(cancel.data, "Reason") == "SIP;cause=200" and header(cancel.data, "CSeq") == "1 CANCEL"


def test_syn_branch_no_gives_an_md5_branch_that_replies_match() -> None:
    site = Site(config=Config(syn_branch=False, sip_warning=False))
    invite = to(site.say(request()), 5090)
    assert len(vias(invite.data)[0].partition(";branch=")[2].split(".")[1]) == 32
    site.say(reply(invite, 180), 5090)
    assert said(site.say(request())) == ["5080 180"]


# --- forking -------------------------------------------------------------------------------------------------------------


def test_the_first_to_answer_wins_and_who_rang_is_cancelled() -> None:
    site = fork(Tm(), 5090, 5091, 5092)
    sends = site.say(request())
    assert said(sends) == ["5080 100", "5090 INVITE", "5091 INVITE", "5092 INVITE"]
    invites = {port: to(sends, port) for port in (5090, 5091, 5092)}
    for port in (5091, 5092):
        assert said(site.say(reply(invites[port], 180), port)) == ["5080 180"]
    assert sorted(said(site.say(reply(invites[5091], 200), 5091))) == ["5080 200", "5092 CANCEL"]
    # 5090 has given no sign of life; as soon as it does it gets its CANCEL.
    assert said(site.say(reply(invites[5090], 180), 5090)) == ["5090 CANCEL"]
    assert said(site.say(reply(invites[5092], 487), 5092)) == ["5092 ACK"]
    assert said(site.say(reply(invites[5090], 487), 5090)) == ["5090 ACK"]
    site.wait(60)
    assert site.open == 0


def test_a_cancel_is_repeated_until_it_is_answered() -> None:
    site = fork(Tm(), 5090, 5091)
    sends = site.say(request())
    for port in (5090, 5091):
        site.say(reply(to(sends, port), 180), port)
    cancel = to(site.say(reply(to(sends, 5090), 200), 5090), 5091)
    assert site.times(4, 5091) == [1.0, 3.0]
    assert site.say(reply(cancel, 200), 5091) == []
    assert site.times(8, 5091) == []


@pytest.mark.parametrize(
    ("codes", "winner"),
    [((486, 404), 404), ((302, 404), 302), ((500, 503), 500), ((486, 603), 603), ((404, 407), 407), ((606, 600), 600)],
)
def test_which_negative_reply_goes_up(codes: tuple[int, int], winner: int) -> None:
    site = fork(Tm(), 5090, 5091)
    sends = site.say(request())
    first = site.say(reply(to(sends, 5090), codes[0]), 5090)
    assert "5080 " not in " ".join(said(first))
    second = site.say(reply(to(sends, 5091), codes[1]), 5091)
    assert [line for line in said(second) if line.startswith("5080")] == [f"5080 {winner}"]


def test_a_6xx_cancels_who_still_rings() -> None:
    site = fork(Tm(), 5090, 5091)
    sends = site.say(request())
    site.say(reply(to(sends, 5091), 180), 5091)
    assert said(site.say(reply(to(sends, 5090), 603), 5090)) == ["5090 ACK", "5091 CANCEL"]
    assert said(site.say(reply(to(sends, 5091), 487), 5091)) == ["5091 ACK", "5080 603"]


def test_the_challenges_of_all_branches_go_up_together() -> None:
    site = fork(Tm(), 5090, 5091)
    sends = site.say(request())
    site.say(reply(to(sends, 5090), 407, more='Proxy-Authenticate: Digest realm="one"\r\n'), 5090)
    up = to(site.say(reply(to(sends, 5091), 401, more='WWW-Authenticate: Digest realm="two"\r\n'), 5091), 5080)
    assert up.data.startswith(b"SIP/2.0 401 ")
    assert header(up.data, "WWW-Authenticate") == 'Digest realm="two"'
    assert header(up.data, "Proxy-Authenticate") == 'Digest realm="one"'


def lowest_via_only(data: bytes) -> bytes:
    """A reply as a hostile server makes it: the Via of this proxy is all that it has."""
    lines = data.split(b"\r\n")
    own = [line for line in lines if line.startswith(b"Via:")][0]
    return b"\r\n".join(line for line in lines if not line.startswith(b"Via:") or line is own)


@pytest.mark.parametrize("broken", [(5090,), (5091,), (5090, 5091)])
@pytest.mark.parametrize("codes", [(401, 407), (407, 401), (401, 401)])
def test_a_challenge_that_cannot_be_read_does_not_hold_up_the_others(
    broken: tuple[int, ...], codes: tuple[int, int]
) -> None:
    site = fork(Tm(), 5090, 5091)
    sends = site.say(request())
    up: list[Send] = []
    for port, code in zip((5090, 5091), codes):
        data = reply(to(sends, port), code, more=f'WWW-Authenticate: Digest realm="{port}"\r\n')
        up += site.say(lowest_via_only(data) if port in broken else data, port)
    (last,) = [send for send in up if not send.data.startswith(b"ACK")]
    assert last.data.startswith(b"SIP/2.0 40") and b'Digest realm="509' in last.data
    assert not site.engine.world.bugs.count


def test_a_503_goes_up_as_500() -> None:
    site = Site()
    invite = to(site.say(request()), 5090)
    assert said(site.say(reply(invite, 503), 5090)) == ["5090 ACK", "5080 500"]


def test_one_silent_branch_holds_the_reply_back_until_it_times_out() -> None:
    site = fork(Tm(fr_timer=5), 5090, 5091)
    sends = site.say(request())
    assert said(site.say(reply(to(sends, 5090), 486), 5090)) == ["5090 ACK"]
    assert "5080 408" in said(site.wait(5.1))


# --- CANCEL --------------------------------------------------------------------------------------------------------------


def test_a_caller_cancels_a_call_that_rings() -> None:
    site = Site()
    invite = to(site.say(request()), 5090)
    site.say(reply(invite, 180), 5090)
    sends = site.say(request("CANCEL"))
    assert said(sends) == ["5090 CANCEL", "5080 200"]
    assert vias(to(sends, 5090).data)[0] == vias(invite.data)[0]
    assert site.say(reply(to(sends, 5090), 200), 5090) == []
    assert said(site.say(reply(invite, 487), 5090)) == ["5090 ACK", "5080 487"]


def test_a_cancel_waits_for_a_sign_of_life() -> None:
    site = Site()
    invite = to(site.say(request()), 5090)
    assert said(site.say(request("CANCEL"))) == ["5080 200"]
    assert said(site.say(reply(invite, 180), 5090))[0] == "5090 CANCEL"


def test_a_repeated_cancel_is_answered_again_and_not_forwarded() -> None:
    site = Site()
    site.say(reply(to(site.say(request()), 5090), 180), 5090)
    site.say(request("CANCEL"))
    assert said(site.say(request("CANCEL"))) == ["5080 200"]


def test_a_cancel_for_nothing_is_forwarded_like_any_request() -> None:
    assert said(Site().say(request("CANCEL"))) == ["5090 CANCEL"]


def test_a_cancel_for_nothing_may_be_refused() -> None:
    """RFC 3261 9.2. Nobody can send one through us to where he likes; that of a call goes its way."""
    site = Site(Tm(refuse_stray_cancel=1))
    assert said(site.say(request("CANCEL"))) == ["5080 481"]
    assert said(site.say(request("CANCEL"))) == ["5080 481"]
    site = Site(Tm(refuse_stray_cancel=1))
    site.say(reply(to(site.say(request()), 5090), 180), 5090)
    assert said(site.say(request("CANCEL"))) == ["5090 CANCEL", "5080 200"]


@pytest.mark.parametrize("drops", [0, 1])
def test_a_2xx_that_comes_long_after_a_refusal_may_be_dropped(drops: int) -> None:
    """RFC 6026 8.9: whose transaction is over is nobody's, and no book has it."""
    site = Site(Tm(drop_stray_replies=drops))
    sent = to(site.say(request()), 5090)
    site.say(reply(sent, 486), 5090)
    site.say(request("ACK"))
    site.wait(9)
    assert said(site.say(reply(sent, 200), 5090)) == ([] if drops else ["5080 200"])


def test_a_2xx_that_is_repeated_goes_on_as_long_as_a_callee_repeats_it() -> None:
    site = Site(Tm(drop_stray_replies=1))
    sent = to(site.say(request()), 5090)
    assert said(site.say(reply(sent, 200), 5090)) == ["5080 200"]
    site.wait(30)
    assert said(site.say(reply(sent, 200), 5090)) == ["5080 200"]
    site.wait(10)
    assert said(site.say(reply(sent, 200), 5090)) == [] and site.open == 0


@pytest.mark.parametrize("branch", ["z9hG4bK0", "z9hG4bK" + "a" * 32, "0"])
def test_a_reply_that_nobody_can_have_been_asked_for_may_be_dropped(branch: str) -> None:
    forged = scripted.reply(
        Via=f"SIP/2.0/UDP 127.0.0.1:5070;branch={branch},SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK1"
    )
    for drops in (0, 1):
        site = Site(Tm(drop_stray_replies=drops))
        assert said(site.say(forged, 5090)) == ([] if drops else ["5080 200"])
        assert site.engine.world.counters.dropped_replies == drops


def test_a_reply_to_what_was_forwarded_without_state_is_no_stray_one() -> None:
    cfg = 'modparam("tm", "drop_stray_replies", 1) route { forward(127.0.0.1, 5090); }'
    site = scripted.Site(cfg, "tm")
    for method in ("OPTIONS", "CANCEL"):
        (sent,) = site.say(scripted.request(method))
        (back,) = site.say(reply(sent, 200), port=5090)
        assert back.destination.port == 5080 and back.data.startswith(b"SIP/2.0 200 ")
        assert site.say(reply(sent, 200).replace(b":5080;", b":5081;"), port=5090) == []


def test_a_cancel_after_the_final_reply_changes_nothing() -> None:
    site = Site()
    site.say(reply(to(site.say(request()), 5090), 200), 5090)
    sends = site.say(request("CANCEL"))
    assert said(sends) == ["5080 200"] and b"no more pending branches" in sends[0].data


def test_a_2xx_that_crosses_the_cancel_goes_up() -> None:
    site = Site()
    invite = to(site.say(request()), 5090)
    site.say(reply(invite, 180), 5090)
    site.say(request("CANCEL"))
    assert said(site.say(reply(invite, 200), 5090)) == ["5080 200"]


def test_a_cancelled_phone_that_never_answers_is_given_up_after_fr_timer() -> None:
    site = Site(Tm(fr_timer=10, fr_inv_timer=120))
    site.say(reply(to(site.say(request()), 5090), 180), 5090)
    site.say(request("CANCEL"))
    assert "5080 408" in said(site.wait(10.1))


# --- routes --------------------------------------------------------------------------------------------------------------


def serial(tm: Tm) -> Site:
    """486 or 408 leads from 5090 on to 5091, and anything from there to 5092."""

    def route(ctx: Context) -> int:
        tm.t_on_failure(ctx, 1)
        return tm.t_relay(ctx)

    def first(ctx: Context) -> int:
        if not tm.t_check_status(ctx, Regex(b"486|408", True)):
            return 1
        core.append_branch_uri(ctx, b"sip:b@127.0.0.1:5091", -1)
        tm.t_on_failure(ctx, 2)
        return tm.t_relay(ctx)

    def second(ctx: Context) -> int:
        core.append_branch_uri(ctx, b"sip:b@127.0.0.1:5092", -1)
        return tm.t_relay(ctx)

    return Site(tm, route, {1: first, 2: second})


def test_a_failure_route_leads_on_once_each_time_it_is_armed() -> None:
    site = serial(Tm())
    sends = site.say(request())
    sends = site.say(reply(to(sends, 5090), 486), 5090)
    assert said(sends) == ["5090 ACK", "5091 INVITE"]
    sends = site.say(reply(to(sends, 5091), 480), 5091)
    assert said(sends) == ["5091 ACK", "5092 INVITE"]
    assert said(site.say(reply(to(sends, 5092), 404), 5092)) == ["5092 ACK", "5080 404"]


def test_a_failure_route_that_does_nothing_lets_the_reply_pass() -> None:
    site = serial(Tm())
    assert said(site.say(reply(to(site.say(request()), 5090), 404), 5090)) == ["5090 ACK", "5080 404"]


def test_a_failure_route_runs_on_a_timeout() -> None:
    site = serial(Tm(fr_timer=3))
    site.say(request())
    assert "5091 INVITE" in said(site.wait(3.1))


def test_after_a_cancel_a_failure_route_adds_nothing() -> None:
    site = serial(Tm())
    invite = to(site.say(request()), 5090)
    site.say(reply(invite, 180), 5090)
    site.say(request("CANCEL"))
    assert said(site.say(reply(invite, 486), 5090)) == ["5090 ACK", "5080 486"]


def test_a_send_error_is_a_failure_of_the_branch() -> None:
    site = serial(Tm())
    invite = to(site.say(request()), 5090)
    up = site.engine.send_failed(invite, site.now_ms)
    assert said(up) == ["5080 477"]
    assert b"477 Unfortunately error on sending to next hop occurred (477/TM)" in up[0].data


def test_a_failure_route_may_answer_itself() -> None:
    tm = Tm()

    def route(ctx: Context) -> int:
        tm.t_on_failure(ctx, 1)
        return tm.t_relay(ctx)

    site = Site(tm, route, {1: lambda ctx: 1 if tm.t_reply(ctx, 480, b"Later") else -1})
    assert said(site.say(reply(to(site.say(request()), 5090), 486), 5090)) == ["5090 ACK", "5080 480"]


@pytest.mark.parametrize("answers_first", [False, True])
def test_a_reply_from_a_failure_route_ends_the_request_for_all_branches(answers_first: bool) -> None:
    tm = Tm()
    verdicts: list[int] = []

    def route(ctx: Context) -> int:
        tm.t_on_failure(ctx, 1)
        return tm.t_relay(ctx)

    def failure(ctx: Context) -> int:
        if answers_first:
            tm.t_reply(ctx, 480, b"Later")
        core.append_branch_uri(ctx, b"sip:b@127.0.0.1:5091", -1)
        verdicts.append(tm.t_relay(ctx))
        return verdicts[-1] if answers_first else tm.t_reply(ctx, 480, b"Later")

    site = Site(tm, route, {1: failure})
    sends = site.say(reply(to(site.say(request()), 5090), 486), 5090)
    assert ("5080 480" in said(sends)) and ("5091 INVITE" in said(sends)) is not answers_first
    assert verdicts == [-1 if answers_first else 1]
    if not answers_first:
        assert "5091 CANCEL" in said(site.say(reply(to(sends, 5091), 180), 5091))


def test_a_bug_in_a_failure_route_is_logged_and_the_caller_gets_the_reply() -> None:
    tm = Tm()

    def route(ctx: Context) -> int:
        tm.t_on_failure(ctx, 1)
        return tm.t_relay(ctx)

    def bug(ctx: Context) -> int:
        raise ValueError("a bug")

    site = Site(tm, route, {1: bug})
    invite = to(site.say(request()), 5090)
    data = reply(invite, 486)
    sends = site.engine.receive(data, invite.destination, site.server.sockets[0], site.now_ms)
    assert said(sends) == ["5090 ACK", "5080 486"]
    assert any("ValueError: a bug" in line for line in site.server.lines())


def test_an_onreply_route_sees_every_reply_and_its_edits_go_up() -> None:
    tm = Tm()
    seen: list[int] = []

    def route(ctx: Context) -> int:
        core.setflag(ctx, 3)
        tm.t_on_reply(ctx, 1)
        return tm.t_relay(ctx)

    def on_reply(ctx: Context) -> int:
        assert core.isflagset(ctx, 3)
        seen.append(ctx.message.status)
        ctx.append_header(b"X-Seen: yes\r\n")
        return 0

    site = Site(tm, route, onreply={1: on_reply})
    invite = to(site.say(request()), 5090)
    for code in (100, 180, 486):
        up = site.say(reply(invite, code), 5090)
    assert seen == [100, 180, 486]
    assert header(to(up, 5080).data, "X-Seen") == "yes"


# --- script functions ------------------------------------------------------------------------------------------------------


def test_a_transaction_can_be_answered_here() -> None:
    tm = Tm()

    def route(ctx: Context) -> int:
        if tm.t_newtran(ctx) > 0:
            tm.t_reply(ctx, 404, b"Not Here")
            assert not tm.t_reply(ctx, 500, b"Too Late")
        return 1

    site = Site(tm, route)
    (answer,) = site.say(request())
    assert answer.data.startswith(b"SIP/2.0 404 Not Here\r\n")
    tag = (header(answer.data, "To") or "").partition(";tag=")[2]
    assert len(tag) == 37
    assert site.say(request())[0].data == answer.data
    assert site.say(acknowledgement(tag=tag)) == [] and site.wait(3) == []


def test_a_200_from_here_is_repeated_until_its_ack_which_is_absorbed() -> None:
    tm = Tm()

    def route(ctx: Context) -> int:
        if tm.t_newtran(ctx) == 0:
            return 0
        return 1 if tm.t_reply(ctx, 200, b"OK") else tm.t_relay(ctx)

    site = Site(tm, route)
    tag = (header(site.say(request())[0].data, "To") or "").partition(";tag=")[2]
    assert site.times(4, 5080) == [1.0, 3.0]
    assert site.say(acknowledgement("z9hG4bKother", tag)) == []
    assert site.times(10, 5080) == []


def test_a_transaction_that_the_script_forgets_is_released_with_a_warning() -> None:
    tm = Tm()
    site = Site(tm, lambda ctx: tm.t_newtran(ctx))
    assert site.say(request()) == []
    assert any("didn't release transaction" in line for line in site.server.lines(1))
    site.wait(6)
    assert site.open == 0


def test_lookup_and_retransmission_by_hand() -> None:
    tm = Tm()

    def route(ctx: Context) -> int:
        if tm.t_lookup_request(ctx):
            return 1 if tm.t_retransmit_reply(ctx) else -1
        tm.t_newtran(ctx)
        return 1 if tm.t_reply(ctx, 480, b"x") else -1

    site = Site(tm, route)
    assert said(site.say(request())) == ["5080 480"]
    assert said(site.say(request())) == ["5080 480"]


def test_a_copy_goes_out_and_its_replies_stay_here() -> None:
    tm = Tm()
    site = Site(tm, lambda ctx: 1 if tm.t_replicate(ctx, b"127.0.0.1", 5091) else -1)
    copy = to(site.say(request("REGISTER")), 5091)
    assert site.say(reply(copy, 200), 5091) == []
    site.wait(10)
    assert site.open == 0


def test_a_fixed_next_hop_keeps_the_request_uri() -> None:
    tm = Tm()
    site = Site(tm, lambda ctx: tm.t_relay_to_udp(ctx, b"127.0.0.1", 5091))
    invite = to(site.say(request()), 5091)
    assert invite.data.startswith(b"INVITE sip:bob@127.0.0.1:5090 SIP/2.0\r\n")


@pytest.mark.parametrize("uri", ["sip:", "sip:bob@", "sip:bob@127.0.0.1:x", "sip:@127.0.0.1"])
def test_a_broken_uri_opens_no_transaction(uri: str) -> None:
    tm = Tm()
    opened: list[int] = []

    def route(ctx: Context) -> int:
        opened.append(tm.t_newtran(ctx))
        opened.append(tm.t_relay_to_udp(ctx, b"127.0.0.1", 5091))
        return -1

    site = Site(tm, route)
    assert site.say(request(to=uri)) == []
    assert opened == [-1, -1] and site.open == 0


def test_a_uri_of_another_scheme_goes_to_a_fixed_next_hop() -> None:
    tm = Tm()
    site = Site(tm, lambda ctx: tm.t_relay_to_udp(ctx, b"127.0.0.1", 5091))
    assert to(site.say(request(to="tel:+49")), 5091).data.startswith(b"INVITE tel:+49 SIP/2.0\r\n")


def test_forwarding_in_an_open_transaction() -> None:
    tm = Tm()

    def route(ctx: Context) -> int:
        if tm.t_newtran(ctx) > 0 and tm.t_forward_nonack(ctx, b"127.0.0.1", 5091):
            return 1
        return -1

    site = Site(tm, route)
    assert said(site.say(request())) == ["5091 INVITE"]


@pytest.mark.parametrize("value", [7, b"7"])
def test_avps_override_the_timers(value: int | bytes) -> None:
    tm = Tm(fr_timer=30)

    def route(ctx: Context) -> int:
        ctx.avps.add(b"callee_fr_timer", value)
        return tm.t_relay(ctx)

    site = Site(tm, route)
    site.say(request())
    assert "5080 408" not in said(site.wait(6.9))
    assert said(site.wait(0.2)) == ["5080 408"]


def test_an_unresolvable_destination_is_answered_and_ends_the_script() -> None:
    tm = Tm()
    values: list[int] = []

    def route(ctx: Context) -> int:
        values.append(tm.t_relay(ctx))
        return values[-1]

    sends = Site(tm, route).say(request(to="sip:bob@nowhere.invalid"))
    assert said(sends) == ["5080 100", "5080 478"] and values == [0]


def test_names_of_transactions_cannot_be_guessed() -> None:
    site = Site()
    labels = []
    for n in range(300):
        branch = vias(to(site.say(request("OPTIONS", branch=f"z9hG4bK{n}", call="same")), 5090).data)[0]
        labels.append(branch.partition(".")[2].partition(".")[2].split(".")[-2])
    assert len(set(labels)) == 300 and {len(label) for label in labels} == {16}
    # Each bit is set about as often as not.
    for bit in range(64):
        assert 90 < sum(int(label, 16) >> bit & 1 for label in labels) < 210


@pytest.mark.parametrize("gone", [b"CSeq: ", b"Call-ID: ", b"From: ", b"To: "])
def test_a_request_that_a_script_has_broken_is_cancelled_and_acknowledged(gone: bytes) -> None:
    tm = Tm()

    def route(ctx: Context) -> int:
        if ctx.method == methods.INVITE:
            start = ctx.message.buf.index(b"\r\n" + gone) + 2
            ctx.edits.append(Edit(start, start + len(gone), b"X-Gone: "))
        return tm.t_relay(ctx)

    site = Site(tm, route)
    invite = to(site.say(request()), 5090)
    whole = Send(invite.data.replace(b"X-Gone: ", gone), invite.destination, invite.socket)
    site.say(reply(whole, 180), 5090)
    cancel = to(site.say(request("CANCEL")), 5090)
    assert vias(cancel.data) == vias(invite.data)[:1] and header(cancel.data, "CSeq") == "1 CANCEL"
    ack = to(site.say(reply(whole, 487), 5090), 5090)
    assert ack.data.startswith(b"ACK ") and vias(ack.data) == vias(invite.data)[:1]
    assert header(ack.data, "Call-ID") == "c1" and header(ack.data, "CSeq") == "1 ACK"
    site.wait(300)
    assert site.open == 0
