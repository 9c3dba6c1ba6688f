"""avpops' database: avp_db_load, avp_db_store, avp_db_delete. Reference modules-main, chapter 17."""

from __future__ import annotations

import pytest
from script import Site, request
from tables import URL, Tables, TableSite

from runtime.routing.database import Value
from runtime.routing.engine import ProgramError

pytestmark = pytest.mark.usefixtures("tables_in")

PARAMS = f"""modparam("avpops", "avp_url", "{URL}") modparam("avpops", "avp_table", "usr_preferences")
    modparam("avpops", "avp_aliases", "who=s:who")
    modparam("avpops", "db_scheme", "text:value_col=fwd;value_type=string;table=schemes")
    modparam("avpops", "db_scheme", "num:value_col=num;value_type=integer;table=schemes")
    """


def row(uuid: str, user: str, domain: str, attribute: str, value: str, kind: int) -> dict[str, Value]:
    names: dict[str, Value] = {"uuid": uuid.encode(), "username": user.encode(), "domain": domain.encode()}
    return {**names, "attribute": attribute.encode(), "value": value.encode(), "type": kind}


def tables_of() -> Tables:
    return Tables(
        usr_preferences=[
            row("u-alice", "alice", "a.org", "color", "red", 0),
            row("u-alice2", "alice", "b.org", "color", "blue", 0),
            row("u-alice", "alice", "a.org", "limit", "17", 1),
            row("u-alice", "alice", "a.org", "77", "seven", 2),
            row("u-alice", "alice", "a.org", "78", "99", 3),
            row("u-alice", "alice", "a.org", "bad", "x", 1),
            row("u-dom", "", "a.org", "dompref", "domval", 0),
        ],
        other=[row("u-alice", "alice", "a.org", "alt", "other", 0)],
        schemes=[{"uuid": b"u-alice", "username": b"alice", "domain": b"a.org", "fwd": b"sip:f@h", "num": 12}],
    )


def avps_after(
    route: str, params: str = "", tables: Tables | None = None, sender: str = "<sip:alice@a.org>;tag=1"
) -> list[str]:
    """All AVPs at the end of a route, newest first, as avp_print shows them; "TRUE" where the route says so."""
    cfg = f"{PARAMS} {params} route {{ {route} avp_print(); break; }}"
    site = TableSite(tables or tables_of(), cfg, "avpops")
    site.say(request(uri="sip:alice@b.org", From=sender, To="<sip:bob@a.org>"))
    return [line.partition("avp_print: ")[2] if "avp_print" in line else line for line in site.lines() if line]


def loaded(source: str, name: str, params: str = "") -> list[str]:
    found = avps_after(f'if (avp_db_load("{source}", "{name}")) log(1, "TRUE");', params)
    return [line for line in found if not line.startswith("ERROR")]


USE_DOMAIN = 'modparam("avpops", "use_domain", 1)'


@pytest.mark.parametrize(
    ("source", "name", "params", "wanted"),
    [
        ("$from", "s:color", USE_DOMAIN, ["TRUE", "s:color=s:red"]),
        ("$ruri", "color", USE_DOMAIN, ["TRUE", "s:color=s:blue"]),
        ("$from", "s:color", "", ["TRUE", "s:color=s:blue", "s:color=s:red"]),
        ("$to", "s:color", "", []),
        ("$from", "i:77", "", ["TRUE", "i:77=s:seven"]),
        ("$from", "i:78", "", ["TRUE", "i:78=i:99"]),
        ("$from", "s:77", "", []),
        ("$from", "s:limit", "", ["TRUE", "s:limit=i:17"]),
        ("$from", "s:bad", "", []),
        ("$from", "i:", "", ["TRUE", "i:78=i:99", "i:77=s:seven"]),
        ("$from", "s:", USE_DOMAIN, ["TRUE", "s:limit=i:17", "s:color=s:red"]),
        ("$from", "", USE_DOMAIN, ["TRUE", "i:78=i:99", "i:77=s:seven", "s:limit=i:17", "s:color=s:red"]),
        ("u-alice2", "s:color", "", ["TRUE", "s:color=s:blue"]),
        ("u-none", "s:color", "", []),
        ("$who", "s:color", "", []),
        ("$from", "s:alt/other", "", ["TRUE", "s:alt=s:other"]),
        ("$from", "/other", "", ["TRUE", "s:alt=s:other"]),
        ("$from", "s:fwd/$text", "", ["TRUE", "s:fwd=s:sip:f@h"]),
        ("$from", "i:78/$num", "", ["TRUE", "i:78=i:12"]),
    ],
)
def test_what_is_loaded(source: str, name: str, params: str, wanted: list[str]) -> None:
    # Rows come in an order of the database's own.
    assert sorted(loaded(source, name, params)) == sorted(wanted)


