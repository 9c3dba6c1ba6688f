"""Branches whose next hop has a name that is not known yet, and other servers of the same name. RFC 3263 4."""

from __future__ import annotations

import pytest
from engine import Names, header, where

from runtime.modules import core
from runtime.modules.tm import Tm
from runtime.routing import names as cache
from runtime.routing.context import Context
from runtime.routing.dns_records import AAAA, SRV, A, Answer, Srv
from runtime.sip.transport import Send
from tm.site import Route, Site, acknowledgement, reply, request, said, to

HOST = "h.example.com"
IP = "192.0.2.7"
TO_HOST = f"sip:bob@{HOST}:5090"
NOTHING = Answer(60_000)
FAILED = Answer(15_000, True)


def late(tm: Tm | None = None, route: Route | None = None, failure: dict[int, Route] | None = None) -> Site:
    return Site(tm, route, failure, names=Names({HOST: IP, "other.example.com": "192.0.2.8"}, is_late=True))


def fork(tm: Tm) -> Site:
    """To a host by name, and to an address."""

    def route(ctx: Context) -> int:
        core.set_uri(ctx, TO_HOST.encode())
        core.append_branch_uri(ctx, b"sip:b@127.0.0.1:5091", -1)
        return tm.t_relay(ctx)

    return late(tm, route)


# --- names that are not known yet --------------------------------------------------------------------------------------


def test_a_call_waits_for_the_name_and_then_goes_through() -> None:
    site = late()
    assert said(site.say(request(to=TO_HOST))) == ["5080 100"]
    # A repetition finds its transaction.
    assert said(site.say(request(to=TO_HOST))) == ["5080 100"]
    site.now_ms += 1500
    (invite,) = site.answer(A, HOST)
    assert where(invite) == f"udp:{IP}:5090"
    # Repetitions and fr_timer count from here.
    assert site.times(4, 5090) == [1.0, 3.0]
    assert said(site.say(reply(invite, 200), 5090)) == ["5080 200"]
    assert site.wait(60) == [] and site.open == 0


def test_it_leaves_as_the_script_had_it_by_then() -> None:
    tm = Tm()

    def route(ctx: Context) -> int:
        ctx.append_header(b"X-Before: 1\r\n")
        told.append(tm.t_relay(ctx))
        ctx.append_header(b"X-After: 1\r\n")
        core.set_user(ctx, b"after")
        return 1

    told: list[int] = []
    site = late(tm, route)
    site.say(request(to=TO_HOST))
    (invite,) = site.answer(A, HOST)
    assert told == [1] and invite.data.startswith(b"INVITE sip:bob@h.example.com")
    assert header(invite.data, "X-Before") == "1" and header(invite.data, "X-After") is None


@pytest.mark.parametrize("records", [NOTHING, FAILED])
def test_a_host_that_has_no_address_is_478(records: Answer) -> None:
    site = late()
    site.say(request(to=TO_HOST))
    sends = site.answer(A, HOST, records)
    if not records.failed:
        assert sends == []
        sends = site.answer(AAAA, HOST, records)
    assert [send.data.split(b"\r\n")[0] for send in sends] == [b"SIP/2.0 478 Unresolvable destination (478/TM)"]
    site.say(acknowledgement(tag=(header(sends[0].data, "To") or "").partition("tag=")[2]))
    assert site.wait(60) == [] and site.open == 0


def test_an_answer_that_does_not_come_is_478_after_five_seconds() -> None:
    site = late()
    site.say(request("OPTIONS", to=TO_HOST))
    assert site.wait(cache.WAIT_MS / 1000 - 0.1) == []
    assert said(site.wait(0.2)) == ["5080 478"]
    assert site.answer(A, HOST) == []
    assert site.wait(60) == [] and site.open == 0


def test_a_shorter_fr_timer_counts_as_well() -> None:
    site = late(Tm(fr_timer=2))
    site.say(request("OPTIONS", to=TO_HOST))
    assert said(site.wait(2.1)) == ["5080 408"]
    assert site.answer(A, HOST) == [] and site.wait(60) == [] and site.open == 0


def test_the_failure_route_hears_of_it() -> None:
    tm = Tm()

    def route(ctx: Context) -> int:
        tm.t_on_failure(ctx, 1)
        return tm.t_relay(ctx)

    def elsewhere(ctx: Context) -> int:
        core.append_branch_uri(ctx, b"sip:b@other.example.com:5092", -1)
        return tm.t_relay(ctx)

    site = late(tm, route, {1: elsewhere})
    site.say(request(to=TO_HOST))
    assert site.answer(A, HOST, FAILED) == []
    (invite,) = site.answer(A, "other.example.com")
    assert where(invite) == "udp:192.0.2.8:5092"


def test_cancelled_before_the_name_is_known_it_is_487_and_nobody_is_asked() -> None:
    site = late()
    site.say(request(to=TO_HOST))
    assert said(site.say(request("CANCEL", to=TO_HOST))) == ["5080 200", "5080 487"]
    assert site.answer(A, HOST) == []
    assert site.open == 2 and said(site.say(acknowledgement(tag="x"))) == []
    site.wait(60)
    assert site.open == 0


def test_of_two_branches_the_one_that_waits_ends_with_the_cancel() -> None:
    site = fork(Tm())
    invite = to(site.say(request()), 5091)
    site.say(reply(invite, 180), 5091)
    assert sorted(said(site.say(request("CANCEL")))) == ["5080 200", "5091 CANCEL"]
    assert site.answer(A, HOST) == []
    assert said(site.say(reply(invite, 487), 5091)) == ["5091 ACK", "5080 487"]


