"""A server from outside: what its options do, and how it lives and ends."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
import starter
from patience import eventually
from ports import free_port

from runtime.build import NATIVE
from runtime.version import VERSION
from server.conftest import OPTIONS, Server, StartServer, alive, environment


def test_the_first_answer_comes_soon(start: StartServer) -> None:
    began = time.monotonic()
    start().ask()
    # A fifth of a second on an idle machine; the tests share theirs.
    assert time.monotonic() - began < 20


def test_n_workers_serve_each_address(start: StartServer) -> None:
    other = free_port("127.0.0.2")
    server = start("-l", f"udp:127.0.0.2:{other}")
    server.ask(host="127.0.0.2", port=other)
    server.all_workers(4)
    assert server.ask(host="127.0.0.2", port=other).split()[1] == b"%d" % other
    assert server.ask().split()[1] == b"%d" % server.port


def test_an_ipv6_address_is_served(start: StartServer) -> None:
    port = free_port("::1")
    server = start("-l", f"udp:[::1]:{port}")
    assert server.ask(host="::1", port=port).split()[1] == b"%d" % port


def test_children_in_ser_cfg_count_more_than_n(start: StartServer) -> None:
    server = start(config="children=3")
    server.ask()
    server.all_workers(3)


def test_all_workers_answer(start: StartServer) -> None:
    server = start()
    workers = server.all_workers(2)
    answered: set[int] = set()

    def all_have_answered() -> bool:
        # Every question has another Call-ID and comes from another port, and so to either of them.
        answered.add(int(server.ask(OPTIONS.replace(b"call-1", b"call-%d" % time.monotonic_ns())).split()[0]))
        return answered == workers

    assert eventually(all_have_answered)


def test_a_call_keeps_its_worker(start: StartServer) -> None:
    server = start()
    server.all_workers(2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(20)
        answers = set()
        for _ in range(30):
            s.sendto(OPTIONS, ("127.0.0.1", server.port))
            answers.add(s.recv(65536).split()[0])
    assert len(answers) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly_and_soon(start: StartServer, number: signal.Signals) -> None:
    server = start()
    server.ask()
    workers = server.all_workers(2)
    began = time.monotonic()
    os.kill(server.pid, number)
    assert server.wait() == 0
    assert time.monotonic() - began < 20
    assert not any(alive(pid) for pid in workers)


def test_signals_that_mean_nothing_harm_nobody(start: StartServer, tmp_path: Path) -> None:
    server = start("-i", str(tmp_path / "fifo"))
    before = server.all_workers(3)
    for number in (signal.SIGHUP, signal.SIGUSR2, signal.SIGPIPE):
        for pid in (server.pid, *before):
            os.kill(pid, number)
    # SIGHUP has the master read the program anew; it is the same.
    assert eventually(lambda: "reloaded: version 2" in server.log.read_text(), 60), server.log.read_text()
    server.ask()
    assert server.workers() == before


def test_a_worker_that_does_not_listen_is_ended_all_the_same(start: StartServer) -> None:
    server = start()
    server.ask()
    workers = server.all_workers(2)
    os.kill(min(workers), signal.SIGSTOP)
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 20
    assert not any(alive(pid) for pid in workers)


def test_workers_end_when_the_master_is_killed(start: StartServer) -> None:
    server = start()
    server.ask()
    workers = server.all_workers(2)
    server.process.kill()
    assert eventually(lambda: not any(alive(pid) for pid in workers))


def test_a_killed_worker_is_replaced_soon(start: StartServer) -> None:
    server = start()
    server.ask()
    before = server.all_workers(2)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    began = time.monotonic()
    server.ask()
    assert time.monotonic() - began < 20
    assert eventually(lambda: len(server.workers() - before) == 2 and not server.workers() & before)
    assert server.logs("was killed by signal 9")


def test_workers_that_die_again_and_again_are_started_ever_later(start: StartServer) -> None:
    server = start("-d", "-n", "1")
    assert server.logs("processes serve")
    killed: set[int] = set()
    began = time.monotonic()
    for _ in range(4):
        assert eventually(lambda: bool(server.workers() - killed))
        for pid in server.workers() - killed:
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)
    assert eventually(lambda: bool(server.workers() - killed))
    # At once, then after 0.1, 0.2 and 0.4 seconds.
    assert time.monotonic() - began > 0.69
    assert server.logs("restarting it in 0.4 s")


def test_a_bug_in_a_route_costs_one_message_and_names_ser_cfg(start: StartServer) -> None:
    server = start("-n", "1")
    worker = server.worker()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(OPTIONS.replace(b"call-1", b"BUG"), ("127.0.0.1", server.port))
    assert server.worker() == worker
    assert server.logs("BUG: ser.cfg:31: ValueError: a bug")


def test_garbage_costs_its_sender_a_drop(start: StartServer) -> None:
    server = start("-n", "1")
    worker = server.worker()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for garbage in (b"", b"\0", b"x", os.urandom(500), b"\r\n" * 100, OPTIONS[:60], bytes(65507)):
            s.sendto(garbage, ("127.0.0.1", server.port))
    assert server.worker() == worker


def test_the_lists_are_printed_on_standard_output(start: StartServer) -> None:
    server = start()
    server.ask()
    assert f"             udp: 127.0.0.1 [127.0.0.1]:{server.port}\n" in server.out.read_text()
    assert server.out.read_text().startswith("Listening on \n")


def test_e_logs_to_standard_error_in_sers_form(start: StartServer) -> None:
    server = start("-d")
    server.ask()
    assert server.logs(f" 0({server.pid}) INFO: 3 processes serve\n")


def test_without_e_nothing_is_logged_there(start: StartServer) -> None:
    server = start("-D", "-d", "-l", f"127.0.0.1:{(port := free_port())}", bare=True)
    server.ask(port=port)
    # A machine without syslog is told so.
    lines = [line for line in server.log.read_text().splitlines() if "the log is lost" not in line]
    assert lines == []


def test_every_d_raises_the_level_by_one(start: StartServer) -> None:
    server = start("-dd")
    server.ask()
    assert server.logs("DEBUG: receive buffer")
    quiet = start()
    quiet.ask()
    assert "DEBUG" not in quiet.log.read_text()


def test_the_pure_build_says_so_once(start: StartServer) -> None:
    server = start()
    server.ask()
    assert server.log.read_text().count("pure Python build") == (0 if NATIVE else 1)


def receive_buffers(port: int) -> list[int]:
    """Of the UDP sockets with that local port, as the kernel counts (ss -m: skmem rb)."""
    text = subprocess.run(["ss", "-uanm", f"sport = :{port}"], capture_output=True, text=True, check=True).stdout
    return [int(part[2:]) for part in text.replace("(", ",").split(",") if part.startswith("rb")]


@pytest.mark.skipif(not os.path.exists("/usr/bin/ss") and not os.path.exists("/bin/ss"), reason="needs ss")
@pytest.mark.parametrize("by_flag", [True, False])
def test_b_bounds_the_receive_buffer(start: StartServer, by_flag: bool) -> None:
    """And maxbuffer, which counts more."""

    def limited(size: int) -> Server:
        return start("-b", str(size)) if by_flag else start("-b", "999999", config=f"maxbuffer={size}")

    initial = int(Path("/proc/sys/net/core/rmem_default").read_text())
    small, large = limited(1000), limited(initial + 4096)
    small.ask()
    large.ask()
    assert receive_buffers(small.port) == [initial] * 2
    # Linux grants twice what is asked for, but to those without privileges never more than twice rmem_max.
    most = int(Path("/proc/sys/net/core/rmem_max").read_text())
    privileged, usual = 2 * (initial + 4096), 2 * min(initial + 4096, most)
    found = set(receive_buffers(large.port))
    assert len(found) == 1 and found <= {privileged, usual}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return starter.run("runtime.server.main", *arguments, env=environment(), timeout=60)


def routes(folder: Path, config: str = "") -> str:
    path = folder / "routes.py"
    path.write_text(
        "from runtime.routing.config import Config\nfrom runtime.routing.program import Program\n"
        f"PROGRAM = Program(config=Config({config}))\n"
    )
    return str(path)


def test_c_checks_prints_and_ends_with_zero(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
        done = run("--routes", routes(tmp_path), "-c", "-T", "-l", f"127.0.0.1:{port}")
    assert done.returncode == 0
    assert f"udp: 127.0.0.1 [127.0.0.1]:{port}" in done.stdout
    assert done.stderr == "config file ok, exiting...\n"


def test_v_tells_version_and_build() -> None:
    done = run("-V")
    assert done.returncode == 0
    assert f"ser {VERSION}" in done.stdout
    assert ("native" if NATIVE else "pure Python") in done.stdout.splitlines()[1]


def test_h_prints_the_options() -> None:
    done = run("-h")
    assert done.returncode == 0
    assert "usage: ser-runtime" in done.stdout


def test_a_second_server_does_not_steal_the_port(start: StartServer, tmp_path: Path) -> None:
    server = start()
    server.ask()
    done = run("--routes", routes(tmp_path), "-DT", "-l", f"127.0.0.1:{server.port}")
    assert done.returncode == 1
    assert "Address already in use" in done.stderr
    server.ask()


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("", "has no PROGRAM"),
        ("PROGRAM = 3", "has a int as PROGRAM"),
        ("\n1/0", "routes.py:2: ZeroDivisionError"),
        ("x = (", "routes.py:1: "),
        ("import nosuch_module", "routes.py:1: ModuleNotFoundError: No module named 'nosuch_module'"),
    ],
)
def test_routes_that_are_none_are_one_line(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "routes.py"
    path.write_text(text)
    done = run("--routes", str(path), "-D")
    assert done.returncode == 1
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1


def test_missing_routes_are_one_line() -> None:
    done = run("--routes", "/nonexistent/routes.py")
    assert (done.returncode, done.stderr) == (
        1,
        "ser-runtime: cannot read /nonexistent/routes.py: No such file or directory\n",
    )


def test_nothing_is_written_beside_the_routes(tmp_path: Path) -> None:
    environ = {k: v for k, v in environment().items() if k != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-m", "runtime.server.main", "--routes", routes(tmp_path), "-c", "-l", "127.0.0.1"]
    subprocess.run(command, env=environ, cwd=tmp_path, check=True, capture_output=True)
    assert os.listdir(tmp_path) == ["routes.py"]


@pytest.mark.parametrize("config", ['user="nosuchuser"', 'group="nosuchgroup"', 'log_facility="LOG_NOSUCH"'])
def test_bad_names_in_ser_cfg_are_one_line(tmp_path: Path, config: str) -> None:
    done = run("--routes", routes(tmp_path, config), "-DT", "-l", "127.0.0.1")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "nosuch" in done.stderr.lower()


def test_fork_no_is_one_process_on_the_first_address(start: StartServer) -> None:
    other = free_port("127.0.0.2")
    server = start("-l", f"127.0.0.2:{other}", config="fork=False")
    assert server.worker() == server.pid
    assert not server.workers()
    assert server.logs("no fork mode")
    began = time.monotonic()
    assert server.stop() == 0
    # It looks for signals once a second.
    assert time.monotonic() - began < 20


def test_fork_no_ends_also_under_load(start: StartServer) -> None:
    server = start(config="fork=False")
    server.ask()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        os.kill(server.pid, signal.SIGTERM)
        until = time.monotonic() + 20
        while server.process.poll() is None and time.monotonic() < until:
            s.sendto(OPTIONS, ("127.0.0.1", server.port))
    assert server.process.poll() == 0


def test_d_alone_serves_all_addresses_with_all_workers(start: StartServer) -> None:
    """SER's -D is its fork=no; here it only keeps the terminal."""
    server = start()
    server.ask()
    server.all_workers(2)
    assert server.process.poll() is None


def test_multicast_is_joined_and_loops_only_when_asked(start: StartServer) -> None:
    server = start("-l", f"udp:239.1.2.3:{(port := free_port())}", config="mcast_ttl=0, mcast_loopback=True")
    server.ask()
    joined = Path("/proc/net/igmp").read_text()
    group = f"{struct.unpack('=I', socket.inet_aton('239.1.2.3'))[0]:08X}"
    assert group in joined or "joining 239.1.2.3" in server.log.read_text()
    assert f"[239.1.2.3]:{port} mcast" in server.out.read_text()
