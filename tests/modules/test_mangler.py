"""mangler at work. Reference modules-more, A.2.8 and its corrections."""

from __future__ import annotations

import pytest
from script import Site, reply, request

from runtime.modules.mangler.contact import decode, encode
from runtime.sip.uri import BadUri, parse_uri

SDP = (
    "v=0\r\no=u 1 1 IN IP4 10.1.2.3\r\ns=-\r\nc=IN IP4 10.1.2.3\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
    "c=IN IP4 10.200.2.3\r\nm=video 5000/2 RTP/AVP 31\r\n"
)


def after(call: str, data: bytes) -> tuple[bool, str, str]:
    """Whether `call` was true, and Contact and body of the request that is forwarded; Content-Length must be right."""
    site = Site(f'route {{ if ({call}) append_hf("X: y\\r\\n"); forward(127.0.0.1, 5090); }}', "textops mangler")
    head, _, body = site.answer(data).decode().partition("\r\n\r\n")
    lines = head.split("\r\n")
    assert f"Content-Length: {len(body)}" in lines
    contacts = ", ".join(line.partition(": ")[2] for line in lines if line.startswith("Contact"))
    return "X: y" in lines, contacts, body


@pytest.mark.parametrize(
    ("network", "address", "body"),
    [
        ("10.1.0.0/16", "1.2.3.4", SDP.replace("c=IN IP4 10.1.2.3", "c=IN IP4 1.2.3.4")),
        (
            "10.0.0.0/255.0.0.0",
            "192.0.2.1",
            SDP.replace("c=IN IP4 10.1.2.3", "c=IN IP4 192.0.2.1").replace("10.200.2.3", "192.0.2.1"),
        ),
        ("10.200.2.3", "1.2.3.4", SDP.replace("10.200.2.3", "1.2.3.4")),
        ("10.1.0.0/16", "2001:db8::1", SDP.replace("c=IN IP4 10.1.2.3", "c=IN IP6 2001:db8::1")),
        ("192.168.0.0/16", "1.2.3.4", SDP),
    ],
)
def test_addresses_of_a_network_are_replaced(network: str, address: str, body: str) -> None:
    call = f'sdp_mangle_ip("{network}", "{address}")'
    assert after(call, request("INVITE", body=SDP)) == (True, "", body)


@pytest.mark.parametrize(
    ("change", "audio", "video"),
    [("7000", 7000, 7000), ("-3999", 1, 1001), ("+1000", 5000, 6000), ("+60535", 64535, 65535)],
)
def test_ports_are_replaced_or_moved(change: str, audio: int, video: int) -> None:
    body = SDP.replace("m=audio 4000", f"m=audio {audio}").replace("m=video 5000/2", f"m=video {video}/2")
    assert after(f'sdp_mangle_port("{change}")', request("INVITE", body=SDP)) == (True, "", body)


@pytest.mark.parametrize(("change", "body"), [("-4000", SDP), ("+60536", SDP), ("+1", SDP.replace("5000/2", "65536"))])
def test_a_port_out_of_range_changes_nothing(change: str, body: str) -> None:
    assert after(f'sdp_mangle_port("{change}")', request("INVITE", body=body)) == (False, "", body)


def test_a_stream_that_is_refused_stays_refused() -> None:
    body = SDP.replace("5000/2", "0")
    moved = body.replace("m=audio 4000", "m=audio 4001")
    assert after('sdp_mangle_port("+1")', request("INVITE", body=body)) == (True, "", moved)


def test_without_a_body_there_is_nothing_to_mangle() -> None:
    assert after('sdp_mangle_ip("0.0.0.0/0", "1.2.3.4")', request("INVITE")) == (False, "", "")
    assert after('sdp_mangle_port("7000")', request("INVITE")) == (False, "", "")


@pytest.mark.parametrize(
    ("contact", "hidden"),
    [
        ("<sip:a@10.0.0.1:7;x=y>", "<sip:pre*a**10.0.0.1*7*@9.9.9.9>"),
        ("<sip:a:pw@10.0.0.1:7;transport=tcp;x=y>;q=1", "<sip:pre*a*pw*10.0.0.1*7*tcp@9.9.9.9>;q=1"),
        ("sip:10.0.0.1", "sip:pre***10.0.0.1**@9.9.9.9"),
        (
            '"N" <sip:a@10.0.0.1>, <sip:b@10.0.0.2:9>',
            '"N" <sip:pre*a**10.0.0.1**@9.9.9.9>, <sip:pre*b**10.0.0.2*9*@9.9.9.9>',
        ),
        ("<sip:a@h>\r\nContact: <sip:b@h>", "<sip:pre*a**h**@9.9.9.9>, <sip:pre*b**h**@9.9.9.9>"),
        ("*", "*"),
    ],
)
def test_contacts_are_hidden(contact: str, hidden: str) -> None:
    assert after('encode_contact("pre", "9.9.9.9")', request("INVITE", Contact=contact)) == (True, hidden, "")


