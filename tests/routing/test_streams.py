"""What TCP changes in the handling of messages; no socket is involved. Reference core, 6.3 to 6.7."""

from __future__ import annotations

import re

import pytest
from script import Site, reply, request

from runtime.sip.address import TCP, UDP
from runtime.sip.transit import from_reversed_hex, reversed_hex
from runtime.sip.transport import Send

REPLY = 'route { sl_send_reply("200", "OK"); }'


def only(sends: list[Send]) -> Send:
    assert len(sends) == 1, sends
    return sends[0]


def test_a_reply_goes_back_on_the_connection_of_its_request() -> None:
    answer = only(Site(REPLY).say(request(), port=40000, connection=17))
    assert (answer.socket.proto, answer.connection) == (TCP, 17)
    assert only(Site(REPLY).say(request())).connection == 0


def test_our_via_names_the_connection_and_the_reply_takes_it() -> None:
    site = Site("route { forward_udp(127.0.0.1, 5090); }")
    forwarded = only(site.say(request(Via="SIP/2.0/TCP 127.0.0.1:40000;branch=z9hG4bK1"), port=40000, connection=0x4D2))
    assert forwarded.socket.proto == UDP
    own, _, rest = forwarded.data.split(b"\r\n", 2)[1].partition(b";branch=")
    assert own == b"Via: SIP/2.0/UDP 127.0.0.1:5070"
    found = re.search(rb";i=([0-9a-f]{8}2d4)$", rest)
    assert found is not None
    back = only(site.say(answer_with(found[1].decode())))
    assert (back.socket.proto, back.connection, back.destination.port) == (TCP, 0x4D2, 40000)
    other = reply(
        Via=f"SIP/2.0/UDP 127.0.0.1:5070;branch=0;i={found[1].decode()},SIP/2.0/TCP 127.0.0.1:40000", Call_ID="other"
    )
    assert only(site.say(other)).connection == 0


def answer_with(i: str) -> bytes:
    """A reply to what came by a connection, which the parameter of our Via names so."""
    return reply(Via=f"SIP/2.0/UDP 127.0.0.1:5070;branch=0;i={i},SIP/2.0/TCP 127.0.0.1:40000;branch=z")


@pytest.mark.parametrize(
    "i", ["2d4", "1", "0", "000000002d4", "ffffffff1", "x", "00000000", '"1"', "1;i=2", "-1", "9" * 30]
)
def test_nobody_can_name_the_connection_of_another(i: str) -> None:
    site = Site("route { forward_udp(127.0.0.1, 5090); }")
    sends = site.say(answer_with(i))
    assert [send.connection for send in sends] == [0]


SECOND = "SIP/2.0/TCP 127.0.0.1:40000;branch=z9hG4bK1"
OWN = "SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK0"

# What somebody writes who has seen a mark, as {i}, and where the reply goes then: by the connection or without it.
STRAY = [
    (f"{OWN};i={{i}},{SECOND}", {}, 0x4D2),
    (f"{OWN};i={{i}},{SECOND}", {"Call_ID": "other"}, 0),
    (f"{OWN};i={{i}},{SECOND}", {"Call_ID": "cid1@h "}, 0x4D2),
    (f"{OWN};i={{i}},{SECOND}", {"Call_ID": "cid1@H"}, 0),
    (f"{OWN};i=0{{i}},{SECOND}", {}, 0),
    (f'{OWN};i="{{i}}",{SECOND}', {}, 0),
    (f"{OWN};i={{other}},{SECOND}", {}, 0),
    (f"{OWN};i={{i}};i=1,{SECOND}", {}, 0),
    (f"{OWN},{SECOND};i={{i}}", {}, 0),
    (f"{OWN};x={{i}},{SECOND}", {}, 0),
    (f"{OWN};i={{i}},SIP/2.0/UDP 127.0.0.1:40000;branch=z9hG4bK1", {}, 0),
]


@pytest.mark.parametrize(("via", "headers", "connection"), STRAY)
def test_a_stray_reply_is_written_into_no_connection(via: str, headers: dict[str, str], connection: int) -> None:
    site = Site("route { forward_udp(127.0.0.1, 5090); }")
    forwarded = only(site.say(request(Via=SECOND), port=40000, connection=0x4D2)).data
    found = re.search(rb";i=([0-9a-f]+)", forwarded)
    assert found is not None
    i = found[1].decode()
    assert only(site.say(reply(Via=via.format(i=i, other=i[:-1] + "e"), **headers))).connection == connection


def test_a_datagrams_via_names_no_connection() -> None:
    assert b";i=" not in only(Site("route { forward_udp(127.0.0.1, 5090); }").say(request())).data


def test_plain_forward_keeps_the_transport() -> None:
    site = Site("route { forward(127.0.0.1, 5090); }")
    assert only(site.say(request(), connection=3)).socket.proto == TCP
    assert only(site.say(request())).socket.proto == UDP


@pytest.mark.parametrize(
    ("body", "change", "size"), [("", "", 0), ("hello", "", 5), ("hello", 'replace("hello", "hell");', 4)]
)
def test_a_stream_gets_the_content_length_that_was_missing(body: str, change: str, size: int) -> None:
    data = request(body=body, Content_Type="text/plain").replace(b"Content-Length: %d\r\n" % len(body), b"")
    over_tcp = only(Site(f"route {{ {change} forward_tcp(127.0.0.1, 5090); }}").say(data)).data
    assert over_tcp.count(b"Content-Length:") == 1
    assert b"\r\nContent-Length: %d\r\n\r\n" % size in over_tcp
    over_udp = only(Site(f"route {{ {change} forward_udp(127.0.0.1, 5090); }}").say(data)).data
    assert b"Content-Length" not in over_udp


