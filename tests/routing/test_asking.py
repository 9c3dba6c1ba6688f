"""Routes that wait for something outside: answers come when the test has them come."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from engine import Lines, Server, header
from rows import DEADLINE_MS, Desk, Row
from script import request
from tm.site import Site, acknowledgement, reply, said, to
from tm.site import request as call

from runtime.modules import core
from runtime.modules.tm import Tm
from runtime.routing.asking import ANSWERED, ASKED, LATE, NEVER, NOT_ASKED, REFUSED, Asking, Kind
from runtime.routing.bugs import Bugs
from runtime.routing.config import Config
from runtime.routing.context import Context
from runtime.routing.module import Module
from runtime.routing.program import Program, Route
from runtime.routing.replying import send_reply


def server(route: Route, modules: tuple[Module, ...] = ()) -> Server:
    site = Server(Program(config=Config(sip_warning=False), request=route, modules=modules))
    site.now_ms = 1_000_000
    for module in modules:
        if isinstance(module, Tm):
            module.begin(site.engine.world, site.now_ms)
    return site


def answered(ctx: Context, text: bytes) -> int:
    return 1 if send_reply(ctx, 200, text, b"tag") else -1


# --- waiting -----------------------------------------------------------------------------------------------------------


def test_a_route_goes_on_where_it_was_at_any_depth() -> None:
    desk = Desk()

    def deep(ctx: Context, depth: int) -> bytes:
        if depth == 0:
            return desk.row(ctx, b"a")
        return b"%d %s" % (depth, ctx.call(lambda again: 1) and deep(ctx, depth - 1))

    site = server(lambda ctx: answered(ctx, deep(ctx, 3) + desk.row(ctx, b"b")))
    assert site.say(request("OPTIONS")) == []
    site.now_ms += 700
    assert site.engine.take_answer(desk.asked[0].number, b"A", site.now_ms) == []
    (sent,) = site.engine.take_answer(desk.asked[1].number, b"B", site.now_ms)
    assert sent.data.startswith(b"SIP/2.0 200 3 2 1 AB\r\n")
    assert [question.fate for question in desk.asked] == [ANSWERED, ANSWERED]


def test_other_messages_do_not_wait() -> None:
    desk = Desk()
    site = server(
        lambda ctx: answered(ctx, desk.row(ctx, b"a") if ctx.message.value(ctx.message.call_id) == b"slow" else b"OK")
    )
    assert site.say(request("OPTIONS", Call_ID="slow")) == []
    assert site.only(request("OPTIONS", Call_ID="quick")).data.startswith(b"SIP/2.0 200 OK")
    (sent,) = site.engine.take_answer(desk.asked[0].number, b"late", site.now_ms)
    assert header(sent.data, "Call-ID") == "slow"


def test_an_answer_to_a_process_that_has_died_is_none_to_the_next_one_in_its_place() -> None:
    """The helper's letter comes into the same mailbox."""
    desk = Desk()

    def ask(ctx: Context) -> int:
        return answered(ctx, desk.row(ctx, b"a"))

    dead, alive = server(ask), server(ask)
    alive.engine.world.asking.number_for(4712)
    for site in (dead, alive):
        assert site.say(request("OPTIONS")) == []
    old, new = desk.asked
    assert alive.engine.take_answer(old.number, b"of somebody else", alive.now_ms) == [] and new.fate == ASKED
    (sent,) = alive.engine.take_answer(new.number, b"mine", alive.now_ms)
    assert sent.data.startswith(b"SIP/2.0 200 mine\r\n")


def test_answers_may_come_in_any_order() -> None:
    desk = Desk()
    site = server(lambda ctx: answered(ctx, desk.row(ctx, b"")))
    for i in range(5):
        site.say(request("OPTIONS", Call_ID=f"c{i}"))
    for i in (3, 0, 4, 1, 2):
        (sent,) = site.engine.take_answer(desk.asked[i].number, b"row %d" % i, site.now_ms)
        assert header(sent.data, "Call-ID") == f"c{i}" and sent.data.startswith(b"SIP/2.0 200 row %d" % i)


def test_an_answer_that_is_there_at_once_is_no_wait() -> None:
    def route(ctx: Context) -> int:
        return answered(ctx, ctx.wait(Row(kind, b"", b"here", ctx.world.asking)) or b"none")

    kind = Kind("rows", DEADLINE_MS, 1)
    site = server(route)
    assert site.only(request("OPTIONS")).data.startswith(b"SIP/2.0 200 here")
    assert site.engine.world.asking.switches == 0