def test_the_answer_of_another_branch_ends_the_one_that_waits() -> None:
    site = fork(Tm())
    invite = to(site.say(request()), 5091)
    assert said(site.say(reply(invite, 200), 5091)) == ["5080 200"]
    assert site.answer(A, HOST) == [] and site.wait(60) == [] and site.open == 0


def test_a_refusal_waits_for_the_branch_that_waits() -> None:
    site = fork(Tm())
    invite = to(site.say(request()), 5091)
    assert said(site.say(reply(invite, 486), 5091)) == ["5091 ACK"]
    assert said(site.answer(A, HOST)) == ["5090 INVITE"]


def test_a_refusal_tells_more_than_a_host_without_an_address() -> None:
    site = fork(Tm())
    invite = to(site.say(request()), 5091)
    assert site.answer(A, HOST, FAILED) == []
    assert said(site.say(reply(invite, 486), 5091)) == ["5091 ACK", "5080 486"]


def test_a_fixed_next_hop_may_have_a_name_too() -> None:
    tm = Tm()
    site = late(tm, lambda ctx: tm.t_relay_to_udp(ctx, HOST.encode(), 5093))
    site.say(request())
    assert said(site.answer(A, HOST)) == ["5093 INVITE"]
    # What is known is used as long as it holds.
    assert said(site.say(request(branch="z9hG4bKb", call="c2"))) == ["5080 100", "5093 INVITE"]


def test_a_copy_that_has_nowhere_to_go_ends_in_silence() -> None:
    tm = Tm()
    site = late(tm, lambda ctx: int(tm.t_replicate(ctx, HOST.encode(), 5093)))
    site.say(request("OPTIONS"))
    assert site.answer(A, HOST, FAILED) == []
    assert site.wait(60) == [] and site.open == 0


def test_when_too_many_wait_it_is_answered() -> None:
    site = late()
    for i in range(cache.WAITING_MAX):
        site.say(request("OPTIONS", TO_HOST, branch=f"z9hG4bK{i}", call=f"c{i}"))
    sends = site.say(request(to=TO_HOST, branch="z9hG4bKlast", call="last"))
    assert said(sends) == ["5080 100", "5080 500"] and "too many requests wait" in "".join(site.server.lines(-1))
    assert len(site.answer(A, HOST)) == cache.WAITING_MAX


def test_a_socket_that_is_missing_is_found_out_late() -> None:
    site = late()
    site.say(request(to=f"sip:bob@{HOST}:5090;transport=tcp"))
    assert said(site.answer(A, HOST)) == ["5080 500"]


# --- servers that do not do their work ---------------------------------------------------------------------------------


def twins(tm: Tm | None = None) -> Site:
    """A host with two servers, on 192.0.2.1:5081 and 192.0.2.2:5082."""
    names = Names({"s1": "192.0.2.1", "s2": "192.0.2.2"})
    services = names.records[SRV, b"_sip._udp.h.example.com"] = Answer(60_000)
    services.services = [Srv(1, 0, 5081, b"s1"), Srv(2, 0, 5082, b"s2")]
    return Site(tm, names=names)


def first_of(site: Site) -> Send:
    return to(site.say(request(to=f"sip:bob@{HOST};transport=udp")), 5081)


def branch_of(send: Send) -> str:
    return (header(send.data, "Via") or "").partition("branch=")[2]


def test_one_that_cannot_be_reached_is_replaced_by_the_next() -> None:
    site = twins()
    first = first_of(site)
    (second,) = site.engine.send_failed(first, site.now_ms)
    assert where(second) == "udp:192.0.2.2:5082" and branch_of(second) != branch_of(first)
    assert second.data.replace(branch_of(second).encode(), branch_of(first).encode()) == first.data
    assert said(site.say(reply(second, 200), 5082)) == ["5080 200"]
    site.wait(60)
    assert site.open == 0


def test_so_is_one_that_is_unavailable() -> None:
    site = twins()
    first = first_of(site)
    assert said(site.say(reply(first, 503), 5081)) == ["5081 ACK", "5082 INVITE"]
    # The repetition of a 503 gets its ACK and nothing else.
    assert said(site.say(reply(first, 503), 5081)) == ["5081 ACK"]


def test_so_is_one_that_never_answers() -> None:
    site = twins(Tm(fr_timer=3))
    first = first_of(site)
    assert said(site.wait(3.1)) == ["5081 INVITE", "5082 INVITE"]
    # His answer may come all the same.
    assert said(site.say(reply(first, 200), 5081)) == ["5080 200"]


def test_one_that_rang_is_not() -> None:
    site = twins(Tm(fr_timer=3, fr_inv_timer=5))
    first = first_of(site)
    site.say(reply(first, 180), 5081)
    assert said(site.wait(5.1)) == ["5081 CANCEL", "5080 408"]


def test_nor_is_one_of_a_cancelled_call() -> None:
    site = twins()
    first = first_of(site)
    site.say(request("CANCEL", to=f"sip:bob@{HOST};transport=udp"))
    assert said(site.engine.send_failed(first, site.now_ms)) == ["5080 477"]


def test_behind_the_last_one_there_is_no_other() -> None:
    site = twins()
    (second,) = site.engine.send_failed(first_of(site), site.now_ms)
    assert said(site.say(reply(second, 486), 5082)) == ["5082 ACK", "5080 486"]
    site = twins()
    (second,) = site.engine.send_failed(first_of(site), site.now_ms)
    assert said(site.engine.send_failed(second, site.now_ms)) == ["5080 477"]
