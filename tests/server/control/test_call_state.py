"""When a call that is watched is over."""

from __future__ import annotations

import pytest

from runtime.server.control.call_state import LINGER_MS, CallState
from runtime.sip.message import parse

REQUEST = (
    b"%s sip:bob@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.9:5071;branch=z9hG4bK%d\r\nFrom: <sip:alice@127.0.0.1>;tag=1\r\n"
    b"To: <sip:bob@127.0.0.1>\r\nCall-ID: 1@x\r\nCSeq: %d %s\r\nContent-Length: 0\r\n\r\n"
)


class Watched:
    """A call, and how often its end was told."""

    def __init__(self) -> None:
        self.now_ms = 1000
        self.told = 0
        self._call = CallState(1, "1@x", self.now_ms)

    def request(self, method: bytes, number: int) -> None:
        self._call.received(REQUEST % (method, number, number, method))
        self._call.goes_on(self.now_ms)

    def reply(self, status: int, method: bytes, number: int) -> None:
        _, _, rest = (REQUEST % (method, number, number, method)).partition(b"\r\n")
        data = b"SIP/2.0 %d X\r\n" % status + rest
        assert parse(data).status == status
        self._call.sent(data, "udp:127.0.0.9:5071")
        self._call.goes_on(self.now_ms)

    def ask(self, method: bytes, number: int, *statuses: int) -> None:
        self.request(method, number)
        for status in statuses:
            self.reply(status, method, number)

    def wait(self, ms: int) -> None:
        self.now_ms += ms
        self.told += self._call.is_ended(self.now_ms) and self._call.has_to_be_told()


@pytest.mark.parametrize("method", [b"INVITE", b"REGISTER", b"MESSAGE", b"SUBSCRIBE"])
@pytest.mark.parametrize("challenge", [401, 407])
def test_a_challenge_that_is_answered_is_no_end(method: bytes, challenge: int) -> None:
    call = Watched()
    call.ask(method, 1, challenge)
    call.wait(LINGER_MS - 1)
    call.request(b"ACK", 1)
    call.ask(method, 2, 180, 200)
    call.wait(LINGER_MS - 1)
    assert call.told == 0
    call.ask(b"BYE", 3, 200)
    call.wait(LINGER_MS - 1)
    assert call.told == 0
    call.wait(1)
    assert call.told == 1


def test_a_call_that_is_over_is_told_once() -> None:
    call = Watched()
    call.ask(b"INVITE", 1, 486)
    call.wait(LINGER_MS)
    call.request(b"ACK", 1)
    for _ in range(3):
        call.wait(LINGER_MS)
    assert call.told == 1


def test_a_registration_that_is_refreshed_ends_each_time() -> None:
    call = Watched()
    for number in range(3):
        call.ask(b"REGISTER", number, 200)
        call.wait(600_000)
    assert call.told == 3


def test_a_call_goes_on_until_its_bye() -> None:
    call = Watched()
    call.ask(b"INVITE", 1, 200)
    call.wait(3_600_000)
    assert call.told == 0


def test_a_call_that_is_answered_without_a_transaction_is_over_however_often_it_is_repeated() -> None:
    """Each repetition is answered by the same bytes."""
    call = Watched()
    for _ in range(3):
        call.ask(b"INVITE", 1, 404)
        call.wait(500)
    call.request(b"ACK", 1)
    call.wait(LINGER_MS)
    assert call.told == 1
