"""A start that fails: one line that says why and what to do, a status that tells it, and nothing left behind. Reference core, 1.9."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from patience import eventually
from ports import free_port, is_free
from starter import run

from server.conftest import ROUTES, environment, needs_root

MODES = pytest.mark.parametrize("mode", [("-D",), ()], ids=["foreground", "daemon"])


class Site:
    """A folder with a program, in which everything that a server makes can be seen."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run = folder / "run"
        self.run.mkdir()
        self.routes = folder / "routes.py"
        self.routes.write_text(ROUTES.format(config=""))
        self.port = free_port()

    def words(self, *arguments: str) -> list[str]:
        usual = ["-T", "-n", "2", "-l", f"udp:127.0.0.1:{self.port}"]
        files = ["-P", "run/pid", "-G", "run/pgid", "-i", "run/fifo", "-x", "run/socket", "-w", str(self.folder)]
        return ["--routes", str(self.routes), *usual, *files, *arguments]

    def start(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.start_with(self.words(*arguments))

    def start_with(self, words: list[str]) -> subprocess.CompletedProcess[str]:
        return run("runtime.server.main", *words, env=environment(), cwd=self.folder, timeout=60)

    def command(self, *arguments: str) -> list[str]:
        """For a start of its own."""
        return [sys.executable, "-m", "runtime.server.main", *self.words(*arguments)]

    def start_alone(self, command: list[str], limit: int = 0) -> subprocess.CompletedProcess[str]:
        """`limit`: open files that it may have."""

        def lower() -> None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            env=environment(),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            timeout=60,
            preexec_fn=lower if limit else None,
        )

    def processes(self) -> list[int]:
        """Who works in this folder."""
        found = []
        for cwd in Path("/proc").glob("[0-9]*/cwd"):
            try:
                if Path(os.readlink(cwd)).is_relative_to(self.folder):
                    found.append(int(cwd.parent.name))
            except OSError:
                continue
        return found

    def kill(self) -> None:
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    one = Site(tmp_path)
    yield one
    one.kill()


def has_failed(site: Site, done: subprocess.CompletedProcess[str], why: str, cure: str) -> None:
    assert done.returncode == 1, done.stderr
    # One line, also where the pure build or the log has something to say before it.
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("ser-runtime: ")]
    assert why in line and cure in line
    assert "Traceback" not in done.stderr
    assert os.listdir(site.run) == []
    assert eventually(lambda: site.processes() == [])
    # The kernel closes the sockets of a process a moment after its place in /proc has gone.
    assert eventually(lambda: is_free(site.port))


@MODES
@pytest.mark.parametrize(
    "arguments, why, cure",
    [
        (("-u", "nosuchuser"), "bad user name/uid number: -u nosuchuser: there is no such user", "useradd"),
        (("-u", "4294967295"), "bad user name/uid number: -u 4294967295", "up to 4294967294"),
        (("-g", "nosuchgroup"), "bad group name/gid number: -g nosuchgroup: there is no such group", "groupadd"),
        (("-g", "9" * 30), "bad group name/gid number: -g 999", "up to 4294967294"),
        (("-P", "no/pid"), "cannot write the pid file no/pid: No such file", "make the directory no first, or"),
        (("-P", "run"), "cannot write the pid file run: Is a directory", "another path with -P"),
        (("-G", "no/pgid"), "cannot write the pid file no/pgid: No such file", "another path with -G"),
        (("-t", "/nonexistent"), "cannot chroot to /nonexistent: ", "another directory with -t or chroot="),
        (("-w", "/nonexistent"), "cannot change to the directory /nonexistent: No such", "make /nonexistent first"),
        (("-w", "/etc/passwd"), "cannot change to the directory /etc/passwd: Not a dir", "another directory with -w"),
        (("-i", "no/fifo"), "cannot make the FIFO no/fifo: No such file", "make the directory no first, or"),
        (
            ("-i", "routes.py"),
            "cannot make the FIFO routes.py: something else is there",
            "remove it if it is of no use",
        ),
        (("-i", "routes.py/f"), "cannot make the FIFO routes.py/f: Not a dir", "another path with -i or fifo="),
        (("-x", "no/sock"), "cannot make the Unix socket no/sock: No such file", "another path with -x or unix_sock="),
        (("-x", "x" * 200), "the Unix socket's name is longer than 107 characters", "give a shorter one"),
        (("-l", "nosuch0"), "cannot resolve nosuch0, an address to listen on", "ip link lists them"),
        (("-l", "udp:192.0.2.77"), "cannot listen on udp:192.0.2.77:5060: Cannot assign", "ip address lists those"),
        (("-n", "x"), "bad process number: -n x", "write a decimal number"),
        (("-m", "0"), "bad shmem size number: -m 0", "1 to 1048576 megabytes"),
        (("-b", "1k"), "bad max buffer size number: -b 1k", "write a decimal number"),
        (("-l", "a:b:c:d"), "bad -l address specifier: a:b:c:d", "write [udp:|tcp:]host[:port]"),
        (("-N", "101"), "tcp_children: 101 TCP processes are too many", "up to 100"),
        (("-Q",), "Unknown option `-Q'", "ser-runtime -h lists all options"),
    ],
)
def test_it_says_why_and_what_to_do(
    site: Site, mode: tuple[str, ...], arguments: tuple[str, ...], why: str, cure: str
) -> None:
    if os.geteuid() and "-t" in arguments:
        why, cure = "Operation not permitted", "start as root, or without -t"
    has_failed(site, site.start(*mode, *arguments), why, cure)


