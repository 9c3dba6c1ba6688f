"""Global parameters of ser.cfg, seen from outside; their precedence over the command line. Reference core, chapter 4 and 1.1.

Those that are not here have a test with the part of the server that they belong to: docs/flags.md lists them.
"""

from __future__ import annotations

import grp
import os
import pwd
import socket
import time
from pathlib import Path

import pytest
from patience import let_pass
from ports import free_port

from server.conftest import OPTIONS, STATEFUL_ROUTES, StartServer, needs_root
from server.control_clients import Controlled

TCP_OPTIONS = OPTIONS.replace(b"UDP", b"TCP").replace(b"\r\n\r\n", b"\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize("config, flags, said", [("debug=4", "-D", True), ("debug=3", "-Dddd", False)])
def test_debug_counts_more_than_d(start: StartServer, config: str, flags: str, said: bool) -> None:
    port = free_port()
    server = start(flags, "-l", f"udp:127.0.0.1:{port}", config=f"log_stderror=True, {config}", bare=True)
    server.ask(port=port)
    assert server.logs("processes serve")
    assert ("DEBUG: receive buffer" in server.log.read_text()) == said


def test_log_stderror_is_e(start: StartServer) -> None:
    port = free_port()
    server = start("-Dd", "-l", f"udp:127.0.0.1:{port}", config="log_stderror=True", bare=True)
    server.ask(port=port)
    assert server.logs("processes serve")


def test_port_is_for_addresses_without_one(start: StartServer) -> None:
    port = free_port()
    server = start("-D", "-T", "-l", "127.0.0.1", config=f"port={port}", bare=True)
    assert server.ask(port=port).split()[1] == b"%d" % port


def test_listen_adds_to_l(start: StartServer) -> None:
    other = free_port("127.0.0.2")
    server = start(config=f"listen=(Listen('udp', '127.0.0.2', {other}),)")
    assert server.ask(host="127.0.0.2", port=other).split()[1] == b"%d" % other
    assert server.ask().split()[1] == b"%d" % server.port


@needs_root
def test_user_group_chroot_and_workdir_count_more_than_their_flags(start: StartServer, tmp_path: Path) -> None:
    """Those of the command line would end the start."""
    (tmp_path / "jail" / "work").mkdir(parents=True)
    config = f"user='nobody', group='daemon', chroot='{tmp_path}/jail', workdir='work'"
    flags = ("-u", "nosuchuser", "-g", "nosuchgroup", "-t", "/nonexistent", "-w", "/nonexistent")
    server = start(*flags, config=config)
    for pid in {server.pid, *server.all_workers(3)}:
        facts = dict(
            line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line
        )
        assert facts["Uid"].split() == [str(pwd.getpwnam("nobody").pw_uid)] * 4
        assert facts["Gid"].split() == [str(grp.getgrnam("daemon").gr_gid)] * 4
        assert os.readlink(f"/proc/{pid}/root") == f"{tmp_path}/jail"
        assert os.readlink(f"/proc/{pid}/cwd") == f"{tmp_path}/jail/work"


def test_fifo_and_unix_sock_count_more_than_i_and_x(start: StartServer, tmp_path: Path) -> None:
    controlled = Controlled(start, tmp_path, "-i", str(tmp_path / "f"), "-x", str(tmp_path / "s"))
    assert controlled.ask("version").startswith("200 ok")
    assert list(tmp_path.glob("[fs]")) == []


def test_unix_tx_timeout_is_the_time_for_an_answer(start: StartServer, tmp_path: Path) -> None:
    controlled = Controlled(start, tmp_path, config="unix_tx_timeout=100")
    fits = int(Path("/proc/sys/net/unix/max_dgram_qlen").read_text())
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(str(tmp_path / "client"))
        for _ in range(fits + 5):
            s.sendto(b":version:\n\n", str(controlled.socket))
        began = time.monotonic()
        assert controlled.server.logs("the client does not read its socket")
        # The default is two seconds.
        assert time.monotonic() - began < 1.5


def test_tcp_connect_timeout(start: StartServer) -> None:
    """A peer who never answers: one whose queue of connections is full."""
    port = free_port()
    with socket.socket() as deaf, socket.socket() as first, socket.socket() as second:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(deaf.getsockname())
        nowhere = deaf.getsockname()[1]
        server = start("-l", f"tcp:127.0.0.1:{port}", config="tcp_connect_timeout=1", routes=STATEFUL_ROUTES)
        began = time.monotonic()
        # The module answers when it hears that the connection could not be made.
        server.ask()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(9)
            s.sendto(OPTIONS.replace(b"call-1", b"nowhere=%d@x" % nowhere), ("127.0.0.1", server.port))
            assert s.recv(100).split()[1] == b"1"
        assert 0.9 < time.monotonic() - began < 8
    assert server.logs(f"to 127.0.0.1:{nowhere}: Connection timed out")


LARGE_ANSWERS = """
from runtime.routing.config import Config, Listen
from runtime.routing.program import Program
from runtime.sip.transport import Send

def route(ctx):
    ctx.sends.append(Send(b"x" * 60000, ctx.source, ctx.socket, ctx.connection))
    return 1

PROGRAM = Program(config=Config({config}), request=route)
"""


def unread_bytes() -> int:
    """How much the kernel takes for a peer that does not read and has a buffer of 4 kB."""
    with socket.socket() as listening, socket.socket() as reader:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect(listening.getsockname())
        writer, _ = listening.accept()
        with writer:
            writer.setblocking(False)
            taken = 0
            try:
                while True:
                    taken += writer.send(bytes(60000))
            except BlockingIOError:
                return taken


@pytest.mark.parametrize("config, is_cut", [("tcp_send_timeout=1", True), ("", False)])
def test_tcp_send_timeout(start: StartServer, config: str, is_cut: bool) -> None:
    """A peer that does not read loses his connection, and what still waited for him."""
    port = free_port()
    # Some 600 kB have to wait in the server.
    answers = unread_bytes() // 60000 + 10
    server = start("-l", f"tcp:127.0.0.1:{port}", config=config, routes=LARGE_ANSWERS)
    server.all_workers(5)
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.settimeout(20)
        s.connect(("127.0.0.1", port))
        s.sendall(TCP_OPTIONS * answers)
        let_pass(2.5, "tcp_send_timeout is a second, and that it does not run is nothing that anybody tells")
        got = 0
        while got < answers * 60000:
            try:
                piece = s.recv(65536)
            except ConnectionResetError:
                break
            if not piece:
                break
            got += len(piece)
    assert (got < answers * 60000) == is_cut
