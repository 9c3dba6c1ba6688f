"""Replies that the server makes itself. RFC 3261 8.2.6, reference core 6.3 and 8.4."""

from __future__ import annotations

import pytest

from runtime.sip.edits import Edit
from runtime.sip.message import Message, parse
from runtime.sip.nameaddr import find_param
from runtime.sip.reply import REASONS, build_reply, reason_of, to_of, to_tag_of

HEAD = "OPTIONS sip:bob@h SIP/2.0\r\n"


def request(lines: str) -> Message:
    return parse((HEAD + lines + "\r\n").encode("latin-1"))


def reply(
    msg: Message,
    code: int = 200,
    to_tag: bytes = b"",
    changes: list[Edit] | None = None,
    extra: list[bytes] | None = None,
    server: bytes = b"",
    warning: bytes = b"",
    body: bytes = b"",
) -> str:
    return build_reply(msg, code, b"Reason", to_tag, changes or [], extra or [], server, warning, body).decode(
        "latin-1"
    )


def to_of_reply(to: str, tag: bytes = b"new") -> str:
    """The value of To in a reply that gets a tag."""
    data = reply(request(f"Via: SIP/2.0/UDP h\r\nTo:{to}\r\nCSeq: 1 OPTIONS\r\n"), to_tag=tag)
    return data.partition("\r\nTo:")[2].partition("\r\nCSeq:")[0]


