"""Messages that wait for a name, without state. What the name server says comes when the test has it come."""

from __future__ import annotations

import pytest
from engine import Names, Server, header, relay, vias, where
from script import reply, request

from runtime.modules import core
from runtime.modules.enum import Enum
from runtime.modules.sl import Sl
from runtime.modules.tm import Tm
from runtime.routing import names as cache
from runtime.routing.config import Config
from runtime.routing.context import Context
from runtime.routing.dns_records import AAAA, NAPTR, PTR, A, Answer, Naptr
from runtime.routing.module import Module
from runtime.routing.program import Program, Route
from runtime.routing.replying import send_reply
from runtime.routing.verdict import verdict
from runtime.sip.regex import Regex

HOST = "h.example.com"
IP = "192.0.2.7"
TO_HOST = f"sip:bob@{HOST}:5090"
FAILED = Answer(15_000, True)


def server(route: Route = relay, config: Config = Config(), modules: tuple[Module, ...] = ()) -> Server:
    names = Names({HOST: IP}, {"srv.example.com": ("192.0.2.8", 5099)}, is_late=True)
    site = Server(Program(config=config, request=route, modules=modules), names=names)
    site.now_ms = 1_000_000
    return site


def settle(site: Server) -> list[str]:
    """Answer all questions; where what was sent goes to."""
    sends = []
    while site.names.asked:
        kind, name = site.names.asked.pop(0)
        sends += site.take_answer(kind, name.decode())
    return [where(send) for send in sends]


# --- forward() -------------------------------------------------------------------------------------------------------


def test_a_request_is_forwarded_when_the_name_of_its_next_hop_is_known() -> None:
    site = server()
    data = request("OPTIONS", TO_HOST)
    assert site.say(data) == [] and site.names.asked == [(A, HOST.encode())]
    (sent,) = site.take_answer(A, HOST)
    assert where(sent) == f"udp:{IP}:5090" and len(vias(sent.data)) == 2
    assert site.only(data).data == sent.data and site.counters.forwarded_requests == 2
    assert site.engine.next_timer_ms(site.now_ms) == -1


def test_naptr_and_srv_count_as_well() -> None:
    site = server(lambda ctx: verdict(core.forward_uri(ctx, core.SAME, core.URI_PORT)))
    assert site.say(request("OPTIONS", "sip:bob@srv.example.com")) == []
    assert settle(site) == ["udp:192.0.2.8:5099"]


def test_it_leaves_as_the_script_had_it_by_then() -> None:
    def route(ctx: Context) -> int:
        core.set_user(ctx, b"before")
        ctx.insert_before_headers(b"X-Before: 1\r\n")
        results.append(core.forward_uri(ctx, core.UDP, core.URI_PORT))
        core.set_user(ctx, b"after")
        ctx.insert_before_headers(b"X-After: 1\r\n")
        core.force_rport(ctx)
        return 1

    results: list[bool] = []
    site = server(route)
    site.say(request("OPTIONS", TO_HOST))
    (sent,) = site.take_answer(A, HOST)
    assert results == [True]
    assert sent.data.startswith(b"OPTIONS sip:before@h.example.com") and b"rport" not in sent.data
    assert header(sent.data, "X-Before") == "1" and header(sent.data, "X-After") is None


@pytest.mark.parametrize("records", [Answer(0), FAILED])
def test_the_script_hears_of_a_next_hop_that_has_no_address(records: Answer) -> None:
    def route(ctx: Context) -> int:
        if core.forward_uri(ctx, core.UDP, core.URI_PORT):
            return 1
        return verdict(sl.sl_reply_error(ctx))

    site = server(route, modules=(sl := Sl(),))
    data = request("OPTIONS", TO_HOST)
    site.say(data)
    sends = site.take_answer(A, HOST, records) + (site.take_answer(AAAA, HOST, records) if not records.failed else [])
    assert [send.data.split(b"\r\n")[0] for send in sends] == [b"SIP/2.0 478 Unresolvable destination (478/SL)"]
    assert f"ERROR: forward: cannot resolve the host of <{TO_HOST}>" in site.lines(-1)
    # The next one need not wait, and gets the same.
    assert site.only(data).data == sends[0].data


def test_without_an_answer_it_is_given_up() -> None:
    site = server()
    site.say(request("OPTIONS", TO_HOST))
    assert site.engine.next_timer_ms(site.now_ms) == cache.WAIT_MS
    assert site.engine.tick(site.now_ms + cache.WAIT_MS - 1) == [] and site.counters.failed_scripts == 0
    assert site.engine.tick(site.now_ms + cache.WAIT_MS) == [] and site.counters.failed_scripts == 1
    assert site.take_answer(A, HOST) == [] and site.engine.next_timer_ms(site.now_ms) == -1


def test_when_too_many_wait_the_script_hears_of_it() -> None:
    site = server()
    for i in range(cache.WAITING_MAX):
        site.say(request("OPTIONS", TO_HOST, Call_ID=f"c{i}"))
    assert site.counters.failed_scripts == 0
    site.say(request("OPTIONS", TO_HOST))
    assert site.counters.failed_scripts == 1 and "ERROR: forward: too many requests wait for names" in site.lines(-1)
    assert len(site.take_answer(A, HOST)) == cache.WAITING_MAX


# --- replies ---------------------------------------------------------------------------------------------------------


