"""Replies that nobody can have been asked for: they open no connection, and do not go round. RFC 3261 16.11 and 18.2.2."""

from __future__ import annotations

import re

import pytest
from script import Site, reply, request

from runtime.sip import transit
from runtime.sip.address import TCP, Address
from runtime.sip.message import parse
from runtime.sip.transport import Send

FORWARD = "route { forward_udp(127.0.0.1, 5090); }"
CLIENT = "SIP/2.0/TCP 127.0.0.1:5088;branch=z9hG4bK1"


def asked(cfg: str = FORWARD, via: str = CLIENT, connection: int = 7, **headers: str) -> tuple[Site, bytes]:
    """A server, and a request that has gone through it on its way downstream."""
    site = Site(cfg, "sl tm")
    (sent,) = site.say(request("INVITE", Via=via, **headers), port=40000, connection=connection)
    return site, sent.data


def answer_to(data: bytes) -> bytes:
    """What the next hop answers, which says nothing of the connection that the request came by."""
    return re.sub(rb";i=[0-9a-f]+", b"", re.sub(rb"^.*\r\n", b"SIP/2.0 200 OK\r\n", data, count=1))


def come(site: Site, answer: bytes) -> Send:
    (send,) = site.say(answer, port=5090)
    return send


def test_a_reply_to_what_came_by_a_connection_may_open_another() -> None:
    site, data = asked()
    back = come(site, answer_to(data))
    assert (back.connection, back.connects, back.destination.port) == (0, True, 5088)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Call-ID: cid1@h", "Call-ID: cid2@h"),
        ("CSeq: 1 ", "CSeq: 2 "),
        ("TCP 127.0.0.1:5088", "TCP 127.0.0.1:6379"),
        ("TCP 127.0.0.1:5088", "TCP 127.0.0.7:5088"),
        ("127.0.0.1:5088;", "127.0.0.1:5088;received=127.0.0.7;"),
        ("127.0.0.1:5088;", "127.0.0.1:5088;rport=6379;"),
        ("5088;branch=z9hG4bK1", "5088;branch=z9hG4bK2"),
        ("5088;branch=z9hG4bK1", "5088"),
    ],
)
def test_with_anything_changed_it_opens_none(old: str, new: str) -> None:
    site, data = asked()
    changed = answer_to(data).replace(old.encode(), new.encode())
    assert changed != answer_to(data)
    assert not come(site, changed).connects


def test_of_our_branch_every_digit_of_the_proof_counts() -> None:
    site, data = asked()
    branch = re.search(rb"branch=(z9hG4bK\w+)", data)
    assert branch is not None and len(branch[1]) == 39
    for at in range(23, 39):
        other = branch[1][:at] + (b"0" if branch[1][at] != 48 else b"1") + branch[1][at + 1 :]
        assert not come(site, answer_to(data).replace(branch[1], other)).connects
    for other in (branch[1][:-1], branch[1] + b"0", branch[1][:23], b"0", b"z9hG4bK" + bytes(32)):
        assert all(not send.connects for send in site.say(answer_to(data).replace(branch[1], other), port=5090))


def test_where_the_request_really_came_from_counts() -> None:
    # The host in Via is none of the sender's: received says who he is, and is no matter of his.
    site, data = asked(via="SIP/2.0/TCP 192.0.2.5:6379;branch=z9hG4bK1")
    assert b"192.0.2.5:6379;received=127.0.0.1;" in data
    assert come(site, answer_to(data)).connects
    assert not come(site, answer_to(data).replace(b";received=127.0.0.1", b"")).connects


def test_what_came_as_a_datagram_opens_no_connection_whatever_its_via_says() -> None:
    site, data = asked(connection=0)
    assert not come(site, answer_to(data)).connects


def test_an_ipv6_address_in_a_via_may_be_in_capital_letters() -> None:
    site = Site(FORWARD)
    via = "SIP/2.0/TCP [2001:DB8::1]:5088;branch=z9hG4bK1"
    (sent,) = site.say(request("INVITE", Via=via), source="2001:db8::1", port=40000, connection=7)
    assert b"received" not in sent.data
    branch = transit.stateless_branch(parse(request("INVITE", Via=via)), b"key", Address.parse("2001:db8::1", 1), TCP)
    answer = parse(reply(Via=f"SIP/2.0/UDP h;branch={branch.decode()},{via}"))
    below = transit.second_via(answer)
    assert below is not None
    assert transit.is_proven(answer, below, b"key") and not transit.is_proven(answer, below, b"other")


def test_without_syn_branch_nothing_is_proven() -> None:
    site, data = asked("syn_branch=no\n" + FORWARD)
    assert not come(site, answer_to(data)).connects


def test_another_server_proves_nothing() -> None:
    _, data = asked()
    assert not come(Site(FORWARD), answer_to(data)).connects


def test_a_datagram_goes_back_unproven_as_with_ser() -> None:
    (send,) = Site(FORWARD).say(reply(), port=5090)
    assert (send.destination.port, send.connects) == (5080, True)


def test_a_cancel_from_another_port_has_the_branch_of_its_invite() -> None:
    site = Site(FORWARD)
    branches = set()
    for method, port in (("INVITE", 40000), ("INVITE", 40001), ("CANCEL", 40002), ("ACK", 40000)):
        (sent,) = site.say(request(method, Via=f"{CLIENT};rport", CSeq=f"1 {method}"), port=port, connection=7)
        found = re.search(rb"branch=(\w+)", sent.data)
        assert found is not None
        branches.add(found[1])
    assert len(branches) == 1


# --- round and round ---------------------------------------------------------------------------------------------------

OURS = "SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK0"
ANY = "SIP/2.0/UDP 0.0.0.0:5070;branch=z9hG4bK0"


def rounds(site: Site, data: bytes) -> tuple[int, list[Send]]:
    """How many replies the server handles, and what leaves it for others."""
    waiting, port, handled = [data], 5090, 0
    others: list[Send] = []
    while waiting:
        handled += 1
        for send in site.say(waiting.pop(), port=port):
            if send.destination.port == 5070:
                waiting.append(send.data)
            else:
                others.append(send)
        port = 5070
    return handled, others


@pytest.mark.parametrize("via", [OURS, ANY])
def test_a_made_up_reply_goes_round_once(via: str) -> None:
    client = "SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK1"
    handled, others = rounds(Site(FORWARD), reply(Via=",".join([OURS, *[via] * 60, client])))
    assert (handled, others) == (2, [])
    handled, others = rounds(Site(FORWARD), reply(Via=",".join([OURS, via, client])))
    assert handled == 2 and [send.destination.port for send in others] == [5080]


SPIRAL = """
route {
    if (uri=~"sip:a@") rewriteuser("b"); else if (uri=~"sip:b@") rewriteuser("c"); else if (uri=~"sip:c@") rewriteuser("d");
    else rewritehostport("127.0.0.1:5090");
    forward(uri:host, uri:port);
}
"""


def test_a_reply_goes_back_through_us_as_often_as_its_request_went() -> None:
    site = Site(SPIRAL)
    (send,) = site.say(request("BYE", "sip:a@127.0.0.1:5070"))
    while send.destination.port == 5070:
        (send,) = site.say(send.data, port=5070)
    answer = answer_to(send.data)
    assert answer.count(b"Via: SIP/2.0/UDP 127.0.0.1:5070;") == 4
    handled, others = rounds(site, answer)
    assert handled == 4 and [send.destination.port for send in others] == [5080]
    handled, others = rounds(site, answer.replace(b"Call-ID: cid1@h", b"Call-ID: cid2@h"))
    assert (handled, others) == (2, [])
