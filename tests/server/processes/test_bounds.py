"""What a worker keeps is bounded: by number, and by -m. Nobody dies of too much, and who calls too much is told so."""

from __future__ import annotations

import os
import resource
import signal
import socket
from pathlib import Path

from patience import eventually, readable

from server.conftest import Server, StartServer
from server.processes.test_ending import TM_ROUTES, Phone

CALLS = 400


def serves(server: Server) -> None:
    assert eventually(lambda: "processes serve" in server.log.read_text(), 30), server.log.read_text()


def flood(server_port: int, bytes_each: int = 0) -> dict[str, int]:
    """CALLS INVITEs to somebody who never answers: how many got which reply."""
    found = {"100": 0, "503": 0}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as callee:
        callee.bind(("127.0.0.1", 0))
        alice = Phone(server_port)
        for n in range(CALLS):
            lines = [
                f"INVITE sip:b@127.0.0.1:{callee.getsockname()[1]} SIP/2.0",
                f"Via: SIP/2.0/UDP 127.0.0.1:{alice.port};branch=z9hG4bK{n}",
                "From: <sip:a@a>;tag=a\r\nTo: <sip:b@b>",
                f"Call-ID: flood{n}\r\nCSeq: 1 INVITE\r\nX: {'x' * bytes_each}\r\nContent-Length: 0",
            ]
            alice.socket.sendto("\r\n".join([*lines, "", ""]).encode(), ("127.0.0.1", server_port))
            found[alice.socket.recv(65536).decode().split()[1]] += 1
    return found


def test_m_bounds_the_memory_of_transactions(tmp_path: Path, start: StartServer) -> None:
    server = start("-m", "2", "-n", "2", "--queue", "0", config="log_stderror=True", routes=TM_ROUTES)
    serves(server)
    answers = flood(server.port, 4000)
    # 2 MB, and each takes some 12 kB.
    assert 50 < answers["100"] < 300 and answers["100"] + answers["503"] == CALLS
    log = server.log.read_text()
    # Once for each worker.
    assert 1 <= log.count("new requests get 503") <= 2
    os.kill(server.pid, signal.SIGUSR1)
    assert eventually(lambda: f"refused_full={answers['503']}" in server.log.read_text(), 30)


def test_a_worker_that_finds_no_memory_goes_on(tmp_path: Path, start: StartServer) -> None:
    routes = TM_ROUTES.replace("Tm()", "Tm(max_transactions=0)")
    server = start("-n", "1", "--queue", "0", "-m", "1000000", config="log_stderror=True", routes=routes)
    serves(server)
    (worker,) = server.all_workers(1)
    size = int(Path(f"/proc/{worker}/statm").read_text().split()[0]) * resource.getpagesize()
    resource.prlimit(worker, resource.RLIMIT_AS, (size + (8 << 20), resource.RLIM_INFINITY))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as callee:
        callee.bind(("127.0.0.1", 0))
        alice = Phone(server.port)
        n = 0
        while "out of memory" not in server.log.read_text():
            n += 1
            assert n < 10_000, "memory without end"
            alice.request("INVITE", callee.getsockname()[1], f"big{n}{'x' * 20_000}")
            if readable([callee], 0.05):
                callee.recv(65536)
        resource.prlimit(worker, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        bob = Phone(server.port)
        while True:
            alice.request("OPTIONS", bob.port, f"small{n}")
            n += 1
            if readable([bob.socket], 0.2):
                break
    assert server.workers() == {worker}
