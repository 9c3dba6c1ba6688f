"""What is refused since nobody could answer it rightly, or since others could read it otherwise. RFC 3261 8.2, 16.3, RFC 4475."""

from __future__ import annotations

import pytest
from script import Site, reply, request

from runtime.sip.message import parse
from runtime.sip.scan import BadMessage
from runtime.sip.soundness import ambiguity_in, broken_header

FORWARDS = "route { forward(127.0.0.1, 5090); }"
ANSWERS = 'route { sl_send_reply("200", "OK"); }'
STATEFUL = 'route { t_newtran(); t_reply("200", "OK"); }'


def with_line(line: bytes, first: bool = False) -> bytes:
    """A request with this among its headers, or right behind the first line."""
    start, _, rest = request().partition(b"\r\n")
    if first:
        return start + b"\r\n" + line + rest
    return (start + b"\r\n" + rest).replace(b"Max-Forwards:", line + b"Max-Forwards:", 1)


SMUGGLED = [
    with_line(b" Route: <sip:evil;lr>\r\n", first=True),
    with_line(b"\tVia: SIP/2.0/UDP evil\r\n", first=True),
    with_line(b"Route\r\n : <sip:evil;lr>\r\n"),
    with_line(b"garbage\r\n\tRoute: <sip:evil;lr>\r\n"),
    with_line(b"Route\x00: <sip:evil;lr>\r\n"),
    with_line(b"Route\x0b: <sip:evil;lr>\r\n"),
    with_line(b"Route\xa0: <sip:evil;lr>\r\n"),
    with_line(b"\xa0Route: <sip:evil;lr>\r\n"),
    with_line(b"\x0cRoute: <sip:evil;lr>\r\n"),
    with_line(b"Ro\x7fute: <sip:evil;lr>\r\n"),
    with_line(b"X: a\rRoute: <sip:evil;lr>\r\n"),
    with_line(b"X: a\r\r\n"),
    with_line(b"X: a\rb\nY: c\r\n"),
    with_line(b"Record_Route: <sip:evil;lr>\r\n"),
    with_line(b"content_Length: 7\r\n"),
    with_line(b"CALL_ID: x\r\n"),
    with_line(b"Max_Forwards : 1\r\n"),
    with_line(b"Proxy_Authorization: Digest\r\n"),
]


@pytest.mark.parametrize("data", SMUGGLED)
def test_what_others_could_take_for_a_header_is_not_passed_on(data: bytes) -> None:
    assert ambiguity_in(parse(data))
    site = Site(FORWARDS)
    assert site.answer(data).startswith(b"SIP/2.0 400 Bad Request: ")
    assert site.say(data.replace(b"OPTIONS", b"ACK", 2)) == []


def test_a_cr_alone_is_found_wherever_it_stands_above_the_body() -> None:
    data = request()
    body = data.index(b"\r\n\r\n") + 4
    for at in range(len(data)):
        for text in (b"\r", b"\n", b"\t", b"\r\n ", b"\n\r"):
            changed = data[:at] + text + data[at:]
            try:
                message = parse(changed)
            except BadMessage:
                continue
            above = changed[message.start : message.body_start]
            is_odd = above.count(b"\r") != above.count(b"\r\n")
            assert (ambiguity_in(message) == "a CR alone") == is_odd, changed
            assert at < body or not is_odd


@pytest.mark.parametrize("header", ["Route\r\n : x", "X: a\rRoute: x", "Route\x00: x"])
def test_a_reply_with_such_a_line_is_dropped(header: str) -> None:
    good = reply(Via="SIP/2.0/UDP 127.0.0.1:5070;branch=0,SIP/2.0/UDP 127.0.0.1:5080")
    assert len(Site(FORWARDS).say(good)) == 1
    bad = good.replace(b"Call-ID:", header.encode("latin-1") + b"\r\nCall-ID:")
    assert Site(FORWARDS).say(bad) == []


@pytest.mark.parametrize(
    "line",
    [
        b"X_Custom: a\r\n",
        b"X-Header : a\r\n",
        b"X-Header\t: a\r\n",
        b"Subject: a\r\n b\r\n\tc\r\n",
        b"garbage without a colon\r\n",
        b": no name\r\n",
        b"X: caf\xe9 \x00 \x0b\r\n",
        b"X: a\n",
        b"!%*_+`'~.: token\r\n",
        b"Two words: x\r\n",
    ],
)
def test_what_nobody_can_mistake_is_passed_on(line: bytes) -> None:
    data = with_line(line)
    assert line in Site(FORWARDS).answer(data)