def test_what_was_sent_before_leaves_while_the_route_waits() -> None:
    desk = Desk()

    def route(ctx: Context) -> int:
        send_reply(ctx, 183, b"Wait", b"")
        return answered(ctx, desk.row(ctx, b""))

    site = server(route)
    assert site.only(request("INVITE")).data.startswith(b"SIP/2.0 183")


def test_after_the_deadline_the_route_goes_on_without() -> None:
    desk = Desk()
    times: list[int] = []

    def route(ctx: Context) -> int:
        row = desk.row(ctx, b"")
        times.append(ctx.now_ms)
        return answered(ctx, row)

    site = server(route)
    site.say(request("OPTIONS"))
    assert site.engine.next_timer_ms(site.now_ms) == DEADLINE_MS
    assert site.engine.tick(site.now_ms + DEADLINE_MS - 1) == []
    (sent,) = site.engine.tick(site.now_ms + DEADLINE_MS)
    assert sent.data.startswith(b"SIP/2.0 200 none") and times == [site.now_ms + DEADLINE_MS]
    question = desk.asked[0]
    assert (question.fate, question.given_up, desk.kind.late) == (LATE, True, 1)
    assert site.engine.take_answer(question.number, b"too late", site.now_ms) == []
    assert site.engine.next_timer_ms(site.now_ms) == NEVER


def test_the_nearest_deadline_of_all_kinds_counts() -> None:
    long, short, endless = Desk(5000), Desk(700), Desk(NEVER)
    desks = {b"l": long, b"s": short, b"e": endless}
    site = server(lambda ctx: answered(ctx, desks[ctx.message.value(ctx.message.call_id)[:1]].row(ctx, b"")))
    site.say(request("OPTIONS", Call_ID="e"))
    assert site.engine.next_timer_ms(site.now_ms) == NEVER
    site.say(request("OPTIONS", Call_ID="l1"))
    site.say(request("OPTIONS", Call_ID="s1"))
    assert site.engine.next_timer_ms(site.now_ms + 100) == 600
    (sent,) = site.engine.tick(site.now_ms + 700)
    assert header(sent.data, "Call-ID") == "s1" and site.engine.next_timer_ms(site.now_ms + 700) == 4300


def test_only_so_many_of_a_kind_wait() -> None:
    desk, other = Desk(limit=3), Desk()
    site = server(lambda ctx: answered(ctx, (other if ctx.message.size > 500 else desk).row(ctx, b"")))
    for i in range(3):
        site.say(request("OPTIONS", Call_ID=f"c{i}"))
    assert site.only(request("OPTIONS")).data.startswith(b"SIP/2.0 200 none")
    assert (desk.asked[-1].fate, desk.kind.refused, desk.asked[-1].given_up) == (REFUSED, 1, False)
    assert site.lines(1) == ["WARNING: 3 messages already wait for rows: refusing more"]
    assert site.say(request("OPTIONS", Call_ID="x", Pad="x" * 500)) == []
    assert len(site.engine.take_answer(desk.asked[0].number, b"", site.now_ms)) == 1
    assert site.say(request("OPTIONS", Call_ID="again")) == []


def test_on_the_callers_own_stack_nobody_can_wait() -> None:
    desk = Desk()
    site = server(lambda ctx: answered(ctx, desk.row(ctx, b"")))
    site.engine.handle(request("OPTIONS"), site.sockets[0].address, site.sockets[0], 0, 0)
    (sent,) = site.engine.take_sends()
    assert sent.data.startswith(b"SIP/2.0 200 none") and desk.asked[0].fate == REFUSED


def test_ten_thousand_wait() -> None:
    desk = Desk(limit=10_000)
    site = server(lambda ctx: answered(ctx, desk.row(ctx, b"")))
    for i in range(10_000):
        assert site.say(request("OPTIONS", Call_ID=f"c{i}")) == []
    assert site.engine.under_way() == 10_000
    for i, question in enumerate(desk.asked):
        (sent,) = site.engine.take_answer(question.number, b"%d" % i, site.now_ms)
        assert sent.data.startswith(b"SIP/2.0 200 %d\r\n" % i)
    assert site.engine.under_way() == 0 and site.engine.world.parked.count == 0


def test_a_bug_after_a_wait_costs_one_message() -> None:
    desk = Desk()

    def route(ctx: Context) -> int:
        if desk.row(ctx, b"") == b"bad":
            raise ValueError("a bug")
        return answered(ctx, b"OK")

    site = server(route)
    site.say(request("OPTIONS", Call_ID="unlucky"))
    site.say(request("OPTIONS", Call_ID="lucky"))
    assert site.engine.take_answer(desk.asked[0].number, b"bad", site.now_ms) == []
    assert "unlucky" in site.lines(-1)[0] and site.engine.world.bugs.count == 1
    assert len(site.engine.take_answer(desk.asked[1].number, b"good", site.now_ms)) == 1


