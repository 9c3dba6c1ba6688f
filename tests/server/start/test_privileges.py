"""A server that root starts for another user behind another root directory: what its processes keep, and who can reach it."""

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
from typing import Final

import pytest
from patience import eventually
from ports import free_port

from server.conftest import OPTIONS, STATEFUL_ROUTES, alive, environment, needs_root
from server.control_clients import read_all

pytestmark = needs_root

WORKERS: Final = 4
NOBODY: Final = pwd.getpwnam("nobody")


class Jailed:
    """`-u nobody -g GROUP -t JAIL -w / -P /pid -G /pgid -i /fifo -x /socket -n 4`, over UDP and TCP, as a daemon.

    The launcher has every supplementary group and an open file that the server should not get.
    """

    def __init__(self, folder: Path, config: str = "", owner: str = "nobody") -> None:
        self.jail = folder / "jail"
        self.jail.mkdir(exist_ok=True)
        # Everybody may pass through to the jail, in which its owner alone may make files.
        for parent in self.jail.parents:
            if parent.stat().st_mode & 0o005 != 0o005:
                parent.chmod(0o755)
        os.chown(self.jail, pwd.getpwnam(owner).pw_uid, -1)
        self.port = free_port()
        self.routes = folder / "routes.py"
        self.routes.write_text(STATEFUL_ROUTES.format(config=f"fifo_dir='/' {config}"))
        self.gid = grp.getgrgid(NOBODY.pw_gid).gr_gid
        group = grp.getgrgid(self.gid).gr_name
        command = [sys.executable, "-m", "runtime.server.main", "--routes", str(self.routes)]
        command += ["-u", "nobody", "-g", group, "-t", str(self.jail), "-w", "/", "-n", str(WORKERS)]
        command += ["-P", "/pid", "-G", "/pgid", "-i", "/fifo", "-x", "/socket"]
        command += ["-l", f"udp:127.0.0.1:{self.port}", "-l", f"tcp:127.0.0.1:{self.port}"]
        with open("/etc/passwd") as strange:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                env=environment(),
                stdin=subprocess.DEVNULL,
                timeout=20,
                extra_groups=[g.gr_gid for g in grp.getgrall()][:30],
                pass_fds=[strange.fileno()],
            )
        assert done.returncode == 0, done.stderr
        self.pid = int((self.jail / "pid").read_text())

    def ask(self, command: str) -> str:
        """What root hears through the FIFO."""
        pipe = self.jail / "reply"
        os.mkfifo(pipe)
        # The server is not root any more.
        pipe.chmod(0o666)
        fd = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        try:
            (self.jail / "fifo").write_text(f":{command}:reply\n\n")
            return read_all(fd, 5)
        finally:
            os.close(fd)
            pipe.unlink()

    def processes(self) -> dict[int, str]:
        """All of them, with their names."""
        found: dict[int, str] = {}

        def all_are_there() -> bool:
            # One that has just been made is not in the table yet.
            lines = [line.split("\t") for line in self.ask("ps").splitlines()[1:]]
            found.clear()
            found.update({int(pid): what for _, pid, what in lines})
            return set(found) == {self.pid, *self.children()}

        assert eventually(all_are_there), found
        return found

    def children(self) -> set[int]:
        return {int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()}

    def stop(self) -> None:
        if alive(self.pid):
            pids = list(self.processes()) if (self.jail / "fifo").exists() else [self.pid]
            os.kill(self.pid, signal.SIGTERM)
            assert eventually(lambda: not any(alive(pid) for pid in pids))


@pytest.fixture
def started() -> Iterator[list[Jailed]]:
    found: list[Jailed] = []
    yield found
    for server in found:
        server.stop()


def status(pid: int) -> dict[str, list[str]]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: rest.split() for name, _, rest in (line.partition(":") for line in lines)}


