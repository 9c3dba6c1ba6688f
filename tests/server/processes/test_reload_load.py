"""Reloads again and again, under load, beside what is kept, with tests, and while ser.cfg is written.

SER_RELOADS is how many; a release is tried with 10,000.
"""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest
from patience import eventually

from serc.commands import serctl
from server.conftest import StartServer
from server.live import serving
from server.processes.test_reload import Reloaded, message, routes

RELOADS = int(os.environ.get("SER_RELOADS", "200"))
# A process may grow by so much while its memory is flat: arenas, caches of the interpreter.
GROWTH_KB = 2_000

# Three parts of the program tell its name: a function, its module, and, after a wait, a constant.
PARTS = """
import sys
from typing import Final
from runtime.routing.config import Config
from runtime.routing.context import Context
from runtime.routing.program import Program
from runtime.sip.transport import Send
if "program_parts" not in sys.modules:
    sys.path.append(%(folder)r)
from program_parts import Parts, Pause

parts: Final = Parts(b"%(name)s", %(cannot_start)r)
NAME: Final = b"%(name)s"

def first() -> bytes:
    return b"%(name)s"

def route(ctx: Context) -> int:
    told = [first(), parts.text]
    if b"pause" in ctx.message.buf:
        ctx.wait(Pause(parts.kind))
    told.append(NAME)
    ctx.sends.append(Send(b" ".join(told), ctx.source, ctx.socket, ctx.connection))
    return 1

PROGRAM: Final = Program(config=Config(), modules=(parts,), request=route)
"""


def parts(name: str, cannot_start: bool = False) -> str:
    return PARTS % {"name": name, "cannot_start": cannot_start, "folder": str(Path(__file__).parent)}