def test_what_belongs_to_the_message_comes_back_with_it() -> None:
    desk = Desk()
    seen: list[tuple[object, object]] = []

    def route(ctx: Context) -> int:
        core.setflag(ctx, 3)
        ctx.avps.add(b"who", ctx.message.value(ctx.message.call_id))
        depths.append(ctx.call(inner))
        seen.append((ctx.world.log.about, ctx.avps.first(b"who")))
        return answered(ctx, b"OK" if core.isflagset(ctx, 3) else b"no flag")

    def inner(ctx: Context) -> int:
        desk.row(ctx, b"")
        seen.append((ctx.world.log.about, ctx.avps.first(b"who")))
        return 1

    depths: list[int] = []
    site = server(route)
    for name in ("a", "b"):
        site.say(request("OPTIONS", Call_ID=name))
        assert site.log.about is None
    for i in (0, 1):
        (sent,) = site.engine.take_answer(desk.asked[i].number, b"", site.now_ms)
        assert sent.data.startswith(b"SIP/2.0 200 OK") and site.log.about is None
    assert [who for _, who in seen] == [b"a", b"a", b"b", b"b"] and depths == [1, 1]
    assert all(isinstance(about, Context) for about, _ in seen)
    assert seen[0][0] is seen[1][0] and seen[0][0] is not seen[2][0]


def test_a_question_without_a_run_calls_back() -> None:
    class Called(Row):
        went_on_ms = -1

        def go_on(self, now_ms: int) -> None:
            self.went_on_ms = now_ms

    log = Lines()
    asking = Asking(log, Bugs("ser.cfg", log))
    kind = Kind("rows", DEADLINE_MS, 2)
    first, second, third = (Called(kind, b"") for _ in range(3))
    assert asking.begin(first, 0) and asking.begin(second, 0) and not asking.begin(third, 0)
    asking.take(first.number, b"row", 5)
    asking.tick(DEADLINE_MS)
    assert [(q.fate, q.answer, q.went_on_ms) for q in (first, second, third)] == [
        (ANSWERED, b"row", 5),
        (LATE, None, DEADLINE_MS),
        (REFUSED, None, -1),
    ]
    assert asking.count == 0 and Called(kind, b"").fate == NOT_ASKED


def test_a_kind_of_a_new_program_takes_the_place_of_the_old_one_and_goes_on_counting() -> None:
    log = Lines()
    asking = Asking(log, Bugs("ser.cfg", log))
    first = Kind("rows", DEADLINE_MS, 9)
    waiting = Row(first, b"")
    assert asking.begin(waiting, 0) and asking.begin(Row(first, b""), 0)
    for number in range(1, 100):
        # One that is still waited for stays; of the others there is one, whatever their number.
        kind = Kind("rows", DEADLINE_MS, 9)
        question = Row(kind, b"")
        assert asking.begin(question, 0)
        asking.cancel(question)
        assert len(asking.kinds) == 2 and sum(k.waited for k in asking.kinds) == 2 + number
    asking.tick(DEADLINE_MS)
    assert asking.begin(Row(Kind("rows", DEADLINE_MS, 9), b""), DEADLINE_MS)
    assert [(k.waited, k.late) for k in asking.kinds] == [(102, 2)]
    assert sum(asking.kinds[0].took.counts) == 2


# --- repetitions and CANCEL --------------------------------------------------------------------------------------------


def waiting_invite(route: Callable[[Desk, Context], int] | None = None, tm: Tm | None = None) -> tuple[Server, Desk]:
    """One whose route waits. What it would do then is answer."""
    desk = Desk()
    site = server(
        lambda ctx: (route or (lambda d, c: answered(c, d.row(c, b""))))(desk, ctx), () if tm is None else (tm,)
    )
    assert site.say(request("INVITE")) == [] and len(desk.asked) == 1
    return site, desk


def test_repetitions_are_absorbed_and_those_of_an_invite_get_100() -> None:
    site, desk = waiting_invite()
    for _ in range(2):
        assert site.only(request("INVITE")).data.startswith(b"SIP/2.0 100 trying")
    assert len(desk.asked) == 1
    assert len(site.engine.take_answer(desk.asked[0].number, b"row", site.now_ms)) == 1
    # When it has gone on it is a new request to who keeps no state.
    assert site.say(request("INVITE")) == [] and len(desk.asked) == 2


