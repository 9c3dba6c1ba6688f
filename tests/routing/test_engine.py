"""What becomes of a datagram, whatever is in it. Reference core, 5.1 and 6.1."""

from __future__ import annotations

import sys

import pytest
from engine import Lines, Server, relay
from script import Site, reply, request

from runtime.modules import core
from runtime.routing.bugs import Bugs
from runtime.routing.config import Config
from runtime.routing.context import MAX_BRANCHES, Context
from runtime.routing.engine import ProgramError
from runtime.routing.module import NEVER, Module, ModuleError
from runtime.routing.program import Program, Route
from runtime.routing.verdict import FALSE, STOP, TRUE
from runtime.routing.world import World
from runtime.sip.address import Address
from runtime.sip.transport import Send

TO_5090 = "sip:bob@127.0.0.1:5090"


def server(route: Route | None = relay, *modules: Module, level: int = 4) -> Server:
    return Server(Program(config=Config(), modules=modules, request=route), level=level)


# --- what is dropped -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"\r\n\r\n", b"\0" * 4, b"x" * 31, request()[:31]])
def test_a_datagram_below_32_bytes_is_counted_and_dropped_silently(data: bytes) -> None:
    site = server()
    assert site.say(data) == [] and site.lines() == []
    assert site.counters.as_dict() == dict.fromkeys(site.counters.as_dict(), 0) | {"dropped_short": 1}


def test_a_datagram_from_port_0_is_dropped() -> None:
    site = server()
    assert site.say(request("OPTIONS", TO_5090), port=0) == []
    assert site.counters.dropped_short == 1 and site.counters.requests == 0


@pytest.mark.parametrize(
    "data",
    [
        b"no SIP at all, but long enough for a datagram\r\n\r\n",
        b"\xff" * 100,
        b"\r\n" * 50,
        b"GET / HTTP/1.1\r\nHost: example.com\r\nVia: 1.1 proxy\r\n\r\n",
        request(Via=""),
        request(Via="SIP/2.0/UDP h;branch="),
        reply("2000 OK"),
    ],
)
def test_garbage_is_counted_and_said_with_its_source(data: bytes) -> None:
    site = server()
    assert site.say(data, "192.0.2.7", 4000) == []
    assert site.counters.dropped_bad == 1 and site.counters.requests == site.counters.replies == 0
    (line,) = site.lines()
    assert line.startswith("ERROR: receive_msg: parse_msg failed: ") and "192.0.2.7:4000" in line


def test_one_zero_at_the_end_is_taken_away() -> None:
    data = request("MESSAGE", TO_5090, body="x\0")
    site = server()
    assert site.only(data + b"\0").data.endswith(b"\r\n\r\nx\0")
    assert site.lines(1)[0].startswith("WARNING: udp_rcv_loop: upstream bug: 0-terminated packet")
    assert site.only(data).data.endswith(b"\r\n\r\nx")


# --- the script ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "failed"), [(TRUE, 0), (STOP, 0), (FALSE, 1), (-7, 1)])
def test_a_script_that_ends_negative_has_failed(value: int, failed: int) -> None:
    site = server(lambda ctx: value)
    assert site.say(request()) == []
    assert (site.counters.requests, site.counters.failed_scripts) == (1, failed)
    assert ("WARNING: receive_msg: error while trying script" in site.lines()) is bool(failed)


def test_without_a_main_route_a_request_goes_nowhere_and_a_reply_goes_on() -> None:
    site = server(None)
    assert site.say(request()) == []
    assert "there is no main route" in site.lines(-1)[0]
    assert len(site.say(reply())) == 1


def test_an_exception_costs_one_message_and_is_reported() -> None:
    def route(ctx: Context) -> int:
        raise ZeroDivisionError("seven by nothing")

    site = server(route)
    site.engine.receive(request(Call_ID="unlucky@h"), Address.parse("127.0.0.1", 5080), site.sockets[0], 0)
    assert site.engine.world.bugs.count == 1
    (line,) = site.lines(-1)
    assert "ZeroDivisionError: seven by nothing" in line and "Call-ID unlucky@h" in line
    assert len(site.say(reply())) == 1


