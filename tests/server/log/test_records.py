"""Records of the log as JSON, and what is done about lines that repeat themselves."""

from __future__ import annotations

import datetime
import json
import re
import socket

import pytest

from runtime.routing.ports import L_DBG, L_ERR
from runtime.server.log.records import json_record, plain
from runtime.server.log.repeats import LINES_A_SECOND, Repeats
from runtime.server.log.server_log import ServerLog
from runtime.sip.address import Address
from server.conftest import OPTIONS, Server, StartServer

# What a route says, at line 7 of ser.cfg; a bug at line 9; a failure that is logged in the middle of a native function.
SAYING = """
from runtime.modules import core
from runtime.modules.sl import Sl
from runtime.routing.config import Config
from runtime.sip.transport import Send
from runtime.routing.program import Program

CONFIG = Config({config})
sl = Sl()

def route(ctx):
    if b"BUG" in ctx.message.buf:
        raise ValueError("a bug")
    core.log(ctx, 1, b'said "\\xc3\\xa4" \\xff\\x1b\\n')
    sl.sl_send_reply(ctx, 200, b"OK")
    ctx.sends.append(Send(b"done", ctx.source, ctx.socket, ctx.connection))
    return 1

PROGRAM = Program(config=CONFIG, modules=(sl,), request=route, source="dir/ser.cfg", lines={{13: 9, 14: 7, 15: 8}})
"""


def records(server: Server, text: str) -> list[dict[str, object]]:
    """All records whose message has `text` in it."""
    assert server.logs(text)
    lines = server.log.read_text().splitlines()
    return [record for record in map(json.loads, lines) if text in record["message"]]


@pytest.fixture
def server(start: StartServer) -> Server:
    server = start("--log-format", "json", routes=SAYING)
    server.ask()
    return server


def test_what_a_route_says_has_the_message_and_the_line(server: Server) -> None:
    record = records(server, "said")[0]
    assert record["message"] == 'said "ä" \\xff\x1b'
    assert record["level"] == "warning"
    assert record["cfg"] == "dir/ser.cfg:7"
    assert (record["call_id"], record["method"], record["proto"]) == ("call-1", "OPTIONS", "udp")
    assert re.fullmatch(r"127\.0\.0\.1:\d+", str(record["source"]))
    assert record["pid"] in server.workers() and record["process"] in (1, 2)
    time = datetime.datetime.fromisoformat(str(record["time"]))
    assert abs(datetime.datetime.now(datetime.UTC) - time) < datetime.timedelta(seconds=20)


def test_a_bug_has_them_too(server: Server) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(OPTIONS.replace(b"bob", b"BUG").replace(b"call-1", b'"\\\xff'), ("127.0.0.1", server.port))
        (record,) = records(server, "ValueError: a bug")
    assert record["cfg"] == "dir/ser.cfg:9"
    assert record["call_id"] == '"\\\\xff'


def test_what_is_no_message_has_its_source(server: Server) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        s.sendto(b"\xff\x00\x1b garbage" * 10, ("127.0.0.1", server.port))
        (record,) = records(server, "parse_msg failed")
        assert record["source"] == "127.0.0.1:%d" % s.getsockname()[1]
    assert "call_id" not in record and record["level"] == "err"


@pytest.mark.parametrize(
    ("character", "shown"),
    [
        ("\x85", "\\x85"),
        ("\x9b", "\\x9b"),
        ("\x7f", "\\x7f"),
        ("\u2028", "\\u2028"),
        ("\u202e", "\\u202e"),
        ("\u2066", "\\u2066"),
        ("\xa0", "\xa0"),
        ("\u00e9", "\u00e9"),
        ("\t", "\t"),
    ],
)
def test_what_could_mislead_a_reader_is_escaped(character: str, shown: str) -> None:
    assert plain(f"a{character}b") == f"a{shown}b"
    assert len(plain(f"a{character}b").splitlines()) == 1


def test_every_line_of_a_servers_life_is_json(server: Server) -> None:
    assert server.stop() == 0
    lines = server.log.read_text().splitlines()
    assert len(lines) >= 2
    assert all({"time", "level", "process", "pid", "message"} <= json.loads(line).keys() for line in lines)
    assert json.loads(lines[-1])["message"] == "Thank you for flying ser"
    assert "cfg" not in json.loads(lines[-1]) and "call_id" not in json.loads(lines[-1])


@pytest.mark.parametrize("line", ["", "\n", '"', "\\", "\udcff\ud800", "\0\x1f\x7f\u2028", "a\nb\r\n", "😀"])
def test_any_line_becomes_one_line_of_json_that_everybody_reads(line: str) -> None:
    record = json_record(-9, line, 1, 2, Address.parse("::1", 5060), "x:1")
    assert record.isascii() and "\n" not in record
    read = json.loads(record)
    read["message"].encode("utf-8")
    assert (read["level"], read["source"], read["cfg"]) == ("alert", "[::1]:5060", "x:1")


def test_an_unknown_format_is_refused(start: StartServer) -> None:
    server = start("--log-format", "xml")
    assert server.wait() == 1
    assert server.log.read_text() == "ser-runtime: bad log format: --log-format xml: text or json\n"


# --- repeats ---------------------------------------------------------------------------------------------------------


def test_what_differs_in_numbers_only_is_withheld_after_ten_a_second() -> None:
    repeats = Repeats()
    admitted = [repeats.admits(L_ERR, f"no route to 10.0.0.{i}", 5.0) for i in range(30)]
    assert admitted == [True] * LINES_A_SECOND + [False] * (30 - LINES_A_SECOND)
    assert repeats.admits(L_ERR, "something else", 5.0)
    assert repeats.overdue(5.9) == []
    assert repeats.overdue(6.0) == [(L_ERR, "no route to 10.0.0.10 (and 19 more like it)")]
    assert repeats.overdue(7.0) == []
    assert repeats.admits(L_ERR, "no route to 10.0.0.77", 7.0)


def test_many_kinds_of_lines_take_a_bounded_memory_and_lose_no_count() -> None:
    repeats = Repeats()
    for _ in range(LINES_A_SECOND + 3):
        repeats.admits(L_ERR, "often", 0.0)
    for i in range(100_000):
        repeats.admits(L_ERR, "x" * (i % 5000), i / 1e6)
    assert (L_ERR, "often (and 2 more like it)") in repeats.overdue(1.0)


def test_routes_and_debugging_may_repeat_themselves(capfd: pytest.CaptureFixture[str]) -> None:
    log = ServerLog(4, to_stderr=True)
    for _ in range(100):
        log.say(L_ERR, "asked for")
        log.write(L_DBG, "detail")
        log.write(L_ERR, "trouble")
    lines = capfd.readouterr().err.splitlines()
    assert sum(line.endswith("asked for") for line in lines) == 100
    assert sum(line.endswith("detail") for line in lines) == 100
    assert LINES_A_SECOND <= sum(line.endswith("trouble") for line in lines) <= 2 * LINES_A_SECOND


def test_a_flood_of_garbage_does_not_flood_the_log(start: StartServer) -> None:
    server = start("-n", "1")
    server.ask()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for _ in range(500):
            s.sendto(b"garbage " * 10, ("127.0.0.1", server.port))
        assert server.logs("parse_msg failed")
        server.ask()
    assert server.log.read_text().count("parse_msg failed") <= 3 * LINES_A_SECOND
