"""xlog at work: every specifier, in requests and replies. Reference modules-main, chapter 14 and its corrections."""

from __future__ import annotations

import time

import pytest
from script import Site, reply, request

from runtime.modules.xlog import Xlog
from runtime.modules.xlog.format import Format
from runtime.modules.xlog.kinds import pieces_of
from runtime.routing.context import L_ERR, L_WARN

MESSAGE = request(
    Via="SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bKxl\r\nVia: SIP/2.0/UDP 9.9.9.9;branch=z9",
    To="<sip:bob@example.com>;tag=q",
    Contact="<sip:a@b>",
    User_Agent=" ua/1 ",
    X_A="one\r\nX-A: two\r\nx-a: three",
)


def logged(form: str, data: bytes = MESSAGE, before: str = "") -> str:
    """What xlog("L_ERR", form) writes for a request."""
    site = Site(f'route {{ {before} xlog("L_ERR", "{form}"); }}', "xlog")
    site.say(data)
    assert [level for level, _ in site.log.records] == [L_ERR]
    return site.lines()[0]


def rendered(form: str, data: bytes) -> str:
    """The same for any message, without a script."""
    site = Site("route { drop; }", "xlog")
    context = site.context(data)
    format = Format(tuple(piece.encode() for piece in pieces_of(form)))
    assert Xlog().xlog(context, L_ERR, format)
    return site.lines()[0]


@pytest.mark.parametrize(
    ("specifier", "text"),
    [
        ("%ci", "cid1@h"),
        ("%cs", "1"),
        ("%ct", "<sip:a@b>"),
        ("%ft", "ft1"),
        ("%fu", "sip:alice@example.com"),
        ("%is", "127.0.0.1"),
        ("%ml", str(len(MESSAGE))),
        ("%mf", "0"),
        ("%mi", "1"),
        ("%pp", "4711"),
        ("%rm", "OPTIONS"),
        ("%rr", "<null>"),
        ("%rs", "<null>"),
        ("%ru", "bob@example.com"),
        ("%tt", "q"),
        ("%tu", "sip:bob@example.com"),
        ("%ua", "ua/1"),
        ("%xx", "<null>x"),
        ("%br", "<null>r"),
        ("%ds", "<null>s"),
        ("%C", "<null>"),
        ("%cq", "<null>"),
        ("%{From}", "<sip:alice@example.com>;tag=ft1"),
        ("%{f}", "<sip:alice@example.com>;tag=ft1"),
        ("%{CSeq}", "1 OPTIONS"),
        ("%{X-A}", "one"),
        ("%{x-a[0]}", "one"),
        ("%{X-A[1]}", "two"),
        ("%{X-A[2]}", "three"),
        ("%{X-A[3]}", "<null>"),
        ("%{X-A[-1]}", "three"),
        ("%{Nope}", "<null>"),
        ("%{Nope[-1]}", "<null>"),
        ("%{Via}", "SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bKxl"),
        ("%{v[1]}", "SIP/2.0/UDP 9.9.9.9;branch=z9"),
        ("%{Contact[1]}", "<null>"),
        ("%%", "%"),
        ("x %", "x <null>"),
    ],
)
def test_a_specifier_becomes_its_part_of_the_request(specifier: str, text: str) -> None:
    assert logged(specifier) == text


@pytest.mark.parametrize("specifier", ["%ct", "%tt", "%ua", "%{Contact}", "%rs"])
def test_what_the_message_does_not_have_is_null(specifier: str) -> None:
    assert logged(specifier, request()) == "<null>"


@pytest.mark.parametrize(
    ("specifier", "text"),
    [("%rs", "486"), ("%rr", "Busy  here"), ("%rm", "<null>"), ("%ru", "<null>"), ("%cs", "1"), ("%tt", "t2")],
)
def test_a_reply_has_a_status_and_no_uri(specifier: str, text: str) -> None:
    assert rendered(specifier, reply("486 Busy  here", To="<sip:bob@example.com>;tag=t2")) == text


def test_a_reply_without_a_reason_has_none() -> None:
    assert rendered("%rs-%rr", reply("200 ")) == "200-<null>"


def test_the_whole_message_is_one_record() -> None:
    assert logged("%mb") == MESSAGE.decode().rstrip("\r\n")


def test_the_rewritten_uri_shows_without_its_scheme() -> None:
    assert logged("%ru", before='rewriteuri("sip:new@h:99;x=y");') == "new@h:99;x=y"
    assert logged("%ru", before='rewriteuri("sips:h");') == "h"
    assert logged("%ru", before='rewriteuri("tel:+1");') == "<null>"


def test_flags_are_decimal() -> None:
    assert logged("%mf", before="setflag(2); setflag(31);") == "2147483652"


def test_a_broken_from_is_null() -> None:
    assert logged("%fu %ft", request(From="<sip:alice")) == "<null> <null>"


def test_all_lines_of_a_message_tell_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    site = Site('route { xlog("L_ERR", "%Ts %Tf\\n"); xlog("L_ERR", "%Ts %Tf\\n"); }', "xlog")
    site.say(request())
    assert site.lines() == ["1100000000 Tue Nov  9 11:33:20 2004"] * 2
    monkeypatch.delenv("TZ")
    time.tzset()


def test_messages_are_numbered_as_they_come() -> None:
    site = Site('route { xlog("L_ERR", "%mi"); }', "xlog")
    site.say(request())
    site.say(reply())
    site.say(b"no SIP at all, but long enough for a datagram\r\n\r\n")
    site.say(request())
    assert site.lines(L_ERR)[0] == "1" and site.lines(L_ERR)[-1] == "4"


def test_levels_go_to_the_log_as_they_are() -> None:
    names = ("L_ALERT", "L_CRIT", "L_ERR", "L_WARN", "L_NOTICE", "L_INFO", "L_DBG")
    calls = " ".join(f'xlog("{name}", "{name}\\n");' for name in names)
    site = Site(f'route {{ {calls} xdbg("xdbg"); }}', "xlog")
    site.say(request())
    assert site.log.records == [*zip((-3, -2, -1, 1, 2, 3, 4), names), (4, "xdbg")]


def test_lines_above_the_log_level_are_not_written() -> None:
    site = Site('route { xlog("L_INFO", "%mb"); xdbg("x"); xlog("L_WARN", "w"); }', "xlog", level=1)
    site.say(request())
    assert site.log.records == [(L_WARN, "w")]


def test_a_line_over_buf_size_is_refused() -> None:
    site = Site(
        'modparam("xlog", "buf_size", 20)\n'
        'route { if (xlog("L_ERR", "12345678901234567890")) log(1, "fits"); if (!xlog("L_ERR", "%mb")) log(1, "over"); }',
        "xlog",
    )
    site.say(request())
    assert site.lines()[:2] == ["12345678901234567890", "fits"]
    assert "over buf_size 20" in site.lines()[2] and site.lines()[3] == "over"


def test_utf_8_stays_what_it_is_and_other_bytes_are_escaped() -> None:
    assert logged("%{X-A}", request(X_A="J\xc3\xb6rg")) == "J\xf6rg"
    assert logged("%{X-A}", request(X_A="J\xf6rg")) == "J\\xf6rg"