def test_a_bug_is_reported_with_its_line_of_ser_cfg(monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site('\n\nroute {\n  log(1, "fine");\n\n  print("x");\n}\n', "print")
    monkeypatch.setattr(sys, "stdout", None)
    site.engine.receive(request(), Address.parse("127.0.0.1", 5080), site.sockets[0], 0)
    # The first line of the text loads the module.
    assert site.lines(-1)[-1].startswith("BUG: ser.cfg:7: AttributeError: ")


def test_routes_may_nest_100_deep() -> None:
    depth: list[int] = []

    def route(ctx: Context) -> int:
        depth.append(0)
        return ctx.call(route)

    site = server(route)
    site.say(request())
    assert len(depth) == 101
    assert site.lines(-1) == ["WARNING: too many recursive routing table lookups (100), giving up"]
    site.say(request())
    assert len(depth) == 202


def test_the_depth_is_given_back_when_a_route_returns() -> None:
    def leaf(ctx: Context) -> int:
        return TRUE

    site = server(lambda ctx: min(ctx.call(leaf) for _ in range(1000)))
    site.say(request())
    assert site.lines() == []


def test_messages_share_nothing() -> None:
    seen: list[tuple[object, ...]] = []

    def route(ctx: Context) -> int:
        seen.append((ctx.flags, len(ctx.branches), ctx.new_uri, ctx.error, len(ctx.reply_headers), ctx.force_rport))
        core.setflag(ctx, 5)
        core.append_branch(ctx)
        core.set_uri(ctx, b"sip:other")
        core.force_rport(ctx)
        ctx.reply_headers.append(b"X: y\r\n")
        ctx.fail(-478, "failed")
        return TRUE

    site = server(route)
    site.say(request())
    site.say(request())
    assert seen == [(0, 0, None, -1, 0, False)] * 2


def test_there_is_room_for_eleven_branches() -> None:
    results: list[bool] = []

    def route(ctx: Context) -> int:
        results.extend(core.append_branch_uri(ctx, b"sip:b@h", -1) for _ in range(12))
        results.append(ctx.error == -12)
        return TRUE

    server(route).say(request())
    assert results == [True] * MAX_BRANCHES + [False, True]


# --- modules ---------------------------------------------------------------------------------------------------------


class Hooks(Module):
    """Writes down what it is asked, and lets requests pass unless `refuses`."""

    def __init__(self, name: str, heard: list[str], refuses: bool = False) -> None:
        super().__init__(name)
        self.filters_requests = True
        self.ends_requests = True
        self.heard = heard
        self.refuses = refuses

    def bind(self, world: World) -> None:
        self.heard.append(f"{self.name} bind")

    def start_worker(self, world: World) -> None:
        self.heard.append(f"{self.name} worker {world.pid}")

    def on_request(self, ctx: Context) -> bool:
        self.heard.append(f"{self.name} before")
        return not self.refuses

    def after_request(self, ctx: Context) -> None:
        self.heard.append(f"{self.name} after")


def test_modules_are_asked_in_the_order_of_loadmodule() -> None:
    heard: list[str] = []

    def route(ctx: Context) -> int:
        heard.append("route")
        return TRUE

    site = server(route, Hooks("a", heard), Hooks("b", heard))
    assert heard == ["a bind", "b bind", "a worker 4711", "b worker 4711"]
    del heard[:]
    site.say(request())
    assert heard == ["a before", "b before", "route", "a after", "b after"]


def test_a_module_can_keep_a_request_from_the_script() -> None:
    heard: list[str] = []
    server(relay, Hooks("a", heard, refuses=True), Hooks("b", heard)).say(request())
    assert heard[4:] == ["a before"]


def test_a_module_that_cannot_start_keeps_the_server_from_starting() -> None:
    class Broken(Module):
        def bind(self, world: World) -> None:
            raise ModuleError("no such file: users.db")

    with pytest.raises(ProgramError, match="^no such file: users.db$"):
        server(relay, Broken("broken"))


class Clock(Module):
    """Waits `wait_ms` and then says that it ran; fails if it is to."""

    def __init__(self, wait_ms: int, fails: bool = False) -> None:
        super().__init__("clock")
        self.keeps_state = True
        self.wait_ms = wait_ms
        self.fails = fails
        self.ran: list[int] = []
        self.outbox: list[Send] = []

    def bind(self, world: World) -> None:
        self.outbox = world.outbox

    def next_timer_ms(self, now_ms: int) -> int:
        return self.wait_ms

    def on_timer(self, now_ms: int) -> None:
        self.ran.append(now_ms)
        if self.fails:
            raise RuntimeError("clock is broken")

    def on_send_failure(self, failed: Send, now_ms: int) -> None:
        self.on_timer(now_ms)
        self.outbox.append(failed)


@pytest.mark.parametrize(
    ("waits", "soonest"), [((), NEVER), ((NEVER,), NEVER), ((30, NEVER, 20), 20), ((0, 5), 0), ((7,), 7)]
)
def test_the_soonest_timer_counts(waits: tuple[int, ...], soonest: int) -> None:
    assert server(relay, *map(Clock, waits)).engine.next_timer_ms(1000) == soonest


def test_a_broken_timer_is_reported_and_the_others_run() -> None:
    clocks = [Clock(1, fails=True), Clock(1)]
    site = server(relay, *clocks)
    failed = server().only(request("OPTIONS", TO_5090))
    assert site.engine.tick(5) == []
    assert site.engine.send_failed(failed, 6) == [failed]
    assert [clock.ran for clock in clocks] == [[5, 6]] * 2
    assert site.engine.world.bugs.count == 2
    assert site.lines(-1)[0].startswith("BUG: ser.cfg: RuntimeError: clock is broken (a timer ran")


def test_only_modules_with_state_make_the_engine_keep_state() -> None:
    assert server(relay, Clock(1)).engine.keeps_state
    assert not server(relay, Hooks("a", [])).engine.keeps_state


# --- the log ---------------------------------------------------------------------------------------------------------


def test_nothing_above_the_log_level_is_written() -> None:
    site = server(lambda ctx: FALSE, level=-1)
    site.say(request())
    site.say(reply(Via="SIP/2.0/UDP 127.0.0.1:5070"))
    assert site.log.records == []


def test_bugs_name_the_innermost_line_of_the_program_that_they_passed() -> None:
    log = Lines(4)
    lines = {3: 30, 5: 50}
    scope: dict[str, object] = {"PROGRAM": Program(config=Config(), lines=lines)}
    bugs = Bugs("ser.cfg", log)
    with pytest.raises(ValueError) as caught:
        exec("def route():\n\n    route_1()\ndef route_1():\n    fail()\ndef fail():\n    int('x')\nroute()\n", scope)
    bugs.report(caught.value, b"cid")
    assert log.records[0][1].startswith("BUG: ser.cfg:50: ValueError: invalid literal")
    assert "(Call-ID cid; the message is dropped" in log.records[0][1]
    # What is no program has no lines of ser.cfg.
    del scope["PROGRAM"]
    bugs.report(caught.value, b"")
    assert log.records[1][1].startswith("BUG: ser.cfg: ValueError: invalid literal")
    assert "(Call-ID missing; the message is dropped" in log.records[1][1]
