"""enum at work, with records of the test's own. Reference modules-main, chapter 25."""

from __future__ import annotations

import pytest
from engine import Names
from script import Site, request

from runtime.modules.enum import Enum, domain_of, is_e164
from runtime.modules.enum.rules import is_service, uri_of
from runtime.routing.context import Context
from runtime.routing.dns_records import Naptr

RECORDS = {
    b"2.1.9.4.e164.arpa.": [
        Naptr(5, 90, "u", "E2U+sip", r"!^(.*)$!sip:first\1@h!"),
        Naptr(10, 50, "u", "E2U+sip", r"!^\+(.)(.)(.*)$!sip:\3-\2\1@h!"),
        Naptr(10, 50, "U", "sip+e2u", "!9!sip:mid@h!i"),
        Naptr(10, 60, "u", "E2U+sip", "!^\\+49(.*)$!sip:nat\\1@h!"),
    ],
    b"3.1.9.4.e164.arpa.": [
        Naptr(10, 10, "s", "E2U+sip", "!^.*$!sip:badflag@h!"),
        Naptr(10, 20, "u", "E2U+mailto", "!^.*$!mailto:x@y!"),
        Naptr(10, 30, "u", "E2U+sip", "/^.*$/sip:slash@h/"),
        Naptr(10, 40, "u", "E2U+sip", "!^(+$!sip:badre@h!"),
        Naptr(10, 50, "u", "E2U+sip", r"!^\+33!sip:nomatch@h!"),
        Naptr(10, 60, "u", "E2U+voice:sip", "!^.*$!sip:voice@h!"),
    ],
    b"1.1.9.4.other.tree.": [Naptr(1, 1, "u", "E2U+sip", "!^.*$!sip:other@h!")],
}


def context(uri: str, **headers: str) -> Context:
    return Site("route { drop; }", "enum", names=Names(naptr=RECORDS)).context(request(uri=uri, **headers))


def test_the_best_record_becomes_the_uri_and_the_others_branches() -> None:
    ctx = context("sip:+4912@example.com;x=y")
    assert Enum().enum_query(ctx)
    assert (ctx.uri(), ctx.q) == (b"sip:first+4912@h", 990)
    assert [(branch.uri, branch.q) for branch in ctx.branches] == [
        (b"sip:12-94@h", 980),
        (b"sip:mid@h", 980),
        (b"sip:nat12@h", 970),
    ]


@pytest.mark.parametrize(
    "uri",
    [
        "sip:+4913@h",
        "sip:+4999@h",
        "sip:4912@h",
        "sip:+1@h",
        "sip:+49a2@h",
        "sip:+4999999999999999@h",
        "sip:h",
        "tel:+4912",
    ],
)
def test_what_has_no_uri_in_dns(uri: str) -> None:
    ctx = context(uri)
    assert not Enum().enum_query(ctx)
    assert ctx.new_uri is None and not ctx.branches


def test_records_with_mistakes_are_skipped_and_logged() -> None:
    ctx = context("sip:+4913@h")
    log = ctx.world.log
    Enum().enum_query(ctx)
    lines = [line for _, line in getattr(log, "records")]
    assert [("slash" in line, "(+$" in line) for line in lines] == [(True, False), (False, True)]


def test_domain_and_service_can_be_given() -> None:
    ctx = context("sip:+4911@h")
    assert Enum(domain_suffix="other.tree.", tel_uri_params=";user=phone").enum_query(ctx)
    assert ctx.uri() == b"sip:other@h;user=phone"
    assert Enum().enum_query_suffix(context("sip:+4911@h"), b"other.tree.")
    voice = context("sip:+4913@h")
    assert Enum().enum_query_service(voice, b"e164.arpa.", b"Voice")
    assert voice.uri() == b"sip:voice@h"


@pytest.mark.parametrize(
    ("sender", "answer"),
    [("<sip:+491234@h>;tag=1", True), ("<sip:49@h>;tag=1", False), ("<tel:+49123>", False), ("<", False)],
)
def test_the_sender_is_a_number(sender: str, answer: bool) -> None:
    assert Enum().is_from_user_e164(context("sip:x@h", From=sender)) is answer


@pytest.mark.parametrize(
    ("user", "answer"),
    [(b"+12", True), (b"+123456789012345", True), (b"+1234567890123456", False), (b"+1", False), (b"12", False)],
)
def test_what_a_number_is(user: bytes, answer: bool) -> None:
    assert is_e164(user) is answer


def test_digits_stand_backwards_in_dns() -> None:
    assert domain_of(b"+4911", b"e164.arpa.") == b"1.1.9.4.e164.arpa."


def test_services_in_any_case() -> None:
    assert is_service("e2U+SIP", "") and is_service("SIP+E2U", "") and not is_service("E2U+voice:sip", "")
    assert is_service("E2U+Voice:SIP", "voice") and not is_service("E2U+sip", "voice")


@pytest.mark.parametrize(
    ("regexp", "uri"),
    [
        ("!^.*$!sip:a@h!", b"sip:a@h"),
        (r"!^(\+)(1)?(.*)$!\0/\2/\3\\x!", rb"+49//49\x"),
        ("!1!x!", b""),
        ("!^.*$!!", b""),
    ],
)
def test_replacements(regexp: str, uri: bytes) -> None:
    assert uri_of(regexp, b"+49") == uri


@pytest.mark.parametrize("regexp", ["", "!a!b", "/a/b/", "!(!b!", r"!a!\1!", "x!a!b!"])
def test_bad_rules_are_errors(regexp: str) -> None:
    with pytest.raises(ValueError):
        uri_of(regexp, b"+49a")


HOSTILE = [
    r"(.?){1,500}x?$",
    r"^.*(((a{1,20}){1,20}){1,9})*$",
    "(1?)" * 60,
    r"^(.*)\1(.*)$",
    "[0-9]{16}" * 20,
    "(" * 10 + ".*" + ")" * 10,
    r"^\\\xb2",
]


@pytest.mark.parametrize("pattern", HOSTILE)
def test_an_expression_that_no_number_needs_is_skipped(pattern: str) -> None:
    records = {b"2.1.9.4.e164.arpa.": [Naptr(1, 1, "u", "E2U+sip", f"!{pattern}!sip:bad@h!"), GOOD]}
    ctx = Site("route { drop; }", "enum", names=Names(naptr=records)).context(request(uri="sip:+4912@h"))
    assert Enum().enum_query(ctx)
    assert ctx.uri() == b"sip:good@h" and not ctx.branches


GOOD = Naptr(9, 9, "u", "E2U+sip", r"!^\+[0-9]{2}([0-9]{0,13})$!sip:good@h!")


def test_of_many_records_the_first_are_looked_at() -> None:
    bad = [Naptr(1, n, "u", "E2U+sip", "!^x$!sip:bad@h!") for n in range(15)]
    others = [Naptr(1, n, "u", "E2U+mailto", "!^x$!sip:bad@h!") for n in range(50)]
    for number, found in ((15, True), (16, False)):
        records = {b"2.1.9.4.e164.arpa.": [*others, *bad, *bad[: number - 15], GOOD]}
        ctx = Site("route { drop; }", "enum", names=Names(naptr=records)).context(request(uri="sip:+4912@h"))
        assert Enum().enum_query(ctx) is found
