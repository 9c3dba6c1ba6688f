"""What the valid messages of RFC 4475 and RFC 5118 say, value by value. Skips where the messages are not at hand."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

import pytest
from facts import facts

from runtime.sip import methods
from runtime.sip.message import parse
from runtime.sip.uri import BadUri, parse_uri

LONG_NAME = "amazinglylongcallername" * 5
LONG_CALL_ID = "longreq.one" + "really" * 20 + "longcallid"

# Blocks with empty lines between them: a name, and what `Facts.text` writes, indented.
TABLE = (Path(__file__).parent / "rfc_messages.txt").read_text("utf-8")
MESSAGES = {name: text for name, _, text in (block.partition("\n") for block in TABLE.strip().split("\n\n"))}


@pytest.fixture(scope="module")
def corpus(shared: Path) -> Path:
    return shared / "corpus" / "sip"


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_says_what_the_rfc_says_it_says(corpus: Path, name: str) -> None:
    assert indent(facts((corpus / name).read_bytes()).text(), "    ") == MESSAGES[name]


def test_a_very_long_request_is_whole(corpus: Path) -> None:
    found = facts((corpus / "rfc4475/longreq.dat").read_bytes())
    assert len(found.vias) == 34
    assert found.vias[0] == "tcp sip33.example.com" and found.vias[32] == "tcp sip1.example.com"
    assert found.vias[33].startswith("tcp host.example.com verylonglong") and found.vias[33].endswith(
        "received=192.0.2.5"
    )
    assert found.from_ == f"sip:{LONG_NAME}@example.net" and found.from_tag == "12" + "982" * 50 + "424"
    assert found.to.startswith("sip:user@example.com:6000;unknownparam1=very") and found.to.endswith("NameWithNoValue")
    assert found.call_id == LONG_CALL_ID and found.cseq == "3882340 INVITE"
    assert found.contacts == (f"sip:{LONG_NAME}@host5.example.net",) and found.content_length == 150


def test_vias_of_other_transports_below_ours_do_no_harm(corpus: Path) -> None:
    msg = parse((corpus / "rfc4475/transports.dat").read_bytes())
    lines = [msg.value(msg.headers[i]) for i in range(6, 11)]
    assert [line.split(b" ")[0] for line in lines] == [
        b"SIP/2.0/UDP",
        b"SIP/2.0/SCTP",
        b"SIP/2.0/TLS",
        b"SIP/2.0/UNKNOWN",
        b"SIP/2.0/TCP",
    ]
    assert msg.via1 is not None and msg.buf[msg.via1.host_start : msg.via1.host_end] == b"t1.example.com"


@pytest.mark.parametrize(
    ("name", "user", "host", "port"),
    [
        ("rfc4475/esc01.dat", b"sips%3Auser%40example.com", b"example.net", 0),
        ("rfc4475/semiuri.dat", b"user;par=u%40example.net", b"example.com", 0),
        ("rfc4475/intmeth.dat", b"1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*", b"example.com", 0),
        ("rfc5118/ipv6-good", b"", b"[2001:db8::10]", 0),
        ("rfc5118/port-ambiguous", b"", b"[2001:db8::10:5070]", 0),
        ("rfc5118/port-unambiguous", b"", b"[2001:db8::10]", 5070),
        ("rfc5118/ipv6-correct-abnf-2-colons", b"user", b"[2001:db8::192.0.2.1]", 0),
    ],
)
def test_the_request_uri_falls_into_its_parts(corpus: Path, name: str, user: bytes, host: bytes, port: int) -> None:
    msg = parse((corpus / name).read_bytes())
    uri = parse_uri(msg.buf, msg.uri_start, msg.uri_end)
    assert (uri.user(), uri.host(), uri.port) == (user, host, port)


@pytest.mark.parametrize(
    "name", ["rfc4475/unkscm.dat", "rfc4475/novelsc.dat", "rfc4475/ltgtruri.dat", "rfc5118/ipv6-bad"]
)
def test_a_request_uri_that_is_none_of_ours_is_no_sip_uri(corpus: Path, name: str) -> None:
    msg = parse((corpus / name).read_bytes())
    with pytest.raises(BadUri):
        parse_uri(msg.buf, msg.uri_start, msg.uri_end)


def test_an_escaped_method_is_another_method(corpus: Path) -> None:
    assert parse((corpus / "rfc4475/esc02.dat").read_bytes()).method == methods.OTHER


def test_a_binary_body_is_whole(corpus: Path) -> None:
    msg = parse((corpus / "rfc4475/mpart01.dat").read_bytes())
    assert len(msg.body()) == 553 and msg.body().startswith(b"--7a9cbec02ceef655\r\n") and b"\0" in msg.body()