BROKEN = {
    "To": [{"To": ""}, {"To": "<sip:a"}, {"To": '"a <sip:b>'}, {"To": ";tag=1"}],
    "Call-ID": [{"Call_ID": ""}],
    "CSeq": [
        {"CSeq": ""},
        {"CSeq": "one OPTIONS"},
        {"CSeq": "1"},
        {"CSeq": "OPTIONS"},
        {"CSeq": "1 INVITE"},
        {"CSeq": "-1 OPTIONS"},
        {"CSeq": "2147483648 OPTIONS"},
        {"CSeq": "99999999999999999999 OPTIONS"},
    ],
    "Content-Length": [{"l": "-1"}, {"l": "x"}, {"l": "999"}, {"l": "99999999999999999999"}, {"l": "1 1"}],
    "Via": [
        {"Via": "SIP/2.0/UDP 127.0.0.1:5080, SIP/3.0/UDP x"},
        {"Via": "SIP/2.0/UDP 127.0.0.1:5080, nonsense"},
        {"Via": "SIP/2.0/UDP 127.0.0.1:5080,"},
        {"Via": "SIP/2.0/UDP 127.0.0.1:5080\r\nVia: SIP/2.0/UDP [::1"},
    ],
}
CASES = [(name, lines) for name, all_lines in BROKEN.items() for lines in all_lines]


def broken(lines: dict[str, str]) -> bytes:
    data = request(**{name: value for name, value in lines.items() if name != "l"})
    return data.replace(b"Content-Length: 0", b"Content-Length: " + lines["l"].encode()) if "l" in lines else data


@pytest.mark.parametrize(("name", "lines"), CASES)
def test_a_request_that_cannot_be_understood_gets_400(name: str, lines: dict[str, str]) -> None:
    data = broken(lines)
    assert broken_header(parse(data)) == name
    sent = Site(ANSWERS).answer(data)
    assert sent.startswith(b"SIP/2.0 400 Bad " + name.encode() + b"\r\n")
    assert Site(ANSWERS).say(data.replace(b"OPTIONS sip", b"ACK sip")) == []


@pytest.mark.parametrize(("name", "lines"), [case for case in CASES if case[0] in ("To", "Via", "Content-Length")])
def test_with_a_transaction_as_without(name: str, lines: dict[str, str]) -> None:
    if "" not in lines.values():
        assert Site(STATEFUL, "tm").answer(broken(lines)).startswith(b"SIP/2.0 400 Bad " + name.encode())


@pytest.mark.parametrize(("name", "lines"), CASES)
def test_it_is_forwarded_as_it_is_all_the_same(name: str, lines: dict[str, str]) -> None:
    assert Site(FORWARDS).answer(broken(lines)).startswith(b"OPTIONS ")


@pytest.mark.parametrize(
    "lines", [{}, {"CSeq": "2147483647 OPTIONS"}, {"To": "sip:b@h"}, {"From": "<tel:+1>;tag=1"}, {"From": "<sip:a"}]
)
def test_sound_requests_get_what_the_script_has_for_them(lines: dict[str, str]) -> None:
    assert Site(ANSWERS).answer(request(**lines)).startswith(b"SIP/2.0 200 OK\r\n")


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nX-Evil: 1", "a\rX-Evil: 1", "a\x00b"])
def test_a_stored_value_ends_no_header_of_ours(value: str) -> None:
    site = Site(FORWARDS)
    ctx = site.context(request())
    assert not ctx.append_value(b"Remote-Party-ID", value.encode())
    assert ctx.line_of(b"X", value.encode()) == b"" and ctx.edits == []
    assert ctx.append_value(b"Remote-Party-ID", b"<sip:a@b>\t;x")


@pytest.mark.parametrize("uri", ["sip:a@b SIP/2.0\r\nX-Evil: 1", "sip:a@b\r\n", "sip:a b", "sip:a>b", "sip:\x00"])
def test_a_stored_uri_breaks_no_request_line(uri: str) -> None:
    site = Site(FORWARDS)
    ctx = site.context(request())
    ctx.set_uri(uri.encode())
    assert ctx.uri() == b"sip:bob@example.com"
    assert b"X-Evil" not in Site(
        f'route {{ rewriteuri("{uri}"); forward(127.0.0.1, 5090); }}' if "\r" not in uri else FORWARDS
    ).answer(request())