def test_a_reply_waits_for_the_name_in_its_second_via() -> None:
    site = server()
    data = reply(Via=f"SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1\r\nVia: SIP/2.0/UDP {HOST}:5099")
    assert site.say(data) == []
    (sent,) = site.take_answer(A, HOST)
    assert where(sent) == f"udp:{IP}:5099" and len(vias(sent.data)) == 1 and site.counters.forwarded_replies == 1
    other = server()
    other.say(data)
    assert other.take_answer(A, HOST, FAILED) == [] and other.counters.dropped_replies == 1


def test_with_reply_to_via_the_name_is_waited_for_before_the_route_runs() -> None:
    ran: list[int] = []

    def route(ctx: Context) -> int:
        ran.append(ctx.now_ms)
        return verdict(send_reply(ctx, 200, b"OK", b"tag"))

    site = server(route, Config(reply_to_via=True))
    assert site.say(request(Via=f"SIP/2.0/UDP {HOST}:5099")) == [] and ran == []
    site.now_ms += 700
    (sent,) = site.take_answer(A, HOST)
    assert where(sent) == f"udp:{IP}:5099" and ran == [site.now_ms]


# --- what the source is called ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "config, host, asked, known",
    [
        (Config(dns=True), HOST, (A, HOST), True),
        (Config(dns=True), "other.example.com", (A, "other.example.com"), False),
        (Config(rev_dns=True), HOST, (PTR, "7.2.0.192.in-addr.arpa"), True),
        (Config(rev_dns=True), "other.example.com", (PTR, "7.2.0.192.in-addr.arpa"), False),
    ],
)
def test_dns_and_rev_dns_wait_for_the_name_in_the_via(
    config: Config, host: str, asked: tuple[int, str], known: bool
) -> None:
    site = server(config=config)
    assert site.say(request("OPTIONS", "sip:bob@127.0.0.1:5090", Via=f"SIP/2.0/UDP {host}"), IP) == []
    assert site.names.asked == [(asked[0], asked[1].encode())]
    sends = site.take_answer(*asked)
    if not sends:
        sends = site.take_answer(AAAA, asked[1])
    assert (";received=" in vias(sends[0].data)[1]) is not known


# --- what a route asks for -------------------------------------------------------------------------------------------


def told(ctx: Context, what: bool) -> int:
    return verdict(send_reply(ctx, 200 if what else 403, b"Reason", b"tag"))


@pytest.mark.parametrize(
    "route, source, codes",
    [
        (lambda ctx: told(ctx, core.source_is_host(ctx, HOST.encode())), IP, "200"),
        (lambda ctx: told(ctx, core.source_is_host(ctx, HOST.encode())), "192.0.2.99", "403"),
        (lambda ctx: told(ctx, core.source_matches(ctx, Regex(b"^h[.]", False))), IP, "200"),
        (lambda ctx: told(ctx, core.source_matches(ctx, Regex(b"^h[.]", False))), "192.0.2.99", "403"),
    ],
)
def test_a_route_that_asks_for_a_name_runs_when_it_is_known(route: Route, source: str, codes: str) -> None:
    site = server(route)
    assert site.say(request(), source) == []
    sends = []
    while site.names.asked:
        kind, name = site.names.asked.pop(0)
        sends += site.take_answer(kind, name.decode())
    assert [send.data[8:11].decode() for send in sends] == [codes]


def test_the_route_goes_on_where_it_was() -> None:
    runs = 0
    tm, enum = Tm(), Enum()

    def route(ctx: Context) -> int:
        nonlocal runs
        runs += 1
        tm.t_newtran(ctx)
        tm.t_reply(ctx, 100, b"Trying")
        core.setflag(ctx, 1)
        if not enum.enum_query(ctx):
            tm.t_reply(ctx, 404, b"Not Found")
            return 1
        assert core.isflagset(ctx, 1)
        return verdict(tm.t_forward_nonack_uri(ctx))

    site = server(route, modules=(tm, enum))
    tm.begin(site.engine.world, site.now_ms)
    number = request("INVITE", "sip:+49123@h")
    # What it has sent so far leaves before it waits.
    assert [send.data[8:11] for send in site.say(number)] == [b"100"]
    answer = Answer(60_000)
    answer.rules = [Naptr(1, 1, "u", "E2U+sip", f"!^.*$!sip:bob@{IP}!")]
    (sent,) = site.take_answer(NAPTR, "3.2.1.9.4.e164.arpa", answer)
    assert runs == 1 and where(sent) == f"udp:{IP}:5060"
    assert tm.core.layer.counts.created == 1
    # The same with nobody who answers.
    site.say(request("INVITE", "sip:+49124@h", Call_ID="other"))
    sends = site.engine.tick(site.now_ms + cache.WAIT_MS)
    assert [send.data[8:11] for send in sends if send.data.startswith(b"SIP/2.0")] == [b"404"]


def test_when_too_many_wait_the_route_does_with_what_is_known() -> None:
    site = server(lambda ctx: told(ctx, core.source_is_host(ctx, HOST.encode())))
    for i in range(cache.WAITING_MAX):
        site.say(request(Call_ID=f"c{i}"), IP)
    (sent,) = site.say(request(), IP)
    assert sent.data.startswith(b"SIP/2.0 403") and site.engine.world.names.kind.refused > 0
