"""Daemon manners: every flag proved by what is seen from outside. Reference core, 1.4 and 1.6."""

from __future__ import annotations

import grp
import os
import pwd
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from patience import eventually
from ports import free_port
from starter import run

from runtime.server.host.accounts import Identity, become, identity_of
from runtime.server.host.errors import StartError
from runtime.server.start.daemon import PidFile
from server.conftest import ROUTES, alive, environment, needs_root


class Daemon:
    """Started without -D; the launcher has ended when the constructor returns."""

    def __init__(
        self, folder: Path, *arguments: str, config: str = "", pid_file: Path | None = None, shell: str = ":"
    ) -> None:
        self.port = free_port()
        self.pid_file = pid_file or folder / "pid"
        (folder / "routes.py").write_text(ROUTES.format(config=config))
        command = [
            "sh",
            "-c",
            f'{shell}; exec "$@"',
            "sh",
            sys.executable,
            "-m",
            "runtime.server.main",
            "--routes",
            str(folder / "routes.py"),
        ]
        command += ["-T", "-n", "2", "-l", f"127.0.0.1:{self.port}", *arguments]
        self.launch = subprocess.run(
            command, capture_output=True, text=True, env=environment(), cwd=folder, timeout=60, stdin=subprocess.DEVNULL
        )
        self.pid = int(self.pid_file.read_text()) if self.launch.returncode == 0 and self.pid_file.exists() else 0

    def processes(self) -> list[int]:
        """Master and workers."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [self.pid, *map(int, children)]

    def status(self, pid: int, name: str) -> list[str]:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return line.split()[1:]
        raise KeyError(name)

    def stop(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGTERM)
            assert eventually(lambda: not alive(self.pid))


@pytest.fixture
def daemons() -> Iterator[list[Daemon]]:
    started: list[Daemon] = []
    yield started
    for daemon in started:
        if daemon.pid and alive(daemon.pid):
            daemon.stop()


def test_the_launcher_ends_with_zero_when_the_daemon_serves(tmp_path: Path, daemons: list[Daemon]) -> None:
    daemon = Daemon(tmp_path, "-P", str(tmp_path / "pid"))
    daemons.append(daemon)
    # capture_output has waited for the end of both streams: nobody of the server holds them.
    # Where nobody takes what goes to syslog, that is said, and nothing else.
    said = [line for line in daemon.launch.stderr.splitlines() if "the log is lost" not in line]
    assert (daemon.launch.returncode, said) == (0, [])
    assert len(daemon.processes()) == 4
    stat = Path(f"/proc/{daemon.pid}/stat").read_text().rpartition(")")[2].split()
    session, terminal = int(stat[3]), int(stat[4])
    assert session not in (os.getsid(0), daemon.pid)
    assert terminal == 0


def unix_sockets() -> set[str]:
    """Those of all processes, as /proc/PID/fd names them."""
    return {f"socket:[{line.split()[6]}]" for line in Path("/proc/net/unix").read_text().splitlines()[1:]}


def test_a_daemon_keeps_nothing_of_its_caller(tmp_path: Path, daemons: list[Daemon]) -> None:
    daemon = Daemon(tmp_path, "-P", str(tmp_path / "pid"))
    daemons.append(daemon)
    for pid in daemon.processes():
        local = unix_sockets()
        links = {int(fd.name): os.readlink(fd) for fd in Path(f"/proc/{pid}/fd").iterdir()}
        assert [links.pop(fd) for fd in range(3)] == ["/dev/null"] * 3
        sockets = [link for link in links.values() if link.startswith("socket:")]
        others = [link for link in links.values() if link not in sockets]
        # A worker has its own one, the master those of both, who asks name servers none; the mailboxes of these four to write to,
        # and one's own to read.
        udp = 2 if pid == daemon.pid else 0 if pid == daemon.processes()[-1] else 1
        assert len([s for s in sockets if s not in local]) == udp
        assert len([s for s in sockets if s in local]) == (8 if pid == daemon.pid else 5)
        # Where the master shows a new program, and whose messages are traced.
        boards = [link for link in others if link == "/memfd:ser-board (deleted)"]
        assert len(boards) == 2
        assert [link for link in others if link not in boards] == ([str(tmp_path / "pid")] if pid == daemon.pid else [])
        assert os.readlink(f"/proc/{pid}/cwd") == "/"


def test_a_worker_that_cannot_start_stops_the_start(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "routes.py").write_text(FAILING_MODULE.format(port=port))
    for extra in (["-D"], []):
        words = ["--routes", str(tmp_path / "routes.py"), "-TE", *extra]
        done = run("runtime.server.main", *words, env=environment(), timeout=60)
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1] == "ser-runtime: the cupboard is bare"
        assert "Traceback" not in done.stderr
        assert eventually(lambda: is_free(port))


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


FAILING_MODULE = """
from runtime.routing.config import Config, Listen
from runtime.routing.module import Module, ModuleError
from runtime.routing.program import Program

