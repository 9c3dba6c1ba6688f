"""Messages out of streams, whole, joined and cut into single bytes."""

from __future__ import annotations

import random
import time

import pytest
from script import request

from runtime.sip.framing import MESSAGE_MAX, Framer
from runtime.sip.scan import BadMessage

PLAIN = request(body="v=0\r\n")
EMPTY = request(Call_ID="2")
HEAD = b"OPTIONS sip:b SIP/2.0\r\nVia: SIP/2.0/TCP h\r\n"


def messages(pieces: list[bytes]) -> list[bytes]:
    framer = Framer()
    taken = []
    for piece in pieces:
        framer.feed(piece)
        while message := framer.take():
            taken.append(message)
    assert framer.is_empty()
    return taken


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    pieces = []
    for size in sizes:
        pieces.append(data[:size])
        data = data[size:]
    return [p for p in [*pieces, data] if p]


def test_one_message_in_one_piece() -> None:
    assert messages([PLAIN]) == [PLAIN]


def test_messages_in_one_piece_and_in_single_bytes() -> None:
    stream = b"\r\n\r\n" + PLAIN + b" \t\r\n" + EMPTY + EMPTY + b"\r\n\r\n"
    assert messages([stream]) == [PLAIN, EMPTY, EMPTY]
    assert messages([stream[i : i + 1] for i in range(len(stream))]) == [PLAIN, EMPTY, EMPTY]


def test_every_place_to_cut_is_the_same() -> None:
    stream = PLAIN + b"\r\n" + EMPTY
    for at in range(1, len(stream)):
        assert messages([stream[:at], stream[at:]]) == [PLAIN, EMPTY]


def test_random_cuts() -> None:
    chance = random.Random(5)
    for _ in range(300):
        sent = [request(body="x" * chance.randrange(300), Call_ID=str(i)) for i in range(chance.randrange(1, 8))]
        stream = b"".join(b"\r\n" * chance.randrange(3) + one for one in sent)
        assert messages(cut(stream, [chance.randrange(1, 400) for _ in range(20)])) == sent


@pytest.mark.parametrize(
    "line",
    [
        b"Content-Length: 4",
        b"content-length:4",
        b"CONTENT_LENGTH \t: \t4 \t",
        b"l: 4",
        b"L :4",
        b"Content-Length:\r\n 4",
        b"Content-Length: 4\r\n \t",
        b"Content-Length: 0004",
        b"Content-Length: 4\r\nContent-Length: 4",
        b"Content-Type: l: 9\r\n\tContent-Length: 9\r\nl: 4\r\nContent-Lengths: 9\r\nlx: 9",
    ],
)
def test_spellings_of_the_length(line: bytes) -> None:
    data = HEAD + line + b"\r\n\r\nbody"
    assert messages([data + EMPTY]) == [data, EMPTY]
    data = data.replace(b"\r", b"")
    assert messages([data[i : i + 1] for i in range(len(data))]) == [data]


@pytest.mark.parametrize(
    "line",
    [
        b"To: x",
        b"Content-Length:",
        b"Content-Length: \r\nTo: x",
        b"Content-Length: -1",
        b"Content-Length: +1",
        b"Content-Length: 4x",
        b"Content-Length: 4 4",
        b"Content-Length: 4\r\n 4",
        b"Content-Length: 4294967296",
        b"Content-Length: 99999999999999999999999999",
        b"Content-Length: 65530",
        b"Content-Length: 4\r\nContent-Length: 5",
        b"Content-Length: 4\r\nl: x",
    ],
)
def test_a_bad_length_is_refused(line: bytes) -> None:
    framer = Framer()
    framer.feed(EMPTY + HEAD + line + b"\r\n\r\nbody")
    assert framer.take() == EMPTY
    with pytest.raises(BadMessage):
        framer.take()


def test_the_largest_message_and_one_byte_more() -> None:
    data = HEAD + b"Content-Length: 65400\r\n\r\n"
    data = data.replace(b"65400", b"%d" % (MESSAGE_MAX - len(data))) + bytes(MESSAGE_MAX - len(data))
    assert messages([data]) == [data]
    framer = Framer()
    framer.feed(data.replace(b"Via: ", b"Via:  "))
    with pytest.raises(BadMessage):
        framer.take()


def test_headers_without_end_are_refused_when_they_are_too_long() -> None:
    framer = Framer()
    with pytest.raises(BadMessage):
        for _ in range(MESSAGE_MAX // 10 + 2):
            framer.feed(b"0123456789")
            framer.take()


def test_a_body_in_single_bytes_costs_each_byte_once() -> None:
    def seconds(size: int) -> float:
        framer = Framer()
        framer.feed(HEAD + b"l: %d\r\n\r\n" % size)
        # Of this thread's processor: other processes do not count.
        began = time.thread_time()
        for _ in range(size):
            framer.feed(b"x")
            framer.take()
        return time.thread_time() - began

    seconds(1000)
    # Eight times as long takes eight times as long, not sixty-four times.
    assert min(seconds(40000) for _ in range(3)) < 30 * max(seconds(5000) for _ in range(3))


def test_white_space_alone_leaves_nothing_behind() -> None:
    framer = Framer()
    for _ in range(1000):
        framer.feed(b"\r\n\r\n")
        assert framer.take() == b""
        assert framer.is_empty()
