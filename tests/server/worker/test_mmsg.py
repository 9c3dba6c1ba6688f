"""The extension with system calls by itself: what it makes of wrong arguments, full sockets and readers that fail."""

from __future__ import annotations

import errno
import gc
import socket
import sys
import threading
import weakref
from types import ModuleType
from typing import Any

import pytest

from runtime.sip.address import Address
from server.worker.test_datagrams import bound

SLOTS = 4
SIZE = 2000


class Book:
    """Who learns sources, and what it was told."""

    def __init__(self) -> None:
        self.known: dict[int, str] = {}
        self.told: list[tuple[int, bytes]] = []
        self.fails = False

    def learn(self, number: int, name: bytes) -> str:
        if self.fails:
            raise MemoryError
        self.told.append((number, name))
        source = f"source {len(self.told)}"
        if number:
            self.known[number] = source
        return source


class Inbox:
    """A socket that is read."""

    def __init__(self, mmsg: ModuleType, host: str = "127.0.0.1") -> None:
        self.socket = bound(host)
        self.book = Book()
        self.data = [b""] * SLOTS
        self.sources: list[Any] = [None] * SLOTS
        self.reader = mmsg.Reader(
            self.socket.fileno(), SLOTS, SIZE, self.data, self.sources, self.book.known, self.book.learn
        )

    def say(self, client: socket.socket, text: bytes) -> None:
        client.sendto(text, self.socket.getsockname())


def name_of(s: socket.socket) -> bytes:
    host, port = s.getsockname()[:2]
    return Address.parse(host, port).sockaddr


def test_a_source_is_learned_once(mmsg: ModuleType) -> None:
    inbox, near, far = Inbox(mmsg), bound("127.0.0.1"), bound("127.0.0.1")
    for client, text in ((near, b"1"), (near, b"2"), (far, b"3"), (near, b"4"), (far, b"5")):
        inbox.say(client, text)
    assert inbox.reader.read_now() == SLOTS
    assert inbox.data == [b"1", b"2", b"3", b"4"]
    assert inbox.sources == ["source 1", "source 1", "source 2", "source 1"]
    assert [name for _, name in inbox.book.told] == [name_of(near), name_of(far)]
    assert inbox.reader.read_now() == 1
    assert (inbox.data[0], inbox.sources[0]) == (b"5", "source 2")
    assert inbox.reader.read_now() == -errno.EAGAIN


def test_what_fails_to_be_learned_is_not_taken_for_somebody_else(mmsg: ModuleType) -> None:
    inbox, near, far = Inbox(mmsg), bound("127.0.0.1"), bound("127.0.0.1")
    inbox.say(near, b"1")
    assert inbox.reader.read_now() == 1
    inbox.book.fails = True
    inbox.say(far, b"2")
    with pytest.raises(MemoryError):
        inbox.reader.read_now()
    inbox.book.fails = False
    inbox.say(far, b"3")
    assert inbox.reader.read_now() == 1
    assert (inbox.data[0], inbox.sources[0]) == (b"3", "source 2")
    assert inbox.book.told[-1][1] == name_of(far)


def test_a_number_that_is_forgotten_is_learned_again(mmsg: ModuleType) -> None:
    inbox, near, far = Inbox(mmsg), bound("127.0.0.1"), bound("127.0.0.1")
    for client in (near, far):
        inbox.say(client, b"x")
        inbox.reader.read_now()
    inbox.book.known.clear()
    inbox.say(near, b"x")
    assert inbox.reader.read_now() == 1
    assert inbox.sources[0] == "source 3"


def test_over_ipv6_each_source_is_asked_for(mmsg: ModuleType) -> None:
    try:
        inbox, client = Inbox(mmsg, "::1"), bound("::1")
    except OSError:
        pytest.skip("no ::1 here")
    for _ in range(2):
        inbox.say(client, b"x")
        assert inbox.reader.read_now() == 1
    assert inbox.book.told == [(0, name_of(client))] * 2


def test_a_datagram_that_is_too_long_for_its_slot_is_cut_off(mmsg: ModuleType) -> None:
    inbox, client = Inbox(mmsg), bound("127.0.0.1")
    inbox.say(client, b"x" * (SIZE + 1))
    inbox.say(client, b"next")
    assert inbox.reader.read_now() == 2
    assert inbox.data[:2] == [b"x" * SIZE, b"next"]