@pytest.mark.parametrize("contact", ["", "<tel:+1>", "<sip:a@h", "<sip:a@h>, <tel:+1>"])
def test_what_is_no_contact_is_left_alone(contact: str) -> None:
    assert after('encode_contact("pre", "9.9.9.9")', request("INVITE", Contact=contact)) == (False, contact, "")


@pytest.mark.parametrize(
    ("hidden", "contact"),
    [
        ("<sip:pre*a**10.0.0.1*7*@9.9.9.9>", "<sip:a@10.0.0.1:7>"),
        ("<sip:x*a*pw*h**@9.9.9.9;x=y>;q=1, <sip:*a**h**tls@9.9.9.9>", "<sip:a:pw@h;x=y>;q=1, <sip:a@h;transport=tls>"),
    ],
)
def test_hidden_contacts_come_back(hidden: str, contact: str) -> None:
    assert after("decode_contact_header()", request("BYE", Contact=hidden)) == (True, contact, "")


@pytest.mark.parametrize("contact", ["", "<sip:a@h>", "<sip:pre*a**10.0.0.1*7*@9.9.9.9>, <sip:a@h>"])
def test_what_hides_nothing_is_left_alone(contact: str) -> None:
    assert after("decode_contact_header()", request("BYE", Contact=contact)) == (False, contact, "")


@pytest.mark.parametrize(
    ("hidden", "uri"),
    [
        ("sip:pre*a*pw*10.0.0.1*7*tcp@9.9.9.9", "sip:a:pw@10.0.0.1:7;transport=tcp"),
        ("sip:pre*a**10.0.0.1**@9.9.9.9;x=y", "sip:a@10.0.0.1;x=y"),
        ("sip:pre***10.0.0.1**@9.9.9.9:5070?h=v", "sip:10.0.0.1?h=v"),
        ("sips:pre*a**h**@9.9.9.9", "sips:a@h"),
        ("sip:pre*a@9.9.9.9", "sip:pre*a@9.9.9.9"),
        ("sip:pre**pw*h**@9.9.9.9", "sip:pre**pw*h**@9.9.9.9"),
        ("tel:+1", "tel:+1"),
    ],
)
def test_the_request_uri_comes_back(hidden: str, uri: str) -> None:
    site = Site("route { decode_contact(); forward(127.0.0.1, 5090); }", "mangler")
    assert site.answer(request("BYE", uri=hidden)).split(b" ")[1].decode() == uri


@pytest.mark.parametrize("uri", [b"sip:a*b:p*w@h:9", b"sips:a@h;transport=udp", b"sip:%2A*@h", b"sip:u@[::1]:5070"])
@pytest.mark.parametrize("separator", [b"*", b"=", b"_"])
def test_hiding_loses_nothing_but_parameters(uri: bytes, separator: bytes) -> None:
    hidden = encode(parse_uri(uri, 0, len(uri)), b"pre", b"9.9.9.9", separator)
    assert decode(hidden, separator).replace(b"%2A", b"*") == uri.replace(b"%2A", b"*")


def test_the_separator_can_be_chosen() -> None:
    site = Site(
        'modparam("mangler", "contact_flds_separator", "=x")\n'
        'route { encode_contact("pre", "9.9.9.9"); forward(127.0.0.1, 5090); }',
        "mangler",
    )
    assert b"Contact: <sip:pre=a==h==@9.9.9.9>" in site.answer(request("INVITE", Contact="<sip:a@h>"))


def test_a_contact_without_the_parts_is_refused() -> None:
    with pytest.raises(BadUri):
        decode(b"sip:a*b*c*d*e*f*g@h", b"*")


def test_contacts_of_replies_are_hidden_too() -> None:
    site = Site("route { drop; }", "mangler")
    ctx = site.context(reply(Contact="<sip:b@10.0.0.2>"))
    module = site.engine.world.modules["mangler"]
    assert getattr(module, "encode_contact")(ctx, b"p", b"9.9.9.9")
    assert [edit.text for edit in ctx.edits] == [b"sip:p*b**10.0.0.2**@9.9.9.9"]
