"""Requests that come to ourselves again and again end, whatever their headers say."""

from __future__ import annotations

import pytest
from script import Site, request

from runtime.routing.circling import MAX_VIAS

HERE = "sip:bob@127.0.0.1:5070"
OURS = "SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK{}\r\nVia: "
CLIENT = "SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK1"
STATELESS = "route { if (!forward(uri:host, uri:port)) sl_reply_error(); }"
STATEFUL = "route { t_relay(); }"


def with_vias(count: int, uri: str = HERE) -> bytes:
    """A request that has `count` Vias, a line each."""
    return request("BYE", uri, Via="".join(OURS.format(n) for n in range(count - 1)) + CLIENT)


def statuses(site: Site, data: bytes) -> list[bytes]:
    """The first lines of the replies that come of it."""
    return [send.data.split(b"\r\n")[0] for send in site.say(data) if send.data.startswith(b"SIP/2.0 ")]


@pytest.mark.parametrize(("cfg", "mark"), [(STATELESS, b"SL"), (STATEFUL, b"TM")])
def test_a_request_is_not_sent_to_ourselves_once_more_than_it_can_have_hops(cfg: str, mark: bytes) -> None:
    error = b"SIP/2.0 500 I'm terribly sorry, server error occurred (2/%s)" % mark
    assert statuses(Site(cfg, "sl tm"), with_vias(MAX_VIAS)) == [error]
    assert statuses(Site(cfg, "sl tm"), with_vias(MAX_VIAS - 1)) == []


@pytest.mark.parametrize("cfg", [STATELESS, STATEFUL])
def test_it_may_go_to_somebody_else(cfg: str) -> None:
    (send,) = Site(cfg, "sl tm").say(with_vias(MAX_VIAS + 30, "sip:bob@127.0.0.1:5090"))
    assert send.destination.port == 5090 and send.data.count(b"Via: ") == MAX_VIAS + 31


@pytest.mark.parametrize("cfg", [STATELESS, STATEFUL])
def test_who_has_sent_it_is_told_when_it_has_gone_round(cfg: str) -> None:
    site = Site(cfg, "sl tm")
    waiting = [request("BYE", HERE, Max_Forwards="")]
    answers: list[bytes] = []
    rounds = 0
    while waiting:
        rounds += 1
        assert rounds <= 3 * MAX_VIAS
        for send in site.say(waiting.pop(0), port=5080 if rounds == 1 else 5070):
            if send.destination.port == 5070:
                waiting.append(send.data)
            else:
                answers.append(send.data)
    (answer,) = answers
    assert answer.startswith(b"SIP/2.0 500 ") and answer.count(b"Via: ") == 1


# --- forks -------------------------------------------------------------------------------------------------------------

# Two ways that lead back here and one that leads away, as contacts in the location table could.
FORK = """
route {
    rewriteuri("sip:a@127.0.0.1:5070");
    append_branch("sip:b@127.0.0.1:5070");
    append_branch("sip:sink@127.0.0.1:5090");
    if (!t_relay()) sl_reply_error();
}
"""


def test_a_fork_that_leads_back_here_does_not_grow_without_end() -> None:
    site = Site(FORK, "sl tm")
    waiting = [request("MESSAGE", HERE, Max_Forwards="70")]
    sent = 0
    refused: set[bytes] = set()
    while waiting:
        for send in site.say(waiting.pop(0), port=5070 if sent else 5080):
            if send.data.startswith(b"SIP/2.0 "):
                refused.add(send.data.split(b"\r\n")[0])
            elif send.destination.port == 5070:
                waiting.append(send.data)
            else:
                sent += 1
    # 60 branches, then 20 behind each, then 6, then 2.
    assert sent == 1 + 2 + 4
    assert refused == {b"SIP/2.0 440 Max-Breadth Exceeded (440/TM)"}


@pytest.mark.parametrize(
    ("via", "is_sent"),
    [
        ("SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKabc.1.020", False),
        ("SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKabc.1.030", True),
        ("SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKabc.1.0", True),
        ("SIP/2.0/UDP 127.0.0.1:5070", True),
        ("SIP/2.0/UDP 127.0.0.9:5070;branch=z9hG4bKabc.1.020", True),
        ("SIP/2.0/UDP 127.0.0.9, SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKabc.1.020", False),
    ],
)
def test_a_branch_brings_along_what_it_may_become(via: str, is_sent: bool) -> None:
    site = Site(FORK, "sl tm")
    sends = site.say(request("MESSAGE", HERE, Via=f"{CLIENT}, {via}"))
    assert (len([send for send in sends if send.data.startswith(b"MESSAGE ")]) == 3) == is_sent


def test_the_replies_of_a_fork_find_their_branches() -> None:
    site = Site(FORK, "sl tm")
    (sink,) = [send for send in site.say(request("MESSAGE", HERE)) if send.destination.port == 5090]
    lines = sink.data.split(b"\r\n")
    kept = [line for line in lines if line.startswith((b"Via", b"From", b"To", b"Call-ID", b"CSeq"))]
    reply = b"\r\n".join([b"SIP/2.0 200 OK", *kept, b"", b""])
    (answer,) = [send for send in site.say(reply, port=5090) if send.data.startswith(b"SIP/2.0 200")]
    assert answer.destination.port == 5080
