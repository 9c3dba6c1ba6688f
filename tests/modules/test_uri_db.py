"""uri_db and group at work. Reference modules-main, chapters 11 and 19."""

from __future__ import annotations

import pytest
from phone import Phone, nonce_of
from script import request
from tables import URL, Tables, TableSite

from runtime.routing.engine import ProgramError

pytestmark = pytest.mark.usefixtures("tables_in")

NONCE = nonce_of("s3cret", 0x7FFFFFFF)


def tables_of() -> Tables:
    def user(name: bytes, domain: bytes) -> dict[str, int | float | bytes | None]:
        return {"username": name, "domain": domain, "password": b"secret", "ha1b": None}

    return Tables(
        subscriber=[user(b"alice", b"example.com"), user(b"bob", b"other.org")],
        uri=[{"username": b"alice", "domain": b"example.com", "uri_user": name} for name in (b"al", b"alice")],
        grp=[
            {"username": b"alice", "domain": b"example.com", "grp": b"ld"},
            {"username": b"bob", "domain": b"other.org", "grp": b"int"},
        ],
    )


def site_of(call: str, params: str = "", is_authenticated: bool = False) -> TableSite:
    """Answers 200 if `call` is true, 404 if not."""
    authorize = 'if (!www_authorize("example.com", "subscriber")) { www_challenge("example.com", "0"); break; };'
    cfg = f"""modparam("auth", "secret", "s3cret")
        modparam("auth_db|uri_db|group", "db_url", "{URL}")
        modparam("auth_db", "calculate_ha1", 1)
        modparam("auth_db", "password_column", "password")
        modparam("auth_db", "avps_column_int", "")
        modparam("auth_db", "avps_column_str", "")
        {params}
        route {{ {authorize if is_authenticated else ""} if ({call}) sl_send_reply("200", "OK");
            else sl_send_reply("404", "No"); }}"""
    return TableSite(tables_of(), cfg, "auth auth_db uri_db group")


def is_true(site: TableSite, uri: str = "sip:alice@example.com", **headers: str) -> bool:
    headers.setdefault("Authorization", Phone().credentials(NONCE, "OPTIONS"))
    code = site.answer(request(uri=uri, **headers)).split(b" ")[1]
    assert code in (b"200", b"404")
    return code == b"200"


@pytest.mark.parametrize(("function", "name"), [("check_to", "To"), ("check_from", "From")])
@pytest.mark.parametrize(
    ("uri", "plain", "by_table"),
    [
        ("sip:alice@example.com", True, True),
        ("sip:ALICE@elsewhere", True, False),
        ("sip:al@example.com", False, True),
        ("sip:al@EXAMPLE.COM", False, True),
        ("sip:al@other.org", False, False),
        ("sip:bob@example.com", False, False),
        ("sip:example.com", False, False),
        ("tel:+44", False, False),
        ("sip:al'OR''='@example.com", False, False),
    ],
)
def test_a_uri_belongs_to_the_user(function: str, name: str, uri: str, plain: bool, by_table: bool) -> None:
    for params, answer in (("", plain), ('modparam("uri_db", "use_uri_table", 1)', by_table)):
        site = site_of(f"{function}()", params, is_authenticated=True)
        assert is_true(site, **{name: f"<{uri}>;tag=1"}) is answer


@pytest.mark.parametrize("call", ["check_to()", "check_from()", 'is_user_in("Credentials", "ld")'])
def test_without_authentication_nothing_belongs_to_anybody(call: str) -> None:
    site = site_of(call)
    assert not is_true(site, To="<sip:alice@example.com>")
    assert any("no authorized credentials" in line for line in site.lines())


USE_DOMAIN = 'modparam("uri_db|group", "use_domain", 1)'
USE_TABLE = 'modparam("uri_db", "use_uri_table", 1)'


@pytest.mark.parametrize(
    ("params", "uri", "answer"),
    [
        ("", "sip:alice@anywhere", True),
        ("", "sip:nobody@example.com", False),
        ("", "sip:example.com", False),
        ("", "tel:+44", False),
        (USE_DOMAIN, "sip:alice@example.com", True),
        (USE_DOMAIN, "sip:alice@other.org", False),
        (USE_TABLE, "sip:al@anywhere", True),
        (USE_TABLE, "sip:bob@other.org", False),
        (USE_TABLE + USE_DOMAIN, "sip:al@example.com", True),
        (USE_TABLE + USE_DOMAIN, "sip:al@other.org", False),
    ],
)
def test_a_uri_exists(params: str, uri: str, answer: bool) -> None:
    assert is_true(site_of("does_uri_exist()", params), uri) is answer


@pytest.mark.parametrize(
    ("whose", "params", "answer"),
    [
        ("Request-URI", "", True),
        ("request-uri", USE_DOMAIN, False),
        ("From", "", True),
        ("FROM", USE_DOMAIN, True),
        ("To", "", False),
        ("Credentials", "", True),
        ("credentials", USE_DOMAIN, True),
    ],
)
def test_a_user_is_in_a_group(whose: str, params: str, answer: bool) -> None:
    site = site_of(f'is_user_in("{whose}", "ld")', params, is_authenticated=True)
    assert is_true(site, "sip:alice@other.org", From="<sip:alice@example.com>;tag=1", To="<sip:bob@x>") is answer


@pytest.mark.parametrize(
    "value", ["", "<sip:alice>x", "<sip:alice@example.com>;tag=1\r\nf: <sip:bob@example.com>;tag=1"]
)
@pytest.mark.parametrize("call", ['is_user_in("From", "ld")', "check_from()"])
def test_a_from_that_cannot_be_read_is_nobody_s_at_all(call: str, value: str) -> None:
    """Neither in the group of those who may, nor out of the group of those who may not."""
    assert site_of(call).answer(request(From=value)).startswith(b"SIP/2.0 400 Bad From\r\n")


@pytest.mark.parametrize("value", ["<sip:example.com>;tag=1", "<tel:+44>;tag=1"])
def test_nobody_is_in_no_group(value: str) -> None:
    assert not is_true(site_of('is_user_in("From", "ld")'), From=value)


@pytest.mark.parametrize("call", ["does_uri_exist()", 'is_user_in("From", "ld")'])
def test_a_database_that_is_down_says_no_and_is_logged(call: str) -> None:
    site = site_of(call)
    site.tables.down = True
    assert not is_true(site)
    assert any("the database is down" in line for line in site.lines())


@pytest.mark.parametrize("table", ["uri", "subscriber", "grp"])
def test_a_table_of_a_lower_version_does_not_start(table: str) -> None:
    param = {"grp": 'modparam("group", "table", "old")', "uri": 'modparam("uri_db", "uri_table", "old")'}
    with pytest.raises(ProgramError, match="table old has no row in the table version"):
        site_of("does_uri_exist()", param.get(table, 'modparam("uri_db", "subscriber_table", "old")'))
