"""Contacts that nobody can be called at are refused, and all that somebody may be called at are not. RFC 3261 10.2.1, 10.3."""

from __future__ import annotations

import pytest
from engine import header
from script import Site, request

ROUTE = 'route { if (method=="REGISTER") { save("location"); break; }; if (lookup("location")) sl_send_reply("302", "Moved"); }'
NAT = 'route { if (method=="REGISTER") { force_rport(); fix_nated_register(); save("location"); break; }; }'
NOWHERE = "400 Bad Request: Contact is nowhere"


def answer(site: Site, contact: str, **headers: str) -> str:
    """`200 OK`, or the status with what the registrar says of it."""
    data = site.answer(request("REGISTER", "sip:example.com", Contact=contact, **headers))
    status = data.split(b" ", 1)[1].split(b"\r\n")[0].decode()
    why = header(data, "P-Registrar-Error")
    return status if why is None else f"{status}: {why}"


def site(parameters: str = "", route: str = ROUTE, modules: str = "sl usrloc registrar") -> Site:
    return Site(parameters + route, modules)


ABSURD = [
    "*",
    "foo",
    "//x",
    "sip:",
    "sip:a@",
    "sip:@192.0.2.1",
    "sip:a@:5060",
    "sip:a@[]",
    "sip:a@[1]",
    "sip:a@[::1:2:3:4:5:6:7:8]",
    "sip:a@0.0.0.0",
    "sip:0.0.0.0",
    "SIP:0.0.0.0:5060;lr",
    "sips:a@0.1.2.3",
    "sip:a@000.000.000.000",
    "sip:a@224.0.1.75",
    "sip:239.255.255.255",
    "sip:a@240.0.0.1",
    "sip:a@255.255.255.255:5060",
    "sip:a;x=1@255.255.255.255",
    "sip:a:b@224.0.0.1",
    "sip:1.2.3.4;x=y@224.0.0.1",
    "sip:a@[::]",
    "sip:a@[0:0:0:0:0:0:0:0]:5060",
    "sip:a@[ff02::1]",
    "sip:a@[FF0E::1]",
    "sip:a@[::ffff:0.0.0.0]",
    "sip:a@[::ffff:224.0.0.1]",
    "sip:a@[::FFFF:e000:1]",
]


@pytest.mark.parametrize("uri", ABSURD)
def test_a_contact_that_is_nowhere_is_refused(uri: str) -> None:
    server = site()
    assert answer(server, f"<{uri}>") == NOWHERE
    # Of several all are refused, and nothing has been kept.
    assert answer(server, f"<sip:a@192.0.2.1>, <{uri}>") == NOWHERE
    assert "Contact" not in server.answer(request("REGISTER", "sip:example.com", Contact="")).decode()


@pytest.mark.parametrize("uri", ABSURD)
def test_what_is_there_all_the_same_can_be_removed(uri: str) -> None:
    if uri != "*":
        assert answer(site(), f"<{uri}>;expires=0") == "200 OK"


@pytest.mark.parametrize("uri", ABSURD)
def test_the_parameter_takes_all_as_ser_does(uri: str) -> None:
    assert answer(site('modparam("registrar", "check_contacts", 0)'), f"<{uri}>") == "200 OK"


@pytest.mark.parametrize(
    "uri",
    [
        "sip:a@192.0.2.1",
        "sip:192.0.2.1:0",
        "sip:a@192.0.2.1:5060;transport=tcp",
        "SIPS:a@192.0.2.1",
        "sip:a@10.0.0.1",
        "sip:a@127.0.0.1",
        "sip:a@127.0.0.1:5070",
        "sip:a@2.0.0.1",
        "sip:a@20.0.0.1",
        "sip:a@22.0.0.1",
        "sip:a@25.0.0.1",
        "sip:a@223.255.255.255",
        "sip:a@172.16.0.1",
        "sip:a@[::1]",
        "sip:a@[2001:db8::1]:5060",
        "sip:a@[fe80::1]",
        "sip:a@[::ffff:192.0.2.1]",
        "sip:a@phone.example.com",
        "sip:a@224.example.com",
        "sip:a@0.example.com",
        "sip:224.0.0.1@192.0.2.1",
        "sip:a@phone;x=0.0.0.0",
        "sip:a@phone?h=224.0.0.1",
        "tel:+4312345",
        "mailto:a@example.com",
        "http://example.com/a",
        "urn:service:sos",
    ],
)
def test_a_contact_that_is_somewhere_is_kept(uri: str) -> None:
    assert answer(site(), f"<{uri}>") == "200 OK"


@pytest.mark.parametrize(
    ("received", "is_kept"), [("sip:192.0.2.1:5060", True), ("sip:224.0.0.1", False), ("x", False)]
)
def test_where_a_contact_says_it_has_been_seen_counts_likewise(received: str, is_kept: bool) -> None:
    expected = "200 OK" if is_kept else NOWHERE
    assert answer(site(), f'<sip:a@192.0.2.1>;received="{received}"') == expected
    assert answer(site(), f'<sip:a@0.0.0.0>;received="{received}"') == expected


@pytest.mark.parametrize(
    ("hop", "is_kept"), [("sip:192.0.2.1;lr", True), ("sip:224.0.0.1;lr", False), ("sip:0.0.0.0", False)]
)
def test_the_hops_of_a_path_are_somewhere(hop: str, is_kept: bool) -> None:
    expected = "200 OK" if is_kept else "400 Bad Request: Path parse error"
    for path in (f"<{hop}>", f"<sip:192.0.2.9;lr>, <{hop}>"):
        assert answer(site(), "<sip:a@192.0.2.1>", Path=path, Supported="path") == expected
    taken = site('modparam("registrar", "check_contacts", 0)')
    assert answer(taken, "<sip:a@192.0.2.1>", Path=f"<{hop}>", Supported="path") == "200 OK"


def test_an_old_phone_behind_a_nat_may_not_know_its_address() -> None:
    """Requests go to where it was seen."""
    parameters = 'modparam("registrar", "received_avp", 42) modparam("nathelper", "rtpproxy_disable", 1)'
    assert answer(site(parameters, NAT, "sl usrloc registrar nathelper"), "<sip:a@0.0.0.0>") == "200 OK"
