"""What others could read otherwise does not leave us, neither in what is forwarded nor in our own answers."""

from __future__ import annotations

import re

import pytest
from script import Site, reply, request

from runtime.sip.message import parse
from runtime.sip.soundness import ambiguity_in

ANSWERS = 'route { sl_send_reply("404", "Not Found"); }'
FORWARDS = "route { forward(127.0.0.1, 5090); }"
STATEFUL = "route { t_relay(); }"
LENGTHS = re.compile(rb"(?im)^(?:content-length|l)[ \t]*:[ \t]*([^\r]*)\r$")

HEADERS = {
    "From": "<sip:a@h>;tag=f\rX-Evil: 1",
    "To": '"\rX-Evil: 1" <sip:b@h>',
    "Call_ID": "c\rX-Evil: 1",
    "CSeq": "1 OPTIONS\rX-Evil: 1",
    "Via": "SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK1\r\nVia: SIP/2.0/UDP h;x=\rX-Evil: 1",
    "Subject": "x\r\rX-Evil: 1",
}


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("cfg", [ANSWERS, FORWARDS, STATEFUL])
def test_a_cr_alone_does_not_come_back_in_the_refusal(name: str, cfg: str) -> None:
    answer = Site(cfg, "sl tm").answer(request(**{name: HEADERS[name]}))
    assert answer.startswith(b"SIP/2.0 400 ") and answer.count(b"\r") == answer.count(b"\r\n")
    assert ambiguity_in(parse(answer)) == "" and not re.search(rb"(?m)^X-Evil", answer)


def several(first: str, second: str, data: bytes, body: str) -> bytes:
    lengths = f"Content-Length: {first}\r\n{second}\r\n".encode()
    return data.replace(b"Content-Length: 0\r\n", lengths) + body.encode()


@pytest.mark.parametrize("cfg", [FORWARDS, STATEFUL])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("4", "Content-Length: 3"),
        ("3", "Content-Length: 4"),
        ("0", "l: 4"),
        ("9", "L: 4"),
        ("-1", "Content-Length: 4"),
        ("4", "content-length: -1"),
        ("x", "l: 4"),
        ("4", "l: 4\r\nl: 5"),
        ("5", "Content-Length: 5"),
        ("99999999999999999999", "l: 4"),
    ],
)
def test_a_datagram_that_says_two_lengths_leaves_with_the_right_one(cfg: str, first: str, second: str) -> None:
    sends = Site(cfg, "sl tm").say(several(first, second, request("BYE", "sip:b@127.0.0.1:5090"), "abcd"))
    (sent,) = [send.data for send in sends if send.data.startswith(b"BYE")]
    assert LENGTHS.findall(sent) == [b"4"] and sent.endswith(b"\r\n\r\nabcd")


@pytest.mark.parametrize(("first", "second"), [("4", "l: 3"), ("0", "Content-Length: 4"), ("-1", "l: 4")])
def test_so_does_a_reply(first: str, second: str) -> None:
    sent = Site(FORWARDS).answer(several(first, second, reply(), "abcd"))
    assert LENGTHS.findall(sent) == [b"4"] and sent.endswith(b"\r\n\r\nabcd")


def test_a_right_length_may_be_said_twice() -> None:
    sent = Site(FORWARDS).answer(several("4", "l: 4", request(), "abcd"))
    assert LENGTHS.findall(sent) == [b"4", b"4"]
