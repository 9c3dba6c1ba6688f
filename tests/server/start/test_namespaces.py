"""A program goes when nobody uses it any more, with all that it consists of, and not before; nobody waits for the garbage collector."""

from __future__ import annotations

import gc
import marshal
import os
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType

import pytest
from engine import Server

from runtime.routing.meter import Meter
from runtime.routing.program import Program
from runtime.routing.tracing import EventTuple, Teller, Trace, Tracing
from runtime.routing.wanted import wanted
from runtime.server.host.errors import StartError
from runtime.server.start.namespaces import Namespaces
from runtime.server.start.probes import packed_statements, unpacked_statements
from runtime.server.start.source import unpacked
from serc.commands import serctl
from serc.commands.ser import ConfigFile
from serc.compiler import compile_source
from serc.reading.source import Source

TRANSACTIONS = """
loadmodule "sl.so"
loadmodule "tm.so"
route { t_on_failure("1"); t_on_reply("2"); rewritehostport("127.0.0.1:5090"); route(3); }
route[3] { t_relay(); }
failure_route[1] { t_reply("480", "PROGRAM"); }
onreply_route[2] { xlog("L_INFO", "reply"); }
""".replace('loadmodule "tm.so"', 'loadmodule "tm.so"\nloadmodule "xlog.so"')

