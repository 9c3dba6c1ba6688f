"""No transaction without room for it: 503 for what is new, and everything that has begun goes on. RFC 3261 21.5.4."""

from __future__ import annotations

import pytest
from engine import header

from runtime.modules import core
from runtime.modules.rr.record_route import RecordRoute, Tail
from runtime.modules.tm import Tm
from runtime.routing.context import Context
from runtime.sip.address import Address
from runtime.tx.room import Room, share_of
from tm.site import CALLER, Site, acknowledgement, reply, request, said, to


def full(transactions: int = 4) -> Site:
    """A site whose INVITEs are all pending, and no more have room."""
    site = Site(Tm(max_transactions=transactions, fr_timer=5, wt_timer=2))
    for n in range(transactions):
        assert "5090 INVITE" in said(site.say(request(branch=f"z9hG4bK{n}", call=f"c{n}")))
    return site


def test_beyond_the_limit_a_new_request_gets_503_with_retry_after() -> None:
    site = full()
    (refusal,) = site.say(request(branch="z9hG4bKx", call="x"))
    assert refusal.data.startswith(b"SIP/2.0 503 Service Unavailable\r\n")
    assert 5 <= int(header(refusal.data, "Retry-After") or "") < 15
    assert site.open == 4 and site.engine.world.counters.refused_full == 1


@pytest.mark.parametrize("method", ["OPTIONS", "REGISTER", "MESSAGE", "SUBSCRIBE", "PUBLISHED"])
def test_so_does_one_of_any_other_method(method: str) -> None:
    assert said(full().say(request(method, branch="z9hG4bKx", call="x"))) == [f"{CALLER} 503"]


def test_the_ack_to_the_503_goes_nowhere() -> None:
    site = full()
    (refusal,) = site.say(request(branch="z9hG4bKx", call="x"))
    tag = (header(refusal.data, "To") or "").partition("tag=")[2]
    assert site.say(acknowledgement("z9hG4bKx", tag, "x")) == []


def test_repetitions_of_what_is_pending_are_answered_as_before() -> None:
    assert said(full().say(request(branch="z9hG4bK0", call="c0"))) == [f"{CALLER} 100"]


def test_a_cancel_and_a_bye_have_room_still() -> None:
    site = full(16)
    assert f"{CALLER} 200" in said(site.say(request("CANCEL", branch="z9hG4bK0", call="c0")))
    bye = request("BYE", branch="z9hG4bKb", call="c1").replace(b"bob@b.example>", b"bob@b.example>;tag=t", 1)
    assert "5090 BYE" in said(site.say(bye))


def test_but_not_without_end() -> None:
    site = full()
    answers = []
    for n in range(50):
        bye = request("BYE", branch=f"z9hG4bKb{n}", call=f"b{n}").replace(b"b.example>", b"b.example>;tag=t", 1)
        answers += said(site.say(bye))
    assert f"{CALLER} 503" in answers and site.open <= 4 + 4 // 8 + 1


def test_when_some_have_ended_there_is_room_again() -> None:
    site = full()
    assert said(site.say(request(branch="z9hG4bKx", call="x"))) == [f"{CALLER} 503"]
    site.wait(60)
    assert site.open == 0
    assert "5090 INVITE" in said(site.say(request(branch="z9hG4bKy", call="y")))
    assert site.tm.core.layer.counts.held_bytes > 0


def test_all_that_was_held_is_given_back() -> None:
    site = full()
    for n in range(4):
        site.say(request("CANCEL", branch=f"z9hG4bK{n}", call=f"c{n}"))
    site.wait(120)
    assert (site.open, site.tm.core.layer.counts.held_bytes) == (0, 0)


def test_what_forking_and_replies_hold_is_given_back() -> None:
    tm = Tm(fr_timer=5, wt_timer=2)

    def route(ctx: Context) -> int:
        core.append_branch_uri(ctx, b"sip:c@127.0.0.1:5091", -1)
        return tm.t_relay(ctx)

    site = Site(tm, route)
    sends = site.say(request())
    held = tm.core.layer.counts.held_bytes
    assert held > sum(len(s.data) for s in sends)
    site.say(reply(to(sends, 5090), 486), 5090)
    assert tm.core.layer.counts.held_bytes > held
    site.say(reply(to(sends, 5091), 200), 5091)
    site.say(reply(to(sends, 5091), 200), 5091)
    site.wait(60)
    assert (site.open, tm.core.layer.counts.held_bytes) == (0, 0)


