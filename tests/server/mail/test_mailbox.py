"""Letters between processes, in both ways of reading them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest

from runtime.server.mail.mailbox import (
    ANSWER,
    COMMAND,
    DATAGRAM,
    BatchMailbox,
    Letter,
    Mailbox,
    Mailboxes,
    PlainMailbox,
    Post,
)
from runtime.server.worker.waiting import NativeWaiter, PlainWaiter, Waiter
from runtime.sip.address import Address

NAME = Address.parse("127.0.0.1", 5060).sockaddr
NAME6 = Address.parse("::1", 5060).sockaddr


@pytest.fixture
def boxes() -> Iterator[Mailboxes]:
    made = Mailboxes(3)
    yield made
    made.close()


@pytest.fixture(params=["plain", "batch"])
def native(request: pytest.FixtureRequest) -> ModuleType | None:
    """The extension module for one way, None for the other."""
    return request.getfixturevalue("mmsg") if request.param == "batch" else None


@pytest.fixture
def mailbox(boxes: Mailboxes, native: ModuleType | None) -> Mailbox:
    return PlainMailbox(boxes.readers[1]) if native is None else BatchMailbox(boxes.readers[1], native)


def read(mailbox: Mailbox) -> list[Letter]:
    letters: list[Letter] = []
    mailbox.receive(letters)
    return letters


def as_tuple(letter: Letter) -> tuple[int, int, int, bytes, bytes]:
    return letter.kind, letter.index, letter.number, letter.name, letter.data


def test_letters_arrive_as_they_were_put_and_in_order(boxes: Mailboxes, mailbox: Mailbox) -> None:
    post = Post(boxes.writers)
    sent = [
        (int(DATAGRAM), 0, 0, NAME, b"a datagram"),
        (int(DATAGRAM), 65535, 0, NAME6, b""),
        (int(COMMAND), 7, (1 << 62) + 5, b"", os.urandom(3000)),
        (int(ANSWER), 3, -1, b"", b"200 ok"),
        (int(DATAGRAM), 1, 0, NAME, bytes(65536)),
        (int(DATAGRAM), 1, 0, NAME, b"after the large one"),
    ]
    for kind, index, number, name, data in sent:
        post.put(1, kind, index, number, name, data)
    post.flush()
    assert [as_tuple(letter) for letter in read(mailbox)] == sent
    assert read(mailbox) == []


def test_nothing_leaves_before_flush_nor_to_others(boxes: Mailboxes, mailbox: Mailbox) -> None:
    post = Post(boxes.writers)
    post.put(1, DATAGRAM, 0, 0, NAME, b"x")
    post.put(2, DATAGRAM, 0, 0, NAME, b"y")
    assert read(mailbox) == []
    post.flush()
    assert [letter.data for letter in read(mailbox)] == [b"x"]


def test_a_full_mailbox_drops_and_counts_and_takes_letters_again(boxes: Mailboxes, mailbox: Mailbox) -> None:
    post = Post(boxes.writers)
    sent = 0
    while not post.dropped:
        post.put(1, DATAGRAM, 0, sent, NAME, bytes(60000))
        post.flush()
        sent += 1
        assert sent < 10_000
    arrived = []
    while letters := read(mailbox):
        arrived += [letter.number for letter in letters]
    assert arrived == list(range(sent - 1))
    post.put(1, DATAGRAM, 0, 77, NAME, b"again")
    post.flush()
    assert [letter.number for letter in read(mailbox)] == [77]
    assert post.dropped == 1


def test_another_process_reads_on_where_its_predecessor_died(boxes: Mailboxes) -> None:
    post = Post(boxes.writers)
    for _ in range(2):
        post.put(1, DATAGRAM, 0, 0, NAME, b"x")
        post.flush()

    def read_one_and_die() -> None:
        boxes.keep(1)
        boxes.readers[1].recv(65536)

    _in_a_child(read_one_and_die)
    assert len(read(PlainMailbox(boxes.readers[1]))) == 1


def _in_a_child(what: Callable[[], None]) -> None:
    pid = os.fork()
    if pid == 0:
        try:
            what()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


def test_a_waiter_tells_which_descriptor_is_ready(boxes: Mailboxes, native: ModuleType | None) -> None:
    fds = [reader.fileno() for reader in boxes.readers]
    waiter: Waiter = PlainWaiter(fds) if native is None else NativeWaiter(fds, native)
    assert waiter.wait(0) == 0
    boxes.writers[2].send(b"x")
    assert waiter.wait(-1) == 4
    boxes.writers[0].send(b"x")
    assert waiter.wait(1000) == 5
    boxes.readers[2].recv(10)
    assert waiter.wait(0) == 1
