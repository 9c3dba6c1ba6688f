"""Functions that other tests call as methods, here as a ser.cfg calls them: what it says has to reach the method."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from typing import Final

import pytest
from engine import Names
from script import request

from parameters.of_calls import CALLEE, INVITE
from parameters.of_registrations import authorized
from parameters.play import answers, play, says
from runtime.routing.dns_records import Naptr

ELSEWHERE: Final = '"127.0.0.1", "5099"'
# What leaves for 127.0.0.1:5099, and over which protocol.
OVER_UDP: Final = "to udp:127.0.0.1:5099 "
OVER_TCP: Final = "to tcp:127.0.0.1:5099 "


def invited(route: str, *more: Callable[..., None]) -> str:
    return play(f"route {{ {route} }}", "tm textops", INVITE, *more)


def numbered(route: str, uri: str = "sip:+321@h", sender: str = "<sip:+4912@h>;tag=1") -> str:
    names = Names(
        naptr={
            b"1.2.3.e164.arpa.": [Naptr(1, 1, "u", "E2U+sip", "!^.*$!sip:usual@127.0.0.1!")],
            b"1.2.3.other.": [
                Naptr(1, 1, "u", "E2U+sip", "!^.*$!sip:other@127.0.0.1!"),
                Naptr(1, 2, "u", "E2U+voice:sip", "!^.*$!sip:voice@127.0.0.1!"),
            ],
        }
    )
    cfg = f"route {{ if ({route}) forward(127.0.0.1, 5090); }}"
    return play(cfg, "enum", says(request(uri=uri, From=sender)), names=names)


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        (f"t_relay_to_udp({ELSEWHERE});", OVER_UDP),
        (f"t_relay_to_tcp({ELSEWHERE});", OVER_TCP),
        (f"t_replicate({ELSEWHERE});", OVER_UDP),
        (f"t_replicate_udp({ELSEWHERE});", OVER_UDP),
        (f"t_replicate_tcp({ELSEWHERE});", OVER_TCP),
        (f"t_newtran(); t_forward_nonack({ELSEWHERE});", OVER_UDP),
        (f"t_newtran(); t_forward_nonack_udp({ELSEWHERE});", OVER_UDP),
        (f"t_newtran(); t_forward_nonack_tcp({ELSEWHERE});", OVER_TCP),
        ("t_newtran(); t_forward_nonack_uri();", "to udp:127.0.0.1:5090 "),
    ],
)
def test_a_call_goes_where_the_route_says(call: str, wanted: str) -> None:
    assert f"{wanted}from 5070:\nINVITE {CALLEE} SIP/2.0\r\n" in invited(call)


@pytest.mark.parametrize("name", ["t_relay_to_tls", "t_replicate_tls", "t_forward_nonack_tls"])
def test_nothing_leaves_over_a_protocol_that_is_not_there(name: str) -> None:
    before = "t_newtran(); " if "nonack" in name else ""
    assert "INVITE sip:" not in invited(f"{before}{name}({ELSEWHERE});")


def test_a_replicated_call_is_answered_by_nobody() -> None:
    told = invited('t_replicate("127.0.0.1", "5090");', answers("200 OK"))
    assert "INVITE sip:bob" in told and "to udp:127.0.0.1:5080 from 5070:\nSIP/2.0 200" not in told


def test_the_last_reply_is_sent_again() -> None:
    told = invited('t_newtran(); t_reply("180", "Ringing"); t_retransmit_reply();')
    assert told.count("SIP/2.0 180 Ringing\r\n") == 2


def test_a_transaction_that_is_released_is_remembered() -> None:
    told = play('route { if (t_newtran()) { t_release(); log(1, "new"); } }', "tm", INVITE, INVITE)
    assert told.count("new") == 1


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        ("enum_query()", "OPTIONS sip:usual@127.0.0.1 SIP/2.0"),
        ('enum_query("other.")', "OPTIONS sip:other@127.0.0.1 SIP/2.0"),
        ('enum_query("other.", "voice")', "OPTIONS sip:voice@127.0.0.1 SIP/2.0"),
        ('enum_query("other.", "fax")', ""),
        ("is_from_user_e164()", "OPTIONS sip:+321@h SIP/2.0"),
    ],
)
def test_numbers_are_looked_for_as_the_route_says(call: str, wanted: str) -> None:
    told = numbered(call)
    assert wanted in told if wanted else "OPTIONS" not in told


def test_who_has_no_number_has_none() -> None:
    assert "OPTIONS" not in numbered("is_from_user_e164()", sender="<sip:alice@h>;tag=1")


def test_an_identity_stands_between_the_words_of_the_route() -> None:
    told = authorized('append_rpid_hf("<", ">;party=called"); forward(127.0.0.1, 5090);')("")
    assert "Remote-Party-ID: <sip:+1@h>;party=called\r\n" in told


@pytest.mark.parametrize(("printed", "uri"), [("carol", "sip:carol@127.0.0.1:5090"), ("", CALLEE)])
def test_a_program_rewrites_the_user(printed: str, uri: str) -> None:
    cfg = f'route {{ ext_rewriteuser("cat > /dev/null; echo {printed}"); forward(127.0.0.1, 5090); }}'
    assert f"INVITE {uri} SIP/2.0" in play(cfg, "ext", INVITE)


def test_an_application_reads_a_request_from_its_fifo() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "fifo")
        os.mkfifo(path)
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            cfg = f"""modparam("tm", "tw_append", "set:avp[s:who];hdr[Subject]")
                route {{ avp_write("alice", "s:who"); t_newtran(); t_write_req("{path}", "ring/set"); }}"""
            play(cfg, "tm avpops", says(request("INVITE", CALLEE, Subject="lunch")))
            lines = os.read(reader, 65536).decode().split("\n")
        finally:
            os.close(reader)
    assert lines[:3] == ["0.3", "sip_request.ring", "INVITE"]
    assert lines[18:22] == ["P-MsgFlags: 0", "who: alice", "Subject: lunch", "."]
