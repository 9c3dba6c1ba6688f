"""SIGUSR1: the counters of all processes in the log."""

from __future__ import annotations

import os
import re
import signal
import socket

import pytest
from patience import eventually
from ports import free_port

from server.conftest import OPTIONS, STATEFUL_ROUTES, Server, StartServer


def lines(server: Server, number: int = 1) -> list[str]:
    """The lines of the `number`th answer, without the time and place where they were written."""
    os.kill(server.pid, signal.SIGUSR1)
    assert eventually(lambda: server.log.read_text().count("statistics: all") == number), server.log.read_text()
    found = re.findall(r"^ *\d+\(\d+\) statistics: (.*)$", server.log.read_text(), re.M)
    ends = [i + 1 for i, line in enumerate(found) if line.startswith("all")]
    return found[ends[-2] if number > 1 else 0 :]


def counts(line: str) -> dict[str, int]:
    return {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", line)}


@pytest.mark.parametrize("config, processes", [("", 2), ("children=1", 1), ("fork=False", 1)])
def test_all_workers_tell_what_they_have_done(start: StartServer, config: str, processes: int) -> None:
    server = start(config=config, routes=STATEFUL_ROUTES)
    for number in range(20):
        server.ask(OPTIONS.replace(b"call-1", b"call-%d" % number))
    *each, total = lines(server)
    assert len(each) == processes
    assert all(
        re.search(r"(receiver child=\d sock=|stand-alone receiver @) \S+ \(pid \d+, 0 restarts", e) for e in each
    )
    assert total.startswith(f"all {processes} processes (0 restarts): ")
    assert counts(total)["requests"] >= 20
    for name in ("requests", "messages", "sent", "bugs", "dropped_bad"):
        assert counts(total)[name] == sum(counts(e)[name] for e in each)
    assert counts(total)["unfinished"] == 0
    assert counts(total)["peak_memory_kb"] == max(counts(e)["peak_memory_kb"] for e in each) > 5000


def test_who_does_not_answer_is_named_and_the_dead_are_counted(start: StartServer) -> None:
    server = start()
    server.all_workers(2)
    dead, silent = sorted(server.workers())
    os.kill(dead, signal.SIGKILL)
    assert eventually(lambda: len(server.workers() - {dead}) == 2)
    server.worker()
    os.kill(silent, signal.SIGSTOP)
    first, second, total = lines(server)
    assert "1 restarts): requests=" in first
    assert second.endswith(f"(pid {silent}, 0 restarts): does not answer")
    assert total.startswith("all 1 processes (1 restarts): ")
    os.kill(silent, signal.SIGCONT)
    # A late answer is not taken for one to the next question.
    assert lines(server, 2)[1].partition("): ")[2].startswith("requests=")


def test_tcp_processes_tell_their_connections(start: StartServer) -> None:
    port = free_port()
    server = start("-l", f"tcp:127.0.0.1:{port}", config="tcp_children=2")
    server.ask()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(OPTIONS.replace(b"UDP", b"TCP").replace(b"\r\n\r\n", b"\r\nContent-Length: 0\r\n\r\n"))
        assert connection.recv(1000)
        *each, total = lines(server)
        assert [line.split(" (")[0] for line in each[2:]] == ["tcp receiver", "tcp receiver"]
        assert counts(total)["tcp_connections"] == 1


@pytest.mark.parametrize("config", ["memlog=2", "memlog=2, fork=False"])
def test_memlog_is_the_level_of_what_is_said_about_memory(start: StartServer, config: str) -> None:
    said = r"memory: shared: used=(\d+) limit=(\d+) shortages=0\n.*memory: master: peak_memory_kb=(\d+)"
    server, silent = start("-m", "3", config=config), start(config="memlog=4")
    for one in (server, silent):
        one.ask()
        lines(one)
    assert eventually(lambda: len(re.findall(said, server.log.read_text())) == 1)
    assert server.stop() == silent.stop() == 0
    at_once, at_the_end = re.findall(said, server.log.read_text())
    assert int(at_once[1]) == int(at_the_end[1]) == 3 << 20
    assert 5000 < int(at_once[2]) <= int(at_the_end[2])
    assert "memory: " not in silent.log.read_text()