class Load:
    """Somebody who asks all the time: what was lost, and what was answered by two programs."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._over = threading.Event()
        self.lost: list[str] = []
        self.mixed: list[bytes] = []
        self.answered = 0
        self._threads = [threading.Thread(target=self._ask, args=(n,)) for n in range(2)]
        for thread in self._threads:
            thread.start()

    def _ask(self, thread: int) -> None:
        number = 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(20)
            while not self._over.is_set():
                number += 1
                call_id = f"{'pause' if number % 10 == 0 else 'load'}-{thread}-{number}"
                s.sendto(message(call_id), ("127.0.0.1", self._port))
                try:
                    names = s.recv(65536).split()
                except OSError:
                    self.lost.append(call_id)
                    continue
                self.answered += 1
                if len(names) != 3 or len(set(names)) != 1 or not names[0].startswith(b"p"):
                    self.mixed.append(b" ".join(names))

    def end(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


def memory_kb(pids: set[int]) -> int:
    """Of the largest one, without what it shares with the others."""
    found = []
    for pid in pids:
        rows = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        found.append(int(rows["RssAnon"].split()[0]))
    return max(found)


@pytest.fixture
def site(start: StartServer, tmp_path: Path) -> Reloaded:
    return Reloaded(start, tmp_path)


@pytest.mark.timeout(300 + RELOADS)  # seconds: each waits for a compiler
def test_good_and_bad_programs_by_turns_lose_and_mix_nothing_and_memory_is_flat(site: Reloaded) -> None:
    site.begin(parts("p0"))
    load = Load(site.server.port)
    before_kb = 0
    try:
        for number in range(1, RELOADS + 1):
            kind = number % 4
            if kind == 1:
                site.write(parts("bad", cannot_start=True))
            elif kind == 3:
                site.write("def route(:")
            else:
                site.write(parts(f"p{number}"))
            said = site.reload()
            assert said.startswith("500" if kind in (1, 3) else "200"), said
            if number == max(20, RELOADS // 4):
                before_kb = memory_kb(site.server.workers())
        after_kb = memory_kb(site.server.workers())
    finally:
        load.end()
    assert (load.lost, load.mixed) == ([], [])
    assert load.answered > RELOADS
    assert after_kb - before_kb < GROWTH_KB, f"{before_kb} kB became {after_kb} kB"
    assert site.server.process.poll() is None and "was killed" not in site.server.log.read_text()


def test_one_worker_of_several_that_fails_half_way_changes_nothing(site: Reloaded, tmp_path: Path) -> None:
    """The trial and the master are ready, and one worker: the second one is not."""
    site.begin(routes("one"))
    mark = tmp_path / "mark"
    once = f"import os; os.close(os.open({str(mark)!r}, os.O_CREAT | os.O_EXCL))"
    site.write(routes("bad", start=once))
    said = site.reload()
    assert said.startswith("500 reload failed, nothing has changed") and "File exists" in said, said
    assert mark.exists(), "one of them was ready"
    assert site.names() == {"one"}
    site.write(routes("two"))
    assert site.reload().startswith("200") and site.names() == {"two"}


def test_a_file_that_is_replaced_while_it_is_compiled_counts_as_it_was_read(site: Reloaded, tmp_path: Path) -> None:
    site.begin(routes("one"))
    mark = tmp_path / "compiling"
    slow = f"import time\nopen({str(mark)!r}, 'w').close()\ntime.sleep(0.5)\n"
    site.write(slow + routes("two"))
    said: list[str] = []
    thread = threading.Thread(target=lambda: said.append(site.reload()))
    thread.start()
    assert eventually(mark.exists, 60)
    site.write(routes("three"))
    thread.join()
    assert said[0].startswith("200 ok"), said
    assert site.names() == {"two"}
    assert "three" in site.reload("diff")
    assert site.reload().startswith("200 ok") and site.names() == {"three"}


CFG = """
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "lcr.so"
loadmodule "msilo.so"
modparam("usrloc", {usrloc})
modparam("lcr|msilo|usrloc", "db_url", "sqlite:///{folder}/db")
route {{
  if (method == "REGISTER") {{ save("location"); m_dump(); break; }}
  if (method == "MESSAGE") {{ if (!lookup("location")) m_store("0"); sl_send_reply("{answer}", "Kept"); break; }}
  if (lookup("location")) sl_send_reply("{answer}", "Here"); else sl_send_reply("404", "Not Here");
}}
"""
REGISTER = "Contact: <sip:bob@127.0.0.1:{port}>\r\nExpires: 600\r\n"


def _send(s: socket.socket, port: int, method: str, number: int, more: str = "") -> str:
    own = s.getsockname()[1]
    text = (
        f"{method} sip:bob@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{own};branch=z9hG4bK{method}{number}\r\n"
        f"From: <sip:alice@127.0.0.1>;tag=1\r\nTo: <sip:bob@127.0.0.1>\r\nCall-ID: {method}{number}\r\nCSeq: {number} {method}\r\n"
        f"Max-Forwards: 70\r\nContent-Length: 0\r\n{more}\r\n"
    )
    s.sendto(text.encode(), ("127.0.0.1", port))
    while True:
        answer = s.recv(65536).decode()
        if f"CSeq: {number} {method}" in answer and answer.startswith("SIP/2.0 "):
            return answer.split()[1]


@pytest.mark.parametrize("usrloc", ['"keep", "{folder}/kept"', '"db_mode", 3', '"db_mode", 2'])
def test_what_is_kept_lives_on_beside_databases_and_metrics(tmp_path: Path, usrloc: str) -> None:
    assert serctl.main(["--db", f"sqlite:///{tmp_path}/db", "db", "create"]) == 0
    kept = usrloc.format(folder=tmp_path)
    (tmp_path / "kept").mkdir()

    def cfg(answer: int) -> str:
        return CFG.format(folder=tmp_path, usrloc=kept, answer=answer)

    with (
        serving(tmp_path, cfg(200), "--metrics", f"unix:{tmp_path}/metrics") as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone,
    ):
        phone.bind(("127.0.0.1", 0))
        phone.settimeout(60)
        assert _send(phone, server.port, "REGISTER", 1, REGISTER.format(port=phone.getsockname()[1])) == "200"
        for number, answer in enumerate((202, 203, 204), 2):
            server.write(cfg(answer))
            said = server.serctl("reload")
            assert said.returncode == 0, said.stdout + server.log.read_text()
            assert _send(phone, server.port, "OPTIONS", number) == str(answer), "bob is known as before"
            assert server.serctl("fifo", "lcr_reload").returncode == 0
            server.write(cfg(answer) + "nonsense")
            assert server.serctl("reload").returncode == 1
        assert _metrics(tmp_path / "metrics").endswith("# EOF\n")
        assert "BUG" not in server.log.read_text(), server.log.read_text()


def _metrics(path: Path) -> str:
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(60)
        s.connect(str(path))
        s.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        text = b""
        while piece := s.recv(65536):
            text += piece
    return text.decode()


TESTS = """
user alice at 127.0.0.9
test "alice is not here"
  when OPTIONS from alice to alice
  then 404 to alice
"""


def test_a_reload_that_is_to_hold_its_tests_is_refused_if_it_does_not(tmp_path: Path) -> None:
    def cfg(status: int) -> str:
        return f'loadmodule "sl.so"\nroute {{ sl_send_reply("{status}", "Text"); }}\n'

    with serving(tmp_path, cfg(404)) as server:
        assert "ser.sertest is missing" in server.serctl("reload", "--test").stdout
        (tmp_path / "ser.sertest").write_text(TESTS)
        said = server.serctl("reload", "--test")
        assert said.returncode == 0 and "version 2" in said.stdout, said.stdout
        server.write(cfg(486))
        said = server.serctl("reload", "--test")
        assert said.returncode == 1 and "404 to alice is expected" in said.stdout, said.stdout
        assert "running: version 2" in server.serctl("reload", "--status").stdout
        (tmp_path / "other.sertest").write_text("config ser.cfg\n" + TESTS.replace("404", "486"))
        (tmp_path / "ser.sertest").unlink()
        assert "version 3" in server.serctl("reload", "--test").stdout
