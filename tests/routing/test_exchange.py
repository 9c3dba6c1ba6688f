"""Another program takes the place of the one that runs, between two messages: what modules keep lives on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from engine import Server
from script import Asked, Site, program_of, request

from runtime.modules.tm import Tm
from runtime.routing.engine import ProgramError
from runtime.routing.module import Module
from runtime.routing.program import Program
from runtime.routing.timer import Timer
from runtime.routing.world import World
from runtime.sip.transport import Send

LOADS = "".join(f'loadmodule "{name}.so"\n' for name in ("sl", "tm", "textops"))


def site(cfg: str, loads: str = LOADS, folder: str = "") -> Site:
    server = Site(loads + cfg, modules="", folder=folder)
    tm = server.engine.world.modules.get("tm")
    if isinstance(tm, Tm):
        tm.begin(server.engine.world, server.now_ms)
    return server


def exchange(server: Site, cfg: str, loads: str = LOADS) -> None:
    program = program_of(loads + cfg)
    server.engine.exchange(program, program.config)


def refused(server: Site, cfg: str, loads: str = LOADS) -> str:
    """Why the exchange is refused; the program is the same afterwards."""
    before = server.engine.program
    with pytest.raises(ProgramError) as caught:
        exchange(server, cfg, loads)
    assert server.engine.program is before
    return str(caught.value)


def first(sends: list[Send]) -> str:
    """The first lines of what is sent, with the port that it goes to."""
    return ", ".join(f"{s.destination.port} {s.data.split(b' SIP/2.0')[0][:16].decode()}" for s in sends)


def wait(server: Site, seconds: float) -> list[Send]:
    """What is sent while time passes."""
    until = server.now_ms + int(seconds * 1000)
    sends: list[Send] = []
    while server.now_ms < until:
        step = server.engine.next_timer_ms(server.now_ms)
        server.now_ms = until if step < 0 else min(until, server.now_ms + max(step, 1))
        sends += server.engine.tick(server.now_ms)
    return sends


def test_the_next_message_meets_the_new_routes() -> None:
    server = site('route { sl_send_reply("404", "Old"); }')
    exchange(server, 'route { sl_send_reply("486", "New"); }')
    assert server.answer(request("INVITE")).startswith(b"SIP/2.0 486 New")


INVITE = request("INVITE", "sip:bob@127.0.0.1:5090")


def test_a_transaction_ends_with_the_program_that_it_began_with() -> None:
    cfg = """
    modparam("tm", "fr_inv_timer", {ring})
    route {{ t_on_failure("1"); t_relay(); }}
    failure_route[1] {{ append_branch("sip:{name}@127.0.0.1:{port}"); t_relay(); }}
    """
    server = site(cfg.format(ring=10, name="old", port=5091))
    relayed = server.say(INVITE)[-1]
    server.say(_ringing(relayed), port=5090)
    exchange(server, cfg.format(ring=2, name="new", port=5092))
    later = server.say(request("INVITE", "sip:bob@127.0.0.1:5090", Call_ID="c2", Via=_via("2")))[-1]
    server.say(_ringing(later), port=5090)
    # The new one rings for 2 seconds, the old one for 10.
    assert [s.destination.port for s in wait(server, 9) if s.data.startswith(b"INVITE sip:")][:1] == [5092]
    late = wait(server, 3)
    assert {s.destination.port for s in late if s.data.startswith(b"INVITE sip:old@")} == {5091}
    assert server.engine.world.bugs.count == 0, server.lines()


def _via(branch: str) -> str:
    return f"SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK{branch}"


def _ringing(relayed: Send) -> bytes:
    head = relayed.data.partition(b"\r\n")[2]
    return b"SIP/2.0 180 Ringing\r\n" + head.replace(b"To: <sip:bob@example.com>", b"To: <sip:bob@example.com>;tag=b")


def test_a_repetition_is_known_after_the_exchange_and_a_reply_finds_its_way() -> None:
    cfg = "route { t_relay(); }"
    server = site(cfg)
    relayed = server.say(INVITE)[-1]
    exchange(server, 'route { sl_send_reply("500", "Not this way"); }')
    server.say(_ringing(relayed), port=5090)
    exchange(server, cfg)
    repeated = server.only(INVITE)
    assert repeated.data.startswith(b"SIP/2.0 180 Ringing") and repeated.destination.port == 5080


def test_a_message_that_waits_ends_with_the_program_that_it_began_with() -> None:
    loads = 'loadmodule "sl.so"\n'
    server = site('route { exec("true"); sl_send_reply("404", "Old"); }', loads)
    server.engine.receive(request("INVITE"), server.sockets[0].address, server.sockets[0], server.now_ms)
    assert server.watches.count > 0
    exchange(server, 'route { sl_send_reply("486", "New"); }', loads)
    assert [s.data[:15] for s in server.settle()] == [b"SIP/2.0 404 Old"]


def test_the_counts_of_sl_and_tm_go_on() -> None:
    server = site('route { sl_send_reply("404", "Old"); }')
    server.say(request("INVITE"))
    exchange(server, 'route { t_newtran(); t_reply("404", "New"); }')
    server.say(request("INVITE", Call_ID="c2", Via=_via("2")))

    question = Asked((), 0)
    sl_stats = next(c for c in server.engine.commands() if c.name == "sl_stats")
    sl_stats.body(question)
    assert sl_stats.combine is not None and b"404: 1" in sl_stats.combine(True, question.answers)
    exchange(server, 'route { sl_send_reply("404", "Old"); }')
    tm = server.engine.world.modules["tm"]
    assert isinstance(tm, Tm) and tm.core.layer.counts.created == 1


def test_locations_live_on() -> None:
    loads = LOADS + 'loadmodule "usrloc.so"\nloadmodule "registrar.so"\n'
    server = site('route { save("location"); }', loads)
    server.say(request("REGISTER", "sip:example.com", Contact="<sip:bob@127.0.0.1:5090>", Expires="600"))
    exchange(server, 'route { lookup("location"); t_relay(); }', loads)
    assert b"INVITE sip:bob@127.0.0.1:5090 SIP/2.0" in server.say(request("INVITE"))[-1].data


def test_pike_goes_on_counting_and_a_new_limit_counts_at_once() -> None:
    loads = 'loadmodule "sl.so"\nloadmodule "pike.so"\n'
    cfg = """
    modparam("pike", "reqs_density_per_unit", {limit})
    route {{ if (pike_check_req()) {{ sl_send_reply("200", "OK"); }} else {{ sl_send_reply("503", "Too Many"); }} }}
    """
    server = site(cfg.format(limit=1000), loads)
    for _ in range(60):
        assert server.answer(request()).startswith(b"SIP/2.0 200")
    exchange(server, cfg.format(limit=4), loads)
    answers = [server.answer(request())[8:11] for _ in range(12)]
    assert answers[-1] == b"503"
    # With nothing counted before it would have taken longer.
    fresh = site(cfg.format(limit=4), loads)
    assert [fresh.answer(request())[8:11] for _ in range(12)] != answers


def test_the_list_of_the_dispatcher_is_read_by_each_program(tmp_path: Path) -> None:
    loads = 'loadmodule "sl.so"\nloadmodule "dispatcher.so"\n'
    cfg = 'route { ds_select_dst("1", "0"); forward(uri:host, uri:port); }'
    listed = tmp_path / "dispatcher.list"
    listed.write_text("1 sip:127.0.0.1:5091\n")
    server = site(cfg, loads, str(tmp_path))
    listed.write_text("1 sip:127.0.0.1:5092\n")
    assert server.only(request()).destination.port == 5091
    exchange(server, cfg, loads)
    assert server.only(request()).destination.port == 5092
    listed.write_text("1 nonsense:\n")
    assert "line 1" in refused(server, cfg, loads)
    assert server.only(request()).destination.port == 5092


def test_the_rules_of_permissions_are_read_by_each_program(tmp_path: Path) -> None:
    loads = 'loadmodule "sl.so"\nloadmodule "permissions.so"\n'
    cfg = 'route { if (allow_routing()) { sl_send_reply("200", "OK"); } else { sl_send_reply("403", "No"); } }'
    (tmp_path / "permissions.allow").write_text("")
    (tmp_path / "permissions.deny").write_text("")
    server = site(cfg, loads, str(tmp_path))
    (tmp_path / "permissions.deny").write_text("ALL : ALL\n")
    assert server.answer(request()).startswith(b"SIP/2.0 200")
    exchange(server, cfg, loads)
    assert server.answer(request()).startswith(b"SIP/2.0 403")


def test_global_parameters_that_are_looked_at_for_each_message_change() -> None:
    cfg = 'route { sl_send_reply("404", "No"); }'
    server = site(cfg)
    assert b"Server: " in server.answer(request("INVITE"))
    exchange(server, "server_signature=no\n" + cfg)
    assert b"Server: " not in server.answer(request("INVITE"))


def test_all_that_cannot_change_is_named() -> None:
    loads = LOADS + 'loadmodule "usrloc.so"\n'
    server = site("route { break; }", loads)
    why = refused(
        server,
        """
        children=7
        listen=udp:127.0.0.1:5070
        listen=127.0.0.2
        port=5099
        modparam("usrloc", "use_domain", 1)
        modparam("usrloc", "timer_interval", 10)
        modparam("tm", "fr_timer", 9)
        modparam("tm", "ruri_matching", 0)
        route { break; }
        """,
        loads,
    )
    assert why == (
        "cannot change while the server runs: the global parameter listen is not set and would become "
        "udp:127.0.0.1:5070, 127.0.0.2; the global parameter port is 5060 and would become 5099; "
        "the global parameter children is not set and would become 7; "
        "the parameter ruri_matching of tm is 1 and would become 0; "
        "the parameter use_domain of usrloc is no and would become yes"
        "\n  hint: serctl restart serves it as it is now"
    )


@pytest.mark.parametrize(
    ("loads", "cfg", "why"),
    [
        ('loadmodule "sl.so"\n', "", "the module tm, which remembers messages, would be missing"),
        (LOADS + 'loadmodule "pike.so"\n', "", "pike needs memory that all processes share"),
        (LOADS + 'loadmodule "pa.so"\n', "", "is checked but cannot run yet"),
        (LOADS + 'loadmodule "usrloc.so"\n', "", "usrloc: locations are kept from the start only"),
    ],
)
def test_what_a_program_cannot_have_is_said_and_nothing_changes(loads: str, cfg: str, why: str) -> None:
    server = site('route { sl_send_reply("404", "Old"); }')
    assert why in refused(server, cfg + "route { break; }", loads)
    assert server.answer(request("INVITE")).startswith(b"SIP/2.0 404 Old")


def test_a_module_without_state_may_come_and_go() -> None:
    server = site('route { sl_send_reply("404", "Old"); }')
    exchange(
        server,
        'route { if (mf_process_maxfwd_header("10")) { sl_send_reply("200", "New"); } }',
        LOADS + 'loadmodule "maxfwd.so"\n',
    )
    assert server.answer(request("INVITE")).startswith(b"SIP/2.0 200 New")
    exchange(server, 'route { sl_send_reply("404", "Old"); }')
    assert server.answer(request("INVITE")).startswith(b"SIP/2.0 404 Old")


class Clock(Module):
    """Notes what runs; breaks where it is told to."""

    def __init__(self, name: str, ran: list[str], breaks: str = "", once_per_server: bool = False) -> None:
        super().__init__("clock")
        self._name = name
        self._ran = ran
        self._breaks = breaks
        self._once_per_server = once_per_server

    def bind(self, world: World) -> None:
        world.keep("clock " + self._name, list, list)
        if self._breaks == "bind":
            raise RuntimeError("broken")

    def start_worker(self, world: World) -> None:
        if self._breaks == "start":
            raise RuntimeError("broken")

    def timers(self) -> list[Timer]:
        return [Timer("clock", 1000, self._tick, self._once_per_server)]

    def _tick(self, now_ms: int, sends: list[Send]) -> None:
        self._ran.append(self._name)


def program(*modules: Module) -> Program:
    return replace_modules(program_of("route { break; }"), modules)


def replace_modules(old: Program, modules: tuple[Module, ...]) -> Program:
    return Program(config=old.config, modules=modules, request=old.request)


def test_a_timer_is_due_when_it_was_and_runs_the_new_module() -> None:
    ran: list[str] = []
    server = Server(program(Clock("old", ran)))
    server.engine.tick(0)
    server.engine.tick(999)
    new = program(Clock("new", ran))
    server.engine.exchange(new, new.config)
    server.engine.tick(1000)
    assert ran == ["new"]


def test_a_timer_of_the_whole_server_needs_a_process_that_runs_it() -> None:
    server = Server(program(Clock("old", [])))
    new = program(Clock("new", [], once_per_server=True))
    with pytest.raises(ProgramError, match="no process runs timers of the whole server"):
        server.engine.exchange(new, new.config)


@pytest.mark.parametrize("place", ["bind", "start"])
def test_a_module_that_breaks_changes_nothing(place: str) -> None:
    ran: list[str] = []
    server = Server(program(Clock("old", ran)))
    world = server.engine.world
    before = (world.modules, world.offers, world.avp_aliases, world.config)
    new = program(Clock("new", ran, place))
    with pytest.raises(RuntimeError):
        server.engine.exchange(new, replace(new.config, check_via=True))
    assert (world.modules, world.offers, world.avp_aliases, world.config) == before and not world.check_via
    assert world.kept.snapshot().keys() == {"clock old"}


def test_what_is_ready_and_is_not_wanted_leaves_nothing_behind() -> None:
    ran: list[str] = []
    server = Server(program(Clock("old", ran)))
    new = program(Clock("new", ran))
    ready = server.engine.ready(new, new.config)
    assert server.engine.world.kept.snapshot().keys() == {"clock old", "clock new"}
    server.engine.discard(ready)
    assert server.engine.world.kept.snapshot().keys() == {"clock old"} and server.engine.program is not new


def test_nothing_is_exchanged_while_the_server_ends() -> None:
    server = site("route { break; }")
    server.engine.drain(10)
    assert "the server is about to end" in refused(server, "route { break; }")
