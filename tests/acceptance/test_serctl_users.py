"""serctl and the tables of users, on every kind of database. Reference modules-more, part C."""

from __future__ import annotations

import json

import pytest

from acceptance.serctl_site import Site
from acceptance.serctl_site import own_site as own_site
from acceptance.serctl_site import site as site
from acceptance.serctl_site import surroundings as surroundings
from runtime.routing.database import Change, Condition
from runtime.storage.connection import connect
from runtime.storage.statement import change, question
from runtime.storage.url import parse_url

JOE = "joe@example.com"


def test_a_subscriber_comes_changes_and_goes(site: Site) -> None:
    assert site.run("add", JOE, "--email", "joe@mail", piped="secret\n") == 0
    assert site.out == "new user added\n"
    assert site.run("passwd", JOE, piped="other\n") == 0
    assert site.out == "password change succeeded\n"
    # MD5 of joe:example.com:other and of joe@example.com:example.com:other.
    found = site.rows("subscriber", "username", "domain", "password", "email_address", "ha1", "ha1b")
    hashes = [b"d2ab7e3ae58d99968f7e6787ab4dd632", b"331edd71fda36eb435455cf03874c166"]
    assert found == [[b"joe", b"example.com", b"other", b"joe@mail", *hashes]]
    assert site.rows("uri", "username", "domain", "uri_user") == [[b"joe", b"example.com", b"joe"]]
    assert site.json("showdb") == [{"username": "joe", "domain": "example.com", "email_address": "joe@mail"}]
    assert site.run("rm", JOE) == 0
    assert site.rows("subscriber", "username") == [] and site.rows("uri", "username") == []


def test_what_is_done_already_is_told_and_changes_nothing(site: Site) -> None:
    assert site.run("add", JOE, piped="secret") == 0
    before = site.rows("subscriber", "ha1", "datetime_created")
    assert site.run("add", JOE, piped="other") == 1
    assert "user already exists" in site.err and "serctl passwd joe@example.com" in site.err
    assert site.rows("subscriber", "ha1", "datetime_created") == before
    assert site.run("add", JOE, "--ensure", piped="other") == 0
    assert site.run("add", JOE, "--ensure", piped="other") == 0
    assert len(site.rows("subscriber", "ha1")) == 1 and site.rows("subscriber", "ha1")[0][0] != before[0][0]
    assert site.run("rm", JOE) == 0
    assert site.run("rm", JOE) == 1
    assert "non-existent user" in site.err
    assert site.run("rm", JOE, "--ensure") == 0
    assert site.run("passwd", JOE, piped="x") == 1


def test_a_user_goes_with_all_that_is_its_own_and_nobody_elses(site: Site) -> None:
    for name in (JOE, "joe@example.org", "ann@example.com"):
        assert site.run("add", name, piped="secret") == 0
        assert site.run("acl", "grant", name, "ld", "int") == 0
        assert site.run("speeddial", "add", name, "7", "sip:mum@example.net") == 0
        assert site.run("avp", "add", name, "language", "cs") == 0
        user, domain = (word.encode() for word in name.split("@"))
        own = {"username": user, "domain": domain}
        site.insert("location", **own, contact=b"sip:x@192.0.2.1", expires=2_000_000_000, q=1.0, callid=b"c", cseq=1)
        site.insert("aliases", username=b"no" + domain, domain=b"d", contact=b"sip:" + name.encode(), q=1.0, cseq=1)
        site.insert("acc", **own, sip_method=b"INVITE", time=1_700_000_000)
    assert site.run("rm", JOE) == 0, site.err
    for table in ("subscriber", "uri", "speed_dial", "usr_preferences", "location"):
        rest = sorted(map(str, site.rows(table, "username", "domain")))
        assert rest == ["[b'ann', b'example.com']", "[b'joe', b'example.org']"], table
    assert len(site.rows("grp", "grp")) == 4 and len(site.rows("acc", "sip_method")) == 3
    left = site.rows("aliases", "contact")
    assert sorted(map(str, left)) == ["[b'sip:ann@example.com']", "[b'sip:joe@example.org']"]


