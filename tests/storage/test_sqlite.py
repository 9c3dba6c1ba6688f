"""Statements on an SQLite file, through the port that modules use."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest
from engine import Server

from runtime.modules.sqlite import Sqlite
from runtime.routing.database import DELETE, INSERT, PUT, UPDATE, Change, Condition, Row, Value
from runtime.storage.administration import Administration
from runtime.storage.connection import Connection, connect
from runtime.storage.errors import BadValue, Duplicate, Late, Refused, Unavailable
from runtime.storage.sql import SqlConnection
from runtime.storage.statement import Statement, change, pack, question, unpack
from runtime.storage.url import parse_url

EVERYTHING = ("username", "contact", "expires", "q", "cseq", "received")


def insert(**row: Value) -> Statement:
    row.setdefault("contact", b"")
    return change(Change(INSERT, "location", tuple(row), list(row.values()), []))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "ser.sqlite"
    with sqlite3.connect(path) as raw:
        raw.execute(
            "CREATE TABLE location (username TEXT, contact TEXT, expires DATETIME, q FLOAT, cseq INT, received BLOB, "
            "PRIMARY KEY (username, contact))"
        )
    raw.close()
    return path


@pytest.fixture
def db(file: Path) -> Connection:
    return connect(parse_url(f"sqlite://{file}"), 200)


def ask(db: Connection, columns: tuple[str, ...], *where: Condition) -> list[Row]:
    return db.run([question("location", columns, list(where), "username")])[0].rows


def names(db: Connection, *where: Condition) -> list[object]:
    return [row[0] for row in ask(db, ("username",), *where)]


def test_values_come_back_as_they_were_written(db: Connection) -> None:
    row: dict[str, Value] = {
        "username": "jörg".encode(),
        "contact": b"sip:a'\\\n\"%",
        "expires": 1_700_000_000,
        "q": 0.25,
    }
    db.run([insert(**row, cseq=None, received=b"\0\xff")])
    assert ask(db, EVERYTHING) == [[*row.values(), None, b"\0\xff"]]


def test_a_time_is_local_in_the_file(db: Connection, file: Path) -> None:
    db.run([insert(username=b"a", expires=0)])
    with sqlite3.connect(file) as raw:
        assert raw.execute("SELECT expires FROM location").fetchall() == [
            (time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(0)),)
        ]
    raw.close()
    assert names(db, Condition("expires", 1, "<")) == [b"a"]


def test_conditions(db: Connection) -> None:
    db.run([insert(username=name, cseq=cseq) for name, cseq in ((b"a", None), (b"b", 1), (b"c", 2))])
    assert names(db, Condition("cseq", 1, ">=")) == [b"b", b"c"]
    assert names(db, Condition("cseq", None)) == [b"a"]
    assert names(db, Condition("cseq", 1, ">="), Condition("username", b"c", "<")) == [b"b"]


def test_counts_of_rows(db: Connection) -> None:
    joe = [Condition("username", b"a")]
    update = change(Change(UPDATE, "location", ("cseq",), [1], joe))
    delete = change(Change(DELETE, "location", (), [], joe))
    results = db.run([insert(username=b"a", cseq=1), update, delete, update])
    assert [r.count for r in results] == [1, 1, 1, 0]


def test_put_inserts_and_then_updates(db: Connection) -> None:
    joe = [Condition("username", b"a"), Condition("contact", b"c")]
    for cseq in (1, 2):
        db.run([change(Change(PUT, "location", ("username", "contact", "cseq"), [b"a", b"c", cseq], joe))])
    assert ask(db, ("username", "cseq")) == [[b"a", 2]]


def test_a_put_by_itself_needs_no_transaction(db: Connection) -> None:
    """Each of these lines goes to a database server and comes back."""
    assert isinstance(db, SqlConnection)
    joe = [Condition("username", b"a"), Condition("contact", b"c")]
    put = change(Change(PUT, "location", ("username", "contact"), [b"a", b"c"], joe))
    db.run([put, put])
    said: list[str] = []
    db._raw.set_trace_callback(said.append)
    db.run([put])
    assert [line.split()[0] for line in said] == ["UPDATE"]
    said.clear()
    db.run([put, put])
    assert [line.split()[0] for line in said] == ["BEGIN", "UPDATE", "UPDATE", "COMMIT"]


def test_all_or_nothing(db: Connection) -> None:
    with pytest.raises(Duplicate):
        db.run([insert(username=b"a"), insert(username=b"a")])
    assert names(db) == []


def test_sql_in_a_name_is_a_name(db: Connection) -> None:
    name = b"x'; DROP TABLE location; --"
    db.run([insert(username=name)])
    assert names(db, Condition("username", name)) == [name]


@pytest.mark.parametrize("value", [b"\xff", b"a\0b"])
def test_what_is_no_text_is_refused_and_found_nowhere(db: Connection, value: bytes) -> None:
    with pytest.raises(BadValue):
        db.run([insert(username=value)])
    assert names(db, Condition("username", value)) == []


@pytest.mark.parametrize(("table", "column"), [("nothing", "a"), ("location", "a"), ('x"; DROP TABLE location', "a")])
def test_a_missing_table_or_column_is_refused(db: Connection, table: str, column: str) -> None:
    with pytest.raises(Refused, match="no (such|table)"):
        db.run([question(table, (column,), [])])


def test_a_missing_file_is_not_made_and_the_error_has_the_cure(tmp_path: Path) -> None:
    missing = tmp_path / "none.sqlite"
    with pytest.raises(Unavailable, match="serctl db create"):
        connect(parse_url(f"sqlite://{missing}")).run([question("location", ("q",), [])])
    assert not missing.exists()


def test_who_waits_too_long_for_another_server_is_late(db: Connection, file: Path) -> None:
    assert names(db) == []
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert names(db) == []
    with pytest.raises(Late):
        db.run([insert(username=b"a")])
    other.execute("ROLLBACK")
    other.close()
    db.run([insert(username=b"a")])
    assert names(db) == [b"a"]


def test_statements_travel_between_processes() -> None:
    statements = [question("t", ("q",), [Condition("e", 3, "<")], "q"), insert(username=b"\xff", q=None)]
    travelled = unpack(pack(statements))
    assert [vars_of(s) for s in travelled] == [vars_of(s) for s in statements]


def vars_of(s: Statement) -> tuple[object, ...]:
    return s.kind, s.table, s.columns, s.values, s.where, s.order


def test_a_new_file_is_nobody_elses_business(tmp_path: Path) -> None:
    path = tmp_path / "new.sqlite"
    administration = Administration(parse_url(f"sqlite://{path}"))
    administration.create()
    assert path.stat().st_mode & 0o007 == 0
    with sqlite3.connect(path) as raw:
        raw.execute("CREATE TABLE x (a INT)")
        assert {f.name for f in tmp_path.iterdir()} == {path.name, f"{path.name}-wal", f"{path.name}-shm"}
        assert [f for f in tmp_path.iterdir() if f.stat().st_mode & 0o007] == []
    raw.close()
    administration.close()


@pytest.mark.parametrize(
    ("mode", "folder_mode", "owner", "place"),
    [
        (0o644, 0o777, (65534, 65534), "file"),
        (0o660, 0o777, (65534, 65534), "file"),
        (0o666, 0o755, (65534, 65534), "folder"),
        (0o666, 0o777, (65534, 65534), ""),
        (0o600, 0o700, (-1, -1), ""),
    ],
)
def test_what_the_servers_user_cannot_use_keeps_it_from_starting(
    tmp_path: Path, file: Path, mode: int, folder_mode: int, owner: tuple[int, int], place: str
) -> None:
    world = Server().engine.world
    world.owner = owner
    driver = world.embedded
    assert isinstance(driver, Sqlite)
    file.chmod(mode)
    tmp_path.chmod(folder_mode)
    if not place:
        driver.open(f"sqlite://{file}")
        return
    with pytest.raises(Refused, match=f"user 65534 .*may not write {file if place == 'file' else tmp_path}: "):
        driver.open(f"sqlite://{file}")
