"""Random changes of messages: whatever a peer sends, nothing raises and nothing hangs. Seeded: a failure comes again.

SER_FUZZ=N runs N times as many.
"""

from __future__ import annotations

import os
import random
import time

import pytest
from engine import Server
from script import Site, reply, request

from runtime.modules import core
from runtime.routing.config import Config
from runtime.routing.context import Context
from runtime.routing.program import Program
from runtime.routing.verdict import verdict
from runtime.sip import headers
from runtime.sip.address import TCP
from runtime.sip.message import parse
from runtime.sip.nameaddr import parse_name_addr, tag_of
from runtime.sip.scan import BadMessage
from runtime.sip.transit import second_via
from runtime.sip.transport import Send
from runtime.sip.uri import BadUri, parse_uri
from sip.test_torture import EVERYTHING, MESSAGES, MODULES

ROUNDS = 150 * int(os.environ.get("SER_FUZZ", "1"))
SEEDS = [
    request(
        "INVITE", "sip:bob@127.0.0.1:5090;transport=udp", body="v=0\r\na=x\r\n", Contact="<sip:a@h>;q=0.5, sip:c@h"
    ),
    request("BYE", "sip:127.0.0.1:5070", To='"B" <sip:b@h>;tag=2', Route="<sip:127.0.0.1:5070;r2=on;lr>,<sip:p;lr>"),
    request("REGISTER", "sips:[::1]:5061", Contact="*", Expires="0", Via="SIP/2.0/TCP [::1];rport;received=::1;i=1a"),
    request("ACK", "tel:+1", From="sip:a@h;tag=1", Max_Forwards="1", Subject="a\r\n b"),
    reply("180 Ringing", Contact="<sip:b@h>"),
    *(data for data, _ in MESSAGES.values()),
]
TOKENS = [
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b" ",
        b"\t",
        b"\0",
        b"\xff",
        b":",
        b";",
        b",",
        b"<",
        b">",
        b'"',
        b"\\",
        b"@",
        b"=",
        b"?",
        b"/",
    ),
    *(b"[", b"]", b"(", b")", b"*", b"%00", b"\r\n ", b"\r\n\r\n", b"0", b"-1", b"65536", b"99999999999999999999"),
    *(b"Via: SIP/2.0/UDP h\r\n", b"v:", b"\r\nTo:", b"\r\nFrom: ", b"\r\nRoute: <", b"\r\nl:", b"\r\nContent-Length: "),
    *(b";tag", b";tag=", b";lr", b";r2=on", b";rport=", b";received=", b";branch=", b"sip:", b"sips:", b"SIP/2.0/UDP "),
]


def changed(data: bytes, chance: random.Random) -> bytes:
    """One of the ways in which a message goes wrong."""
    start = chance.randrange(len(data) + 1)
    end = min(len(data), start + chance.choice((1, 1, 2, 5, 20, 100)))
    other = chance.randrange(len(data) + 1)
    way = chance.randrange(9)
    if way == 0:
        return data[:start] + data[end:]
    if way == 1:
        return data[:start] + chance.choice(TOKENS) + data[start:]
    if way == 2:
        return data[:start] + chance.choice(TOKENS) + data[end:]
    if way == 3:
        return data[:other] + data[start:end] + data[other:]
    if way == 4:
        return data[:start] + bytes([chance.randrange(256)]) + data[start + 1 :]
    if way == 5:
        return data[:start] + data[start:end] * chance.choice((2, 3, 50)) + data[end:]
    if way == 6:
        return data[:start]
    lines = data.split(b"\r\n")
    at = chance.randrange(len(lines))
    if way == 7:
        return b"\r\n".join([*lines[:at], *lines[at + 1 :]])
    return b"\r\n".join([*lines[:at], lines[chance.randrange(len(lines))], *lines[at:]])