WITH_DATABASE = """
loadmodule "sqlite.so"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "maxfwd.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "textops.so"
loadmodule "uri.so"
loadmodule "acc.so"
loadmodule "auth.so"
loadmodule "auth_db.so"
loadmodule "group.so"
loadmodule "domain.so"
loadmodule "permissions.so"
loadmodule "lcr.so"
loadmodule "msilo.so"
loadmodule "pike.so"
loadmodule "nathelper.so"
loadmodule "xlog.so"
loadmodule "avpops.so"
loadmodule "dispatcher.so"
modparam("usrloc|auth_db|group|domain|permissions|lcr|msilo|acc", "db_url", "sqlite:///{folder}/db")
modparam("dispatcher", "list_file", "{folder}/dispatcher.list")
modparam("usrloc", "db_mode", 2)
route {{
  if (!www_authorize("example.com", "subscriber")) {{ www_challenge("example.com", "0"); break; }}
  if (method == "REGISTER") {{ save("location"); m_dump(); break; }}
  if (uri =~ "^sip:0[0-9]*@") {{ t_on_failure("1"); ds_select_dst("1", "0"); }}
  if (!lookup("location")) {{ sl_send_reply("404", "Not Found"); break; }}
  t_relay();
}}
failure_route[1] {{ append_branch(); t_relay(); }}
"""
REQUEST = (
    "INVITE sip:bob@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK{0}\r\nFrom: <sip:alice@127.0.0.1>;tag=1\r\n"
    "To: <sip:bob@127.0.0.1>\r\nCall-ID: {0}\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)


def code_of(text: str) -> bytes:
    """The code of the program of this ser.cfg."""
    generated, report = compile_source(Source("ser.cfg", text))
    assert generated is not None, report
    return marshal.dumps(compile(generated.text, "routes.py", "exec", dont_inherit=True))


class Nobody(Teller):
    """Who hears of nothing."""

    def tell(self, trace: int, events: list[EventTuple], lost: int) -> None:
        pass


class Site:
    """A process whose program is exchanged; which of them are there is known."""

    def __init__(self, text: str) -> None:
        self.server = Server(unpacked(code_of(text)))
        # tm has looked at the clock.
        self.server.now_ms = time.monotonic_ns() // 1_000_000 + 1_000
        self.namespaces = Namespaces(self.server.engine.world.kept.all)
        self.routes: list[weakref.ref[FunctionType]] = []

    def unpack(self, code: bytes) -> Program:
        program = unpacked(code, self.namespaces)
        assert isinstance(program.request, FunctionType)
        self.routes.append(weakref.ref(program.request))
        return program

    def exchange(self, code: bytes) -> None:
        program = self.unpack(code)
        self.server.engine.exchange(program, program.config)

    def look(self) -> list[int]:
        """The numbers of those that are there, when those that nobody uses have gone."""
        self.namespaces.look(100)
        return [number for number, route in enumerate(self.routes) if route() is not None]


@pytest.fixture(autouse=True)
def _nothing_is_collected() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def test_of_some_hundreds_nothing_is_left() -> None:
    site = Site(TRANSACTIONS)
    code = code_of(TRANSACTIONS)
    for _ in range(300):
        site.exchange(code)
        site.namespaces.look()
    assert site.look() == [299] and site.namespaces.count == 1
    before = len(gc.get_objects())
    for _ in range(100):
        site.exchange(code)
        site.namespaces.look()
    more = len(gc.get_objects()) - before
    assert more < 150, "what a program consists of goes with it; the weak references are left"


def test_nor_of_many_modules_with_databases_and_tables(tmp_path: Path) -> None:
    assert serctl.main(["--db", f"sqlite:///{tmp_path}/db", "db", "create"]) == 0
    (tmp_path / "dispatcher.list").write_text("1 sip:127.0.0.1:5090\n")
    text = WITH_DATABASE.format(folder=tmp_path)
    site, code = Site(text), code_of(text)
    for _ in range(20):
        site.exchange(code)
    assert site.look() == [19]


def test_a_program_is_there_until_its_last_transaction_ends() -> None:
    site = Site(TRANSACTIONS)
    site.exchange(code_of(TRANSACTIONS.replace("PROGRAM", "Of Two")))
    site.server.say(REQUEST.format("two").encode())
    site.exchange(code_of(TRANSACTIONS.replace("PROGRAM", "Of Three")))
    site.exchange(code_of(TRANSACTIONS.replace("PROGRAM", "Of Four")))
    assert site.look() == [0, 2], "the transaction has the failure route of the first"
    now_ms = site.server.now_ms
    sent = [send.data for second in range(200) for send in site.server.engine.tick(now_ms + second * 1_000)]
    assert any(data.startswith(b"SIP/2.0 480 Of Two") for data in sent)
    assert site.look() == [2]


def test_what_is_measured_of_it_keeps_no_program() -> None:
    site = Site(TRANSACTIONS)
    site.server.engine.measure(Meter(lambda: 0))
    code = code_of(TRANSACTIONS)
    for _ in range(5):
        site.exchange(code)
    assert site.look() == [4]


def test_the_second_program_of_a_trace_goes_with_it() -> None:
    site = Site(TRANSACTIONS)
    engine = site.server.engine
    site.exchange(code_of(TRANSACTIONS))
    made = packed_statements(1, ConfigFile("ser.cfg").with_probes(TRANSACTIONS))
    tracing = Tracing(engine.world, Nobody(), lambda: 0)
    tracing.begin(Trace(1, wanted({"method": "*"}), 10, 2, 1_000_000))
    tracing.install(engine.edition, unpacked_statements(made, 1, engine.edition, engine.world, site.namespaces))
    site.server.say(REQUEST.format("traced").encode())
    site.look()
    assert site.namespaces.count == 2, "it is used"
    tracing.end(1)
    assert site.look() == [0] and site.namespaces.count == 1


def test_what_is_ready_is_used_until_it_is_discarded() -> None:
    site = Site(TRANSACTIONS)
    code = code_of(TRANSACTIONS)
    program = site.unpack(code)
    ready = site.server.engine.ready(program, program.config)
    del program
    assert site.look() == [0]
    site.server.engine.discard(ready)
    del ready
    assert site.look() == []


def test_of_a_program_that_cannot_be_loaded_nothing_is_left() -> None:
    site = Site(TRANSACTIONS)
    text = "def route(ctx): return 1\nclass Told(Exception): pass\nraise RuntimeError(route)\n"
    with pytest.raises(StartError):
        unpacked(marshal.dumps(compile(text, "routes.py", "exec")), site.namespaces)
    site.namespaces.look(100)
    assert site.namespaces.count == 0


def test_what_can_be_read_only_once_is_no_config_for_a_reload(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ser.cfg")
    with pytest.raises(StartError, match="no file that can be read again"):
        ConfigFile(str(tmp_path / "ser.cfg")).read()
