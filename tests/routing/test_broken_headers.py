"""A request with a broken To, CSeq, Call-ID, Content-Length or lower Via: 400 whatever the script says, with and without state.

Forwarding does not look at them. RFC 3261 8.2 and 16.3.
"""

from __future__ import annotations

import pytest
from script import Site, request

from runtime.modules.tm import Tm

ANSWERS = {
    "sl_send_reply": 'route { sl_send_reply("404", "Not Found"); }',
    "t_reply": 'route { t_newtran(); t_reply("404", "Not Found"); }',
    "t_reply in a failure route": 'route { t_on_failure("1"); t_relay(); } failure_route[1] { t_reply("404", "Not Found"); }',
}
NEITHER = 'route { if (!t_newtran()) { sl_reply_error(); break; } t_reply("404", "Not Found"); }'
VIA = "SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK1"

BROKEN = [
    ("To", " ", "To"),
    ("To", "<sip:b@h", "To"),
    ("To", '"b <sip:b@h>', "To"),
    ("To", "<>", "To"),
    ("CSeq", "99999999999 INVITE", "CSeq"),
    ("CSeq", "4294967296 INVITE", "CSeq"),
    ("CSeq", "1 BYE", "CSeq"),
    ("CSeq", "1 INVITE x", "CSeq"),
    ("Call_ID", " ", "Call-ID"),
    ("Content_Length", "-1", "Content-Length"),
    ("Content_Length", "+0", "Content-Length"),
    ("Content_Length", "0x0", "Content-Length"),
    ("Content_Length", "0 0", "Content-Length"),
    ("Content_Length", "0,0", "Content-Length"),
    ("Content_Length", "5", "Content-Length"),
    ("Content_Length", "9" * 30, "Content-Length"),
    ("Content_Length", "", "Content-Length"),
    ("Via", f"{VIA},", "Via"),
    ("Via", f"{VIA}, x", "Via"),
    ("Via", f"{VIA}\r\nVia: nonsense", "Via"),
    ("Via", f"{VIA}\r\nVia: ", "Via"),
    ("Via", f'{VIA}\r\nVia: SIP/2.0/UDP h;a="', "Via"),
    ("Via", f"{VIA}\r\nVia: SIP/3.0/UDP h", "Via"),
    ("Via", f"{VIA}\r\nVia: SIP/2.0/UDP [::1", "Via"),
]

# Without these there can be no transaction at all; the script hears it from t_newtran, and where it says nothing, there is a 400.
NO_TRANSACTION = [
    {"To": ""},
    {"From": ""},
    {"Call_ID": ""},
    {"CSeq": ""},
    {"CSeq": "INVITE"},
    {"CSeq": "1"},
    {"CSeq": "-1 INVITE"},
    {"CSeq": "1.5 INVITE"},
    {"CSeq": "0x1 INVITE"},
]


def invite(**headers: str) -> bytes:
    length = headers.pop("Content_Length", "0")
    data = request("INVITE", "sip:bob@127.0.0.1:5090", **headers)
    return data.replace(b"Content-Length: 0\r\n", b"Content-Length: " + length.encode() + b"\r\n")


def status(data: bytes) -> str:
    return data.split(b"\r\n")[0].decode()


@pytest.mark.parametrize("function", ["sl_send_reply", "t_reply"])
@pytest.mark.parametrize(("name", "value", "blamed"), BROKEN)
def test_a_reply_becomes_400(name: str, value: str, blamed: str, function: str) -> None:
    (sent,) = Site(ANSWERS[function], "sl tm").say(invite(**{name: value}))
    assert status(sent.data) == f"SIP/2.0 400 Bad {blamed}"
    assert sent.destination.port == 5080


@pytest.mark.parametrize("cfg", ["route { forward(127.0.0.1, 5090); }", "route { t_relay(); }"])
@pytest.mark.parametrize(("name", "value", "blamed"), BROKEN)
def test_forwarding_leaves_it_to_who_answers(name: str, value: str, blamed: str, cfg: str) -> None:
    site = Site(cfg, "sl tm")
    sent = [send.data for send in site.say(invite(**{name: value})) if send.destination.port == 5090]
    assert len(sent) == 1 and sent[0].startswith(b"INVITE "), blamed


@pytest.mark.parametrize("headers", NO_TRANSACTION, ids=str)
def test_without_a_transaction_the_script_answers(headers: dict[str, str]) -> None:
    assert status(Site(NEITHER, "sl tm").answer(invite(**headers))) == "SIP/2.0 400 Transaction tuple incomplete (9/SL)"
    assert Site(NEITHER, "sl tm").say(invite(**headers).replace(b"INVITE", b"ACK")) == []


@pytest.mark.parametrize("cfg", ["route { t_relay(); }", 'route { t_newtran(); t_reply("404", "Not Found"); }'])
@pytest.mark.parametrize("headers", NO_TRANSACTION, ids=str)
def test_without_a_transaction_and_without_an_answer_of_the_script_there_is_one(
    headers: dict[str, str], cfg: str
) -> None:
    assert status(Site(cfg, "sl tm").answer(invite(**headers))) == "SIP/2.0 400 Transaction tuple incomplete (9/TM)"
    assert Site(cfg, "sl tm").say(invite(**headers).replace(b"INVITE", b"ACK")) == []


@pytest.mark.parametrize("headers", NO_TRANSACTION, ids=str)
def test_what_the_script_forwards_in_spite_of_that_is_not_answered(headers: dict[str, str]) -> None:
    (sent,) = Site("route { if (!t_relay()) { forward(127.0.0.1, 5090); } }", "sl tm").say(invite(**headers))
    assert sent.destination.port == 5090


@pytest.mark.parametrize("line", [b": no name", b":"])
def test_a_line_without_a_name_is_no_reason_for_silence(line: bytes) -> None:
    data = invite()
    for at in (b"Via:", b"To:"):
        assert (
            status(Site(ANSWERS["sl_send_reply"]).answer(data.replace(at, line + b"\r\n" + at)))
            == "SIP/2.0 404 Not Found"
        )


@pytest.mark.parametrize("via", ["", "nonsense", "SIP/2.0/UDP", "SIP/2.0/UDP ;branch=1"])
def test_what_has_no_address_gets_nothing(via: str) -> None:
    assert Site(ANSWERS["sl_send_reply"]).say(invite(Via=via)) == []


@pytest.mark.parametrize(("name", "value", "blamed"), BROKEN)
def test_a_transaction_with_it_ends_all_the_same(name: str, value: str, blamed: str) -> None:
    """Whoever answers repeats what is broken; our own CANCEL, ACK and 408 have it, too."""
    site = Site(ANSWERS["t_reply in a failure route"], "sl tm")
    tm = site.engine.world.modules["tm"]
    assert isinstance(tm, Tm)
    tm.begin(site.engine.world, 0)
    site.say(invite(**{name: value}))
    finals = []
    for now_ms in range(0, 300_000, 1000):
        finals += [status(send.data) for send in site.engine.tick(now_ms) if send.destination.port == 5080]
    assert finals != [] and {text[:11] for text in finals} <= {"SIP/2.0 400", "SIP/2.0 404", "SIP/2.0 408"}, blamed
    assert site.engine.world.bugs.count == 0
