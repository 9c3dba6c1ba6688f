"""The kernel gives datagrams to the worker that handles their Call-ID, as far as it can read that."""

from __future__ import annotations

import random
import socket
import string
from collections.abc import Iterator

import pytest
from patience import readable

from runtime.server.worker.udp.steering import steer
from runtime.sip.callid import call_id_hash

# Of the whole server; the group under test are those of its second listener.
OWNERS = 8
FIRST = 4


class Group:
    """Sockets that share a port."""

    def __init__(self) -> None:
        self.sockets: list[socket.socket] = []
        self.port = 0
        for _ in range(OWNERS - FIRST):
            one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            one.bind(("127.0.0.1", self.port))
            self.port = one.getsockname()[1]
            self.sockets.append(one)
        self.client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def place_of(self, data: bytes) -> int:
        """Which socket a datagram comes out of."""
        self.client.sendto(data, ("127.0.0.1", self.port))
        ready = readable(self.sockets, 5)
        assert ready[0].recv(65536) == data
        return self.sockets.index(ready[0])


@pytest.fixture
def group() -> Iterator[Group]:
    opened = Group()
    if not steer(opened.sockets, FIRST, OWNERS):
        pytest.skip("the kernel has no SO_ATTACH_REUSEPORT_CBPF")
    yield opened
    for one in [*opened.sockets, opened.client]:
        one.close()


def message(line: bytes, before: int = 70) -> bytes:
    return (
        b"INVITE sip:b@h SIP/2.0\r\nVia: " + b"v" * (before - 30) + b"\r\n" + line + b"\r\nTo: <sip:b>\r\n" + b"x" * 99
    )


def test_it_finds_what_the_workers_find(group: Group) -> None:
    chance = random.Random(1)
    seen = set()
    for _ in range(3000):
        name = chance.choice((b"Call-ID:", b"Call-ID: ", b"CALL-ID: ", b"call-id:", b"Call-Id: "))
        value = "".join(chance.choices(string.ascii_letters + string.digits + "-.!%*_+`'~@", k=chance.randrange(1, 70)))
        data = message(name + value.encode(), chance.randrange(70, 1400))
        owner = call_id_hash(data) % OWNERS - FIRST
        place = group.place_of(data)
        assert owner < 0 or place == owner, data
        seen.add(owner)
    assert len(seen) == OWNERS


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        message(b"i: abc@h"),
        message(b"Call-ID : abc@h"),
        message(b"Call-ID:\r\n abc@h"),
        message(b"Call-ID:"),
        message(b"Call-Info: <sip:x>\r\nCall-ID: abc@h"),
        message(b"X-Call-ID: abc@h"),
        message(b"Call-ID: abc@h", before=5000),
        b"INVITE sip:call-id:@h SIP/2.0\r\n",
        b"x" * 70 + b"\r\nCall-ID: a",
    ],
)
def test_what_it_cannot_read_arrives_all_the_same(group: Group, data: bytes) -> None:
    assert 0 <= group.place_of(data) < OWNERS - FIRST


def test_sockets_that_share_no_port_are_not_steered() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as alone:
        alone.bind(("127.0.0.1", 0))
        assert not steer([alone], 0, 2)
