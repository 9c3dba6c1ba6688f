"""What is new, told without parsing: never another answer than that of who parses."""

from __future__ import annotations

import random

import pytest

from runtime.sip import methods
from runtime.sip.glance import is_surely_new
from runtime.sip.message import parse
from runtime.sip.reply import to_tag_of
from runtime.sip.scan import BadMessage
from runtime.sip.soundness import ambiguity_in


def message(first: str = "INVITE sip:b@b.example SIP/2.0", to: str = "To: <sip:b@b.example>") -> bytes:
    return (
        f"{first}\r\nVia: SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bKa\r\nFrom: <sip:a@a.example>;tag=f\r\n{to}\r\n"
        "Timestamp: 1;tag=x\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
    ).encode()


@pytest.mark.parametrize(
    "to",
    [
        "To: <sip:b@b.example>",
        "to:sip:b@b.example",
        "t: <sip:b@b.example>",
        "T \t: <sip:b@b.example>",
        "TO:\r\n <sip:b@b.example>",
        "To: <sip:stage@b.example;user=phone>;x=tag",
        "To:",
    ],
)
def test_a_request_whose_to_has_no_tag_is_new(to: str) -> None:
    assert is_surely_new(message(to=to))


@pytest.mark.parametrize(
    "to",
    [
        "To: <sip:b@b.example>;tag=t",
        "t:<sip:b@b.example>;x=1 ;\t TAG = t",
        "To: <sip:b@b.example>\r\n ;tag=t",
        "To: <sip:b@b.example>\r\n\t;\r\n tag=t",
    ],
)
def test_with_a_tag_it_is_not(to: str) -> None:
    assert not is_surely_new(message(to=to))


@pytest.mark.parametrize("first", ["ACK sip:b@b.example SIP/2.0", "CANCEL sip:b@b.example SIP/2.0", "SIP/2.0 200 OK"])
def test_what_belongs_to_something_under_way_is_not(first: str) -> None:
    assert not is_surely_new(message(first))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"INVITE",
        b"INVITE ",
        b"INVITE sip:b@b.example SIP/2.0",
        b"INVITE sip:b@b.example SIP/2.0\r\n",
        b"INVITE sip:b@b.example SIP/2.0\r\n\r\nTo: <sip:b@b.example>\r\n\r\n",
        b"INVITE sip:b@b.example SIP/2.0\r\nTo: <sip:b@b.example>",
        b"INVITE sip:b@b.example SIP/2.0\r\nTo: <sip:b@b.example>;",
        b"INVITE sip:b@b.example SIP/2.0\r\nTo ",
        b"INVITE sip:b@b.example SIP/2.0\r\nSubject: To: x\r\nCall-ID: c\r\n\r\n",
        b"\x00" * 100,
        b"A" * 1000,
    ],
)
def test_what_is_broken_is_left_to_who_parses(data: bytes) -> None:
    assert not is_surely_new(data)


def test_no_part_of_a_message_is_read_beyond_its_end() -> None:
    whole = message()
    for end in range(len(whole) + 1):
        is_surely_new(whole[:end])


def test_it_never_contradicts_the_parser() -> None:
    """Of sound messages that are changed at random places, none with a tag, no reply, no ACK and no CANCEL is called new."""
    chance = random.Random(13)
    seeds = [
        message(to=to) for to in ("To: <sip:b@b.example>", "t: <sip:b@b.example>;x", "To: <sip:b@b.example>\r\n ;tag=t")
    ]
    seeds += [message("SIP/2.0 200 OK"), message("ACK sip:b@b.example SIP/2.0")]
    pieces = [
        b"To:",
        b"t:",
        b"\r\n",
        b"\n",
        b" ",
        b"\t",
        b";tag=x",
        b";",
        b"tag",
        b":",
        b"SIP/2.0 ",
        b"ACK ",
        b'"',
        b"<",
        b"\x00",
    ]
    judged = 0
    for _ in range(20_000):
        data = bytearray(chance.choice(seeds))
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(data))
            data[at : at + chance.randint(0, 4)] = chance.choice(pieces)
        changed = bytes(data)
        if not is_surely_new(changed):
            continue
        try:
            parsed = parse(changed)
        except BadMessage:
            continue
        if len(ambiguity_in(parsed)) > 0:
            continue
        judged += 1
        assert parsed.is_request and parsed.method not in (methods.ACK, methods.CANCEL), changed
        assert to_tag_of(parsed) == b"", changed
    assert judged > 1000
