"""The ladder of a call: who sent what to whom."""

from __future__ import annotations

import pytest

from serc.commands.ctl.tracing import Arrow, Shown, ladder

ALICE, SERVER, BOB = "udp:10.0.0.7:5060", "udp:10.0.0.1:5060", "udp:10.0.0.8:5060"


def rung(message: str, source: str = ALICE, target: str = SERVER) -> str:
    invite = "INVITE sip:a SIP/2.0\r\n"
    known = [Arrow(0.0, ALICE, SERVER, invite), Arrow(0.0, SERVER, BOB, invite)]
    return ladder([*known, Arrow(0.1, source, target, message)])[-1]


def test_the_method_of_a_reply_is_always_whole() -> None:
    trying = "SIP/2.0 100 trying -- your call is important to us\r\nCSeq: 1 INVITE\r\n"
    assert rung(trying, SERVER, ALICE) == "   0.100               |<- 100 trying (INVITE) --|                         |"
    assert "| <- 180 Ringing (INVITE) -" in rung("SIP/2.0 180 Ringing\r\nCSeq: 1 INVITE\r\n", SERVER, ALICE).replace(
        "|<", "| <"
    )


@pytest.mark.parametrize(
    "message",
    [
        "",
        "\r\n",
        "SIP/2.0 200",
        "SIP/2.0 200 OK\r\nCSeq:\r\n",
        "SIP/2.0 200 OK\r\nCSeq: 1 " + "X" * 100 + "\r\n",
        "A" * 200 + " sip:a SIP/2.0\r\n",
    ],
)
@pytest.mark.parametrize(("source", "target"), [(ALICE, BOB), (BOB, ALICE), (ALICE, SERVER), (SERVER, SERVER)])
def test_no_message_breaks_the_columns(message: str, source: str, target: str) -> None:
    drawn = rung(message, source, target)
    assert len(drawn) <= 100
    if source != target:
        assert drawn.count("|") == (2 if {source, target} == {ALICE, BOB} else 3)
        assert (">" in drawn) != ("<" in drawn)


@pytest.mark.parametrize("last", [{"event": "over", "call": 1}, {"event": "end", "why": "600 seconds are over"}])
def test_a_ladder_has_all_of_a_call_that_is_over_or_is_watched_no_longer(last: dict[str, object]) -> None:
    shown = Shown(whole=False)
    begin = {"event": "call", "call": 1, "call_id": "1@x", "who": "a -> b", "process": "p"}
    ways = [(ALICE, SERVER, "INVITE sip:b SIP/2.0\r\n"), (SERVER, ALICE, "SIP/2.0 407 X\r\nCSeq: 1 INVITE\r\n")] * 2
    lines = shown.lines(begin)
    for source, target, message in ways:
        what = "received" if target == SERVER else "sent"
        more = {"from": source, "to": target, "message": message, "by_statement": False, "again": False}
        lines += shown.lines({"event": what, "call": 1, "time": 1.0, **more})
    assert not any("--" in line for line in lines)
    drawn = shown.lines(last)
    assert sum("INVITE" in line for line in drawn) == 4
    if last["event"] == "end":
        assert drawn[-1] == "-- 600 seconds are over" and shown.ladders() == []


def test_what_could_not_be_sent_is_no_arrow_and_says_why() -> None:
    shown = Shown(whole=False)
    shown.lines({"event": "call", "call": 1, "call_id": "1@x", "who": "a -> b", "process": "p"})
    invite = "INVITE sip:b SIP/2.0\r\nVia: x\r\n"
    sent = {"from": SERVER, "to": BOB, "message": invite, "by_statement": True, "again": False}
    shown.lines({"event": "sent", "call": 1, "time": 1.0, **sent})
    shown.lines({"event": "sent", "call": 1, "time": 1.5, **sent})
    why = "Connection refused"
    line = {"event": "not sent", "call": 1, "time": 1.5, "to": BOB, "message": "INVITE sip:b SIP/2.0", "why": why}
    assert "cannot send INVITE sip:b to udp:10.0.0.8:5060: Connection refused" in shown.lines(line)[0]
    first, second = shown.ladders()[-3:-1]
    assert first.endswith("INVITE ------->|") and second.endswith("INVITE -------x|  not sent: Connection refused")
