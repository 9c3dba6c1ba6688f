"""One Via value. RFC 3261 20.42 and 25.1, reference core 6.1 point 4."""

from __future__ import annotations

import pytest

from runtime.sip.address import TCP, TLS, UDP
from runtime.sip.scan import BadMessage
from runtime.sip.via import Via, parse_via


def parsed(value: str) -> tuple[bytes, Via]:
    """The value in the midst of other text, so that a loop that leaves its range is seen."""
    data = b"Via:" + value.encode("latin-1") + b",;branch=outside"
    return data, parse_via(data, 4, len(data) - len(b",;branch=outside"))


def host(value: str) -> str:
    data, via = parsed(value)
    return data[via.host_start : via.host_end].decode("latin-1")


def param(value: str, name: str) -> str | None:
    """The value of branch, received, rport or i; None when it has none."""
    data, via = parsed(value)
    start, end = {
        "branch": (via.branch_start, via.branch_end),
        "received": (via.received_start, via.received_end),
        "rport": (via.rport_start, via.rport_end),
        "i": (via.i_start, via.i_end),
    }[name]
    return data[start:end].decode("latin-1") if start >= 0 else None


@pytest.mark.parametrize(
    ("value", "proto"),
    [
        ("SIP/2.0/UDP h", UDP),
        ("sip/2.0/udp h", UDP),
        ("SIP/2.0/TCP h", TCP),
        ("SIP/2.0/tls h", TLS),
        ("SIP / 2.0 / UDP h", UDP),
        ("  SIP/\r\n 2.0\t/TLS\r\n h", TLS),
        ("SIP/2.0/TCP\th", TCP),
        ("SIP/2.0/UDP\r\n h", UDP),
    ],
)
def test_the_transport_is_read_with_any_white_space(value: str, proto: int) -> None:
    assert parsed(value)[1].proto == proto
    assert host(value) == "h"


@pytest.mark.parametrize(
    ("value", "sent_by", "port"),
    [
        ("SIP/2.0/UDP a.b-c_d.example:5070;x", "a.b-c_d.example", 5070),
        ("SIP/2.0/UDP 192.0.2.1", "192.0.2.1", 0),
        ("SIP/2.0/UDP [2001:db8::9:1]:5070;branch=x", "[2001:db8::9:1]", 5070),
        ("SIP/2.0/UDP [::1];branch=x", "[::1]", 0),
        ("SIP/2.0/UDP h : 99 ;x", "h", 99),
        ("SIP/2.0/UDP h\r\n :\r\n 0005060", "h", 5060),
        ("SIP/2.0/UDP h:123456", "h", 123456),
    ],
)
def test_host_and_port_are_read(value: str, sent_by: str, port: int) -> None:
    assert host(value) == sent_by
    assert parsed(value)[1].port == port


@pytest.mark.parametrize(
    ("value", "rest"),
    [
        ("SIP/2.0/UDP h:99;branch=1", ";branch=1"),
        ("SIP/2.0/UDP h : 99 ;branch=1", " ;branch=1"),
        ("SIP/2.0/UDP h;branch=1", ";branch=1"),
        ("SIP/2.0/UDP [::1];branch=1", ";branch=1"),
        ("SIP/2.0/UDP h", ""),
    ],
)
def test_new_parameters_go_right_behind_host_and_port(value: str, rest: str) -> None:
    data, via = parsed(value)
    assert data[via.sent_by_end : via.end].decode() == rest


@pytest.mark.parametrize(
    ("text", "branch", "received", "rport", "i"),
    [
        (";branch=z9hG4bK1;received=1.2.3.4;rport=99;i=1a", "z9hG4bK1", "1.2.3.4", "99", "1a"),
        (";BRANCH=a;Received=b;RPort=c;I=d", "a", "b", "c", "d"),
        (" ; branch = a ; rport", "a", None, None, None),
        (";rport=", None, None, "", None),
        (";branch=a;branch=b;received=1;received=2;rport=3;rport", "a", "1", "3", None),
        (";received=[2001:db8::1]", None, "[2001:db8::1]", None, None),
        (";received=2001:db8::1", None, "2001:db8::1", None, None),
        (';x="a;branch=no,\\";rport";branch=b', "b", None, None, None),
        (";maddr=m;ttl=1;hidden;branch=b;lskpmc=x", "b", None, None, None),
        (";xbranch=a;branchx=b;rport2", None, None, None, None),
        (";branch=\r\n z9hG4bK1\r\n ;rport\r\n", "z9hG4bK1", None, None, None),
    ],
)
def test_the_parameters_that_mean_something_are_kept(
    text: str, branch: str | None, received: str | None, rport: str | None, i: str | None
) -> None:
    value = "SIP/2.0/UDP h" + text
    assert param(value, "branch") == branch
    assert param(value, "received") == received
    assert param(value, "rport") == rport
    assert param(value, "i") == i