def test_a_read_that_waits_lets_other_threads_run(mmsg: ModuleType) -> None:
    inbox, client = Inbox(mmsg), bound("127.0.0.1")
    inbox.socket.settimeout(None)
    speaker = threading.Thread(target=inbox.say, args=(client, b"x"))
    speaker.start()
    assert inbox.reader.read() == 1
    speaker.join()


def test_a_poll_that_waits_lets_other_threads_run(mmsg: ModuleType) -> None:
    inbox, client = Inbox(mmsg), bound("127.0.0.1")
    poller = mmsg.Poller([inbox.socket.fileno()])
    assert poller.wait(0) == 0
    speaker = threading.Thread(target=inbox.say, args=(client, b"x"))
    speaker.start()
    assert poller.wait_and_read(inbox.reader, 10_000) == 1 | 1 << 4
    speaker.join()


def test_each_failure_is_told_with_its_place(mmsg: ModuleType) -> None:
    sender, receiver = bound("127.0.0.1"), bound("127.0.0.1")
    near, other = name_of(receiver), Address.parse("::1", 5060).sockaddr
    texts = [b"1", b"x" * 70_000, b"3", b"4", b"5"]
    failed = mmsg.send_many(sender.fileno(), texts, [near, near, near, other, near])
    assert failed == [(1, errno.EMSGSIZE), (3, errno.EAFNOSUPPORT)]
    assert [receiver.recv(10) for _ in range(3)] == [b"1", b"3", b"5"]
    assert mmsg.send_one(sender.fileno(), b"x", other) == errno.EAFNOSUPPORT
    assert mmsg.send_one(sender.fileno(), b"x", near) == 0 and receiver.recv(10) == b"x"


@pytest.mark.parametrize(
    "name", [b"", b"\x02\x00", bytes(28), Address.parse("::1", 1).sockaddr[:16], "127.0.0.1", None]
)
@pytest.mark.parametrize("place", [0, 1])
def test_what_is_no_address_is_refused(mmsg: ModuleType, name: object, place: int) -> None:
    sender, receiver = bound("127.0.0.1"), bound("127.0.0.1")
    names = [name_of(receiver), name_of(receiver)]
    names[place] = name  # type: ignore[call-overload]
    with pytest.raises(TypeError):
        mmsg.send_many(sender.fileno(), [b"x", b"x"], names)
    with pytest.raises(TypeError):
        mmsg.send_one(sender.fileno(), b"x", name)


def test_lists_of_two_lengths_are_refused(mmsg: ModuleType) -> None:
    sender = bound("127.0.0.1")
    with pytest.raises(TypeError):
        mmsg.send_many(sender.fileno(), [b"x"], [])
    with pytest.raises(TypeError):
        mmsg.send_one(sender.fileno(), "x", name_of(sender))


@pytest.mark.parametrize("slots", [0, SLOTS + 1, 65])
def test_a_reader_needs_a_place_for_each_slot(mmsg: ModuleType, slots: int) -> None:
    with pytest.raises(ValueError):
        mmsg.Reader(0, slots, SIZE, [b""] * SLOTS, [None] * SLOTS, {}, print)
    with pytest.raises(ValueError):
        mmsg.Poller([-1] * 5)
    with pytest.raises(IndexError):
        mmsg.Poller([-1]).put(1, 0)


def test_nothing_is_kept(mmsg: ModuleType) -> None:
    inbox, client = Inbox(mmsg), bound("127.0.0.1")
    text = b"x" * 500
    name = name_of(inbox.socket)
    before = (sys.getrefcount(text), sys.getrefcount(name))
    for _ in range(100):
        assert mmsg.send_one(client.fileno(), text, name) == 0
        assert mmsg.send_many(client.fileno(), [text, text], [name, name]) is None
        assert inbox.reader.read_now() == 3
    assert (sys.getrefcount(text), sys.getrefcount(name)) == before
    # The reader holds who learns, and that may hold the reader.
    inbox.book.known[0] = inbox.reader
    gone = weakref.ref(inbox.book)
    del inbox
    gc.collect()
    assert gone() is None
