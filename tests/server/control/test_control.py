"""FIFO and Unix socket from outside: commands, file modes, hostile clients. Reference core, chapter 7."""

from __future__ import annotations

import grp
import os
import pwd
import signal
import socket
import stat
import threading
import time
from pathlib import Path

import pytest
from patience import eventually, let_pass
from ports import free_port

from runtime.routing.world import SERVER
from server.conftest import StartServer, alive, needs_root
from server.control_clients import Controlled, read_all


@pytest.fixture
def controlled(start: StartServer, tmp_path: Path) -> Controlled:
    return Controlled(start, tmp_path)


# --- commands ------------------------------------------------------------------------------------------------------


def test_core_commands_answer_in_sers_words(controlled: Controlled) -> None:
    assert controlled.ask("version") == f"200 ok\nServer: {SERVER.decode()}\r\n"
    assert controlled.ask("print", "hello world") == "200 ok\nhello world\n"
    assert controlled.ask("print", "x" * 255) == "500 print_fifo_cmd: too big text"
    assert controlled.ask("which").split("\n", 1) == ["200 ok", "kill\nps\nwhich\narg\npwd\nversion\nuptime\nprint\n"]
    assert controlled.ask("pwd") == f"200 ok\n{controlled.server.folder}\n"
    assert controlled.ask("arg").splitlines()[:3] == ["200 ok", "ser-runtime", "--routes"]
    assert controlled.ask("UpTime").splitlines()[0] == "200 ok"
    assert controlled.ask("nosuch") == "500 command 'nosuch' not available\n"


def test_the_socket_has_its_own_spelling(controlled: Controlled) -> None:
    assert controlled.ask_socket(":version:\n\n") == f"200 OK\nServer: {SERVER.decode()}\r\n"
    assert controlled.ask_socket(":print:\nhello\n\n") == "200 OK\nhello\n"
    assert controlled.ask_socket(":which:\n") == "200 OK\nkill\narg\npwd\nps\nwhich\nuptime\nversion\nprint\n"
    assert controlled.ask_socket(":nosuch:\n") == "500 Command nosuch not found\n"
    assert controlled.ask_socket("nosuch\n") == "400 First line malformed\n"
    assert controlled.ask_socket("") == "400 First line malformed\n"


def test_uptime_counts_from_the_start(controlled: Controlled) -> None:
    lines = controlled.ask("uptime").splitlines()
    assert [line.partition(":")[0] for line in lines] == ["200 ok", "Now", "Up Since", "Up time"]
    since = time.mktime(time.strptime(lines[2], "Up Since: %a %b %d %H:%M:%S %Y"))
    assert abs(since - time.time()) < 10
    assert int(lines[3].split()[2]) < 10


def test_ps_names_the_processes_as_ser_does(controlled: Controlled) -> None:
    at = f"127.0.0.1:{controlled.server.port}"
    controlled.server.all_workers(4)
    assert [what for _, _, what in controlled.ps()] == [
        "attendant",
        "fifo server",
        "unix domain socket server",
        f"receiver child=0 sock= {at}",
        f"receiver child=1 sock= {at}",
        "dns resolver",
    ]
    assert controlled.ps()[0][1] == str(controlled.server.pid)
    assert {int(pid) for _, pid, _ in controlled.ps()[1:-1]} == controlled.server.workers()
    assert controlled.ps()[-1][1] == str(controlled.server.name_service())
    assert controlled.ask_socket(":ps:\n").partition("\n")[2] == controlled.ask("ps").partition("\n")[2]


@pytest.mark.parametrize("which", ["receiver child=0", "fifo server", "unix domain socket server", "dns resolver"])
def test_ps_shows_the_process_that_replaced_a_dead_one(controlled: Controlled, which: str) -> None:
    controlled.server.all_workers(4)
    killed = controlled.pid_of(which)
    os.kill(killed, signal.SIGKILL)
    assert eventually(lambda: controlled.pid_of(which) not in (0, killed))
    assert alive(controlled.pid_of(which))
    assert controlled.ask_socket(":version:\n").startswith("200 OK")