@pytest.mark.parametrize(
    "user", ["o'brien", "a;drop table subscriber", "x--", "%", "žofie", "+420123", "a\\b", "ann=1"]
)
def test_a_name_is_only_a_name(site: Site, user: str) -> None:
    assert site.run("add", "bob@example.com", piped="secret") == 0
    if " " in user:
        assert site.run("add", f"{user}@example.com", piped="secret") == 1
        assert "cannot stand in a user" in site.err
        return
    assert site.run("add", f"{user}@example.com", piped="pass'word;--") == 0, site.err
    assert {row["username"] for row in site.json("showdb")} == {user, "bob"}
    assert site.run("acl", "grant", f"{user}@example.com", "ld") == 0
    assert site.run("rm", f"{user}@example.com") == 0
    assert [row["username"] for row in site.json("showdb")] == ["bob"] and site.json("acl", "show") == []


def test_groups(site: Site) -> None:
    assert site.run("acl", "grant", JOE, "ld") == 1
    assert "non-existent user" in site.err
    site.run("add", JOE, piped="secret")
    assert site.run("acl", "grant", JOE, "ld", "int") == 0
    assert site.run("acl", "grant", JOE, "ld") == 0
    assert sorted(str(row["grp"]) for row in site.json("acl", "show", JOE)) == ["int", "ld"]
    assert site.run("acl", "grant", JOE, "moon") == 1
    assert "Invalid privilege: moon ignored" in site.err
    assert site.run("acl", "revoke", JOE, "ld") == 0
    assert [row["grp"] for row in site.json("acl", "show")] == ["int"]
    assert site.run("acl", "revoke", JOE) == 0 and site.run("acl", "revoke", JOE) == 0
    assert site.json("acl", "show") == []


