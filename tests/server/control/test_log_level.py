"""`serctl log level`: how much is logged, set while the server runs."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from patience import eventually

from server.live import LiveServer, People, kill, serving

CFG = """
debug=2
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "maxfwd.so"
loadmodule "exec.so"
route {
  if (method == "BYE" || method == "ACK") { t_relay(); break; }
  if (!mf_process_maxfwd_header("10")) break;
  if (uri =~ "^sip:slow") exec_msg("true");
  log(4, "a debug line\\n");
  sl_send_reply("404", "Not Here");
}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with serving(tmp_path_factory.mktemp("level"), CFG, "--metrics", "unix:metrics") as started:
        yield started


@pytest.fixture
def people(server: LiveServer) -> Iterator[People]:
    assert server.serctl("log", "level", "default").returncode == 0
    all_ = People(server.port, "slow")
    yield all_
    all_.end()


def level(server: LiveServer, *words: str) -> str:
    said = server.serctl("log", "level", *words)
    assert said.returncode == 0, said.stderr
    return said.stdout


def debug_lines(server: LiveServer) -> int:
    return server.log.read_text().count("a debug line")


def test_a_level_counts_for_all_until_it_is_taken_back(server: LiveServer, people: People) -> None:
    assert level(server) == "level: 2 (ser.cfg)\n"
    before = debug_lines(server)
    people.talk()
    assert debug_lines(server) == before
    assert level(server, "4") == "level: 4 (ser.cfg: 2)\n"
    for number in range(8):
        people.talk()
        assert debug_lines(server) == before + number + 1
    assert level(server, "default") == "level: 2 (ser.cfg)\n"
    people.talk()
    assert debug_lines(server) == before + 8


def test_one_call_can_be_louder_than_others(server: LiveServer, people: People) -> None:
    before = debug_lines(server)
    assert level(server, "4", "call-id=loud@alice").endswith("call-id=loud@alice: 4\n")
    people.talk("quiet@alice")
    assert debug_lines(server) == before
    # It waits for a program meanwhile.
    people.talk("loud@alice")
    assert debug_lines(server) == before + 1
    assert "loud" not in level(server, "default", "call-id=loud@alice")


def test_one_module_can_be_louder_than_others(server: LiveServer, people: People) -> None:
    before = debug_lines(server)
    assert level(server, "4", "maxfwd").endswith("module=maxfwd: 4\n")
    people.talk()
    assert debug_lines(server) == before
    assert level(server, "4", "core").endswith("module=maxfwd: 4\nmodule=core: 4\n")
    people.talk()
    assert debug_lines(server) == before + 1
    server.write(CFG.replace("Not Here", "Not There"))
    assert server.serctl("reload").returncode == 0
    people.talk()
    assert debug_lines(server) == before + 2, "it is loud in the new program, too"
    assert level(server, "default") == "level: 2 (ser.cfg)\n"
    people.talk()
    assert debug_lines(server) == before + 2


def test_new_processes_begin_with_the_level_that_was_set(server: LiveServer, people: People) -> None:
    assert level(server, "4").startswith("level: 4")
    for pid in server.workers():
        kill(pid)
    before = debug_lines(server)
    people.talk()
    assert eventually(lambda: debug_lines(server) > before, 60)


def test_all_processes_live_on_and_hear_it(server: LiveServer, people: People) -> None:
    pids = server.serctl("ps").stdout
    level(server, "4")
    level(server, "default")
    os.kill(server.process.pid, signal.SIGUSR1)
    assert server.serctl("ps").stdout == pids


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["loud"], "loud: write a number from -3 to 9, or default"),
        (["99"], "99: write a number from -3 to 9"),
        (["4", "nothing"], "no module nothing is loaded: there are core, sl, tm"),
        (["4", "form=alice"], "form=alice: write call-id=… or module=…"),
    ],
)
def test_what_makes_no_sense_is_said(server: LiveServer, words: list[str], why: str) -> None:
    said = server.serctl("log", "level", *words)
    assert said.returncode == 1 and why in said.stdout + said.stderr
