"""Tables of another version than a module knows, in every kind of database: a server does not start on them, and says which and why."""

from __future__ import annotations

from script import Site

from runtime.routing.database import DELETE, INSERT, Change, Condition
from runtime.routing.engine import ProgramError
from runtime.storage.connection import Connection, connect
from runtime.storage.schema import BY_NAME
from runtime.storage.statement import change
from runtime.storage.url import parse_url
from storage.test_registrations import made

# Module, table, what it loads and asks.
ASKING = (
    ("auth_db", "subscriber", "auth auth_db", 'www_authorize("a", "subscriber");'),
    ("uri_db", "subscriber", "auth uri_db", "does_uri_exist();"),
    ("uri_db", "uri", "auth uri_db", "does_uri_exist();"),
    ("group", "grp", "auth group", 'is_user_in("From", "a");'),
    ("domain", "domain", "domain", "is_from_local();"),
    ("msilo", "silo", "tm msilo", 'm_store("2");'),
    ("lcr", "gw", "tm lcr", "load_gws();"),
    ("lcr", "lcr", "tm lcr", "load_gws();"),
    ("usrloc", "location", "usrloc registrar", 'lookup("location");'),
)


KNOWN = {name: table.version for name, table in BY_NAME.items()}


def set_version(db: Connection, table: str, version: int | None) -> None:
    """None: nothing is known of the table."""
    name = table.encode()
    db.run([change(Change(DELETE, "version", (), [], [Condition("table_name", name)]))])
    if version is not None:
        db.run([change(Change(INSERT, "version", ("table_name", "table_version"), [name, version], []))])


def why_not(url: str, module: str, modules: str, route: str) -> str:
    """What keeps the server from starting, "" if nothing does."""
    # Where the table is read at the start.
    more = f'modparam("{module}", "db_mode", 1)' if module in ("usrloc", "domain") else ""
    cfg = f'modparam("{module}", "db_url", "{url}") {more} route {{ {route} }}'
    try:
        Site(cfg, f"{url.partition(':')[0]} sl {modules}")
    except ProgramError as e:
        return str(e)
    return ""


def test_a_server_does_not_start_on_tables_of_an_older_version(url: str) -> None:
    db = connect(parse_url(made(url)))
    for module, table, modules, route in ASKING:
        said: list[str] = []
        for version in (KNOWN[table], 0, None):
            set_version(db, table, version)
            said.append(why_not(url, module, modules, route))
        set_version(db, table, KNOWN[table])
        assert said[0] == "" and f"{table} has version 0" in said[1], (module, said)
        assert f"{table} has no row in the table version" in said[2], (module, said)