def test_a_reply_over_a_stream_gets_one_too() -> None:
    data = reply(Via="SIP/2.0/UDP 127.0.0.1:5070,SIP/2.0/TCP 127.0.0.1:40000").replace(b"Content-Length: 0\r\n", b"")
    assert only(Site(REPLY).say(data)).data.endswith(b"\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", request(Via=""), b"x\r\n\r\n"])
def test_what_cannot_be_parsed_closes_its_connection(data: bytes) -> None:
    end = only(Site(REPLY).say(data, port=40000, connection=9))
    assert (end.data, end.connection, end.socket.proto) == (b"", 9, TCP)
    assert Site(REPLY).say(data.ljust(40, b"x")) == []


def test_a_script_that_ends_negative_closes_the_connection_after_its_replies() -> None:
    site = Site('route { sl_send_reply("200", "OK"); isflagset(5); }')
    sends = site.say(request(), connection=9)
    assert [bool(s.data) for s in sends] == [True, False]
    assert [s.connection for s in sends] == [9, 9]
    assert len(site.say(request())) == 1
    assert len(Site('route { sl_send_reply("200", "OK"); drop; }').say(request(), connection=9)) == 1


def test_a_message_over_a_stream_may_be_short_and_end_in_a_zero() -> None:
    site = Site("route { forward_tcp(127.0.0.1, 5090); }")
    assert only(site.say(request(body="x\0"), connection=2)).data.endswith(b"x\0")
    assert site.say(b"\0", connection=2) != []


@pytest.mark.parametrize(
    ("call", "port"), [("force_tcp_alias()", 5999), ("force_tcp_alias(7000)", 7000), ("add_tcp_alias", 5999)]
)
def test_an_alias_is_for_the_port_of_the_via_unless_it_is_given(call: str, port: int) -> None:
    site = Site(f'route {{ {call}; sl_send_reply("200", "OK"); }}')
    site.say(request(Via="SIP/2.0/TCP 127.0.0.1:5999;branch=z"), port=40000, connection=5)
    assert site.aliases.asked == [(5, 40000, port)]
    site.say(request(Via="SIP/2.0/UDP 127.0.0.1:5999;branch=z"))
    assert len(site.aliases.asked) == 1


def test_a_via_without_port_means_5060() -> None:
    site = Site("route { force_tcp_alias(); }")
    site.say(request(Via="SIP/2.0/TCP 127.0.0.1;branch=z"), port=40000, connection=5)
    assert site.aliases.asked == [(5, 40000, 5060)]


def test_a_refused_alias_is_false() -> None:
    site = Site('route { if (force_tcp_alias(9)) sl_send_reply("200", "OK"); else sl_send_reply("500", "No"); }')
    answer = site.say(request(), connection=5)[0].data
    assert answer.startswith(b"SIP/2.0 500 ")
    assert any("port 9 refused" in line for line in site.lines())
    assert site.answer(request()).startswith(b"SIP/2.0 200 ")


@pytest.mark.parametrize(("parameter", "asked"), [("tcp_accept_aliases=yes", [(5, 40000, 5999)]), ("", [])])
def test_alias_in_the_via_counts_if_it_is_accepted(parameter: str, asked: list[tuple[int, int, int]]) -> None:
    site = Site(f"{parameter}\n{REPLY}")
    site.say(request(Via="SIP/2.0/TCP 127.0.0.1:5999;branch=z;alias"), port=40000, connection=5)
    assert site.aliases.asked == asked
    site.say(request(Via="SIP/2.0/TCP 127.0.0.1:5999;branch=z"), port=40000, connection=5)
    assert site.aliases.asked == asked


@pytest.mark.parametrize("number", [1, 15, 16, 0x4D2, 0xFFFF_FFFF, (1 << 60) - 1])
def test_reversed_hex_comes_back(number: int) -> None:
    text = reversed_hex(number)
    assert from_reversed_hex(text, 0, len(text)) == number
    assert from_reversed_hex(text.upper(), 0, len(text)) == number


@pytest.mark.parametrize("text", [b"", b"x", b"1g", b"-1", b"1" * 16])
def test_other_text_is_no_connection(text: bytes) -> None:
    assert from_reversed_hex(text, 0, len(text)) == 0


@pytest.mark.parametrize(
    "second", ["Content-Length: 5", "l: 4", "L : 77", "content-length: -1", "Content-Length:\r\n 4"]
)
@pytest.mark.parametrize("change", ["", 'append_hf("X-A: 1\\r\\n");'])
def test_of_several_lengths_of_a_datagram_one_goes_into_the_stream(second: str, change: str) -> None:
    site = Site(f"route {{ {change} forward_tcp(127.0.0.1, 5090); }}")
    head, _, _ = request().replace(b"Content-Length: 0\r\n", b"").partition(b"\r\n\r\n")
    sent = only(site.say(head + f"\r\nContent-Length: 4\r\n{second}\r\n\r\nabcd".encode()))
    sent_head, _, body = sent.data.partition(b"\r\n\r\n")
    assert re.findall(rb"(?im)^(?:content-length|l)[ \t]*:(?:\r\n)?[ \t]*(\S*)", sent_head) == [b"4"]
    assert body == b"abcd"
