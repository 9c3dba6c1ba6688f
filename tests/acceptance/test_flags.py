"""Flags of ser(8) in both programs that have them, `ser` and `ser-runtime`, by what is seen from outside. Reference core, 1.1 to 1.6.

What one flag does in detail is tested with the part of the server that it belongs to: docs/flags.md lists where.
"""

from __future__ import annotations

import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from patience import eventually
from ports import free_port
from server.conftest import OPTIONS, alive, environment, needs_root
from starter import run

from runtime.build import NATIVE
from runtime.version import VERSION
from serc.commands import serc

CONFIG: Final = 'loadmodule "sl.so"\nroute { sl_send_reply("200", "OK"); }\n'
# Over all flags of the command line that take no argument and let the server run.
CLUSTER: Final = "-DEdddrRv"


class Program:
    """`ser` with a ser.cfg, or `ser-runtime` with what serc makes of it."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.config = folder / "ser.cfg"
        self.config.write_text(CONFIG)
        self.port = free_port()
        self.log = folder / "log"
        self.started: list[subprocess.Popen[bytes]] = []

    def command(self, *arguments: str) -> list[str]:
        if self.name == "ser":
            return [sys.executable, "-m", "serc.commands.ser", "-f", str(self.config), *arguments]
        routes = self.folder / "routes.py"
        if not routes.exists():
            assert serc.main([str(self.config), "-o", str(routes)]) == 0
        return [sys.executable, "-m", "runtime.server.main", "--routes", str(routes), *arguments]

    def environment(self) -> dict[str, str]:
        return {**environment(), "XDG_CACHE_HOME": str(self.folder / "cache")}

    def run(self, *arguments: str, bare: bool = False) -> subprocess.CompletedProcess[str]:
        """To its end. `bare`: neither -f nor --routes."""
        _, _, module, *words = self.command(*arguments)
        return run(module, *(arguments if bare else words), env=self.environment(), timeout=60)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                self.command(*arguments),
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                cwd=self.folder,
            )
        self.started.append(process)
        return process

    def answers(self) -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.1)
            s.bind(("127.0.0.1", 0))
            own = b"127.0.0.1:%d" % s.getsockname()[1]
            s.sendto(OPTIONS.replace(b"127.0.0.1:9", own), ("127.0.0.1", self.port))
            try:
                return s.recv(2000).startswith(b"SIP/2.0 200 ")
            except OSError:
                return False


@pytest.fixture(params=["ser", "ser-runtime"])
def program(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Program]:
    one = Program(request.param, tmp_path)
    yield one
    for process in one.started:
        if process.poll() is None:
            process.kill()
        process.wait()


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.parametrize("arguments", [("-h",), ("--help",), ("-DEh",), ("-h", "-n", "x"), ("-n4", "-h")])
def test_h_prints_the_options_and_ends_with_zero(program: Program, arguments: tuple[str, ...]) -> None:
    done = program.run(*arguments, bare=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"version: {program.name} {VERSION}\nusage: {program.name} ")
    assert "\n -n number " in done.stdout


@pytest.mark.parametrize("arguments", [("-V",), ("--version",), ("-DV",), ("-V", "-l", ":::")])
def test_capital_v_prints_the_version_and_ends_with_zero(program: Program, arguments: tuple[str, ...]) -> None:
    done = program.run(*arguments, bare=True)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"version: ser {VERSION} (")
    assert lines[1].startswith(f"build: {'native' if NATIVE else 'pure Python'}")


def test_c_checks_and_touches_nothing(program: Program) -> None:
    """It binds no port, makes no file, and leaves a running server's pid file alone, which SER deletes."""
    pid_file, fifo = program.folder / "pid", program.folder / "fifo"
    pid_file.write_text("1\n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", program.port))
        listen = f"udp:127.0.0.1:{program.port}"
        done = program.run("-c", "-l", listen, "-P", str(pid_file), "-i", str(fifo), "-n", "2")
    assert done.returncode == 0
    assert done.stderr.splitlines()[-1] == "config file ok, exiting..."
    assert f"udp: 127.0.0.1 [127.0.0.1]:{program.port}\n" in done.stdout
    assert pid_file.read_text() == "1\n" and not fifo.exists()


@pytest.mark.parametrize("arguments", [("-l", "nosuch.invalid"), ("-u", "nosuchuser"), ("-g", "nosuchgroup")])
def test_c_ends_with_one_for_what_would_not_start(program: Program, arguments: tuple[str, ...]) -> None:
    done = program.run("-c", "-T", *arguments)
    assert done.returncode == 1
    assert "nosuch" in done.stderr.splitlines()[-1]


def test_c_ends_with_one_for_a_bad_config(tmp_path: Path) -> None:
    program = Program("ser", tmp_path)
    program.config.write_text(CONFIG.replace("sl_send", "sl_sned"))
    done = program.run("-c", "-l", f"udp:127.0.0.1:{program.port}")
    assert done.returncode == 1
    assert f"{program.config}:2:9: error" in done.stderr
    assert 'did you mean "sl_send_reply"?' in done.stderr


