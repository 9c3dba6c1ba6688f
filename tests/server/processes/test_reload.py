"""The program is exchanged while the server runs: SIGHUP, and the command `reload`."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from patience import eventually
from ports import free_port

from serc.commands import serctl
from serc.commands.ctl.client import CANNOT_RELOAD, USAGE
from server.conftest import Server, StartServer, environment

ROUTES = """
from typing import Final
from runtime.routing.config import Config, Listen
from runtime.routing.context import Context
from runtime.routing.module import Module, ModuleError
from runtime.routing.program import Program
from runtime.routing.world import World
from runtime.sip.transport import Send

class Counter(Module):
    def __init__(self) -> None:
        super().__init__("counter")
        self.keeps_state = True

    def bind(self, world: World) -> None:
        %(bind)s

    def start_worker(self, world: World) -> None:
        self.counts = world.keep("counter", dict, dict)
        %(start)s

counter: Final = Counter()

def route(ctx: Context) -> int:
    call_id = ctx.message.value(ctx.message.call_id)
    count = counter.counts[call_id] = counter.counts.get(call_id, 0) + 1
    ctx.sends.append(Send(b"%%d %%d %(name)s" %% (ctx.world.pid, count), ctx.source, ctx.socket, ctx.connection))
    return 1

PROGRAM: Final = Program(config=Config(%(config)s), modules=(counter,), request=route)
"""


def routes(name: str, config: str = "", bind: str = "pass", start: str = "pass") -> str:
    return ROUTES % {"name": name, "config": config, "bind": bind, "start": start}


def message(call_id: str) -> bytes:
    return (
        f"OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
        f"To: <sip:a@b>\r\nCall-ID: {call_id}\r\nCSeq: 1 OPTIONS\r\n\r\n"
    ).encode()


def socket_ask(path: Path, text: str) -> str:
    """The answer that comes through the Unix socket."""
    own = path.with_name(f"client{threading.get_ident()}")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(str(own))
        s.settimeout(100)
        try:
            s.sendto(text.encode(), str(path))
            return s.recv(65536).decode()
        finally:
            own.unlink()


class Reloaded:
    """A server whose program can be written anew."""

    def __init__(self, start: StartServer, folder: Path) -> None:
        self.path = folder / "s"
        self._start = start

    def begin(self, text: str, until: str = "processes serve") -> None:
        self.server: Server = self._start("-x", str(self.path), routes=text.replace("{", "{{").replace("}", "}}"))
        self.wait_for(until)

    def wait_for(self, text: str) -> None:
        """Until `text` stands in the log."""
        assert eventually(lambda: text in self.server.log.read_text(), 60), self.server.log.read_text()

    def write(self, text: str) -> None:
        self.server.routes.write_text(text)

    def ask(self, call_id: str) -> tuple[int, int, str]:
        """Pid, count and name of the program that answers."""
        pid, count, name = self.server.ask(message(call_id), within=30).split()
        return int(pid), int(count), name.decode()

    def names(self) -> set[str]:
        """Of the programs that all workers run."""
        return {self.ask(f"call-{number}")[2] for number in range(24)}

    def reload(self, word: str = "") -> str:
        return socket_ask(self.path, f":reload:\n{word}\n")


@pytest.fixture
def site(start: StartServer, tmp_path: Path) -> Reloaded:
    return Reloaded(start, tmp_path)


def test_sighup_exchanges_the_program_of_all_and_what_is_kept_lives_on(site: Reloaded) -> None:
    site.begin(routes("one"))
    pid, count, name = site.ask("kept")
    assert name == "one"
    site.write(routes("two"))
    os.kill(site.server.pid, signal.SIGHUP)
    site.wait_for("reloaded: version 2")
    again, more, name = site.ask("kept")
    assert (again, name) == (pid, "two") and more > count
    assert site.names() == {"two"}


def test_a_process_in_the_place_of_a_dead_one_has_the_program_that_runs(site: Reloaded) -> None:
    site.begin(routes("one"))
    site.write(routes("two"))
    assert site.reload().startswith("200 ok\nreloaded: version 2"), site.server.log.read_text()
    site.write(routes("three"))
    for pid in {site.ask(f"call-{number}")[0] for number in range(24)}:
        os.kill(pid, signal.SIGKILL)
    assert site.names() == {"two"}


def test_a_rollback_brings_back_what_was_before(site: Reloaded) -> None:
    site.begin(routes("one"))
    assert "there is no version to roll back to" in site.reload("rollback")
    site.write(routes("two"))
    assert site.reload().startswith("200 ok")
    assert site.reload("rollback").startswith("200 ok\nrolled back")
    assert site.names() == {"one"}
    assert site.reload("rollback").startswith("200 ok")
    assert site.names() == {"two"}


def test_who_reloads_twice_has_still_the_way_back_to_what_was_before_both(site: Reloaded) -> None:
    site.begin(routes("one"))
    site.write(routes("two"))
    assert site.reload().startswith("200 ok") and site.reload().startswith("200 ok")
    assert site.reload("rollback").startswith("200 ok") and site.names() == {"one"}


BAD = {
    "does not parse": ("def route(:", "routes.py:1"),
    "has no program": ("x = 1", "it has no PROGRAM"),
    "raises": ("raise ValueError('no')", "ValueError: no"),
    "a module that is missing": ("from runtime.modules.nothing import Nothing", "No module named"),
    "another port": (routes("bad", "port=5099"), "the global parameter port is 5060 and would become 5099"),
    "a module refuses": (
        routes("bad", bind="raise ModuleError('counter: the disk is full')"),
        "counter: the disk is full",
    ),
    "a worker cannot start": (routes("bad", start="raise RuntimeError('no worker')"), "no worker"),
    "a worker dies": (routes("bad", start="import os; os._exit(7)"), "died while it made itself ready"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_run_changes_nothing(site: Reloaded, what: str) -> None:
    site.begin(routes("one"))
    text, why = BAD[what]
    site.write(text)
    said = site.reload()
    assert said.startswith("500 reload failed, nothing has changed\n") and why in said, said
    assert site.names() == {"one"}
    status = site.reload("status")
    assert "running: version 1" in status and "before: none" in status and why in status
    site.write(routes("good"))
    assert site.reload().startswith("200 ok")
    assert site.names() == {"good"}


def test_check_and_diff_change_nothing(site: Reloaded) -> None:
    site.begin(routes("one"))
    site.write(routes("two"))
    assert site.reload("check") == "200 ok\ncan be reloaded\n"
    said = site.reload("diff")
    assert "\n-" in said and "two" in said
    assert site.names() == {"one"}
    assert site.reload("nonsense").startswith("400 ")


def test_a_difference_is_shown_also_of_what_cannot_be_reloaded(site: Reloaded) -> None:
    site.begin(routes("one"))
    for bad, why in (
        ("nonsense(\n", "routes.py:1: "),
        ("PROGRAM = 3\n", "cannot load the program: it has no PROGRAM\n"),
    ):
        site.write(bad)
        said = site.reload("diff")
        assert said.startswith(f"409 it cannot be reloaded\n{why}") and f"\n+{bad}" in said, said
        assert f"last: a difference was shown, which cannot be reloaded: {why}" in site.reload("status")
    assert site.names() == {"one"}
    site.write(routes("two"))
    assert site.reload("diff").startswith("200 ok\n---")
    assert "last: a difference was shown, which can be reloaded\n" in site.reload("status")


def test_of_two_at_once_one_is_done(site: Reloaded) -> None:
    site.begin(routes("one"))
    site.write("import time\ntime.sleep(0.3)\n" + routes("two"))
    said: list[str] = []
    asked = [threading.Thread(target=lambda: said.append(site.reload())) for _ in range(2)]
    for thread in asked:
        thread.start()
    for thread in asked:
        thread.join()
    assert sorted(text[:3] for text in said) == ["200", "500"], said
    assert "a reload is under way already" in "".join(said)
    assert site.names() == {"two"}


def test_a_single_process_is_not_reloaded(site: Reloaded) -> None:
    site.begin(routes("one", "fork=False"), until="")
    site.ask("call")
    os.kill(site.server.pid, signal.SIGHUP)
    site.wait_for("SIGHUP ignored: fork=no")


def test_a_single_process_takes_a_signal_at_once(site: Reloaded) -> None:
    """And not when it looks around the next time, once in a second."""
    site.begin(routes("one", "fork=False"), until="")
    site.ask("call")
    began_s = time.monotonic()
    for count in range(1, 11):
        os.kill(site.server.pid, signal.SIGHUP)
        assert eventually(lambda: site.server.log.read_text().count("SIGHUP ignored") == count, 60)
    assert time.monotonic() < began_s + 5


def test_no_message_is_lost_or_mixed_while_programs_come_and_go(site: Reloaded) -> None:
    """Good and bad programs by turns, under load: each message is answered once, by a program that was in force."""
    site.begin(routes("p0"))
    until = time.monotonic() + 60
    over = threading.Event()
    lost: list[str] = []
    answered = 0

    def load() -> None:
        nonlocal answered
        number = 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(10)
            while not over.is_set():
                number += 1
                s.sendto(message(f"load-{number}"), ("127.0.0.1", site.server.port))
                try:
                    name = s.recv(65536).split()[2].decode()
                except OSError:
                    lost.append(f"load-{number}")
                    continue
                answered += 1
                if not name.startswith("p"):
                    lost.append(name)

    thread = threading.Thread(target=load)
    thread.start()
    for number in range(1, 13):
        bad = number % 2 == 0
        site.write(routes("bad", start="raise RuntimeError('no')") if bad else routes(f"p{number}"))
        said = site.reload()
        assert said.startswith("500" if bad else "200"), said
        assert time.monotonic() < until
    over.set()
    thread.join()
    assert lost == [] and answered > 0
    assert site.names() == {"p11"}
    assert "running: version" in site.reload("status")


def test_a_ser_cfg_is_compiled_anew_and_serctl_shows_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    cfg, log, path = tmp_path / "ser.cfg", tmp_path / "log", tmp_path / "s"
    good = 'loadmodule "sl.so"\nloadmodule "tm.so"\nroute { sl_send_reply("%d", "Text"); }\n'
    cfg.write_text(good % 404)
    with open(log, "wb") as out:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "serc.commands.ser",
                "-DEd",
                "-f",
                "ser.cfg",
                "-l",
                f"udp:127.0.0.1:{port}",
                "-n",
                "2",
                "-x",
                str(path),
            ],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env={**environment(), "XDG_CACHE_HOME": str(tmp_path / "cache")},
            cwd=tmp_path,
        )
    try:
        assert eventually(lambda: "processes serve" in log.read_text(), 60), log.read_text()
        assert _code(port) == b"404"
        cfg.write_text(good % 486)
        assert socket_ask(path, ":reload:\n\n").startswith("200 ok\nreloaded: version 2"), log.read_text()
        assert _code(port) == b"486"
        cfg.write_text('loadmodule "sl.so"\nroute { sl_send_replay("500", "x"); }\n')
        said = socket_ask(path, ":reload:\n\n")
        assert said.startswith("500 reload failed") and "ser.cfg:2:" in said and "sl_send_replay" in said
        assert _code(port) == b"486"
        for bad, why in (
            ((good % 480).replace("route {", "route"), "ser.cfg:3:"),
            ('loadmodule "nothing.so"\n' + good % 480, "nothing"),
        ):
            cfg.write_text(bad)
            said = socket_ask(path, ":reload:\n\n")
            assert said.startswith("500 reload failed") and why in said, said
            assert _code(port) == b"486"
        cfg.write_text(good % 480)
        assert serctl.main(["--socket", str(path), "reload", "--diff"]) == 0
        assert '+route { sl_send_reply("480", "Text"); }' in capsys.readouterr().out
        for more, why in (("children=3\n", "children is 2 and would become 3"), ("nonsense\n", "ser.cfg:1:")):
            cfg.write_text(more + good % 404)
            assert serctl.main(["--socket", str(path), "reload", "--diff"]) == CANNOT_RELOAD
            shown = capsys.readouterr().out
            assert shown.startswith("409 it cannot be reloaded\n") and why in shown and f"\n+{more}" in shown
            assert "tcp_children" not in shown
        cfg.write_text(good % 480)
        assert serctl.main(["--socket", str(path), "reload", "--rollback"]) == 0 and _code(port) == b"404"
        assert serctl.main(["--socket", str(path), "reload", "--status"]) == 0
        assert "last: rolled back" in capsys.readouterr().out
        assert serctl.main(["--socket", str(path), "reload", "--check", "--diff"]) == USAGE
    finally:
        process.kill()
        process.wait()


def _code(port: int) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        s.settimeout(10)
        own = s.getsockname()[1]
        text = message("c").replace(b"127.0.0.1:5080", b"127.0.0.1:%d" % own).replace(b"OPTIONS", b"INVITE")
        s.sendto(text, ("127.0.0.1", port))
        return s.recv(65536).split()[1]