def test_several_processes_can_serve_the_socket(start: StartServer, tmp_path: Path) -> None:
    controlled = Controlled(start, tmp_path, config="unix_sock_children=3")
    assert [what for _, _, what in controlled.ps()].count("unix domain socket server") == 3
    assert all(controlled.ask_socket(":print:\nx\n") == "200 OK\nx\n" for _ in range(10))


@pytest.mark.parametrize("by_fifo", [True, False])
def test_kill_ends_the_server_and_leaves_nothing(controlled: Controlled, by_fifo: bool) -> None:
    controlled.server.all_workers(4)
    workers = controlled.server.workers()
    answer = controlled.ask("kill") if by_fifo else controlled.ask_socket(":kill:\n")
    assert answer == ("200 killing now..." if by_fifo else "200 Killing now\n")
    assert controlled.server.wait() == 0
    assert not controlled.fifo.exists() and not controlled.socket.exists()
    assert not any(alive(pid) for pid in workers)


def test_who_wants_no_answer_gets_none(controlled: Controlled) -> None:
    controlled.write(b":version:\n\n:kill:\n\n:nosuch:\n\n")
    assert controlled.ask("version").startswith("200 ok")


def test_a_single_process_has_control_processes_too(start: StartServer, tmp_path: Path) -> None:
    controlled = Controlled(start, tmp_path, config="fork=False")
    controlled.server.ask()
    assert [what for _, _, what in controlled.ps()] == [
        f"stand-alone receiver @ 127.0.0.1:{controlled.server.port}",
        "fifo server",
        "unix domain socket server",
        "dns resolver",
    ]
    os.kill(controlled.pid_of("unix"), signal.SIGKILL)
    assert eventually(lambda: alive(controlled.pid_of("unix")))
    assert controlled.ask("kill").startswith("200")
    assert controlled.server.wait() == 0
    assert not controlled.fifo.exists()


# --- flags and files -----------------------------------------------------------------------------------------------


def test_i_and_x_make_fifo_and_socket(start: StartServer, tmp_path: Path) -> None:
    server = start("-i", str(tmp_path / "f"), "-x", str(tmp_path / "s"))
    server.ask()
    assert stat.S_ISFIFO((tmp_path / "f").stat().st_mode)
    assert stat.S_ISSOCK((tmp_path / "s").stat().st_mode)
    assert server.stop() == 0
    assert not (tmp_path / "f").exists() and not (tmp_path / "s").exists()


