"""SIP URIs. RFC 3261 19.1, reference core 6.1."""

from __future__ import annotations

import random

import pytest

from runtime.sip.address import TCP, TLS, UDP
from runtime.sip.uri import OTHER_TRANSPORT, SCTP, BadUri, SipUri, parse_ipv4, parse_uri, separator_in


def parsed(text: str) -> SipUri:
    """The URI in the midst of other text, so that a loop that leaves its range is seen."""
    data = b"<@;" + text.encode("latin-1") + b"@x:1;lr>"
    return parse_uri(data, 3, 3 + len(text))


def part(uri: SipUri, start: int, end: int) -> str | None:
    return uri.buf[start:end].decode("latin-1") if start >= 0 else None


@pytest.mark.parametrize(
    ("text", "user", "password", "host", "port"),
    [
        ("sip:h", None, None, "h", 0),
        ("SIP:h", None, None, "h", 0),
        ("sip:bob@h", "bob", None, "h", 0),
        ("sip:bob:secret@h:5070", "bob", "secret", "h", 5070),
        ("sip:bob:@h", "bob", "", "h", 0),
        ("sip:a:b:c@h", "a", "b:c", "h", 0),
        ("sip:user;par=u%40example.net@example.com", "user;par=u%40example.net", None, "example.com", 0),
        (
            "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
            "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*",
            "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)",
            "example.com",
            0,
        ),
        ("sip:null-%00-null@example.com", "null-%00-null", None, "example.com", 0),
        ("sip:[2001:db8::10]", None, None, "[2001:db8::10]", 0),
        ("sip:[2001:db8::10:5070]", None, None, "[2001:db8::10:5070]", 0),
        ("sip:[2001:db8::10]:5070", None, None, "[2001:db8::10]", 5070),
        ("sip:b@[::FFFF:192.0.2.1]:1;lr", "b", None, "[::FFFF:192.0.2.1]", 1),
        ("sip:b@h:0", "b", None, "h", 0),
        ("sip:b@h:65535", "b", None, "h", 65535),
        ("sip:b@h:00000005060", "b", None, "h", 5060),
        ("sip:b@a_b-c.example", "b", None, "a_b-c.example", 0),
        ("sip:x%20y@h", "x%20y", None, "h", 0),
    ],
)
def test_a_uri_falls_into_its_parts(text: str, user: str | None, password: str | None, host: str, port: int) -> None:
    uri = parsed(text)
    assert part(uri, uri.user_start, uri.user_end) == user
    assert part(uri, uri.password_start, uri.password_end) == password
    assert uri.host() == host.encode()
    assert uri.port == port
    assert uri.user() == (user or "").encode()
    assert not uri.secure


def test_sips_is_secure() -> None:
    uri = parsed("SIPS:bob@h:5061;transport=tcp")
    assert uri.secure and uri.user() == b"bob" and uri.port == 5061 and uri.transport == TCP


@pytest.mark.parametrize(
    ("text", "params", "headers"),
    [
        ("sip:h", None, None),
        ("sip:h;a=b;c", ";a=b;c", None),
        ("sip:h:1;a?x=y", ";a", "?x=y"),
        ("sip:h?x=y;z", None, "?x=y;z"),
        ("sip:h;", ";", None),
        ("sip:h?", None, "?"),
        ("sip:u;x?y@h;a", ";a", None),
    ],
)
def test_parameters_and_headers_follow_the_host(text: str, params: str | None, headers: str | None) -> None:
    uri = parsed(text)
    assert part(uri, uri.params_start, uri.params_end) == params
    assert part(uri, uri.headers_start, uri.end) == headers


@pytest.mark.parametrize(
    ("text", "transport"),
    [
        ("sip:h", 0),
        ("sip:h;transport=udp", UDP),
        ("sip:h;Transport=TCP;lr", TCP),
        ("sip:h;lr;TRANSPORT=Tls", TLS),
        ("sip:h;transport=sctp", SCTP),
        ("sip:h;transport=ws", OTHER_TRANSPORT),
        ("sip:h;transport=", 0),
        ("sip:h;transport", 0),
        ("sip:h;xtransport=tcp", 0),
        ("sip:h?transport=tcp", 0),
        ("sip:u;transport=tcp@h", 0),
    ],
)
def test_the_transport_is_a_parameter_of_the_uri(text: str, transport: int) -> None:
    assert parsed(text).transport == transport