def test_groups_of_ones_own(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.run("add", JOE, piped="secret")
    monkeypatch.setenv("ACL_GROUPS", "moon")
    assert site.run("acl", "grant", JOE, "moon") == 0
    monkeypatch.setenv("VERIFY_ACL", "0")
    assert site.run("acl", "grant", JOE, "sun") == 0
    assert len(site.json("acl", "show", JOE)) == 2


def test_remote_party_ids(site: Site) -> None:
    assert site.run("rpid", "add", JOE, "+420123") == 1
    site.run("add", JOE, piped="secret")
    assert site.run("rpid", "add", JOE, "+420123") == 0
    assert site.json("rpid", "show", JOE) == [{"username": "joe", "domain": "example.com", "rpid": "+420123"}]
    assert site.run("rpid", "rm", JOE) == 0
    assert site.json("rpid", "show")[0]["rpid"] is None


def test_short_numbers(site: Site) -> None:
    site.run("add", JOE, piped="secret")
    assert site.run("speeddial", "add", JOE, "7", "sip:mum@example.net", "--description", "mum") == 0
    assert site.run("speeddial", "add", JOE, "7", "sip:dad@example.net") == 0
    assert site.run("speeddial", "add", JOE, "8@example.org", "sip:ann@example.net") == 0
    assert site.run("speeddial", "add", JOE, "9", "mum") == 1
    assert "invalid URI: mum" in site.err
    found = {(row["sd_username"], row["sd_domain"]): row["new_uri"] for row in site.json("speeddial", "show", JOE)}
    assert found == {("7", "example.com"): "sip:dad@example.net", ("8", "example.org"): "sip:ann@example.net"}
    assert site.run("speeddial", "rm", JOE, "7") == 0
    assert [row["sd_username"] for row in site.json("speeddial", "show")] == ["8"]
    assert site.run("speeddial", "rm", JOE) == 0
    assert site.json("speeddial", "show") == []


def test_attributes(site: Site) -> None:
    assert site.run("avp", "add", JOE, "language", "cs") == 0
    assert site.run("avp", "add", JOE, "language", "en") == 0
    assert site.run("avp", "add", JOE, "i:17", "60", "--integer") == 0
    assert site.run("avp", "add", JOE, "i:x", "60") == 1
    assert site.run("avp", "add", JOE, "limit", "many", "--integer") == 1
    found = {row["attribute"]: (row["value"], row["type"]) for row in site.json("avp", "show", JOE)}
    assert found == {"language": ("en", 0), "17": ("60", 3)}
    assert site.run("avp", "rm", JOE, "i:17") == 0
    assert [row["attribute"] for row in site.json("avp", "show")] == ["language"]


def test_domains(site: Site) -> None:
    assert site.run("domain", "add", "example.com") == 0
    assert "domain added" in site.out and "no server runs" in site.err
    assert site.run("domain", "add", "example.com") == 0
    assert [row["domain"] for row in site.json("domain", "show")] == ["example.com"]
    assert site.run("domain", "add", "no domain") == 1
    assert site.run("domain", "rm", "example.com") == 0
    assert site.run("domain", "rm", "example.com") == 1
    assert site.run("domain", "rm", "example.com", "--ensure") == 0


def test_gateways(site: Site) -> None:
    assert site.run("lcr", "addgw", "vienna", "192.0.2.7", "1", "--port", "5070", "--transport", "tcp") == 0
    assert site.run("lcr", "addgw", "vienna", "192.0.2.8", "1") == 0
    assert site.run("lcr", "addroute", "43", "1", "10") == 0
    assert site.run("lcr", "addroute", "43", "1", "5") == 0
    assert site.run("--json", "lcr", "show") == 0
    found = json.loads(site.out)
    assert [(g["gw_name"], g["ip_addr"], g["port"]) for g in found["gw"]] == [("vienna", "192.0.2.8", None)]
    assert found["lcr"] == [{"prefix": "43", "from_uri": "%", "grp_id": 1, "priority": 5}]
    assert site.run("lcr", "addgw", "x", "gw.example.com", "1") == 1
    assert site.run("lcr", "addgw", "x", "192.0.2.9", "one") == 2
    assert site.run("lcr", "rmroute", "43", "1") == 0 and site.run("lcr", "rmgw", "vienna") == 0
    assert site.run("lcr", "rmroute", "43", "1") == 1 and site.run("lcr", "rmgw", "vienna") == 1


def test_tables_are_made_once_and_are_good(own_site: Site) -> None:
    assert own_site.run("db", "create") == 0
    assert {found["state"] for found in own_site.json("db", "check")} == {"good"}


def test_a_missing_table_is_told_with_what_makes_it(own_site: Site) -> None:
    empty = f"{own_site.url}2"
    database = connect(parse_url(own_site.url))
    assert database.run([question("version", ("table_name",), [])])[0].count > 0
    assert own_site.run("add", JOE, "--db", empty, piped="x") == 1
    assert "serctl db create" in own_site.err or "does not exist" in own_site.err or "Unknown database" in own_site.err


def test_a_table_of_an_old_version_is_told_with_what_mends_it(own_site: Site) -> None:
    old = Change("update", "version", ("table_version",), [2], [Condition("table_name", b"subscriber")])
    connect(parse_url(own_site.url)).run([change(old)])
    assert own_site.run("db", "check") == 1
    assert "subscriber: old" in own_site.out and "run serctl db migrate" in own_site.err
    assert own_site.run("db", "migrate") == 0
    assert own_site.run("db", "check") == 0


def test_a_name_in_other_capitals_is_no_other_user(site: Site) -> None:
    """The registrar would take both for one, and a database may not."""
    assert site.run("add", JOE, piped="secret") == 0
    for name in ("Joe@example.com", "JOE@example.com"):
        assert site.run("add", name, piped="other") == 1
        assert "user already exists" in site.err
    assert site.run("add", "JOE@example.org", piped="other") == 0
    assert sorted(map(tuple, site.rows("subscriber", "username"))) == [(b"JOE",), (b"joe",)]