def test_the_repetition_of_another_request_gets_nothing() -> None:
    desk = Desk()
    site = server(lambda ctx: answered(ctx, desk.row(ctx, b"")))
    site.say(request("OPTIONS"))
    assert site.say(request("OPTIONS")) == [] and len(desk.asked) == 1
    assert site.say(request("OPTIONS", Call_ID="other")) == [] and len(desk.asked) == 2


def test_in_a_transaction_the_last_reply_is_said_again() -> None:
    def route(desk: Desk, ctx: Context) -> int:
        tm.t_newtran(ctx)
        tm.t_reply(ctx, 183, b"Wait")
        desk.row(ctx, b"")
        return tm.t_relay(ctx)

    tm = Tm()
    desk = Desk()
    site = server(lambda ctx: route(desk, ctx), (tm,))
    first = site.only(request("INVITE"))
    assert first.data.startswith(b"SIP/2.0 183") and site.only(request("INVITE")).data == first.data


@pytest.mark.parametrize("tm", [None, Tm()])
def test_a_cancel_finds_the_invite_that_waits(tm: Tm | None) -> None:
    site, desk = waiting_invite(tm=tm)
    cancelled, ended = site.say(request("CANCEL"))
    assert cancelled.data.startswith(b"SIP/2.0 200 canceling") and header(cancelled.data, "CSeq") == "1 CANCEL"
    assert ended.data.startswith(b"SIP/2.0 487 ") and header(ended.data, "CSeq") == "1 INVITE"
    assert header(ended.data, "To") == header(cancelled.data, "To") and ";tag=" in (header(ended.data, "To") or "")
    assert desk.asked[0].given_up and site.engine.world.asking.count == site.engine.world.parked.count == 0
    assert site.engine.take_answer(desk.asked[0].number, b"row", site.now_ms) == []
    assert site.engine.world.bugs.count == 0
    if tm is not None:
        # Repetitions find transactions, and the 487 gets its ACK.
        core_ = tm.core
        assert core_.layer.counts.created == 2 and core_.layer.unfinished() == 1
        site.now_ms += 1000
        assert [s.data[8:11] for s in site.engine.tick(site.now_ms)] == [b"487"]


def test_a_cancel_of_another_request_goes_its_way() -> None:
    site, desk = waiting_invite()
    other = request("CANCEL", Via="SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bKother")
    assert site.say(other) == [] and len(desk.asked) == 2
    assert site.say(request("CANCEL", Call_ID="other")) == [] and len(desk.asked) == 3


def test_a_request_that_has_been_relayed_or_answered_is_not_ended() -> None:
    def route(desk: Desk, ctx: Context) -> int:
        if ctx.message.value(ctx.message.call_id) == b"answered":
            send_reply(ctx, 404, b"Not Found", b"tag")
        else:
            core.forward_uri(ctx, core.UDP, core.URI_PORT)
        desk.row(ctx, b"")
        return 1

    for call_id in ("answered", "relayed"):
        desk = Desk()
        site = server(lambda ctx: route(desk, ctx))
        site.say(request("INVITE", "sip:b@127.0.0.1:5090", Call_ID=call_id))
        site.say(request("CANCEL", "sip:b@127.0.0.1:5090", Call_ID=call_id))
        # The CANCEL's own route has run, and the INVITE's goes on.
        assert len(desk.asked) == 2 and not desk.asked[0].given_up, call_id


def test_a_repetition_does_not_wait_where_its_transaction_is_open() -> None:
    """It could find that forgotten afterwards, and be relayed like a new request."""
    tm, desk = Tm(), Desk()

    def route(ctx: Context) -> int:
        desk.row(ctx, b"")
        return tm.t_relay(ctx)

    site = Site(tm, route)
    site.say(call())
    assert said(site.engine.take_answer(desk.asked[0].number, b"", site.now_ms)) == ["5080 100", "5090 INVITE"]
    assert said(site.say(call())) == ["5080 100"] and site.engine.world.asking.count == 0
    # Its CANCEL is another request, and waits.
    assert site.say(call("CANCEL")) == []
    (row,) = [question for question in desk.asked if question.number and question.fate == ASKED]
    assert said(site.engine.take_answer(row.number, b"", site.now_ms)) == ["5080 200"]


def test_only_an_invite_is_cancelled() -> None:
    desk = Desk()
    site = server(lambda ctx: answered(ctx, desk.row(ctx, b"")))
    site.say(request("OPTIONS"))
    assert site.say(request("CANCEL")) == [] and len(desk.asked) == 2 and not desk.asked[0].given_up


# --- transactions whose routes wait --------------------------------------------------------------------------------------