@pytest.mark.parametrize(
    ("text", "lr"),
    [
        ("sip:h;lr", True),
        ("sip:h;LR", True),
        ("sip:h;lr=on", True),
        ("sip:h;a;lr;b", True),
        ("sip:h;lr=", True),
        ("sip:h;lrx", False),
        ("sip:h;xlr", False),
        ("sip:h;l", False),
        ("sip:h?lr", False),
        ("sip:lr@h", False),
        ("sip:h;maddr=lr", False),
    ],
)
def test_lr_marks_a_loose_router(text: str, lr: bool) -> None:
    assert parsed(text).lr is lr


def test_a_parameter_is_found_by_its_name_in_any_case() -> None:
    uri = parsed("sip:h;Method=INVITE;x;y=;method=BYE?z=1")
    assert uri.param(b"method") == b"INVITE"
    assert uri.param(b"x") == b"" and uri.param(b"y") == b""
    assert uri.param(b"z") is None and uri.param(b"meth") is None and uri.param(b"") is None
    assert parsed("sip:h").param(b"x") is None


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("", 0),
        ("sip:", 0),
        ("sip", 0),
        ("sips:", 5),
        ("tel:+12015550123", 0),
        ("soap.beep://h", 0),
        ("http://example.com", 0),
        ("<sip:h>", 0),
        (" sip:h", 0),
        ("sip :h", 0),
        ("sip:@h", 4),
        ("sip::secret@h", 4),
        ("sip:[b]@h", 4),
        ("sip:b@", 6),
        ("sip:b@:5060", 6),
        ("sip:;lr", 4),
        ("sip:?x=y", 4),
        ("sip:h:", 6),
        ("sip:h:x", 6),
        ("sip:h:65536", 6),
        ("sip:h:99999999999999999999", 6),
        ("sip:h:5060x", 10),
        ("sip:h/x", 5),
        ("sip:h >", 5),
        ("sip:a@b@c", 7),
        ("sip:[::1", 4),
        ("sip:[]", 4),
        ("sip:[::g]", 7),
        ("sip:[::1]x", 9),
        ("sip:2001:db8::10", 9),
        ("sip:h\xe9", 5),
        ("sip:b b@h", 5),
        ("sip:h;a=\tb", 8),
        ("sip:h;x\r\n y", 7),
        ("sip:b@h?a=\0", 10),
        ("sip:b@h;a=\x7f", 10),
        ("sip:b<c@h", 5),
        ("sip:b@h;a=>", 10),
    ],
)
def test_what_is_no_sip_uri_is_refused_where_it_fails(text: str, offset: int) -> None:
    with pytest.raises(BadUri) as caught:
        parsed(text)
    assert caught.value.offset == offset


@pytest.mark.parametrize(
    ("text", "packed"),
    [
        ("127.0.0.1", b"\x7f\0\0\x01"),
        ("255.255.255.255", b"\xff" * 4),
        ("0.0.0.0", b"\0" * 4),
        ("010.001.000.009", b"\x0a\x01\0\x09"),
        ("256.0.0.1", b""),
        ("1.2.3", b""),
        ("1.2.3.4.5", b""),
        ("1.2.3.", b""),
        (".1.2.3", b""),
        ("1..2.3", b""),
        ("1.2.3.4x", b""),
        ("1.2.3.0004", b""),
        ("1234", b""),
        ("", b""),
        ("....", b""),
        ("3com.example", b""),
    ],
)
def test_a_dotted_quad_is_four_numbers_up_to_255(text: str, packed: bytes) -> None:
    assert parse_ipv4(b"9" + text.encode() + b"9", 1, 1 + len(text)) == packed


def test_separators_are_found_wherever_they_stand() -> None:
    rng = random.Random(5)
    letters = [9, 32, 33, 34, 59, 60, 61, 62, 63, 64, 126, 127, 128, 160, 255]
    weights = [1, 1, 9, 9, 9, 1, 9, 1, 9, 9, 9, 1, 9, 9, 9]
    for _ in range(20_000):
        buf = bytes(rng.choices(letters, weights, k=rng.randrange(40)))
        start = rng.randrange(len(buf) + 1)
        end = rng.randrange(start, len(buf) + 1)
        found = [at for at in range(start, end) if buf[at] <= 32 or buf[at] in b"<>\x7f"]
        assert separator_in(buf, start, end) == (found[0] if found else -1)
