"""Steps out of a tape: what a worker writes down of a watched call is as much as a trace without a server shows."""

from __future__ import annotations

import marshal
from typing import Any

import pytest

from runtime.modules.showing import left_side
from runtime.routing.playing import Player, step_data
from runtime.routing.probing import CALL, TEST, Place, Recorder, Tape, unpacked_place
from runtime.routing.program import Program
from runtime.server.start.probes import WithProbes, packed_statements
from runtime.sip.address import Address
from serc.reading.source import Source
from serc.testing.config import Config
from serc.testing.log import Lines
from serc.testing.proxy import Proxy, Surroundings
from serc.testing.recorder import places

HEAD = 'listen=udp:127.0.0.1:5060\nloadmodule "sl.so"\nloadmodule "tm.so"\nloadmodule "maxfwd.so"\nloadmodule "textops.so"\n'
INVITE = (
    b"INVITE sip:bob@127.0.0.8 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.9:5071;branch=z9hG4bKa\r\n"
    b"From: <sip:alice@example.com>;tag=1\r\nTo: <sip:bob@127.0.0.8>\r\nCall-ID: 1@x\r\nCSeq: 1 INVITE\r\n"
    b"Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)


def told(cfg: str, is_watched: bool) -> tuple[list[dict[str, object]], Tape]:
    """The steps of an INVITE, as a worker tells them, or as `serc trace` does."""
    config = Config(Source("ser.cfg", HEAD + cfg))
    meant = places(config.probed.probes, config.source)
    code = compile(config.probed.generated.text, "routes.py", "exec")
    if is_watched:
        made = WithProbes("", config.probed.generated.text, [place.packed() for place in meant])
        _, code, _, packed = marshal.loads(packed_statements(1, made))
        meant = [unpacked_place(place) for place in packed]
    log = Lines(2)
    recorder = Recorder(meant, log.records, left_side)
    module: dict[str, Any] = {"__name__": "probed", "probe": recorder}
    exec(code, module)
    program = module["PROGRAM"]
    assert isinstance(program, Program)
    proxy = Proxy(program, Surroundings(), "", log)
    socket = proxy.socket("udp")
    assert socket is not None
    proxy.receive(INVITE, Address.parse("127.0.0.9", 5071), socket)
    recorder.end()
    tape = recorder.take()
    # What is sent has identifiers of chance in it.
    steps = [step_data(step) | {"sent": len(step.sent)} for step in Player(meant, []).play(tape)]
    return steps, tape


@pytest.mark.parametrize(
    "condition",
    [
        'method == "INVITE"',
        '!(method == "INVITE")',
        'method != "INVITE"',
        'uri =~ "^sip:a"',
        "msg:len > 4096",
        "!msg:len > 4096",
        "src_ip == 127.0.0.0/8",
        'method == "BYE" || method == "INVITE"',
        '!(method == "BYE" && uri =~ "bob")',
        'search("^From: alice")',
        '!search("alice")',
        'mf_process_maxfwd_header("10")',
        '!mf_process_maxfwd_header("10")',
        "t_lookup_request()",
        "isflagset(3)",
        "!isflagset(3)",
        "route(1)",
        "!route(1)",
        "t_relay()",
        'is_present_hf("Route") || route(1)',
    ],
)
def test_a_worker_tells_of_every_if_what_a_trace_without_a_server_shows(condition: str) -> None:
    cfg = (
        f"route {{ if ({condition}) {{ setflag(3); }} else {{ setflag(4); }} route(1); }}\nroute[1] {{ setflag(5); }}\n"
    )
    shown, long = told(cfg, False)
    assert any(step["kind"] == "branch" for step in shown)
    watched, short = told(cfg, True)
    assert watched == shown
    # What may end the script, or has two parts, does not decide alone.
    decides = not any(word in condition for word in ("||", "&&", "t_relay"))
    assert (len(short) < len(long)) is decides


def test_a_call_that_waits_is_told_again_with_what_it_gave_in_the_end() -> None:
    known = [Place(1, CALL, "", "ser.cfg", 1, 1, "route(1)", False), Place(2, CALL, "", "ser.cfg", 4, 1, "f()", False)]
    before = Player(known, [])
    first = before.play([None, 1, 1, 2])
    assert [(step.depth, step.outcome) for step in first] == [(0, None), (1, None)]
    after = Player(known, before.open_places())
    second = after.play([None, 7, -2, True, 0, ((("flags", "", "3"),), (), ()), -1, 1])
    assert [(step.place.code, step.depth, step.outcome) for step in second] == [("f()", 1, True), ("route(1)", 0, 1)]
    assert second[0].changes == [("flags", "", "3")] and after.open_places() == []


def test_a_test_that_is_neither_true_nor_false_is_an_error() -> None:
    known = [Place(1, TEST, "uri", "ser.cfg", 1, 1, "uri == myself", False)]
    (step,) = Player(known, []).play([None, 1, 1, True, "x", 1, False, "x"])
    assert step.outcome == "error"
