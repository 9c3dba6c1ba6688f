"""sl at work. Reference modules-main, chapter 2; RFC 3261 8.2.6 and 17.1.1.3."""

from __future__ import annotations

import pytest
from script import Site, request

from runtime.modules.sl import Sl
from runtime.routing.context import L_WARN
from runtime.sip.message import parse
from runtime.sip.reply import to_tag_of

NOT_FOUND = 'route { sl_send_reply("404", "Not Found"); log(1, "ran"); }'


def sl_of(site: Site) -> Sl:
    module = site.engine.world.modules["sl"]
    assert isinstance(module, Sl)
    return module


def tag(answer: bytes) -> bytes:
    return to_tag_of(parse(answer))


@pytest.mark.parametrize(
    ("code", "tagged"), [(100, False), (179, False), (180, True), (200, True), (404, True), (699, True)]
)
def test_a_reply_from_180_on_gets_a_tag(code: int, tagged: bool) -> None:
    answer = Site(f'route {{ sl_send_reply("{code}", "Text, with  blanks"); }}').answer(request("INVITE"))
    assert answer.startswith(f"SIP/2.0 {code} Text, with  blanks\r\n".encode())
    assert len(tag(answer)) == (37 if tagged else 0)


def test_the_tag_that_is_there_stays() -> None:
    assert tag(Site(NOT_FOUND).answer(request("BYE", To="<sip:bob@example.com>;tag=mine"))) == b"mine"


def test_retransmissions_get_the_same_tag_and_other_transactions_another() -> None:
    site = Site(NOT_FOUND)
    first, again = (tag(site.answer(request("INVITE"))) for _ in range(2))
    other = tag(site.answer(request("INVITE", Via="SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK2")))
    assert first == again != other
    assert first[:16] == other[:16]


def test_an_ack_is_never_answered() -> None:
    site = Site(NOT_FOUND)
    assert site.say(request("ACK", To="<sip:bob@example.com>;tag=theirs")) == []
    assert site.lines(L_WARN) == ["Warning: sl_send_reply: I won't send a reply for ACK!!", "ran"]
    assert sl_of(site).counts.sent == {} and sl_of(site).counts.failures == 0


def test_the_ack_for_its_own_reply_never_reaches_the_script() -> None:
    site = Site(NOT_FOUND)
    to = "<sip:bob@example.com>;tag=" + tag(site.answer(request("INVITE"))).decode()
    del site.log.records[:]
    assert site.say(request("ACK", To=to)) == [] and site.lines() == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Via": "SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bKother"},
        {"To": "<sip:bob@example.com>"},
        {"To": "<sip:bob@example.com>;tag=" + "x" * 37},
        {"method": "BYE"},
    ],
)
def test_another_ack_reaches_the_script(headers: dict[str, str]) -> None:
    site = Site('route { if (method==ACK || method==BYE) log(1, "ran"); else sl_send_reply("404", "No"); }')
    to = "<sip:bob@example.com>;tag=" + tag(site.answer(request("INVITE"))).decode()
    site.say(request(**{"method": "ACK", "To": to} | headers))
    assert site.lines(1) == ["ran"]


def test_replies_are_counted_by_code() -> None:
    site = Site('route { if (method==INVITE) sl_send_reply("404", "No"); else sl_send_reply("200", "OK"); }')
    for method in ("INVITE", "OPTIONS", "INVITE"):
        site.say(request(method))
    assert sl_of(site).counts.sent == {404: 2, 200: 1} and sl_of(site).counts.failures == 0
    assert site.engine.world.counters.local_replies == 3


def test_a_reply_that_cannot_be_sent_is_false_and_counted() -> None:
    site = Site('reply_to_via=yes\nroute { if (!sl_send_reply("200", "OK")) log(1, "false"); }')
    assert site.say(request(Via="SIP/2.0/UDP nowhere.example.com;branch=1")) == []
    assert site.lines(1) == ["false"] and sl_of(site).counts.failures == 1


@pytest.mark.parametrize(
    ("action", "status"),
    [
        (
            'rewriteuri("tel:+1"); forward(uri:host, uri:port);',
            b"416 Unsupported URI Scheme (416/SL)",
        ),
        ('rewriteuri("sip:no.example.com"); forward(uri:host, uri:port);', b"478 Unresolvable destination (478/SL)"),
        ('append_branch("sip:a");' * 12, b"500 Forking capacity exceeded (12/SL)"),
        ("", b"500 I'm terribly sorry, server error occurred (1/SL)"),
    ],
)
def test_an_error_of_the_script_becomes_a_reply(action: str, status: bytes) -> None:
    assert Site(f"route {{ {action} sl_reply_error(); }}").answer(request()).startswith(b"SIP/2.0 " + status + b"\r\n")


def test_headers_for_the_reply_stand_in_it_in_their_order() -> None:
    site = Site(r'route { append_to_reply("A: 1\r\n"); append_to_reply("B: 2\r\n"); sl_send_reply("200", "OK"); }')
    assert b"\r\nCSeq: 1 OPTIONS\r\nA: 1\r\nB: 2\r\nServer: " in site.answer(request())
