"""Requests for an application behind a FIFO or a Unix socket. Reference modules-main, 1.13."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from runtime.modules import core
from runtime.modules.tm import Tm
from runtime.modules.tm.write_request import Action
from runtime.routing.context import Context
from runtime.routing.prepared import CannotPrepare
from tm.site import Site, reply, request, said, to
from tm.test_commands import ask

APPEND = "more:avp[s:plan];Who=hdr[Subject];x=avp[i:7];hdr[X-None]"


def prepared(site: Site, name: bytes, append: bytes = b"") -> Action:
    action = Action(name, append)
    action.prepare(site.engine.world)
    return action


class Application:
    """A Unix datagram socket; the site's main route hands every INVITE to it."""

    def __init__(self, folder: Path, tm: Tm, append: bytes = b"") -> None:
        self.path = str(folder / "app").encode()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(20)

        def route(ctx: Context) -> int:
            tm.t_newtran(ctx)
            ctx.avps.add(b"plan", b"gold")
            ctx.avps.add(7, 42)
            core.setflag(ctx, 3)
            return 1 if tm.t_write_unix(ctx, self.path, self.action) else -1

        self.site = Site(tm, route)
        self.action = prepared(self.site, b"voicemail", append)

    def lines(self) -> list[str]:
        return self.socket.recv(65536).decode().split("\n")


RECORDED = "Record-Route: <sip:p1@127.0.0.1;lr>\r\nRecord-Route: <sip:p2@127.0.0.1;lr>\r\n"


def test_the_application_gets_twenty_fields(tmp_path: Path) -> None:
    app = Application(tmp_path, Tm())
    assert app.site.say(request(more=RECORDED + "Contact: <sip:alice@127.0.0.1:5080>\r\n")) == []
    lines = app.lines()
    name = lines[15]
    assert lines == [
        *("0.3", "sip_request.voicemail", "INVITE", "bob", "127.0.0.1", "127.0.0.1", "5070"),
        *("sip:bob@127.0.0.1:5090", "sip:alice@127.0.0.1:5080"),
        *("<sip:alice@a.example>", "<sip:bob@b.example>", "c1", "f", "", "1", name),
        *("<sip:p1@127.0.0.1;lr>,<sip:p2@127.0.0.1;lr>", "sip:p1@127.0.0.1;lr"),
        *("P-MsgFlags: 0", ".", "", ""),
    ]
    up = ask(app.site, "t_reply", b"200", b"OK", name.encode(), b"app", b"Content-Type: a/b\r\n", b"body\r\n").sends
    assert said(up) == ["5080 200"] and up[0].data.endswith(b"\r\n\r\nbody\r\n")


def test_without_contact_and_routes_there_are_dots_and_from(tmp_path: Path) -> None:
    app = Application(tmp_path, Tm())
    app.site.say(request())
    lines = app.lines()
    assert lines[8] == "sip:alice@a.example" and lines[16:18] == [".", "."]


def test_a_strict_router_takes_the_place_of_the_contact(tmp_path: Path) -> None:
    app = Application(tmp_path, Tm())
    app.site.say(request(more="Record-Route: <sip:strict@127.0.0.1>\r\nContact: <sip:a@127.0.0.1:5080>\r\n"))
    lines = app.lines()
    assert lines[8] == "sip:strict@127.0.0.1" and lines[16:18] == ["<sip:a@127.0.0.1:5080>", "."]


def test_of_several_contacts_the_last_one_counts_and_a_star_is_none(tmp_path: Path) -> None:
    app = Application(tmp_path, Tm())
    app.site.say(request(more="Contact: <sip:a@127.0.0.1:5080>, <sip:b@127.0.0.1:5081>;q=1\r\n"))
    assert app.lines()[8] == "sip:b@127.0.0.1:5081"
    app.site.say(request(more="Contact: *\r\n", call="c2"))
    assert app.lines()[8] == "sip:alice@a.example"


