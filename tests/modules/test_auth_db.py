"""auth_db at work. Reference modules-main, chapter 9."""

from __future__ import annotations

import pytest
from engine import header
from phone import Phone, challenges, hex_of, nonce_of
from script import request
from tables import URL, Tables, TableSite

from runtime.routing.database import Value
from runtime.routing.engine import ProgramError

pytestmark = pytest.mark.usefixtures("tables_in")

FAR = nonce_of("s3cret", 0x7FFFFFFF)


def tables_of() -> Tables:
    def user(name: str, domain: str, password: str, **more: Value) -> dict[str, Value]:
        return {
            "username": name.encode(),
            "domain": domain.encode(),
            "password": password.encode(),
            "ha1": hex_of("MD5", f"{name}:{domain}:{password}").encode(),
            "ha1b": hex_of("MD5", f"{name}@{domain}:{domain}:{password}").encode(),
            "ha256": hex_of("SHA-256", f"{name}:{domain}:{password}").encode(),
            "ha256b": hex_of("SHA-256", f"{name}@{domain}:{domain}:{password}").encode(),
            "domn": 5,
            "uuid": b"u-" + name.encode(),
            "rpid": b"+49123",
            **more,
        }

    rows = [
        user("alice", "example.com", "secret"),
        user("bob", "example.com", "pw2", domn=None, uuid=None, rpid=None),
        user("alice", "other.org", "else"),
        user("null", "example.com", "x", ha1=None),
    ]
    rows[3]["password"] = None
    return Tables(subscriber=rows)


ROUTE = """if (!www_authorize("", "subscriber")) { www_challenge("", "1"); break; };
    if (is_user("alice")) append_to_reply("X-User: alice\\r\\n");
    if (is_rpid_user_e164()) append_to_reply("X-Number: yes\\r\\n");
    avp_pushto("$X-Domn/reply", "s:domn"); avp_pushto("$X-Uuid/reply", "s:uuid");
    sl_send_reply("200", "authorized");"""


def site_of(params: str = "", tables: Tables | None = None, route: str = ROUTE) -> TableSite:
    cfg = f"""modparam("auth", "secret", "s3cret")
        modparam("auth_db", "db_url", "{URL}")
        {params}
        route {{ {route} }}"""
    return TableSite(tables or tables_of(), cfg, "textops uri avpops auth auth_db")


def status(site: TableSite, credentials: str, method: str = "REGISTER", domain: str = "example.com") -> int:
    return int(answer(site, credentials, method, domain).split(b" ")[1])


def answer(site: TableSite, credentials: str, method: str = "REGISTER", domain: str = "example.com") -> bytes:
    data = request(method, "sip:example.com", To=f"<sip:alice@{domain}>", Authorization=credentials)
    return site.answer(data)


def test_a_user_registers_by_the_challenge() -> None:
    site = site_of()
    (challenge,) = challenges(answer(site, ""))
    reply = answer(site, Phone().credentials(challenge["nonce"], qop=challenge["qop"]))
    assert reply.startswith(b"SIP/2.0 200 authorized\r\n")
    assert header(reply, "X-User") == "alice"


@pytest.mark.parametrize(
    ("phone", "params", "wanted"),
    [
        (Phone(), "", 200),
        (Phone("alice@example.com"), "", 200),
        (Phone(password="wrong"), "", 401),
        (Phone("nobody"), "", 401),
        (Phone(""), "", 401),
        (Phone("null", "x"), "", 401),
        (Phone("bob", "pw2"), "", 200),
        (Phone(), "calculate_ha1", 200),
        (Phone("alice@example.com"), "calculate_ha1", 200),
        (Phone("null", ""), "calculate_ha1", 401),
        (Phone("' OR ''='"), "calculate_ha1", 401),
        (Phone("alice' --"), "", 401),
    ],
)
def test_who_is_authorized(phone: Phone, params: str, wanted: int) -> None:
    calculate = """modparam("auth_db", "calculate_ha1", 1)
        modparam("auth_db", "password_column", "password")"""
    assert status(site_of(calculate if params else ""), phone.credentials(FAR)) == wanted


def test_a_password_is_hashed_with_the_realm_that_was_asked_for() -> None:
    site = site_of('modparam("auth_db", "calculate_ha1", 1)\nmodparam("auth_db", "password_column", "password")')
    assert status(site, Phone(realm="Example.COM").credentials(FAR)) == 401
    assert status(site, Phone().credentials(FAR).replace("example.com", "Example.COM", 1)) == 200


def test_with_use_domain_users_are_told_apart_by_the_realm() -> None:
    there = Phone(password="else", realm="other.org").credentials(FAR)
    assert status(site_of(), there, domain="other.org") == 401
    assert status(site_of('modparam("auth_db", "use_domain", 1)'), there, domain="other.org") == 200


def test_a_changed_password_counts_at_once() -> None:
    site = site_of()
    assert status(site, Phone().credentials(FAR)) == 200
    site.tables.tables["subscriber"][0]["ha1"] = hex_of("MD5", "alice:example.com:new").encode()
    assert status(site, Phone().credentials(FAR)) == 401
    assert status(site, Phone(password="new").credentials(FAR)) == 200