@pytest.mark.parametrize(
    ("value", "rport"),
    [
        ("SIP/2.0/UDP h;rport;branch=1", ";rport"),
        ("SIP/2.0/UDP h ;rport=\r\n", ";rport="),
        ("SIP/2.0/UDP h; rport = 5060 ;branch=1", "; rport = 5060"),
        ("SIP/2.0/UDP h;branch=1;rport", ";rport"),
    ],
)
def test_a_parameter_reaches_from_its_semicolon_to_its_end(value: str, rport: str) -> None:
    data, via = parsed(value)
    assert data[via.rport_at : via.rport_end].decode() == rport


def test_alias_is_a_flag() -> None:
    assert parsed("SIP/2.0/TCP h;ALIAS;branch=1")[1].alias
    assert not parsed("SIP/2.0/TCP h;branch=alias;aliased")[1].alias


@pytest.mark.parametrize(
    ("value", "first"),
    [
        ("SIP/2.0/UDP a;branch=1,SIP/2.0/UDP b", "SIP/2.0/UDP a;branch=1"),
        (" SIP/2.0/UDP a ,SIP/2.0/UDP b", "SIP/2.0/UDP a "),
        ("SIP/2.0/UDP a (b (c, d) e) ,SIP/2.0/UDP b", "SIP/2.0/UDP a (b (c, d) e) "),
        ('SIP/2.0/UDP a;x="1,2" (c) , SIP/2.0/UDP b', 'SIP/2.0/UDP a;x="1,2" (c) '),
        ("SIP/2.0/UDP a:5060,", "SIP/2.0/UDP a:5060"),
    ],
)
def test_a_comma_ends_the_value(value: str, first: str) -> None:
    data, via = parsed(value)
    assert via.more
    assert data[via.start : via.end].decode() == first


def test_the_last_value_ends_with_its_line() -> None:
    data, via = parsed("SIP/2.0/UDP a;rport (no, comma; counts) \r\n")
    assert not via.more and data[via.end :] == b",;branch=outside"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "   \r\n",
        "SIP",
        "SIP/",
        "SIP/2.0",
        "SIP/2.0/",
        "SIP/2.0/UDP",
        "SIP/2.0/UDP ",
        "SIP/2.0/UDPh",
        "SIP/2.0/UD h",
        "SIP/2.0/SCTP h",
        "SIP/2.0/TLS-SCTP h",
        "SIP/2.1/UDP h",
        "SIP/7.0/UDP h",
        "HTTP/2.0/UDP h",
        "SIP/2.0/UDP ;branch=1",
        "SIP/2.0/UDP :5060",
        "SIP/2.0/UDP h:",
        "SIP/2.0/UDP h:x",
        "SIP/2.0/UDP h:-1",
        "SIP/2.0/UDP h:1111111111111111111",
        "SIP/2.0/UDP h i",
        "SIP/2.0/UDP h@i",
        "SIP/2.0/UDP [::1",
        "SIP/2.0/UDP h; ,SIP/2.0/UDP i",
        "SIP/2.0/UDP h;=1",
        "SIP/2.0/UDP h;branch",
        "SIP/2.0/UDP h;branch=",
        "SIP/2.0/UDP h;branch=;x",
        'SIP/2.0/UDP h;x="never closed',
        'SIP/2.0/UDP h;x="a"b',
        "SIP/2.0/UDP h (never closed",
        "SIP/2.0/UDP h;branch=1 x",
    ],
)
def test_what_is_no_via_is_refused_where_it_fails(value: str) -> None:
    with pytest.raises(BadMessage) as caught:
        parsed(value)
    assert 4 <= caught.value.offset <= 4 + len(value)


@pytest.mark.parametrize(
    "value", [b"h;", b"h;;branch=1", b"h ; ; branch=1;", b"h;received", b"h;received=;x", b"h;i", b"h;i=", b"h;;;"]
)
def test_what_says_nothing_costs_nobody_the_message(value: bytes) -> None:
    line = b"SIP/2.0/UDP " + value + b"\r\n"
    via = parse_via(line, 0, len(line))
    assert (line[via.host_start : via.host_end], via.received_start, via.i_start, via.more) == (b"h", -1, -1, False)
    if b"branch" in value:
        assert line[via.branch_start : via.branch_end] == b"1"