@MODES
@pytest.mark.parametrize("kind, proto", [(socket.SOCK_DGRAM, "udp"), (socket.SOCK_STREAM, "tcp")])
def test_a_port_that_is_taken(site: Site, mode: tuple[str, ...], kind: int, proto: str) -> None:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if proto == "tcp":
            taken.listen()
        port = taken.getsockname()[1]
        done = site.start_with([word for word in site.words(*mode, "-l", f"{proto}:127.0.0.1:{port}") if word != "-T"])
    why = f"cannot listen on {proto}:127.0.0.1:{port}: Address already in use"
    has_failed(site, done, why, f"stop the program that has it (ss -{proto[0]}lnp names it), or choose another address")


@MODES
def test_a_second_instance(site: Site, mode: tuple[str, ...]) -> None:
    """Whatever the two have in common is named; the first one serves on and keeps its files."""
    assert site.start().returncode == 0
    first = sorted(site.processes())
    files = sorted(os.listdir(site.run))
    pid = (site.run / "pid").read_text()
    fresh = ("-l", f"udp:127.0.0.1:{free_port()}")
    everything = site.words(*mode)
    elsewhere = [word.replace(str(site.port), str(free_port())) for word in everything]
    no_fifo = [word.replace("run/fifo", "run/fifo2").replace("run/socket", "run/socket2") for word in elsewhere]
    for words, why, cure in (
        (everything, "Address already in use", "stop the program that has it"),
        (elsewhere, "cannot make the FIFO run/fifo: a running server has it", "stop that one, or give another path"),
        (no_fifo, f"running process found in the pid file run/pid: {pid.strip()}", "stop it if it is this server"),
    ):
        done = site.start_with([*words, *fresh])
        assert done.returncode == 1
        (line,) = [line for line in done.stderr.splitlines() if line.startswith("ser-runtime: ")]
        assert why in line and cure in line
        assert eventually(lambda: sorted(site.processes()) == first)
        assert sorted(os.listdir(site.run)) == files
        assert (site.run / "pid").read_text() == pid


@MODES
def test_too_few_open_files(site: Site, mode: tuple[str, ...]) -> None:
    has_failed(
        site,
        site.start_alone(site.command(*mode, "-n", "20"), 50),
        "Too many open files",
        "open_files_limit=, ulimit -n",
    )


@needs_root
@MODES
def test_behind_another_root_paths_mean_another_place(site: Site, mode: tuple[str, ...]) -> None:
    done = site.start(*mode, "-t", str(site.run), "-w", "/", "-P", "/var/pid", "-i", "/fifo", "-x", "/socket")
    has_failed(site, done, "cannot write the pid file /var/pid", f"(inside the root directory {site.run})")


@needs_root
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv")
@pytest.mark.parametrize(
    "arguments, why, cure",
    [
        (
            ("-l", "udp:127.0.0.1:80"),
            "cannot listen on udp:127.0.0.1:80: Permission denied",
            "start as root with -u USER",
        ),
        (("-u", "daemon"), "cannot change to uid 1, gid 1: Operation not permitted", "without -u"),
        (("-t", "/tmp"), "cannot chroot to /tmp: Operation not permitted", "start as root, or without -t"),
    ],
)
def test_without_roots_rights(site: Site, arguments: tuple[str, ...], why: str, cure: str) -> None:
    """The user stays root, for the tests' files are his, but the kernel grants him nothing."""
    if ":80" in arguments[-1] and int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) <= 80:
        pytest.skip("everybody may listen on port 80 here")
    command = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *site.command(*arguments)]
    has_failed(site, site.start_alone(command), why, cure)


DIES = """
import os, signal
from runtime.routing.config import Config
from runtime.routing.module import Module
from runtime.routing.program import Program

class Dies(Module):
    def {when}(self, world):
        os.kill(os.getpid(), signal.SIGKILL)

PROGRAM = Program(config=Config(), modules=(Dies("dies"),))
"""


@MODES
def test_a_process_that_is_killed_while_it_starts(site: Site, mode: tuple[str, ...]) -> None:
    site.routes.write_text(DIES.format(when="start_worker"))
    has_failed(site, site.start(*mode), "died during its start", "the log says why")


@needs_root
@MODES
def test_where_only_root_may_remove_the_files(site: Site, mode: tuple[str, ...]) -> None:
    """A process that cannot start is one of another user already; the master may still clean up."""
    site.routes.write_text(DIES.format(when="start_worker"))
    site.run.chmod(0o755)
    has_failed(site, site.start(*mode, "-u", "nobody"), "died during its start", "the log says why")


def test_a_daemon_that_is_killed_while_it_starts(site: Site) -> None:
    """The launcher is left with nothing but that."""
    site.routes.write_text(DIES.format(when="bind"))
    has_failed(site, site.start(), "the daemon ended before it served", "start it with -D -E and look on")


def test_a_daemon_that_is_told_to_end_while_it_starts(site: Site) -> None:
    """With SIGTERM, as by whoever lost patience: the launcher does not claim that it serves."""
    began = site.routes.parent / "began"
    waits = f"open({str(began)!r}, 'w').close(); signal.pause(); ("
    site.routes.write_text(DIES.format(when="start_worker").replace("os.kill(", waits))
    with subprocess.Popen(site.command(), stderr=subprocess.PIPE, text=True, env=environment()) as launcher:
        assert eventually(lambda: began.exists() and (site.run / "pid").read_text() != "", 60)
        os.kill(int((site.run / "pid").read_text()), signal.SIGTERM)
        _, said = launcher.communicate(timeout=60)
    assert launcher.returncode == 1
    has_failed(site, subprocess.CompletedProcess([], 1, "", said), "the daemon ended before it served", "")
