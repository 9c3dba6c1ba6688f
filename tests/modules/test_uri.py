"""uri at work. Reference modules-main, chapter 10 and its corrections."""

from __future__ import annotations

import pytest
from script import Site, request

from runtime.modules.uri import Uri
from runtime.routing.authorized import Authentication, Authorized


def is_true(call: str, uri: str = "sip:bob@example.com", **headers: str) -> bool:
    site = Site(f'route {{ if ({call}) sl_send_reply("200", "OK"); else sl_send_reply("404", "No"); }}', "sl uri")
    return site.answer(request(uri=uri, **headers)).startswith(b"SIP/2.0 200 ")


def rewritten(call: str, uri: str, **headers: str) -> str:
    """The Request-URI after `call`."""
    site = Site(f"route {{ {call}; forward(127.0.0.1, 5090); }}", "uri")
    return site.answer(request(uri=uri, **headers)).split(b" ")[1].decode()


def test_a_to_tag_is_seen() -> None:
    assert is_true("has_totag()", To="<sip:bob@example.com>;tag=1")
    assert not is_true("has_totag()")
    assert not is_true("has_totag()", To="<sip:bob@example.com;tag=1>")
    assert not is_true("has_totag()", To="")


@pytest.mark.parametrize(
    ("call", "uri", "answer"),
    [
        ('uri_param("x")', "sip:b@h;x", True),
        ('uri_param("X")', "sip:b@h;x", True),
        ('uri_param("x")', "sip:b@h;x=y", False),
        ('uri_param("x")', "sip:b@h;x=", False),
        ('uri_param("x")', "sip:b@h;xx", False),
        ('uri_param("x")', "sip:b@h", False),
        ('uri_param("x")', "sip:b@h?x", False),
        ('uri_param("z")', "sip:b@h;x=z;z", True),
        ('uri_param("x")', "tel:+1;x", False),
        ('uri_param("x", "y")', "sip:b@h;x=y", True),
        ('uri_param("x", "y")', "sip:b@h;x=y?h=1", True),
        ('uri_param("x", "y")', "sip:b@h;x=Y", False),
        ('uri_param("x", "y")', "sip:b@h;x=yy", False),
        ('uri_param("x", "y")', "sip:b@h;x", False),
        ('uri_param("x", "y")', "sip:b@h;x=z;x=y", False),
        ('uri_param("x", "")', "sip:b@h;x", True),
        ('uri_param("x", "")', "sip:b@h;x=", True),
        ('uri_param("x", "")', "sip:b@h;x=y", False),
        ('uri_param("x", "")', "sip:b@h", False),
    ],
)
def test_parameters_of_the_uri(call: str, uri: str, answer: bool) -> None:
    assert is_true(call, uri) is answer


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("sip:b@h", "sip:b@h;foo=bar"),
        ("sip:b@h:5066", "sip:b@h:5066;foo=bar"),
        ("sip:b:pw@h;a", "sip:b:pw@h;a;foo=bar"),
        ("sips:h:5061", "sips:h:5061;foo=bar"),
        ("sip:b@h?s=1", "sip:b@h;foo=bar?s=1"),
        ("sip:alice:pw@h:5090;x=y?h=1", "sip:alice:pw@h:5090;x=y;foo=bar?h=1"),
        ("tel:+1", "tel:+1"),
    ],
)
def test_a_parameter_is_added_before_the_headers(before: str, after: str) -> None:
    assert rewritten('add_uri_param("foo=bar")', before) == after


def test_adding_nothing_is_true_and_changes_nothing() -> None:
    assert is_true('add_uri_param("")', "tel:+1")
    assert rewritten('add_uri_param("")', "sip:b@h") == "sip:b@h"


def test_a_uri_must_not_become_too_long() -> None:
    assert not is_true(f'add_uri_param("{"x" * 1000}")', "sip:bob@very-long-host.example.com")


@pytest.mark.parametrize(
    ("before", "sender", "after"),
    [
        ("tel:+1-201-555", "<sip:alice@example.com>;tag=1", "sip:+1-201-555@example.com;user=phone"),
        ("tel:123;phone-context=+49", "<sip:a@h>;tag=1", "sip:123;phone-context=+49@h;user=phone"),
        ("tel:+44", "<sip:example.com:99>;tag=1", "sip:+44@example.com;user=phone"),
        ("tel:+44", "<sip:[::1]>;tag=1", "sip:+44@[::1];user=phone"),
        ("sip:b@h", "<tel:+55>;tag=1", "sip:b@h"),
        ("tel:+44", "<tel:+55>;tag=1", "tel:+44"),
        ("tel:+44", "<sip:a@h", "tel:+44"),
    ],
)
def test_a_tel_uri_becomes_a_sip_uri_at_the_senders_host(before: str, sender: str, after: str) -> None:
    assert rewritten("tel2sip()", before, From=sender) == after


def test_tel2sip_is_false_only_for_a_number_without_a_host() -> None:
    assert is_true("tel2sip()", "sip:b@h", From="<tel:+55>;tag=1")
    assert not is_true("tel2sip()", "tel:+44", From="<tel:+55>;tag=1")


def test_nobody_is_a_user_without_authentication() -> None:
    assert not is_true('is_user("alice")')


def test_the_authenticated_user_is_known_by_the_part_before_the_at() -> None:
    context = Site("route { drop; }", "uri").context(request())
    context.authentication = Authentication()
    context.authentication.www = Authorized(b"alice@example.com", b"example.com")
    assert Uri().is_user(context, b"alice")
    assert not Uri().is_user(context, b"Alice")
    assert not Uri().is_user(context, b"alice@example.com")