class Cupboard(Module):
    def start_worker(self, world):
        raise ModuleError("the cupboard is bare")

PROGRAM = Program(config=Config(listen=(Listen("udp", "127.0.0.1", {port}),)), modules=(Cupboard("cupboard"),))
"""


def test_the_pid_file_comes_and_goes(tmp_path: Path, daemons: list[Daemon]) -> None:
    daemon = Daemon(tmp_path, "-P", str(tmp_path / "pid"), "-G", str(tmp_path / "pgid"))
    daemons.append(daemon)
    assert (tmp_path / "pid").read_text() == f"{daemon.pid}\n"
    assert (tmp_path / "pgid").read_text() == f"{os.getpgid(daemon.pid)}\n"
    daemon.stop()
    assert not (tmp_path / "pid").exists()
    assert not (tmp_path / "pgid").exists()


def test_a_dead_pid_is_overwritten(tmp_path: Path, daemons: list[Daemon]) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    (tmp_path / "pid").write_text(f"{gone.pid}\n")
    daemon = Daemon(tmp_path, "-P", str(tmp_path / "pid"))
    daemons.append(daemon)
    assert daemon.pid not in (0, gone.pid)


def test_a_zombie_is_dead(tmp_path: Path, daemons: list[Daemon]) -> None:
    gone = subprocess.Popen(["true"])
    os.waitid(os.P_PID, gone.pid, os.WEXITED | os.WNOWAIT)
    (tmp_path / "pid").write_text(f"{gone.pid}\n")
    daemon = Daemon(tmp_path, "-P", str(tmp_path / "pid"))
    daemons.append(daemon)
    assert daemon.pid not in (0, gone.pid)
    gone.wait()


def test_what_is_no_pid_file_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "pid").write_text("my diary")
    daemon = Daemon(tmp_path, "-P", str(tmp_path / "pid"))
    assert daemon.launch.returncode == 1
    assert "doesn't contain a valid pid number" in daemon.launch.stderr
    assert (tmp_path / "pid").read_text() == "my diary"


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "pid").symlink_to(tmp_path / "victim")
    daemon = Daemon(tmp_path, "-P", str(tmp_path / "pid"))
    assert daemon.launch.returncode == 1
    assert not (tmp_path / "victim").exists()


def test_another_servers_pid_file_is_not_deleted(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    file = PidFile(str(path), os.getpid(), refuse_living=True)
    path.write_text("1\n")
    file.remove()
    assert path.read_text() == "1\n"


def test_w_is_the_working_directory(tmp_path: Path, daemons: list[Daemon]) -> None:
    (tmp_path / "work").mkdir()
    daemon = Daemon(tmp_path, "-w", str(tmp_path / "work"), "-P", "pid", pid_file=tmp_path / "work" / "pid")
    daemons.append(daemon)
    assert {os.readlink(f"/proc/{pid}/cwd") for pid in daemon.processes()} == {str(tmp_path / "work")}


@needs_root
def test_root_directory_user_and_group_change_for_all(tmp_path: Path, daemons: list[Daemon]) -> None:
    jail = tmp_path / "jail"
    (jail / "run").mkdir(parents=True)
    daemon = Daemon(
        tmp_path,
        "-t",
        str(jail),
        "-w",
        "run",
        "-u",
        "nobody",
        "-g",
        "daemon",
        "-P",
        "pid",
        pid_file=jail / "run" / "pid",
    )
    daemons.append(daemon)
    assert daemon.launch.returncode == 0, daemon.launch.stderr
    uid, gid = str(pwd.getpwnam("nobody").pw_uid), str(grp.getgrnam("daemon").gr_gid)
    for pid in daemon.processes():
        assert os.readlink(f"/proc/{pid}/root") == str(jail)
        assert os.readlink(f"/proc/{pid}/cwd") == str(jail / "run")
        assert daemon.status(pid, "Uid") == [uid] * 4
        assert daemon.status(pid, "Gid") == [gid] * 4
        assert daemon.status(pid, "Groups") == []
    os.kill(daemon.processes()[1], signal.SIGKILL)
    assert eventually(lambda: len(daemon.processes()) == 4)
    daemon.stop()
    # The folder is root's, so the file cannot be removed, but it names nobody any more.
    assert (jail / "run" / "pid").read_text() == ""
    again = Daemon(tmp_path, "-t", str(jail), "-w", "run", "-P", "pid", pid_file=jail / "run" / "pid")
    daemons.append(again)
    assert again.launch.returncode == 0, again.launch.stderr


@needs_root
def test_a_users_name_brings_his_group_and_a_number_does_not() -> None:
    nobody = pwd.getpwnam("nobody")
    assert identity_of("nobody", "") == Identity(nobody.pw_uid, nobody.pw_gid)
    assert identity_of(str(nobody.pw_uid), "") == Identity(nobody.pw_uid, None)
    assert identity_of("nobody", "daemon") == Identity(nobody.pw_uid, grp.getgrnam("daemon").gr_gid)


@needs_root
def test_who_is_that_user_already_keeps_his_groups() -> None:
    """As under a service manager that has changed the user: nothing is left to give up, and he may not leave his groups."""
    nobody, daemon = pwd.getpwnam("nobody"), grp.getgrnam("daemon").gr_gid
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setgroups([daemon])
            os.setgid(nobody.pw_gid)
            os.setuid(nobody.pw_uid)
            become(identity_of("nobody", ""))
            status = 0 if os.getgroups() == [daemon] else 2
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("user, group", [("nosuchuser", ""), ("", "nosuchgroup")])
def test_unknown_users_and_groups_stop_the_start(user: str, group: str) -> None:
    with pytest.raises(StartError, match="nosuch"):
        identity_of(user, group)


def test_a_destination_that_does_not_resolve_stops_the_start(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "routes.py").write_text(
        "from runtime.routing.config import Config, Listen\n"
        "from runtime.routing.destination import Destination\n"
        "from runtime.routing.program import Program\n"
        f"PROGRAM = Program(config=Config(listen=(Listen('udp', '127.0.0.1', {port}),)),\n"
        "                  destinations=(Destination(b'nosuch.invalid', 5060),))\n"
    )
    for extra in (["-D"], []):
        words = ["--routes", str(tmp_path / "routes.py"), "-T", *extra]
        done = run("runtime.server.main", *words, env=environment(), timeout=60)
        assert done.returncode == 1
        assert "nosuch.invalid" in done.stderr.splitlines()[-1]
        assert "Traceback" not in done.stderr


def test_limits_are_set_as_ser_cfg_says(tmp_path: Path, daemons: list[Daemon]) -> None:
    config = "open_files_limit=101, disable_core_dump=True"
    daemon = Daemon(tmp_path, "-P", str(tmp_path / "pid"), config=config, shell="ulimit -Sn 100")
    daemons.append(daemon)
    limits = Path(f"/proc/{daemon.processes()[1]}/limits").read_text().splitlines()
    assert [line.split()[3] for line in limits if line.startswith("Max open files")] == ["101"]
    assert [line.split()[4] for line in limits if line.startswith("Max core file size")] == ["0"]


def test_a_limit_that_cannot_be_raised_stops_the_start(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, config="open_files_limit=2000000000")
    assert daemon.launch.returncode == 1
    # A machine without syslog has a warning before it.
    assert "ser-runtime: open_files_limit: cannot raise the limit" in daemon.launch.stderr
