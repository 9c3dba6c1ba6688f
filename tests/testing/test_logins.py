"""Why credentials are refused in a test is told: nothing but the pieces of a digest says so, and nobody reads those."""

from __future__ import annotations

import pytest

from serc.reading.source import Source
from serc.reading.tree import Span
from serc.testing import running
from serc.testing.config import Config
from serc.testing.digest import credentials, fields_of, ha1_of
from serc.testing.language import cases
from serc.testing.language.parsing import parse_tests
from serc.testing.logins import why_refused
from serc.testing.messages import Text
from serc.testing.scene import Scene

CONFIG = """\
listen=udp:10.0.0.1:5060
loadmodule "sl.so"
loadmodule "sqlite.so"
loadmodule "auth.so"
loadmodule "auth_db.so"
modparam("auth_db", "db_url", "sqlite:///x.db")
{more}
route {{
  if (!proxy_authorize("a.org", "subscriber")) {{ proxy_challenge("a.org", "{qop}"); break; }}
  sl_send_reply("404", "Not Found");
}}
"""
HASHED = "2ba5ae1d4e0fbb3dd5e3a7ea2b3fd4b3"  # of nobody
PASSWORDS = 'modparam("auth_db", "calculate_ha1", 1) modparam("auth_db", "password_column", "password")'
ASKED = """\
test "t"
  when INVITE from alice to bob
  then 407
"""
LOGIN = f"""{ASKED}
  {{before}}
  when alice authenticates
  then 404
"""


def notes(test: str, more: str = "", qop: str = "0") -> list[str]:
    """What is told of the one test beside its failure; [] if it holds."""
    source = Source("ser.sertest", test)
    file, report = parse_tests(source)
    assert not report.has_errors, report.diagnostics
    config = Config(Source("ser.cfg", CONFIG.format(more=more, qop=qop)))
    outcome = running.run(file.cases[0], running.Tests(source, file, report, config), running.Configs())
    return [] if outcome.failure is None else outcome.failure.notes[1:]


def row(**columns: str) -> str:
    return "given row in subscriber " + " ".join(f"{name}={value}" for name, value in columns.items()) + "\n"


RIGHT = row(username="alice", ha1=ha1_of("MD5", "alice", "a.org", "secret"))
ALICE = "user alice password secret\n"


def test_who_is_let_in_is_not_spoken_of() -> None:
    assert notes(ALICE + RIGHT + LOGIN.format(before="")) == []
    assert notes(ALICE + RIGHT + LOGIN.format(before=""), qop="1") == []


@pytest.mark.parametrize(
    ("given", "more", "told"),
    [
        (ALICE + row(username="alicia", ha1=HASHED), "", 'table subscriber has no row with username=alice: did you mean "alicia"?'),
        (ALICE + row(username="zoe", ha1=HASHED), "", "table subscriber has no row with username=alice: it has zoe"),
        (ALICE, "", "table subscriber has no row with username=alice: it is empty; write  given row in TABLE username=alice …"),
        (ALICE + row(username="alice", domain="b.org", ha1=HASHED), 'modparam("auth_db", "use_domain", 1)',
         "table subscriber has no row with username=alice and domain=a.org"),
        (ALICE + row(username="alice", ha1=HASHED), "", "is of another password, user or realm: for the password secret in realm a.org write ha1="),
        (ALICE + row(username="alice", ha1="secret"), "", "is a password, and auth_db reads HA1 there: set its calculate_ha1 to 1, or for"),
        (ALICE + row(username="alice", password="secret"), "", "ha1 of alice in table subscriber is empty"),
        (ALICE + row(username="alice", password="other"), PASSWORDS,
         'password of alice in table subscriber is "other", and the password of the phone is "secret"'),
        (RIGHT, "", "alice has no password in this test: write  user alice password TEXT"),
        ("user bob password secret\n" + RIGHT, "", "alice has no password in this test"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_row_is_told(given: str, more: str, told: str) -> None:
    said = notes(given + LOGIN.format(before=""), more)
    assert len(said) == 1 and told in said[0]


def test_the_cure_lets_the_phone_in() -> None:
    said = notes(ALICE + row(username="alice", ha1=HASHED) + LOGIN.format(before=""))
    assert notes(ALICE + row(username="alice", ha1=said[0].rpartition("ha1=")[2]) + LOGIN.format(before="")) == []


def test_a_nonce_that_is_too_old() -> None:
    said = notes(ALICE + RIGHT + LOGIN.format(before="after 400 s"))
    assert said == [
        "the nonce is 400 s old, which is too much: nonce_expire of auth says how old it may be, in seconds"
    ]


def with_header(name: str, realm: str = "a.org", nonce: str = "1") -> list[str]:
    value = credentials(f'Digest realm="{realm}", nonce="{nonce}"', "alice", "secret", "INVITE", "sip:bob@a.org")
    quoted = value.replace('"', '\\"')
    return notes(
        ALICE
        + RIGHT
        + f'test "t"\n  when INVITE from alice to sip:bob@a.org\n    with header {name} "{quoted}"\n  then 404\n'
    )


def test_credentials_that_the_route_does_not_look_at() -> None:
    assert with_header("Authorization") == [
        "the request has Authorization, and ser.cfg reads Proxy-Authorization, which answers a 407"
    ]
    assert with_header("Proxy-Authorization", realm="b.org") == [
        'the credentials are for realm "b.org", and ser.cfg asks for realm "a.org"'
    ]
    assert with_header("Proxy-Authorization") == ['the nonce "1" is none that the server has given in this test']


def test_what_only_the_server_knows_is_told_in_its_words() -> None:
    text = CONFIG.format(more='modparam("auth", "nonce_count", 1000)', qop="1")
    config = Config(Source("ser.cfg", text))
    scene = Scene(config)
    scene.around.tables.add(
        "subscriber", {"username": b"alice", "ha1": ha1_of("MD5", "alice", "a.org", "secret").encode()}
    )
    alice = scene.phone("alice", password="secret")
    alice.send("INVITE", to="sip:bob@a.org")
    alice.authenticate()
    used = Text.read(scene.stage.proxy.logins[0].data).get("Proxy-Authorization") or ""
    alice.send("INVITE", to="sip:bob@a.org", Proxy_Authorization=used)
    user = cases.User(Span(0, 0), "alice", password="secret")
    said = why_refused(scene.stage.proxy, config.bound, [user])
    scene.close()
    assert said == ["the server says: auth: these credentials were used before, by another request"]


def test_another_failure_is_not_explained_by_a_login_that_passed() -> None:
    assert notes(ALICE + RIGHT + LOGIN.format(before="").replace("then 404", "then 480")) == []


def test_a_challenge_is_read_with_all_its_fields() -> None:
    assert fields_of('Digest realm="a b", Nonce="x=", qop="auth,auth-int", stale=true') == {
        "realm": "a b", "nonce": "x=", "qop": "auth,auth-int", "stale": "true",
    }  # fmt: skip
