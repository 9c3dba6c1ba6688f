"""Answers to clients who read late, slowly or never. Reference core, 7.3."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.server.control.delivery import PATIENCE_MS, CannotDeliver, Deliveries, PipeDelivery, ReplyRules

# More than a pipe takes.
LONG = b"x" * 200_000


class Pipes:
    """A folder of reply pipes and those who are to be answered there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rules = ReplyRules(f"{folder}/", None)
        self._open: list[int] = []
        self.poll = select.poll()
        self.deliveries = Deliveries(self.poll, 3, len(LONG))

    def client(self, name: str) -> int:
        """A new pipe, open for reading."""
        os.mkfifo(self._folder / name)
        fd = os.open(self._folder / name, os.O_RDONLY | os.O_NONBLOCK)
        self._open.append(fd)
        return fd

    def answer(self, name: str, text: bytes, now_ms: int = 0) -> None:
        self.deliveries.start(PipeDelivery(self._rules, name.encode(), text, now_ms), now_ms)

    def close(self) -> None:
        for fd in self._open:
            os.close(fd)


@pytest.fixture
def pipes(tmp_path: Path) -> Iterator[Pipes]:
    pipes = Pipes(tmp_path)
    yield pipes
    pipes.close()


def test_a_long_answer_goes_on_whenever_its_client_has_read(pipes: Pipes) -> None:
    fd = pipes.client("a")
    pipes.answer("a", LONG)
    read = b""
    while pipes.deliveries.next_ms() is not None:
        read += os.read(fd, 50_000)
        writable = {descriptor for descriptor, _ in pipes.poll.poll(0)}
        assert pipes.deliveries.go_on(writable, 1) == []
    read += os.read(fd, len(LONG))
    assert read == LONG
    assert os.read(fd, 1) == b""
    assert pipes.poll.poll(0) == []


def test_who_does_not_read_is_given_up(pipes: Pipes) -> None:
    pipes.client("a")
    pipes.answer("a", LONG)
    assert pipes.deliveries.next_ms() == PATIENCE_MS
    assert pipes.deliveries.go_on(set(), PATIENCE_MS - 1) == []
    (failure,) = pipes.deliveries.go_on(set(), PATIENCE_MS)
    assert "did not read" in str(failure)
    assert pipes.deliveries.next_ms() is None


def test_who_opens_his_pipe_late_is_tried_again(pipes: Pipes, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a")
    pipes.answer("a", b"text")
    for time_ms in (80, 160):
        assert pipes.deliveries.next_ms() == time_ms
        assert pipes.deliveries.go_on(set(), time_ms) == []
    (failure,) = pipes.deliveries.go_on(set(), 240)
    assert "no client reads it" in str(failure)


def test_those_who_do_not_read_cannot_fill_the_memory_nor_keep_others_from_their_answers(pipes: Pipes) -> None:
    for name in "abcd":
        pipes.client(name)
    pipes.answer("a", LONG)
    pipes.answer("b", LONG)
    with pytest.raises(CannotDeliver, match="2 clients already do not read their answers"):
        pipes.answer("c", LONG)
    fd = pipes.client("reads")
    pipes.answer("reads", b"at once")
    assert os.read(fd, 100) == b"at once"


def test_only_so_many_wait_for_a_client(pipes: Pipes, tmp_path: Path) -> None:
    for name in "abcd":
        os.mkfifo(tmp_path / name)
    for name in "abc":
        pipes.answer(name, b"")
    with pytest.raises(CannotDeliver, match="3 clients already"):
        pipes.answer("d", b"")
    before = len(os.listdir("/proc/self/fd"))
    assert len(pipes.deliveries.go_on(set(), 80)) == 0
    assert len(os.listdir("/proc/self/fd")) == before
