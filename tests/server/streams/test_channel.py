"""A transport that is not plain TCP: it shakes hands, wraps messages and says good-bye. Streams know nothing of it."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator

import pytest

from runtime.server.streams.channel import Channel
from runtime.server.streams.limits import Limits
from runtime.sip.scan import BadMessage
from runtime.sip.transport import Send
from server.streams.test_streams import MESSAGE, Site

HELLO = b"HELLO\n"
WELCOME = b"WELCOME\n"
BYE = b"BYE\n"


class Polite(Channel):
    """Who connects says HELLO, the other side WELCOME. Then messages go with their length in front, and BYE is the end."""

    def __init__(self, is_ours: bool) -> None:
        super().__init__()
        self.is_ready = False
        self._expected = WELCOME if is_ours else HELLO
        self._own = HELLO if is_ours else b""
        self._answer = b"" if is_ours else WELCOME
        self._came = b""

    def feed(self, data: bytes) -> None:
        self._came += data
        if not self.is_ready and len(self._came) >= len(self._expected):
            if not self._came.startswith(self._expected):
                raise BadMessage("no polite peer", 0)
            self._came = self._came[len(self._expected) :]
            self._own += self._answer
            self.is_ready = True

    def take(self) -> bytes:
        if not self.is_ready or len(self._came) < 4:
            return b""
        size = int.from_bytes(self._came[:4], "big")
        if len(self._came) < 4 + size:
            return b""
        message, self._came = self._came[4 : 4 + size], self._came[4 + size :]
        return message

    def is_between(self) -> bool:
        return self._came == b""

    def wrap(self, message: bytes) -> bytes:
        return wrapped(message)

    def own_bytes(self) -> bytes:
        own, self._own = self._own, b""
        return own

    def end(self) -> None:
        self._own += BYE


def wrapped(message: bytes) -> bytes:
    return len(message).to_bytes(4, "big") + message


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site(Limits(100, 1000, 2000, 100), {2: Polite})
    yield made
    made.close()


def read(site: Site, peer: socket.socket, size: int) -> bytes:
    """So many bytes that the streams have written."""
    peer.setblocking(False)
    got = b""

    def enough() -> bool:
        nonlocal got
        try:
            got += peer.recv(size - len(got))
        except BlockingIOError:
            pass
        return len(got) == size

    site.until(enough)
    return got


def greeted(site: Site) -> socket.socket:
    peer = site.client()
    peer.sendall(HELLO)
    assert read(site, peer, len(WELCOME)) == WELCOME
    return peer


def test_messages_of_an_accepted_connection_are_unwrapped_and_answers_wrapped(site: Site) -> None:
    peer = greeted(site)
    peer.sendall(wrapped(MESSAGE) + wrapped(b"second"))
    site.until(lambda: len(site.streams.received) == 2)
    first, second = site.streams.received
    assert (first.data, second.data) == (MESSAGE, b"second")
    connection = first.connection
    site.streams.send(Send(b"answer", connection.peer, site.listener, connection.number), 0, 0, site.now_ms)
    assert read(site, peer, 10) == wrapped(b"answer")


def test_a_message_that_comes_with_the_handshake_is_not_lost(site: Site) -> None:
    peer = site.client()
    for i in range(len(HELLO + wrapped(MESSAGE))):
        peer.sendall((HELLO + wrapped(MESSAGE))[i : i + 1])
    site.until(lambda: site.streams.received)
    assert [received.data for received in site.streams.received] == [MESSAGE]
    assert read(site, peer, len(WELCOME)) == WELCOME


def test_what_is_sent_waits_for_the_handshake_and_keeps_its_order(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as far:
        to = site.address_of(far)
        for text in (b"one", b"two", b"three"):
            site.streams.send(Send(text, to, site.listener), 0, 0, site.now_ms)
        peer = far.accept()[0]
        site.clients.append(peer)
        assert read(site, peer, len(HELLO)) == HELLO
        peer.sendall(WELCOME)
        expected = wrapped(b"one") + wrapped(b"two") + wrapped(b"three")
        assert read(site, peer, len(expected)) == expected
        assert site.streams.failed == []


def test_a_peer_that_never_greets_fails_what_waits_in_time(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as far:
        site.streams.send(Send(b"one", site.address_of(far), site.listener), 0, 7, site.now_ms)
        peer = far.accept()[0]
        site.clients.append(peer)
        assert read(site, peer, len(HELLO)) == HELLO
        site.now_ms += 2000
        assert site.streams.next_timer_ms(site.now_ms) == 0
        site.streams.look_over(site.now_ms)
    assert [(failed.out.ticket, failed.error) for failed in site.streams.failed] == [(7, errno.ETIMEDOUT)]
    assert site.streams.connections() == 0


def test_a_peer_that_hangs_up_in_the_handshake_fails_what_waits(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as far:
        site.streams.send(Send(b"one", site.address_of(far), site.listener), 0, 7, site.now_ms)
        peer = far.accept()[0]
        assert read(site, peer, len(HELLO)) == HELLO
        peer.close()
        site.until(lambda: site.streams.failed)
    assert site.streams.connections() == 0


def test_last_words_are_written_before_the_connection_closes(site: Site) -> None:
    peer = greeted(site)
    peer.sendall(wrapped(b"x"))
    site.until(lambda: site.streams.received)
    connection = site.streams.received[0].connection
    site.streams.send(Send(b"answer", connection.peer, site.listener, connection.number), 0, 0, site.now_ms)
    site.streams.send(Send(b"", connection.peer, site.listener, connection.number), 0, 0, site.now_ms)
    expected = wrapped(b"answer") + BYE
    assert read(site, peer, len(expected)) == expected
    assert peer.recv(1) == b""
    assert site.streams.connections() == 0


def test_a_peer_without_manners_is_shown_the_door(site: Site) -> None:
    peer = site.client()
    peer.sendall(b"GOODBYE\n")
    site.until(lambda: site.streams.received)
    assert site.streams.received[0].data == b""
    assert "no polite peer" in site.log.lines[0]