def inodes(table: str, port: int) -> set[str]:
    """Of the sockets with that local port, as /proc/PID/fd names them."""
    rows = [line.split() for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
    return {f"socket:[{row[9]}]" for row in rows if int(row[1].rpartition(":")[2], 16) == port}


def test_nobody_keeps_roots_rights(tmp_path: Path, started: list[Jailed]) -> None:
    server = Jailed(tmp_path)
    started.append(server)
    processes = server.processes()
    names = [what.split(" child=")[0] for what in processes.values()]
    assert sorted(names) == sorted(
        ["attendant", "fifo server", "unix domain socket server", "tcp main process", "dns resolver"]
        + ["receiver", "tcp receiver"] * WORKERS
    )
    for pid in processes:
        facts = status(pid)
        assert facts["Uid"] == [str(NOBODY.pw_uid)] * 4
        assert facts["Gid"] == [str(server.gid)] * 4
        assert facts["Groups"] == []
        assert {int(facts[name][0], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {0}
        assert os.readlink(f"/proc/{pid}/root") == os.readlink(f"/proc/{pid}/cwd") == str(server.jail)


def test_each_process_has_the_files_of_its_task_open(tmp_path: Path, started: list[Jailed]) -> None:
    server = Jailed(tmp_path)
    started.append(server)
    udp, tcp = inodes("udp", server.port), inodes("tcp", server.port)
    assert (len(udp), len(tcp)) == (WORKERS, 1)
    # What each may have beside the null device, mailboxes, the board and the doors of TCP, and how many UDP sockets.
    allowed: dict[str, tuple[set[str], int]] = {
        "attendant": ({"/fifo", "/pid", "/pgid", *tcp}, WORKERS),
        "fifo server": ({"/fifo"}, 0),
        "unix domain socket server": (set(), 0),
        "receiver": (set(), 1),
        "tcp receiver": ({"anon_inode:[eventpoll]"}, 1),
        "tcp main process": (tcp, 0),
        "dns resolver": (set(), 0),
    }
    local = {f"socket:[{line.split()[6]}]" for line in Path("/proc/net/unix").read_text().splitlines()[1:]}
    for pid, what in server.processes().items():
        links = [os.readlink(fd) for fd in Path(f"/proc/{pid}/fd").iterdir()]
        assert links.count("/dev/null") == 3
        files, sockets = allowed[what.split(" child=")[0]]
        others = (
            {link.removeprefix(str(server.jail)) for link in links}
            - {"/dev/null", "/memfd:ser-board (deleted)"}
            - local
        )
        assert others - udp == files, what
        assert len(others & udp) == sockets, what


def can_reach(path: Path, user: str, groups: list[int]) -> bool:
    """Whether somebody of these groups may write to it."""
    done = subprocess.run(["test", "-w", path], user=user, group=groups[0], extra_groups=groups[1:])
    return done.returncode == 0


def test_fifo_and_socket_are_for_whom_ser_cfg_says(tmp_path: Path, started: list[Jailed]) -> None:
    """By default for root alone, also where the server runs as another user: as in SER."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    nogroup, daemon = NOBODY.pw_gid, grp.getgrnam("daemon").gr_gid
    usual = Jailed(tmp_path / "a")
    started.append(usual)
    shared = Jailed(tmp_path / "b", ", sock_user='nobody', sock_group='daemon'")
    started.append(shared)
    for name in ("fifo", "socket"):
        assert not can_reach(usual.jail / name, "nobody", [nogroup])
        # It is made first, and then given to them.
        assert eventually(lambda: can_reach(shared.jail / name, "nobody", [nogroup]))
        assert can_reach(shared.jail / name, "bin", [nogroup, daemon])
        assert not can_reach(shared.jail / name, "bin", [nogroup])
    assert usual.ask("version").startswith("200 ok")
    assert shared.ask("version").startswith("200 ok")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        # An abstract address, which means the same inside and outside of the jail (unix(7)).
        s.bind(f"\0{usual.jail}")
        s.settimeout(20)
        s.sendto(b":version:\n\n", str(usual.jail / "socket"))
        assert s.recv(1000).startswith(b"200 OK")


def serves(server: Jailed) -> bool:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as u,
        socket.create_connection(("127.0.0.1", server.port), 5) as t,
    ):
        u.settimeout(20)
        u.sendto(OPTIONS, ("127.0.0.1", server.port))
        t.sendall(OPTIONS.replace(b"UDP", b"TCP").replace(b"\r\n\r\n", b"\r\nContent-Length: 0\r\n\r\n"))
        return b" 1 1" in u.recv(100) and b" 2 1" in t.recv(100)


def test_it_leaves_nothing_where_its_user_may_clean_up(tmp_path: Path, started: list[Jailed]) -> None:
    server = Jailed(tmp_path)
    started.append(server)
    assert serves(server)
    assert sorted(os.listdir(server.jail)) == ["fifo", "pgid", "pid", "socket"]
    server.stop()
    assert os.listdir(server.jail) == []


def test_where_he_may_not_the_next_start_does(tmp_path: Path, started: list[Jailed]) -> None:
    first = Jailed(tmp_path, owner="root")
    started.append(first)
    first.stop()
    assert sorted(os.listdir(first.jail)) == ["fifo", "pgid", "pid", "socket"]
    assert (first.jail / "pid").read_text() == (first.jail / "pgid").read_text() == ""
    second = Jailed(tmp_path, owner="root")
    started.append(second)
    assert serves(second)
    assert second.ask("version").startswith("200 ok")


def test_serctl_reaches_it_from_outside_of_its_root(tmp_path: Path, started: list[Jailed]) -> None:
    server = Jailed(tmp_path)
    started.append(server)
    for way in (["--socket", str(server.jail / "socket")], ["--fifo", str(server.jail / "fifo")]):
        done = subprocess.run(
            [sys.executable, "-m", "serc.commands.serctl", *way, "ps"],
            capture_output=True,
            text=True,
            env={**environment(), "SER_FIFO_DIR": str(server.jail)},
            timeout=20,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert "attendant" in done.stdout


def test_nothing_outlives_the_master(tmp_path: Path, started: list[Jailed]) -> None:
    """A change of the user takes back what was asked of the kernel before (prctl(2)); also of one that came later."""
    server = Jailed(tmp_path)
    started.append(server)
    before = server.processes()
    killed = next(pid for pid, what in before.items() if what.startswith("receiver"))
    os.kill(killed, signal.SIGKILL)
    assert eventually(lambda: killed not in server.children() and len(server.children()) == len(before) - 1)
    pids = server.processes()
    assert {status(pid)["Uid"][0] for pid in pids} == {str(NOBODY.pw_uid)}
    os.kill(server.pid, signal.SIGKILL)
    assert eventually(lambda: not any(alive(pid) for pid in pids))
