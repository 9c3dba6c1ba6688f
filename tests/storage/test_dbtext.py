"""dbtext: the files, and statements on them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime.routing.database import DELETE, INSERT, PUT, UPDATE, Change, Condition, Row, Value
from runtime.storage.connection import Connection, connect
from runtime.storage.dbtext_file import read_table, write_table
from runtime.storage.errors import Refused, Unavailable
from runtime.storage.statement import Statement, change, question
from runtime.storage.url import parse_url

# The example of the reference.
FILE = b"pos(int,auto) label(str,null) weight(double) note(str,null)\n1:gw\\:north:0.50:main\\tsite\n2::-1.25:\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "t").write_bytes(FILE)
    return tmp_path


@pytest.fixture
def db(folder: Path) -> Connection:
    return connect(parse_url(f"dbtext://{folder}"), 200)


def insert(**row: Value) -> Statement:
    return change(Change(INSERT, "t", tuple(row), list(row.values()), []))


def ask(db: Connection, columns: tuple[str, ...], *where: Condition, order: str = "") -> list[Row]:
    return db.run([question("t", columns, list(where), order)])[0].rows


def test_a_file_is_read_and_written_byte_for_byte() -> None:
    table = read_table(FILE)
    assert table.rows == [[1, b"gw:north", 0.5, b"main\tsite"], [2, None, -1.25, None]]
    assert write_table(table) == FILE


@pytest.mark.parametrize(
    "header", [b"a(str)b(int)", b"  a ( string , n )  b(I,AUTO) ", b"a(s,nothing) b(d)", b"a(str) b(integer,null)"]
)
def test_headers_that_are_taken(header: bytes) -> None:
    assert [c.name for c in read_table(header + b"\n").columns] == [b"a", b"b"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\na(str)\n",
        b"a\n",
        b"a(bool)\n",
        b"a(str,key)\n",
        b"a(str,auto)\n",
        b"a(int,auto) b(int,auto)\n",
        b"a(str) b(int)\nx\n",
        b"a(str)\nx:y\n",
        b"a(int)\n+1\n",
        b"a(int)\n 1\n",
        b"a(int,null)\n1.0\n",
        b"a(double)\n1e3\n",
        b"a(int) b(str)\n:x\n",
        b"a(str)\n\\x\n",
        b"a(str)\nx\\\n",
        b"a(str)\n" + b"x" * 4096 + b"\n",
    ],
)
def test_what_is_no_table_is_refused(data: bytes) -> None:
    with pytest.raises(Refused, match="line [12]: "):
        read_table(data)


@pytest.mark.parametrize("text", [b"\\", b"\\:", b":", b"a\\\\:b", b"\n\r\t\0", b"\\n", b"\r", b"::", b"x\\"])
def test_every_text_survives_a_file(text: bytes) -> None:
    table = read_table(b"a(str) b(str)\n")
    table.rows = [[text, b"x"], [b"x", text]]
    assert read_table(write_table(table)).rows == table.rows


def test_the_last_row_needs_its_end_and_blank_lines_are_none() -> None:
    assert read_table(b"a(int)\n\n1\n\n2\n3").rows == [[1], [2]]


def test_rows_come_from_the_end_of_the_file_and_new_ones_last(db: Connection) -> None:
    db.run([insert(label=b"new", weight=1.0)])
    assert ask(db, ("POS", "label")) == [[2, None], [1, b"gw:north"], [3, b"new"]]
    assert ask(db, ("pos",), order="pos") == [[1], [2], [3]]


def test_comparisons(db: Connection) -> None:
    assert ask(db, ("pos",), Condition("label", b"GW:North")) == [[1]]
    assert ask(db, ("pos",), Condition("label", None)) == [[2]]
    assert ask(db, ("pos",), Condition("weight", 0, "<")) == [[2]]
    assert ask(db, ("pos",), Condition("pos", 1, ">="), Condition("pos", 1, "<=")) == [[1]]


def test_a_change_is_in_the_file_at_once(db: Connection, folder: Path) -> None:
    one = [Condition("pos", 1)]
    db.run(
        [
            change(Change(UPDATE, "t", ("weight",), [2.0], one)),
            change(Change(DELETE, "t", (), [], [Condition("pos", 2)])),
        ]
    )
    assert (folder / "t").read_bytes() == FILE.split(b"\n")[0] + b"\n1:gw\\:north:2.00:main\\tsite\n"


def test_put(db: Connection) -> None:
    for weight in (1.0, 2.0):
        db.run([change(Change(PUT, "t", ("label", "weight"), [b"x", weight], [Condition("label", b"x")]))])
    assert ask(db, ("pos", "weight"), Condition("label", b"x")) == [[3, 2.0]]


def test_a_file_that_somebody_else_has_changed_is_read_anew(db: Connection, folder: Path) -> None:
    assert len(ask(db, ("pos",))) == 2
    other = folder / "other"
    other.write_bytes(FILE + b"7:x:1.00:\n")
    os.replace(other, folder / "t")
    assert ask(db, ("pos",), Condition("label", b"x")) == [[7]]


def test_a_transaction_that_fails_changes_nothing(db: Connection, folder: Path) -> None:
    with pytest.raises(Refused, match="weight"):
        db.run([insert(label=b"x", weight=1.0), insert(label=b"y", weight=b"heavy")])
    assert (folder / "t").read_bytes() == FILE


def test_a_full_disk_changes_nothing_and_says_so(db: Connection, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Refused, match="No space left"):
        db.run([insert(label=b"x", weight=1.0)])
    assert (folder / "t").read_bytes() == FILE
    assert sorted(os.listdir(folder)) == [".lock", "t"]


def test_rights_of_the_file_stay(db: Connection, folder: Path) -> None:
    (folder / "t").chmod(0o640)
    db.run([insert(label=b"x", weight=1.0)])
    assert (folder / "t").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("table", ["none", "../t", ".lock", ""])
def test_no_such_table(db: Connection, table: str) -> None:
    with pytest.raises(Refused):
        db.run([question(table, ("a",), [])])


def test_no_such_folder(tmp_path: Path) -> None:
    db = connect(parse_url(f"dbtext://{tmp_path}/none"))
    with pytest.raises(Unavailable):
        db.run([question("t", ("a",), [])])