def test_f_names_the_config(tmp_path: Path) -> None:
    program = Program("ser", tmp_path)
    missing = program.run("-c", "-f", str(tmp_path / "other.cfg"))
    assert (missing.returncode, missing.stdout) == (1, "")
    assert missing.stderr.startswith(f"ser: loading config file({tmp_path}/other.cfg): No such file or directory")
    (tmp_path / "other.cfg").write_text(CONFIG + "alias=other.example\n")
    # The last one counts, as in getopt(3).
    assert "*: other.example:*" in program.run("-c", "-f", str(tmp_path / "other.cfg")).stdout
    if not Path("/etc/ser/ser.cfg").exists():
        assert "loading config file(/etc/ser/ser.cfg)" in program.run("-c", bare=True).stderr


def test_letters_in_one_cluster_all_count(program: Program) -> None:
    """Foreground, log on standard error, debugging; the last letter may have an argument, joined or apart."""
    process = program.start(CLUSTER + "Tn", "3", f"-ludp:127.0.0.1:{program.port}")
    assert eventually(program.answers, 20)
    assert process.poll() is None
    assert eventually(lambda: "4 processes serve" in program.log.read_text())
    assert len(children(process.pid)) == 4
    assert f" 0({process.pid}) DEBUG: " in program.log.read_text()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", program.port), 5)
    process.terminate()
    assert process.wait(5) == 0


def test_big_d_is_foreground_and_nothing_else(program: Program) -> None:
    """TCP, all addresses and all workers serve, which in SER they do not."""
    other = free_port("127.0.0.2")
    listen = ["-l", f"127.0.0.1:{program.port}", "-l", f"udp:127.0.0.2:{other}"]
    process = program.start("-D", *listen, "-n", "2", "-N", "3", "-P", str(program.folder / "pid"))
    assert eventually(program.answers, 20)
    # Two for each UDP address, three for TCP and the one that accepts.
    assert eventually(lambda: len(children(process.pid)) == 2 + 2 + 3 + 1 + 1)
    assert (program.folder / "pid").read_text() == f"{process.pid}\n"
    assert os.readlink(f"/proc/{process.pid}/cwd") == str(program.folder)
    with socket.create_connection(("127.0.0.1", program.port), 5) as s:
        s.sendall(OPTIONS.replace(b"UDP", b"TCP").replace(b"\r\n\r\n", b"\r\nContent-Length: 0\r\n\r\n"))
        assert s.recv(2000).startswith(b"SIP/2.0 200 ")
    process.terminate()
    assert process.wait(5) == 0
    assert not (program.folder / "pid").exists()


def test_l_takes_the_name_of_an_interface(program: Program) -> None:
    done = program.run("-c", "-T", "-l", f"lo:{program.port}")
    assert done.returncode == 0
    assert f"udp: 127.0.0.1 [127.0.0.1]:{program.port}\n" in done.stdout
    program.start("-D", "-T", "-n", "1", "-l", f"lo:{program.port}")
    assert eventually(program.answers, 20)


@needs_root
def test_all_flags_together(program: Program) -> None:
    """As a daemon: user, group, root and working directory, all files, limits; and all is gone at the end."""
    jail = program.folder / "jail"
    (jail / "work").mkdir(parents=True)
    for folder in (jail, jail / "work"):
        os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)
    files = ["-P", "pid", "-G", "pgid", "-i", "fifo", "-x", "/socket"]
    identity = ["-u", "nobody", "-g", str(pwd.getpwnam("nobody").pw_gid), "-t", str(jail), "-w", "/work"]
    sizes = ["-n", "2", "-N", "1", "-b", "1000", "-m", "2"]
    began = time.monotonic()
    done = program.run("-ddrRv", *files, *identity, *sizes, "-l", f"127.0.0.1:{program.port}")
    # Where nobody takes what goes to syslog, that is said, and nothing else.
    said = [line for line in done.stderr.splitlines() if "the log is lost" not in line]
    assert (done.returncode, said) == (0, [])
    pid = int((jail / "work" / "pid").read_text())
    try:
        assert program.answers()
        assert time.monotonic() - began < 20
        # FIFO and socket servers, workers, TCP and its acceptor, and who asks name servers.
        pids = [pid, *children(pid)]
        assert len(pids) == 1 + 1 + 1 + 2 + 1 + 1 + 1
        assert {os.readlink(f"/proc/{p}/root") for p in pids} == {str(jail)}
        assert {os.readlink(f"/proc/{p}/cwd") for p in pids} == {str(jail / "work")}
        assert {Path(f"/proc/{p}").stat().st_uid for p in pids} == {pwd.getpwnam("nobody").pw_uid}
        assert sorted(os.listdir(jail / "work")) == ["fifo", "pgid", "pid"] and (jail / "socket").is_socket()
    finally:
        os.kill(pid, signal.SIGTERM)
    assert eventually(lambda: not alive(pid))
    assert os.listdir(jail / "work") == [] and os.listdir(jail) == ["work"]