def with_routes(failure: bool = False, onreply: bool = False) -> tuple[Site, Desk]:
    """A proxy whose failure or onreply route asks; what the failure route then does is go to 127.0.0.1:5091."""
    tm, desk = Tm(fr_timer=5, wt_timer=2), Desk(deadline_ms=20_000)

    def route(ctx: Context) -> int:
        if failure:
            tm.t_on_failure(ctx, 1)
        if onreply:
            tm.t_on_reply(ctx, 1)
        return tm.t_relay(ctx)

    def on_failure(ctx: Context) -> int:
        if desk.row(ctx, b"failed") == b"none":
            return 1
        core.append_branch_uri(ctx, b"sip:c@127.0.0.1:5091", -1)
        return tm.t_relay(ctx)

    def on_reply(ctx: Context) -> int:
        ctx.append_header(b"X-Row: " + desk.row(ctx, b"reply") + b"\r\n")
        return 1

    return Site(tm, route, {1: on_failure}, {1: on_reply}), desk


def test_a_failure_route_waits_and_leads_on() -> None:
    site, desk = with_routes(failure=True)
    invite = to(site.say(call()), 5090)
    # The ACK leaves before the route waits.
    assert said(site.say(reply(invite, 486), 5090)) == ["5090 ACK"]
    site.now_ms += 3000
    (second,) = site.engine.take_answer(desk.asked[0].number, b"row", site.now_ms)
    # Its timers count from here.
    assert site.times(4, 5091) == [1.0, 3.0]
    assert said(site.say(reply(second, 200), 5091)) == ["5080 200"]
    assert site.wait(60) == [] and site.open == 0


def test_a_failure_route_may_wait_after_a_time_out_as_well() -> None:
    site, desk = with_routes(failure=True)
    site.say(call("OPTIONS"))
    site.say(call("OPTIONS", branch="z9hG4bKb", call="c2"))
    site.wait(5.2)
    assert len(desk.asked) == 2, "one that waits keeps no other timer from running"
    assert said(site.engine.take_answer(desk.asked[1].number, b"", site.now_ms)) == ["5080 408"]
    assert said(site.engine.take_answer(desk.asked[0].number, b"row", site.now_ms)) == ["5091 OPTIONS"]


def test_replies_queue_up_behind_the_one_whose_route_waits() -> None:
    site, desk = with_routes(onreply=True)
    invite = to(site.say(call()), 5090)
    for code in (180, 183, 200):
        assert site.say(reply(invite, code), 5090) == []
    sends = []
    for i, row in enumerate((b"a", b"b", b"c")):
        assert len(desk.asked) == i + 1
        sends += site.engine.take_answer(desk.asked[i].number, row, site.now_ms)
    assert [(s.data[8:11], header(s.data, "X-Row")) for s in sends] == [(b"180", "a"), (b"183", "b"), (b"200", "c")]
    assert site.wait(60) == [] and site.open == 0


def test_a_reply_that_is_queued_beats_the_time_out_behind_it() -> None:
    site, desk = with_routes(onreply=True)
    options = to(site.say(call("OPTIONS")), 5090)
    site.say(reply(options, 100), 5090)
    site.now_ms += 1000
    assert site.say(reply(options, 200), 5090) == []
    # fr_timer runs out meanwhile.
    site.wait(10)
    sends = site.engine.take_answer(desk.asked[0].number, b"a", site.now_ms)
    sends += site.engine.take_answer(desk.asked[1].number, b"b", site.now_ms)
    assert said(sends) == ["5080 200"]
    assert site.wait(60) == [] and site.open == 0


def test_a_cancel_while_the_failure_route_waits_lets_it_find_no_other_way() -> None:
    site, desk = with_routes(failure=True)
    invite = to(site.say(call()), 5090)
    site.say(reply(invite, 486), 5090)
    assert said(site.say(call("CANCEL"))) == ["5080 200"]
    sends = site.engine.take_answer(desk.asked[0].number, b"row", site.now_ms)
    assert said(sends) == ["5080 486"]
    site.say(acknowledgement())
    assert site.wait(60) == [] and site.open == 0


def test_a_transaction_outlives_the_route_that_waits() -> None:
    site, desk = with_routes(onreply=True)
    invite = to(site.say(call()), 5090)
    site.say(reply(invite, 200), 5090)
    assert said(site.engine.take_answer(desk.asked[0].number, b"a", site.now_ms)) == ["5080 200"]
    # A repetition whose route waits longer than wt_timer.
    site.say(reply(invite, 200), 5090)
    site.wait(10)
    assert site.open == 1
    assert said(site.engine.take_answer(desk.asked[1].number, b"b", site.now_ms)) == ["5080 200"]
    site.wait(5)
    assert site.open == 0