def test_columns_become_avps_and_the_rpid_is_auth_s() -> None:
    reply = answer(site_of(), Phone().credentials(FAR))
    assert (header(reply, "X-Domn"), header(reply, "X-Uuid"), header(reply, "X-Number")) == ("5", "u-alice", "yes")


def test_null_becomes_no_avp() -> None:
    reply = answer(site_of(), Phone("bob", "pw2").credentials(FAR))
    assert b"\r\nX-" not in reply


def test_a_database_error_is_answered_with_500_and_without_a_password_in_the_log() -> None:
    site = site_of()
    site.tables.down = True
    reply = answer(site, Phone().credentials(FAR))
    assert reply.startswith(b"SIP/2.0 500 Server Internal Error\r\n")
    assert "ERROR: auth_db: the database is down" in site.lines()


def test_an_unknown_column_hits_only_who_needs_it() -> None:
    site = site_of('modparam("auth_db", "password_column_2", "nosuch")')
    assert status(site, Phone().credentials(FAR)) == 200
    assert status(site, Phone("alice@example.com").credentials(FAR)) == 500


@pytest.mark.parametrize(
    "credentials", ["", Phone().credentials("7fffffff" + 32 * "0"), Phone(realm="other").credentials(FAR)]
)
def test_the_database_is_asked_only_for_credentials_worth_it(credentials: str) -> None:
    site = site_of()
    assert status(site, credentials) == 401
    assert site.tables.asked == 0


@pytest.mark.parametrize("method", ["ACK", "CANCEL"])
def test_ack_and_cancel_pass(method: str) -> None:
    site = site_of(route='if (www_authorize("", "subscriber")) log(1, "passed");')
    assert site.say(request(method)) == []
    assert "passed" in site.lines()


def test_a_proxy_has_its_own_credentials() -> None:
    route = """if (!proxy_authorize("", "subscriber")) { proxy_challenge("", "0"); break; };
        consume_credentials(); forward(127.0.0.1, 5090);"""
    site = site_of(route=route)
    credentials = Phone().credentials(FAR, "INVITE")
    assert site.answer(request("INVITE", Authorization=credentials)).startswith(b"SIP/2.0 407 ")
    sent = site.answer(request("INVITE", Proxy_Authorization=credentials))
    assert sent.startswith(b"INVITE ")
    assert b"Authorization" not in sent


def test_unknown_users_and_wrong_passwords_look_the_same() -> None:
    site = site_of()
    one = answer(site, Phone("nobody").credentials(FAR))
    assert one == answer(site, Phone(password="wrong").credentials(FAR))
    assert len({line for line in site.lines() if line.startswith("auth_db")}) == 1


SHA = 'modparam("auth", "algorithms", "SHA-256,MD5")'
SHA_COLUMNS = 'modparam("auth_db", "sha256_column", "ha256") modparam("auth_db", "sha256_column_2", "ha256b")'


@pytest.mark.parametrize("username", ["alice", "alice@example.com"])
@pytest.mark.parametrize("algorithm", ["SHA-256", "MD5", ""])
def test_a_user_chooses_among_the_algorithms_that_are_offered(algorithm: str, username: str) -> None:
    site = site_of(SHA + SHA_COLUMNS)
    assert status(site, Phone(username).credentials(FAR, qop="auth", algorithm=algorithm)) == 200


def test_an_algorithm_that_is_not_offered_is_not_taken() -> None:
    site = site_of('modparam("auth", "algorithms", "SHA-256")' + SHA_COLUMNS)
    assert status(site, Phone().credentials(FAR, qop="auth")) == 401
    assert status(site, Phone().credentials(FAR, qop="auth", algorithm="SHA-256")) == 200


def test_the_hash_of_one_algorithm_is_none_of_the_other() -> None:
    site = site_of(SHA + SHA_COLUMNS)
    credentials = Phone().credentials(FAR, qop="auth", algorithm="SHA-256").replace("SHA-256", "MD5")
    assert status(site, credentials) == 401


def test_sha_256_without_its_columns_does_not_start() -> None:
    with pytest.raises(ProgramError, match="sha256_column"):
        site_of(SHA)


def test_sha_256_from_passwords_needs_no_column() -> None:
    site = site_of(SHA + 'modparam("auth_db", "calculate_ha1", 1) modparam("auth_db", "password_column", "password")')
    assert status(site, Phone().credentials(FAR, qop="auth", algorithm="SHA-256")) == 200


@pytest.mark.parametrize(("table", "why"), [("nosuchtable", "no row in the table version"), ("old", "has version 2")])
def test_a_table_of_another_version_does_not_start(table: str, why: str) -> None:
    tables = tables_of()
    tables.tables["version"].append({"table_name": b"old", "table_version": 2})
    with pytest.raises(ProgramError, match=f"auth_db: table {table} .*{why}"):
        site_of(tables=tables, route=f'www_authorize("", "{table}");')


def test_a_url_without_its_driver_does_not_start() -> None:
    with pytest.raises(ProgramError, match="auth_db: .*load mysql.so before auth_db.so"):
        site_of('modparam("auth_db", "db_url", "mysql://ser:heslo@localhost/ser")')