def read(data: bytes) -> None:
    """Parse all that can be parsed of a message. Raises only BadMessage and BadUri, caught here one by one."""
    try:
        msg = parse(data)
    except BadMessage:
        return
    buf, size = msg.buf, len(msg.buf)
    assert (
        0 <= msg.start <= msg.uri_start <= msg.uri_end <= msg.first_header <= msg.headers_end <= msg.body_start <= size
    )
    end = int(msg.first_header)
    for record in msg.headers:
        # Header lines follow one another without a gap, up to the empty line.
        assert headers.line_start(record) == end
        end = int(headers.line_end(record))
        assert headers.line_start(record) <= msg.value_start(record) <= msg.value_end(record) <= end
        for lists in (True, False):
            try:
                value = parse_name_addr(buf, headers.value_start(record), end, lists)
            except BadMessage:
                continue
            assert value.start <= value.uri_start < value.uri_end <= value.params_start <= value.end <= end
            tag_of(buf, value)
            _read_uri(buf, int(value.uri_start), int(value.uri_end))
    assert end == msg.headers_end
    _read_uri(buf, int(msg.uri_start), int(msg.uri_end))
    try:
        second_via(msg)
    except BadMessage:
        pass


def _read_uri(buf: bytes, start: int, end: int) -> None:
    try:
        uri = parse_uri(buf, start, end)
    except BadUri:
        return
    assert start <= uri.host_start < uri.host_end <= end and 0 <= uri.port <= 65535
    uri.param(b"lr")


class Stateful:
    """The script that asks everything, with transactions, under a clock of its own that runs out for all of them at times."""

    def __init__(self) -> None:
        self.site = Site(EVERYTHING.replace("forward(uri:host, uri:port)", "t_relay()"), MODULES + " tm")
        self.site.now_ms = 1_000
        self.count = 0

    def say(self, data: bytes, port: int = 5080) -> list[Send]:
        self.count += 1
        self.site.now_ms += 100_000 if self.count % 50 == 0 else 200
        sends = self.site.engine.tick(self.site.now_ms) + self.site.say(data, port=port)
        assert self.site.engine.world.bugs.count == 0, (self.site.lines(-1), data)
        del self.site.log.records[:]
        return sends


def relay_over_tcp(ctx: Context) -> int:
    return verdict(core.forward_uri(ctx, core.TCP, core.URI_PORT))


@pytest.mark.parametrize("number", range(len(SEEDS)))
def test_no_change_of_a_message_makes_anything_raise_or_hang(number: int) -> None:
    chance = random.Random(number)
    stateless, stateful = Site(EVERYTHING, MODULES), Stateful()
    stream = Server(Program(config=Config(), request=relay_over_tcp), ("udp:127.0.0.1:5070", "tcp:127.0.0.1:5070"))
    for _ in range(ROUNDS):
        data = SEEDS[number]
        for _ in range(chance.choice((1, 1, 2, 3, 8))):
            data = changed(data, chance)
        begin = time.perf_counter()
        read(data)
        for send in stateless.say(data, port=chance.choice((5060, 15888))):
            check(send.data, data)
        del stateless.log.records[:]
        stateful.say(data)
        for send in stream.say(data):
            if send.socket.proto == TCP:
                framed(send.data)
        del stream.log.records[:]
        assert time.perf_counter() - begin < 5, data


def test_no_change_of_a_reply_to_our_request_makes_anything_raise_or_hang() -> None:
    chance = random.Random(99)
    site = Stateful()
    for number in range(ROUNDS):
        data = request("INVITE", "sip:bob@127.0.0.1:5090", Via=f"SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK{number}")
        # Retransmissions of others come before it.
        forwarded = [send.data for send in site.say(data) if send.data.startswith(b"INVITE")]
        assert b"z9hG4bK%d\r\n" % number in forwarded[-1]
        status = chance.choice(("100 Trying", "180 Ringing", "200 OK", "302 Moved", "486 Busy Here", "603 Decline"))
        answer = f"SIP/2.0 {status}\r\n".encode() + forwarded[-1].partition(b"\r\n")[2].replace(
            b">\r\nCall", b">;tag=9\r\nCall"
        )
        for way in (answer, data.replace(b"INVITE", b"CANCEL"), data.replace(b"INVITE", b"ACK"), data, answer):
            for _ in range(chance.choice((0, 1, 1, 2))):
                way = changed(way, chance)
            site.say(way)


def check(sent: bytes, received: bytes) -> None:
    """What comes of a request is a message that can be parsed. (A reply with a broken line behind our Via goes on broken.)"""
    if not parse(received.removesuffix(b"\0")).is_request:
        return
    try:
        parse(sent)
    except BadMessage as e:
        raise AssertionError((e, sent, received)) from e


def framed(sent: bytes) -> None:
    """What leaves for a stream ends where its Content-Length says."""
    msg = parse(sent)
    assert msg.ends_headers(), sent
    assert msg.content_length and int(msg.value(msg.content_length)) == len(msg.body()), sent