def test_vias_and_the_dialogs_headers_are_copied_in_order_and_spelling() -> None:
    msg = request(
        "Subject: x\r\nt: <sip:b@h>;tag=2\r\nv: SIP/2.0/UDP a , SIP/2.0/UDP b\r\nCALL-ID:  c1 \r\nContact: <sip:a@h>\r\n"
        "Via: SIP/2.0/UDP c\r\nMax-Forwards: 9\r\nf: <sip:a@h>\r\n ;tag=1\r\nCSeq : 1 OPTIONS\r\nRoute: <sip:x>\r\n"
    )
    assert reply(msg) == (
        "SIP/2.0 200 Reason\r\nt: <sip:b@h>;tag=2\r\nv: SIP/2.0/UDP a , SIP/2.0/UDP b\r\nCALL-ID:  c1 \r\n"
        "Via: SIP/2.0/UDP c\r\nf: <sip:a@h>\r\n ;tag=1\r\nCSeq : 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )


def test_what_the_server_adds_follows_in_its_order() -> None:
    msg = request("Via: SIP/2.0/UDP h\r\n")
    assert reply(
        msg, extra=[b"A: 1\r\n", b"B: 2\r\n"], server=b"Server: s\r\n", warning=b"Warning: w\r\n", body=b"hello"
    ) == (
        "SIP/2.0 200 Reason\r\nVia: SIP/2.0/UDP h\r\nA: 1\r\nB: 2\r\nServer: s\r\nContent-Length: 5\r\nWarning: w\r\n\r\nhello"
    )


@pytest.mark.parametrize(
    ("code", "there"), [(100, False), (179, False), (180, True), (200, True), (299, True), (300, False), (404, False)]
)
def test_record_route_is_copied_for_180_to_299(code: int, there: bool) -> None:
    msg = request("Via: SIP/2.0/UDP h\r\nRecord-Route: <sip:p1;lr>\r\nRecord-Route: <sip:p2;lr>\r\n")
    assert reply(msg, code).count("Record-Route: <sip:p") == (2 if there else 0)


def test_edits_change_the_topmost_via_alone() -> None:
    msg = request("To: <sip:b@h>\r\nVia: SIP/2.0/UDP a;rport\r\nVia: SIP/2.0/UDP a;rport\r\n")
    place = msg.buf.index(b";rport")
    assert "Via: SIP/2.0/UDP a!\r\nVia: SIP/2.0/UDP a;rport\r\n" in reply(msg, changes=[Edit(place, place + 6, b"!")])


@pytest.mark.parametrize(
    ("to", "after"),
    [
        (" <sip:b@h>", " <sip:b@h>;tag=new"),
        (" <sip:b@h>  ", " <sip:b@h>  ;tag=new"),
        (" <sip:b@h>\r\n  ", " <sip:b@h>\r\n  ;tag=new"),
        (' "B;tag=x" <sip:b@h;tag=y>;z', ' "B;tag=x" <sip:b@h;tag=y>;z;tag=new'),
        (" sip:b@h;user=phone", " sip:b@h;user=phone;tag=new"),
        (" <sip:b@h>;tag=old", " <sip:b@h>;tag=new"),
        (" <sip:b@h>;tag=old ; x=y", " <sip:b@h>;tag=new ; x=y"),
        (" <sip:b@h>;TAG", " <sip:b@h>;tag=new"),
        (" <sip:b@h>;tag=;x", " <sip:b@h>;tag=new;x"),
        (' <sip:b@h>;tag="";x', " <sip:b@h>;tag=new;x"),
        (' <sip:b@h>;tag="old"', " <sip:b@h>;tag=new"),
        ("\r\n <sip:b@h>\r\n ;x", "\r\n <sip:b@h>\r\n ;x;tag=new"),
        (' "never closed <sip:b@h>', ' "never closed <sip:b@h>;tag=new'),
        ("", ";tag=new"),
    ],
)
def test_to_gets_the_tag(to: str, after: str) -> None:
    assert to_of_reply(to) == after


@pytest.mark.parametrize(
    "to", ["<sip:b@h>", "<sip:b@h>;tag=old", '<sip:b@h>;tag="old";x', "sip:b@h;x=y", "<sip:b@h>;tag"]
)
def test_the_tag_that_was_put_in_is_read_again(to: str) -> None:
    assert to_tag_of(request(f"Via: SIP/2.0/UDP h\r\nTo: {to_of_reply(to)}\r\n")) == b"new"


def test_without_a_tag_to_stays_as_it_is() -> None:
    assert to_of_reply(" <sip:b@h>;tag=old ", b"") == " <sip:b@h>;tag=old "


def test_the_to_header_is_read() -> None:
    to = to_of(request("Via: SIP/2.0/UDP h\r\nTo: <sip:b@h>;tag=2;x\r\n"))
    assert to is not None and to.bracketed
    assert to_tag_of(request("Via: SIP/2.0/UDP h\r\nTo: <sip:b@h>;tag=2;x\r\n")) == b"2"
    for lines in ("", "To:\r\n", "To: <sip:b@h\r\n", 'To: "b <sip:b@h>;tag=1\r\n'):
        assert to_of(request("Via: SIP/2.0/UDP h\r\n" + lines)) is None
        assert to_tag_of(request("Via: SIP/2.0/UDP h\r\n" + lines)) == b""
    assert to_tag_of(request("Via: SIP/2.0/UDP h\r\nTo: <sip:b@h>;tag\r\n")) == b""


@pytest.mark.parametrize("tail", ["", "\r", "\n", "\r\n", "\n\n"])
def test_every_copied_line_ends_with_crlf(tail: str) -> None:
    msg = parse(
        f"OPTIONS sip:b@h SIP/2.0\nVia: SIP/2.0/UDP h\nTo: <sip:b@h>\n ;x\nCSeq: 1 OPTIONS\nCall-ID: c{tail}".encode()
    )
    assert reply(msg, to_tag=b"t") == (
        "SIP/2.0 200 Reason\r\nVia: SIP/2.0/UDP h\r\nTo: <sip:b@h>\n ;x;tag=t\r\nCSeq: 1 OPTIONS\r\nCall-ID: c\r\n"
        "Content-Length: 0\r\n\r\n"
    )


def test_a_reply_is_a_message() -> None:
    msg = parse(reply(request("Via: SIP/2.0/UDP h\r\nTo: <sip:b@h>\r\n"), 486, b"t", body=b"x").encode())
    assert msg.status == 486 and msg.body() == b"x" and to_tag_of(msg) == b"t"
    to = to_of(msg)
    assert to is not None and find_param(msg.buf, to.params_start, to.end, b"tag") is not None


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (181, b"Call is Being Forwarded"),
        (405, b"Method not Allowed"),
        (407, b"Proxy authentication Required"),
        (480, b"Temporarily Unavailable"),
        (481, b"Call/Transaction Does not Exist"),
        (504, b"Server Time-out"),
        (604, b"Does not Exist Anywhere"),
        (199, b"Provisional"),
        (299, b"Successful"),
        (399, b"Redirection"),
        (499, b"Request Failure"),
        (599, b"Server Failure"),
        (699, b"Global Failure"),
    ],
)
def test_a_code_has_sers_reason(code: int, reason: bytes) -> None:
    assert reason_of(code) == reason


def test_every_code_that_ser_names_has_a_reason_of_its_own_class() -> None:
    assert all(reason_of(code) == REASONS[code] for code in REASONS)
    assert {code // 100 for code in REASONS} == {1, 2, 3, 4, 5, 6}