def test_a_body_stands_as_it_came_and_without_one_there_is_a_dot(tmp_path: Path) -> None:
    app = Application(tmp_path, Tm())
    with_body = request().replace(b"Content-Length: 0\r\n\r\n", b"Content-Length: 5\r\n\r\nv=0\r\n")
    app.site.say(with_body)
    assert app.lines()[19:] == [".", "v=0\r", "", ""]
    app.site.say(request("MESSAGE", call="c2"))
    assert app.lines()[19:] == [".", ".", ""]


def test_tw_append_adds_lines(tmp_path: Path) -> None:
    app = Application(tmp_path, Tm(tw_append=(APPEND,)), b"more")
    app.site.say(request(more="Subject: hello\r\n"))
    assert app.lines()[18:23] == ["P-MsgFlags: 0", "plan: gold", "Who: hello", "x: 42", "."]


def test_a_folded_header_adds_one_line(tmp_path: Path) -> None:
    app = Application(tmp_path, Tm(tw_append=(APPEND,)), b"more")
    app.site.say(request(more="Subject: hello\r\n .\r\n world\r\n"))
    assert app.lines()[20:23] == ["Who: hello  .  world", "x: 42", "."]


def test_a_set_that_nobody_defines_keeps_the_server_from_starting() -> None:
    with pytest.raises(CannotPrepare, match='no tw_append defines "less"'):
        prepared(Site(Tm(tw_append=(APPEND,))), b"x", b"less")


def test_an_application_that_never_answers_is_408(tmp_path: Path) -> None:
    app = Application(tmp_path, Tm(fr_timer=5))
    app.site.say(request())
    assert app.site.wait(4.9) == []
    assert said(app.site.wait(0.2)) == ["5080 408"]
    app.site.wait(60)
    assert app.site.open == 0


def test_nobody_there_is_false_and_logged(tmp_path: Path) -> None:
    app = Application(tmp_path, Tm())
    app.socket.close()
    app.site.say(request())
    assert any("t_write_unix" in line and "Connection refused" in line for line in app.site.server.lines(-1))


def test_a_fifo_is_written_and_one_without_a_reader_is_false(tmp_path: Path) -> None:
    tm = Tm()
    fifo = str(tmp_path / "fifo").encode()
    os.mkfifo(fifo)
    results: list[bool] = []

    def route(ctx: Context) -> int:
        tm.t_newtran(ctx)
        results.append(tm.t_write_req(ctx, fifo, action))
        return 1

    site = Site(tm, route)
    action = prepared(site, b"conference")
    site.say(request(call="c1"))
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    site.say(request(call="c2", branch="z9hG4bKb"))
    assert results == [False, True]
    assert os.read(reader, 65536).startswith(b"0.3\nsip_request.conference\nINVITE\n")
    os.close(reader)


def test_without_a_transaction_nothing_is_written(tmp_path: Path) -> None:
    tm = Tm()
    results: list[bool] = []

    def route(ctx: Context) -> int:
        results.append(tm.t_write_req(ctx, b"/nowhere", action))
        return 1

    site = Site(tm, route)
    action = prepared(site, b"x")
    site.say(request())
    assert results == [False]


def test_a_failure_route_can_hand_the_call_to_the_application(tmp_path: Path) -> None:
    tm = Tm()
    app_path = str(tmp_path / "app").encode()
    app = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    app.bind(app_path)

    def route(ctx: Context) -> int:
        tm.t_on_failure(ctx, 1)
        return tm.t_relay(ctx)

    def voicemail(ctx: Context) -> int:
        return 1 if tm.t_write_unix(ctx, app_path, action) else -1

    site = Site(tm, route, {1: voicemail})
    action = prepared(site, b"voicemail")
    invite = to(site.say(request()), 5090)
    assert said(site.say(reply(invite, 486), 5090)) == ["5090 ACK"], "the 486 waits for the application"
    name = app.recv(65536).split(b"\n")[15]
    assert said(ask(site, "t_reply", b"200", b"OK", name, b"vm", b"", b"").sends) == ["5080 200"]
    app.close()
