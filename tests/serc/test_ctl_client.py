"""serctl asks a server, and somebody else may sit at the other end of the FIFO."""

from __future__ import annotations

import fcntl
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from serc.commands.ctl import client
from serc.commands.ctl.client import CannotAsk, FifoChannel, SocketChannel

STRANGER = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")


@contextmanager
def answering(folder: Path, piece: bytes, is_endless: bool) -> Iterator[FifoChannel]:
    """A way to somebody who answers with `piece`, again and again if `is_endless`, and with nothing if `piece` is empty."""
    path = folder / "fifo"
    os.mkfifo(path, 0o600)
    own = os.open(path, os.O_RDWR)

    def serve() -> None:
        asked = b""
        while not asked.endswith(b"\n\n"):
            piece_of_it = os.read(own, 4096)
            if piece_of_it == b"end":
                return
            asked += piece_of_it
        if not piece:
            return
        try:
            with open(folder / asked.split(b":")[2].split(b"\n")[0].decode(), "wb", buffering=0) as pipe:
                pipe.write(piece)
                while is_endless:
                    pipe.write(piece)
        except BrokenPipeError:
            pass  # who asked has gone

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield FifoChannel(str(path), str(folder), 5.0)
    finally:
        os.write(own, b"end")
        thread.join()
        os.close(own)


def test_an_answer_is_taken_whole(tmp_path: Path) -> None:
    with answering(tmp_path, b"200 ok\n" + b"x" * 3_000_000, False) as channel:
        reply = channel.ask("ps")
        assert (reply.code, len(reply.text)) == (200, 3_000_000)


def test_an_answer_without_end_ends_by_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "ANSWER_MAX_BYTES", 1 << 20)
    with answering(tmp_path, bytes(65536), True) as channel, pytest.raises(CannotAsk, match="over 1 MB are no answer"):
        channel.ask("ps")


def test_or_by_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_PATIENCE", 0.01)
    with answering(tmp_path, b"x", True) as channel, pytest.raises(CannotAsk, match="has not ended after 0.05 seconds"):
        channel.ask("ps")
    assert [each.name for each in tmp_path.iterdir()] == ["fifo"]


def test_a_line_without_end_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "LINE_MAX_BYTES", 1 << 20)
    with answering(tmp_path, bytes(65536), True) as channel, pytest.raises(CannotAsk, match="a line of over 1 MB"):
        list(channel.lines("trace", ""))


def test_lines_may_go_on_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "LINE_MAX_BYTES", 1000)
    monkeypatch.setattr(client, "ANSWER_MAX_BYTES", 1000)
    with answering(tmp_path, b"a line\n" * 100, True) as channel:
        lines = channel.lines("trace", "")
        assert {next(lines) for _ in range(100_000)} == {b"a line"}
        lines.close()  # type: ignore[attr-defined]


def test_who_keeps_the_fifo_locked_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    own = os.open(path, os.O_RDWR)
    fcntl.flock(own, fcntl.LOCK_EX)
    with pytest.raises(CannotAsk, match="kept .* locked for 0.1 seconds"):
        FifoChannel(str(path), str(tmp_path), 0.1).ask("ps")
    os.close(own)


# --- whose it is -------------------------------------------------------------------------------------------------------


@pytest.fixture
def open_folder(tmp_path: Path) -> Path:
    """A folder as /tmp, where everybody can be the first to make a FIFO."""
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o1777)
    return folder


def made(path: Path, owner: int) -> int:
    os.mkfifo(path, 0o666)
    os.chown(path, owner, -1)
    return os.open(path, os.O_RDWR | os.O_NONBLOCK)


@as_root
def test_a_strangers_fifo_is_told_nothing(open_folder: Path) -> None:
    own = made(open_folder / "fifo", STRANGER)
    with pytest.raises(CannotAsk, match="it belongs to .*, who is neither root nor you"):
        FifoChannel(str(open_folder / "fifo"), str(open_folder), 0.1).ask("ps")
    with pytest.raises(BlockingIOError):
        os.read(own, 100)
    os.close(own)


@as_root
def test_nor_is_what_his_link_leads_to(open_folder: Path, tmp_path: Path) -> None:
    own = made(tmp_path / "fifo", 0)
    (open_folder / "link").symlink_to(tmp_path / "fifo")
    os.lchown(open_folder / "link", STRANGER, -1)
    with pytest.raises(CannotAsk, match="it belongs to"):
        FifoChannel(str(open_folder / "link"), str(open_folder), 0.1).ask("ps")
    os.close(own)


@as_root
def test_nor_is_his_socket(open_folder: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
        own.bind(str(open_folder / "sock"))
        os.chown(open_folder / "sock", STRANGER, -1)
        with pytest.raises(CannotAsk, match="it belongs to"):
            SocketChannel(str(open_folder / "sock"), 0.1).ask("ps")
        own.setblocking(False)
        with pytest.raises(BlockingIOError):
            own.recv(100)


@as_root
@pytest.mark.parametrize(("owner", "mode"), [(0, 0o1777), (STRANGER, 0o755)])
def test_roots_own_is_asked_and_one_in_a_folder_of_its_own(open_folder: Path, owner: int, mode: int) -> None:
    own = made(open_folder / "fifo", owner)
    open_folder.chmod(mode)
    begun = time.monotonic()
    with pytest.raises(CannotAsk, match="the server does not answer"):
        FifoChannel(str(open_folder / "fifo"), str(open_folder), 0.1).ask("ps")
    assert time.monotonic() - begun >= 0.1
    assert os.read(own, 100).startswith(b":ps:")
    os.close(own)
