"""Letters between processes, in both ways of reading them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest

from runtime.server.mail.mailbox import LETTER_BYTES, BatchMailbox, Letter, Mailbox, Mailboxes, PlainMailbox, Post
from runtime.server.worker.waiting import NativeWaiter, PlainWaiter, Waiter


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


def put(post: Post, to: int, kind: int, body: bytes) -> None:
    post.begin(to, kind, len(body)).write(body)


def body(letter: Letter) -> bytes:
    return letter.packet[letter.at : letter.end]


def test_letters_arrive_as_they_were_put_and_in_order(boxes: Mailboxes, mailbox: Mailbox) -> None:
    post = Post(boxes.writers)
    sent = [
        (1, b"a letter"),
        (31, b""),
        (2, os.urandom(3000)),
        (3, bytes(LETTER_BYTES)),
        (1, b"after the large one"),
    ]
    for kind, text in sent:
        put(post, 1, kind, text)
    post.flush()
    assert [(letter.kind, body(letter)) for letter in read(mailbox)] == sent
    assert read(mailbox) == []


def test_nothing_leaves_before_flush_nor_to_others(boxes: Mailboxes, mailbox: Mailbox) -> None:
    post = Post(boxes.writers)
    put(post, 1, 1, b"x")
    put(post, 2, 1, b"y")
    assert read(mailbox) == []
    post.flush()
    assert [body(letter) for letter in read(mailbox)] == [b"x"]


def test_a_full_mailbox_drops_and_counts_and_takes_letters_again(boxes: Mailboxes, mailbox: Mailbox) -> None:
    post = Post(boxes.writers)
    sent = 0
    while not post.dropped:
        put(post, 1, 1, sent.to_bytes(4, "big") + bytes(60000))
        post.flush()
        sent += 1
        assert sent < 10_000
    arrived = []
    while letters := read(mailbox):
        arrived += [int.from_bytes(body(letter)[:4], "big") for letter in letters]
    assert arrived == list(range(sent - 1))
    put(post, 1, 1, b"again")
    post.flush()
    assert [body(letter) for letter in read(mailbox)] == [b"again"]
    assert post.dropped == 1


def test_lost_letters_of_the_kind_that_is_wanted_back_come_back(boxes: Mailboxes, mailbox: Mailbox) -> None:
    post = Post(boxes.writers)
    post.gives_back = 2
    while not post.dropped:
        for kind, text in ((1, b"other"), (2, b"wanted"), (2, b"this too"), (3, b"other")):
            put(post, 1, kind, text + bytes(5000))
        post.flush()
    assert [body(letter).rstrip(b"\0") for letter in post.returned] == [b"wanted", b"this too"]


def test_another_process_reads_on_where_its_predecessor_died(boxes: Mailboxes) -> None:
    post = Post(boxes.writers)
    for _ in range(2):
        put(post, 1, 1, b"x")
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


def test_a_letter_that_nobody_could_read_whole_is_lost_and_no_other_is(boxes: Mailboxes, mailbox: Mailbox) -> None:
    post = Post(boxes.writers)
    post.gives_back = 2
    put(post, 1, 1, b"before")
    put(post, 1, 2, bytes(LETTER_BYTES + 1))
    put(post, 1, 3, b"behind")
    post.flush()
    assert [body(letter) for letter in read(mailbox)] == [b"before", b"behind"]
    assert post.dropped == 1
    assert [(letter.kind, len(body(letter))) for letter in post.returned] == [(2, LETTER_BYTES + 1)]