def test_the_mode_is_exactly_sock_mode(start: StartServer, tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        usual = Controlled(start, tmp_path)
        other = Controlled(start, tmp_path, config="sock_mode=0o622")
    finally:
        os.umask(old)
    for controlled, mode in ((usual, 0o660), (other, 0o622)):
        # It is made first, and then its mode.
        assert eventually(lambda: stat.S_IMODE(controlled.fifo.stat().st_mode) == mode)
        assert eventually(lambda: stat.S_IMODE(controlled.socket.stat().st_mode) == mode)


@needs_root
def test_the_files_go_to_whom_ser_cfg_names(start: StartServer, tmp_path: Path) -> None:
    controlled = Controlled(start, tmp_path, config="sock_user='nobody', sock_group='daemon'")
    nobody, daemon = pwd.getpwnam("nobody").pw_uid, grp.getgrnam("daemon").gr_gid
    for file in (controlled.fifo, controlled.socket):
        # It is made first, and then given away.
        assert eventually(lambda: (file.stat().st_uid, file.stat().st_gid) == (nobody, daemon))


def test_what_an_earlier_server_left_is_replaced(start: StartServer, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "f")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(str(tmp_path / "s"))
    start("-i", str(tmp_path / "f"), "-x", str(tmp_path / "s")).ask()


def test_what_is_no_fifo_or_a_running_servers_stays(start: StartServer, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("precious")
    server = start("-i", str(tmp_path / "f"))
    assert server.wait() == 1
    assert f"cannot make the FIFO {tmp_path}/f: something else is there" in server.log.read_text()
    assert (tmp_path / "f").read_text() == "precious"
    first = start("-i", str(tmp_path / "g"), "-x", str(tmp_path / "s"))
    first.ask()
    for arguments in (("-i", str(tmp_path / "g")), ("-x", str(tmp_path / "s"))):
        second = start(*arguments)
        assert second.wait() == 1
        assert "a running server has it" in second.log.read_text()
    assert first.stop() == 0


def test_a_start_that_fails_leaves_no_files(start: StartServer, tmp_path: Path) -> None:
    server = start("-i", str(tmp_path / "f"), "-x", str(tmp_path / "s"), "-P", "/nonexistent/pid")
    assert server.wait() == 1
    assert list(tmp_path.glob("[fs]")) == []


def test_m_bounds_the_shared_memory(tmp_path: Path, start: StartServer) -> None:
    def shared_bytes(*arguments: str) -> int:
        server = start(*arguments, routes=WANTS_MEMORY)
        server.ask()
        lines = Path(f"/proc/{server.pid}/maps").read_text().splitlines()
        ends = [line.split()[0].split("-") for line in lines if "rw-s" in line and "/dev/zero" in line]
        return sum(int(end, 16) - int(begin, 16) for begin, end in ends)

    assert 8 << 20 <= shared_bytes() < 9 << 20
    assert 2 << 20 <= shared_bytes("-m", "2") < (2 << 20) + 65536
    short = start("-m", "2", config="memlog=1", routes=WANTS_MEMORY)
    short.ask()
    assert short.logs("processes serve")
    assert "WARNING: -m 2: greedy asked for 8388608 bytes of shared memory and got 2097152" in short.log.read_text()
    assert short.stop() == 0
    assert "memory: shared: used=2097152 limit=2097152 shortages=1" in short.log.read_text()
    server = start("-m", "1", routes=WANTS_MEMORY)
    assert server.wait() == 1
    assert "-m 1: greedy needs 1500000 bytes of shared memory, 1048576 are left" in server.log.read_text()


WANTS_MEMORY = """
from runtime.routing.config import Config
from runtime.routing.module import Module
from runtime.routing.program import Program
from runtime.sip.transport import Send

class Greedy(Module):
    def bind(self, world):
        self.memory = world.shared.take(8 << 20, "greedy", 1500000)

def route(ctx):
    ctx.sends.append(Send(b"here", ctx.source, ctx.socket))
    return 1

PROGRAM = Program(config=Config({config}), modules=(Greedy("greedy"),), request=route)
"""


# --- hostile clients -----------------------------------------------------------------------------------------------


def test_an_answer_goes_only_into_a_pipe_of_the_clients(controlled: Controlled) -> None:
    folder = controlled.folder
    (folder / "file").write_text("precious")
    os.mkfifo(folder / "elsewhere")
    (folder / "link").symlink_to(folder / "elsewhere")
    os.mkfifo(folder / "twice")
    os.link(folder / "twice", folder / "again")
    readers = [os.open(folder / name, os.O_RDONLY | os.O_NONBLOCK) for name in ("elsewhere", "twice")]
    for name in ("file", "link", "twice", "missing", "a" * 300, "socket"):
        controlled.write(f":version:{name}\n\n".encode())
    assert controlled.ask("version").startswith("200 ok")
    assert (folder / "file").read_text() == "precious"
    assert [read_all(fd, 0.2) for fd in readers] == ["", ""]
    for fd in readers:
        os.close(fd)
    for reason in ("is no FIFO", "has other names as well", "No such file", "too long"):
        assert controlled.server.logs(reason)


@needs_root
def test_an_answer_does_not_go_to_who_may_not_ask(controlled: Controlled) -> None:
    name = controlled.pipe()
    os.chown(controlled.folder / name, 12345, 12345)
    fd = os.open(controlled.folder / name, os.O_RDONLY | os.O_NONBLOCK)
    controlled.write(f":version:{name}\n\n".encode())
    assert read_all(fd, 0.3) == ""
    os.close(fd)
    assert controlled.server.logs("belongs to user 12345, who may not use the FIFO")


def test_who_is_late_to_read_gets_his_answer_all_the_same(controlled: Controlled) -> None:
    name = controlled.pipe()
    controlled.write(f":version:{name}\n\n".encode())
    let_pass(0.1, "the server finds nobody who reads")
    fd = os.open(controlled.folder / name, os.O_RDONLY | os.O_NONBLOCK)
    assert read_all(fd, 1).startswith("200 ok")
    os.close(fd)


def test_who_never_reads_costs_nobody_else_anything(controlled: Controlled) -> None:
    full = controlled.pipe()
    keep = os.open(controlled.folder / full, os.O_RDWR | os.O_NONBLOCK)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(keep, bytes(65536))
    silent = controlled.pipe()
    # More than the server lets wait.
    for _ in range(300):
        controlled.write(f":version:{full}\n\n:version:{silent}\n\n".encode())
    began = time.monotonic()
    assert controlled.ask("version").startswith("200 ok")
    assert time.monotonic() - began < 20
    os.close(keep)


def test_garbage_in_the_fifo_costs_nobody_else_anything(controlled: Controlled) -> None:
    for garbage in (
        os.urandom(5000) + b"\n\n",
        b"x" * 1_000_000 + b"\n",
        b":version:nosuchpipe\n",
        b":nosuch:nosuchpipe\n",
        b":::::\n",
        b":version\n",
        b"\0" * 600 + b"\n",
    ):
        controlled.write(garbage)
        assert controlled.ask("print", "alive") == "200 ok\nalive\n"


def test_a_request_without_an_end_ends_by_itself(controlled: Controlled) -> None:
    name = controlled.pipe()
    fd = os.open(controlled.folder / name, os.O_RDONLY | os.O_NONBLOCK)
    controlled.write(f":print:{name}\n".encode())
    assert read_all(fd, 3) == "200 ok\n\n"
    os.close(fd)


def test_clients_at_once_all_get_their_own_answer(controlled: Controlled) -> None:
    wrong: list[str] = []

    def client(number: int) -> None:
        for i in range(25):
            text = f"{number} {i}"
            for answer in (controlled.ask("print", text), controlled.ask_socket(f":print:\n{text}\n\n")):
                if answer.lower() != f"200 ok\n{text}\n":
                    wrong.append(answer)

    threads = [threading.Thread(target=client, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert wrong == []


def test_control_processes_keep_no_socket_of_the_workers(controlled: Controlled) -> None:
    controlled.server.all_workers(4)
    inodes = set()
    for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].rpartition(":")[2], 16) == controlled.server.port:
            inodes.add(f"socket:[{fields[9]}]")
    assert len(inodes) == 2

    def links(pid: int) -> set[str]:
        return {os.readlink(fd) for fd in Path(f"/proc/{pid}/fd").iterdir()}

    assert not links(controlled.pid_of("fifo")) & inodes
    assert not links(controlled.pid_of("unix")) & inodes
    receiver = links(controlled.pid_of("receiver"))
    assert receiver & inodes and str(controlled.fifo) not in receiver


def test_an_unused_port_is_all_that_a_failed_start_needed(start: StartServer, tmp_path: Path) -> None:
    port = free_port()
    assert start("-i", "/nonexistent/f", "-l", f"udp:127.0.0.1:{port}").wait() == 1
    start("-l", f"udp:127.0.0.1:{port}").ask(port=port)