def test_the_log_tells_once_that_it_begins_and_once_that_it_is_over() -> None:
    site = full()
    for n in range(20):
        site.say(request(branch=f"z9hG4bKx{n}", call=f"x{n}"))
    site.wait(60)
    site.say(request(branch="z9hG4bKy", call="y"))
    about = [line for line in site.server.lines() if "transactions" in line]
    assert len(about) == 2
    assert "new requests get 503" in about[0] and "20 requests got 503" in about[1]


def test_memory_bounds_as_numbers_do() -> None:
    site = Site(Tm(max_transactions=0))
    world = site.engine.world
    world.memory_bytes = 100_000
    site.tm.begin(world, site.now_ms)
    answers = []
    for n in range(40):
        answers += said(site.say(request(branch=f"z9hG4bK{n}", call=f"c{n}", more="X: " + "x" * 5000 + "\r\n")))
    assert 3 <= answers.count("5090 INVITE") <= 10
    assert answers.count(f"{CALLER} 503") == 40 - answers.count("5090 INVITE")


def test_without_bounds_nothing_is_refused() -> None:
    site = Site(Tm(max_transactions=0))
    for n in range(200):
        assert "5090 INVITE" in said(site.say(request(branch=f"z9hG4bK{n}", call=f"c{n}")))


@pytest.mark.parametrize(("total", "processes", "share"), [(0, 4, 0), (1, 8, 1), (8, 8, 1), (9, 8, 2), (100, 3, 34)])
def test_each_process_has_its_share(total: int, processes: int, share: int) -> None:
    assert share_of(total, processes) == share


@pytest.mark.parametrize("pending", [0, 7, 8, 9, 10, 11])
def test_an_eighth_more_for_what_has_begun(pending: int) -> None:
    room = Room(8)
    assert room.is_full(pending, 0, False) == (pending >= 8)
    assert room.is_full(pending, 0, True) == (pending >= 10)


def test_a_route_that_finds_no_memory_costs_one_message() -> None:
    tm = Tm()

    def route(ctx: Context) -> int:
        if ctx.method == 1 and ctx.message.value(ctx.message.call_id) == b"big":
            tm.t_newtran(ctx)
            raise MemoryError
        return tm.t_relay(ctx)

    site = Site(tm, route)
    site.say(request(call="big", branch="z9hG4bKbig"))
    assert site.engine.world.bugs.short_of_memory in (0, 1)
    assert "5090 INVITE" in said(site.say(request()))
    site.wait(300)
    assert site.open == 0


def test_a_bug_while_a_reply_is_handled_ends_the_transaction_all_the_same() -> None:
    tm = Tm(fr_timer=5)

    def broken(ctx: Context) -> int:
        # No reply has a Record-Route to be written on its way out.
        ctx.insert_before_headers(b"", RecordRoute(b"", Tail(b"", b"", None), False))
        return 1

    def route(ctx: Context) -> int:
        tm.t_on_reply(ctx, 1)
        return tm.t_relay(ctx)

    site = Site(tm, route, onreply={1: broken})
    busy = reply(to(site.say(request()), 5090), 486)
    answers = site.engine.receive(busy, Address.parse("127.0.0.1", 5090), site.server.sockets[0], site.now_ms)
    assert f"{CALLER} 500" in said(answers)
    assert site.engine.world.bugs.count == 1
    site.wait(300)
    assert site.open == 0


def test_what_was_sent_is_held_until_it_is_answered_and_its_repetition_is_answered_all_the_same() -> None:
    site = Site()
    sent = site.say(request("OPTIONS"))[-1]
    held = site.tm.core.layer.counts.held_bytes
    (answer,) = site.say(reply(sent, 200), 5090)
    left = site.tm.core.layer.counts.held_bytes
    assert left - len(answer.data) <= held - len(sent.data)
    assert [send.data for send in site.say(request("OPTIONS"))] == [answer.data]
    site.wait(60)
    assert (site.open, site.tm.core.layer.counts.held_bytes) == (0, 0)


def test_a_refusal_after_the_2xx_of_its_branch_gets_its_ack() -> None:
    site = Site()
    invite = site.say(request("INVITE"))[-1]
    site.say(reply(invite, 200), 5090)
    sent = site.say(reply(invite, 486), 5090)
    assert [send.data.split(b" ")[0] for send in sent] == [b"ACK"]