def test_what_belongs_to_a_domain_is_in_rows_with_an_empty_user() -> None:
    wanted = ["TRUE", "s:dompref=s:domval"] if Tables.place.tells_empty_from_null else []
    assert loaded("$to/domain", "s:dompref") == wanted


@pytest.mark.parametrize("source", ["$from", "$from/domain"])
def test_who_has_no_user_gets_nothing_of_his_domain(source: str) -> None:
    route = f'if (avp_db_load("{source}", "")) log(1, "TRUE"); if (avp_db_delete("{source}", "")) log(1, "TRUE");'
    found = avps_after(route, USE_DOMAIN, sender="<sip:to.org>;tag=1")
    assert [line for line in found if not line.startswith("ERROR")] == []


def test_an_avp_may_hold_the_uuid() -> None:
    found = avps_after('avp_write("u-alice2", "$who"); avp_db_load("$who", "s:color");')
    assert found == ["s:color=s:blue", "s:who=s:u-alice2"]


def test_avps_are_stored_once_with_their_types() -> None:
    tables = tables_of()
    del tables.tables["usr_preferences"][:]
    route = """avp_write("blue", "s:color"); avp_write("i:5", "i:9"); avp_db_store("$from", "");
        if (!avp_db_store("$from", "")) log(1, "TRUE");"""
    assert "TRUE" in avps_after(route, USE_DOMAIN, tables)
    same = {"username": b"alice", "domain": b"a.org"}
    assert tables.tables["usr_preferences"] == [
        {**same, "attribute": b"9", "value": b"5", "type": 3},
        {**same, "attribute": b"color", "value": b"blue", "type": 0},
    ]


def test_what_was_loaded_is_not_stored_again() -> None:
    tables = tables_of()
    before = len(tables.tables["usr_preferences"])
    found = avps_after(
        'avp_db_load("$from", "s:color"); if (!avp_db_store("$from", "s:color")) log(1, "TRUE");', "", tables
    )
    assert "TRUE" in found
    assert len(tables.tables["usr_preferences"]) == before


@pytest.mark.parametrize(
    ("source", "name", "gone"),
    [
        ("$from", "s:color", ["red", "blue"]),
        ("u-alice", "s:color", ["red"]),
        ("u-alice", "i:77", ["seven"]),
        ("u-alice", "s:77", []),
        ("u-alice", "i:", ["seven", "99"]),
        ("u-alice", "s:", ["red", "17", "x"]),
        ("u-alice", "", ["red", "17", "seven", "99", "x"]),
        ("$who", "", []),
    ],
)
def test_what_is_deleted(source: str, name: str, gone: list[str]) -> None:
    tables = tables_of()
    before = [entry["value"] for entry in tables.tables["usr_preferences"]]
    avps_after(f'avp_db_delete("{source}", "{name}");', "", tables)
    left = [entry["value"] for entry in tables.tables["usr_preferences"]]
    assert sorted(str(value) for value in before if value not in left) == sorted(str(one.encode()) for one in gone)


@pytest.mark.parametrize("call", ["avp_db_load", "avp_db_store", "avp_db_delete"])
def test_a_database_that_is_down_is_false_and_logged(call: str) -> None:
    tables = tables_of()
    tables.down = True
    found = avps_after(f'avp_write("x", "s:y"); if (!{call}("$from", "")) log(1, "TRUE");', "", tables)
    assert f"ERROR: {call}: the database is down" in found and "TRUE" in found


@pytest.mark.parametrize(
    ("route", "why"),
    [
        ('avp_db_load("$from", "s:a");', "set avp_url"),
        ('avp_db_store("u", "s:a");', "set avp_url"),
        ('avp_db_delete("u", "");', "set avp_url"),
    ],
)
def test_without_a_database_the_functions_do_not_start(route: str, why: str) -> None:
    with pytest.raises(ProgramError, match=why):
        Site(f"route {{ {route} }}", "avpops")


def test_a_scheme_that_nobody_defines_does_not_start() -> None:
    with pytest.raises(ProgramError, match='no db_scheme defines "none"'):
        avps_after('avp_db_load("$from", "s:a/$none");')


def test_a_url_without_a_table_does_not_start() -> None:
    with pytest.raises(ProgramError, match="set avp_table, too"):
        TableSite(tables_of(), f'modparam("avpops", "avp_url", "{URL}") route {{ avp_print(); }}', "avpops")
