"""Who is told line after line: nobody waits for him, and he hears what he has missed."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from runtime.server.control.delivery import ReplyRules
from runtime.server.control.feeding import QUEUE_MAX_BYTES, SILENCE_MS, Feed, PipeFeed, SocketFeed

LINE = b"x" * 999 + b"\n"


class Reader:
    """The client of a feed, over a FIFO or a Unix socket."""

    def __init__(self, folder: Path, by_fifo: bool) -> None:
        self._own: socket.socket | None = None
        self._fd = -1
        if by_fifo:
            os.mkfifo(folder / "reply")
            self._fd = os.open(folder / "reply", os.O_RDONLY | os.O_NONBLOCK)
            self.feed: Feed = PipeFeed(ReplyRules(f"{folder}/", None), b"reply", 0)
        else:
            self._own, theirs = socket.socketpair()
            self._own.setblocking(False)
            self.feed = SocketFeed(theirs, 0)

    def read(self) -> bytes:
        try:
            return os.read(self._fd, 1 << 20) if self._own is None else self._own.recv(1 << 20)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        if self._own is None:
            os.close(self._fd)
        else:
            self._own.close()


@pytest.fixture(params=["fifo", "socket"])
def reader(request: pytest.FixtureRequest, tmp_path: Path) -> Reader:
    return Reader(tmp_path, request.param == "fifo")


def test_lines_come_whole_and_in_their_order(reader: Reader) -> None:
    lines = [b"%d " % n + LINE for n in range(500)]
    for line in lines:
        reader.feed.put(line)
    heard = b""
    for now_ms in range(1000):
        reader.feed.go_on(now_ms)
        heard += reader.read()
    assert heard == b"".join(lines) and not reader.feed.has_more()


def test_who_stops_reading_fills_no_memory_and_hears_how_much_he_has_lost(reader: Reader) -> None:
    heard = b""
    for number in range(5000):
        reader.feed.put(b"%d " % number + LINE)
        reader.feed.go_on(1)
    assert reader.feed.take_lost() == 0, "there is no room to tell it"
    while True:
        piece = reader.read()
        heard += piece
        reader.feed.go_on(2)
        if not piece and not reader.feed.has_more():
            break
    got = heard.count(b"\n")
    assert got * len(LINE) <= 2 * QUEUE_MAX_BYTES
    assert got + reader.feed.take_lost() == 5000
    assert not reader.feed.is_over


def test_who_reads_nothing_for_long_is_let_go(reader: Reader) -> None:
    for _ in range(2000):
        reader.feed.put(LINE)
    reader.feed.go_on(1)
    reader.feed.go_on(SILENCE_MS)
    assert not reader.feed.is_over
    reader.feed.go_on(SILENCE_MS + 2)
    assert reader.feed.is_over


def test_who_has_gone_is_found_out(reader: Reader) -> None:
    reader.feed.put(LINE)
    reader.feed.go_on(1)
    reader.close()
    reader.feed.put(LINE)
    reader.feed.go_on(2)
    assert reader.feed.is_over and not reader.feed.has_more()
