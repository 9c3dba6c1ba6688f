"""What is the same on SQLite, PostgreSQL, MariaDB and dbtext."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.routing.database import DELETE, INSERT, PUT, UPDATE, Change, Condition, Row, Value
from runtime.storage.administration import CREATED, GOOD, LACKS, MIGRATED, OLD, Administration
from runtime.storage.connection import Connection, connect
from runtime.storage.errors import BadValue, Duplicate, Refused
from runtime.storage.schema import TABLES
from runtime.storage.sql import SqlConnection
from runtime.storage.statement import Statement, change, question
from runtime.storage.url import parse_url


@pytest.fixture
def db(url: str) -> Connection:
    administration = Administration(parse_url(url))
    administration.create()
    administration.close()
    return connect(parse_url(url))


def contact(name: bytes, **more: Value) -> Statement:
    row: dict[str, Value] = {"username": name, "domain": b"", "contact": b"sip:%s@h" % name, **more}
    return change(Change(INSERT, "location", tuple(row), list(row.values()), []))


def ask(db: Connection, columns: tuple[str, ...], *where: Condition, order: str = "username") -> list[Row]:
    return db.run([question("location", columns, list(where), order)])[0].rows


def test_all_tables_are_made_and_making_them_again_changes_nothing(url: str) -> None:
    administration = Administration(parse_url(url))
    assert {f.state for f in administration.create()} == {CREATED}
    assert [(f.table, f.state, f.version) for f in administration.create()] == [
        (t.name, GOOD, t.version) for t in TABLES
    ]
    assert {f.state for f in administration.check()} == {GOOD}
    administration.close()


def test_an_old_database_is_brought_up_to_date(url: str, db: Connection) -> None:
    db.run([contact(b"joe")])
    db.run([change(Change(UPDATE, "version", ("table_version",), [5], [Condition("table_name", b"location")]))])
    db.run([change(Change(DELETE, "version", (), [], [Condition("table_name", b"grp")]))])
    db.close()
    administration = Administration(parse_url(url))
    before = {f.table: f.state for f in administration.check()}
    assert (before["location"], before["grp"], before["acc"]) == (OLD, OLD, GOOD)
    after = {f.table: f.state for f in administration.migrate()}
    assert (after["location"], after["grp"], after["acc"]) == (MIGRATED, MIGRATED, GOOD)
    assert {f.state for f in administration.check()} == {GOOD}
    administration.close()
    assert ask(db, ("username",)) == [[b"joe"]]


def test_a_column_that_is_missing_is_added(url: str, db: Connection) -> None:
    db.run([contact(b"joe")])
    if isinstance(db, SqlConnection):
        db.script(["ALTER TABLE location DROP COLUMN flags"])
    else:
        file = Path(parse_url(url).path) / "location"
        head, row = file.read_bytes().splitlines()
        place = head.split(b" ").index(b"flags(int,null)")
        short = [
            [f for i, f in enumerate(fields) if i != place]
            for fields in (head.split(b" "), row.replace(b"\\:", b";").split(b":"))
        ]
        file.write_bytes(b" ".join(short[0]) + b"\n" + b":".join(short[1]).replace(b";", b"\\:") + b"\n")
    administration = Administration(parse_url(url))
    assert [(f.table, f.lacking) for f in administration.check() if f.state == LACKS] == [("location", ("flags",))]
    assert [f.table for f in administration.migrate() if f.state == MIGRATED] == ["location"]
    administration.close()
    db.close()
    assert ask(db, ("username", "flags")) == [[b"joe", 0]]


def test_values_come_back_as_they_were_written(db: Connection) -> None:
    row: dict[str, Value] = {
        "received": "sip:jörg\\'\"%:\n".encode(),
        "expires": 1_700_000_000,
        "q": 0.25,
        "callid": b"x",
        "cseq": 2_000_000_000,
        "flags": 128,
        "user_agent": b"y" * 200,
    }
    db.run([contact(b"joe", **row)])
    assert ask(db, tuple(row)) == [list(row.values())]


def test_null_and_defaults(db: Connection) -> None:
    db.run([contact(b"joe")])
    assert ask(db, ("received",)) == [[None]]
    assert ask(db, ("username",), Condition("received", None)) == [[b"joe"]]


def test_a_message_body_is_bytes(db: Connection) -> None:
    body = bytes(range(1, 256))
    db.run([change(Change(INSERT, "silo", ("username", "body"), [b"joe", body], []))])
    assert db.run([question("silo", ("mid", "body"), [])])[0].rows == [[1, body]]


def test_comparing(db: Connection) -> None:
    db.run([contact(name, expires=when) for name, when in ((b"a", 1_000), (b"b", 2_000), (b"c", 3_000))])
    assert ask(db, ("username",), Condition("expires", 2_000, "<")) == [[b"a"]]
    assert ask(db, ("username",), Condition("expires", 2_000, ">=")) == [[b"b"], [b"c"]]
    assert ask(db, ("expires",), Condition("username", b"b")) == [[2_000]]


def test_counting(db: Connection) -> None:
    joe = [Condition("username", b"joe")]
    update = change(Change(UPDATE, "location", ("cseq",), [1], joe))
    delete = change(Change(DELETE, "location", (), [], joe))
    assert [r.count for r in db.run([contact(b"joe", cseq=1), update, delete, update])] == [1, 1, 1, 0]


def test_put(db: Connection) -> None:
    key: dict[str, Value] = {"username": b"joe", "domain": b"d", "contact": b"c"}
    for cseq in (1, 2):
        columns, values = (*key, "cseq"), [*key.values(), cseq]
        db.run([change(Change(PUT, "location", columns, values, [Condition(n, v) for n, v in key.items()]))])
    assert ask(db, ("username", "cseq")) == [[b"joe", 2]]


def test_sql_in_a_value_is_a_value(db: Connection) -> None:
    name = b"x'; DROP TABLE location; -- \\"
    db.run([contact(name)])
    assert ask(db, ("username",), Condition("username", name)) == [[name]]


def test_no_such_table_or_column(db: Connection) -> None:
    for table, column in (("nothing", "a"), ("location", "nothing")):
        with pytest.raises(Refused):
            db.run([question(table, (column,), [])])
    assert ask(db, ("username",)) == []


def test_a_failure_takes_back_all_of_a_transaction(db: Connection) -> None:
    with pytest.raises(Refused):
        db.run([contact(b"a"), change(Change(INSERT, "location", ("nothing",), [b"b"], []))])
    assert ask(db, ("username",)) == []


def test_keys_and_letters_where_the_database_is_sql(url: str, db: Connection) -> None:
    if url.startswith("dbtext"):
        # No uniqueness of any kind, and letters of both cases are the same there.
        db.run([contact(b"joe"), contact(b"joe")])
        assert ask(db, ("username",), Condition("username", b"JOE")) == [[b"joe"], [b"joe"]]
        return
    db.run([contact(b"joe"), contact(b"JOE")])
    assert ask(db, ("username",), Condition("username", b"joe")) == [[b"joe"]]
    with pytest.raises(Duplicate):
        db.run([contact(b"joe")])
    with pytest.raises(BadValue):
        db.run([contact(b"\xff")])
    assert ask(db, ("username",), Condition("username", b"\xff")) == []
