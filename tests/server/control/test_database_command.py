"""The FIFO command DB: what it is asked, and what it tells. Reference modules-more, D.2."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from script import Asked

from runtime.routing.command import LINES
from runtime.routing.database import INSERT, Change
from runtime.server.control.database_command import DatabaseCommand
from runtime.server.control.framing import FifoReader, Request, parse_datagram
from runtime.storage.connection import connect
from runtime.storage.sql import SqlConnection, make_database
from runtime.storage.statement import change
from runtime.storage.url import SQLITE, parse_url
from server.conftest import StartServer
from server.control_clients import Controlled

BORN = 642000000
PEOPLE = (("ann", 30, 60.5, BORN), ("bob", 40, None, None))
TEXT = "name(str,null) age(int,null) weight(double,null) born(int,null)\nbob:40::\nann:30:60.5:642000000\n"
# What a moment is called, and a number with a fraction.
TYPES = {
    "postgres": ("timestamp(0)", "double precision"),
    "mysql": ("datetime", "double"),
    "sqlite": ("datetime", "float"),
}


class Tables:
    """A command over the database at `url`, with the table `people`."""

    def __init__(self, url: str) -> None:
        parsed = parse_url(url)
        connection = connect(parsed, create=True)
        if isinstance(connection, SqlConnection):
            if parsed.driver != SQLITE:
                make_database(parsed)
            moment, fraction = TYPES[parsed.driver]
            connection.script([f"create table people (name varchar(20), age int, weight {fraction}, born {moment})"])
            columns = ("name", "age", "weight", "born")
            rows = [(name.encode(), age, weight, born) for name, age, weight, born in PEOPLE]
            connection.run([change(Change(INSERT, "people", columns, list(row), [])) for row in rows])
        else:
            Path(parsed.path).mkdir()
            Path(parsed.path, "people").write_text(TEXT)
        self.is_sql = isinstance(connection, SqlConnection)
        self.command = DatabaseCommand(connection)

    def ask(self, *lines: str) -> str:
        question = Asked(tuple(line.encode() for line in lines), 0)
        self.command.answer(question)
        (answer,) = question.answers
        return answer.decode()

    def names(self, *conditions: str) -> list[str]:
        """Who is found."""
        found = self.ask("select", "name", ".", "people", *conditions, ".")
        assert found.startswith("name \n"), found
        return sorted(line.strip() for line in found.splitlines()[1:])


@pytest.fixture
def tables(url: str) -> Tables:
    return Tables(url)


def test_columns_and_rows_have_a_blank_behind_each_value(tables: Tables) -> None:
    assert tables.ask("SELECT", "age", "name", "weight", ".", "people", 'name = "ann"', ".") == (
        "age name weight \n30 ann 60.500000 \n"
    )
    assert tables.ask("select", "weight", ".", "people", 'name="bob"', ".") == "weight \nNULL \n"


def test_without_columns_all_are_told(tables: Tables) -> None:
    assert tables.ask("select", ".", "people", 'name="bob"', ".") == ("name age weight born \nbob 40 NULL NULL \n")


def test_a_time_is_told_as_ctime_does_it(tables: Tables) -> None:
    if tables.is_sql:
        born = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(BORN))
        assert tables.ask("select", "born", ".", "people", 'name="ann"', ".") == f"born \n{time.ctime(BORN)}\n \n"
        assert tables.names(f"born = <{born}>") == ["ann"]
        assert tables.names(f"born > <{born}>") == []


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("age = 40", ["bob"]),
        ("age=40", ["bob"]),
        ("age <= 30", ["ann"]),
        ("age<40", ["ann"]),
        ("age >= 30", ["ann", "bob"]),
        ("age>30", ["bob"]),
        ("age = [int] 40", ["bob"]),
        ("age = [bitmap]40", ["bob"]),
        ("age != 40", ["ann"]),
        ("weight = [double] 60.5", ["ann"]),
        ("weight = 60.5", ["ann"]),
        ('name = [string] "bob"', ["bob"]),
        ('name = "b.b"', []),
        ("name = [string] null", []),
    ],
)
def test_what_a_condition_means(tables: Tables, condition: str, found: list[str]) -> None:
    assert tables.names(condition) == found


def test_another_operator_is_the_databases(tables: Tables) -> None:
    assert tables.names('name like "b%"') == (["bob"] if tables.is_sql else [])


def test_rows_are_added_changed_and_removed(tables: Tables) -> None:
    assert tables.ask("insert", "people", 'name = "eve"', "age = -5", "weight = [double] null", ".") == ""
    assert tables.names() == ["ann", "bob", "eve"]
    assert tables.names("age = -5") == ["eve"]
    assert tables.ask("update", "age = 41", ".", "people", 'name = "bob"', ".") == ""
    assert tables.names("age = 41") == ["bob"]
    assert tables.ask("delete", "people", "age < 35", ".") == ""
    assert tables.names() == ["bob"]
    assert tables.ask("delete", "people", ".") == ""
    assert tables.names() == []


def test_sql_is_run_where_there_is_sql(tables: Tables) -> None:
    if not tables.is_sql:
        assert "dbtext knows no SQL" in tables.ask("raw_query", "delete from people")
        return
    assert tables.ask("raw_query_response", "select count(*) as n from people") == "n \n2 \n"
    assert tables.ask("raw_query", "select count(*) from people") == ""
    assert tables.ask("raw_query", "delete from people where age = 40") == ""
    assert tables.names() == ["ann"]


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ((), "the operation is missing"),
        (("drop",), "there is no operation drop"),
        (("select", "name"), 'does not end with a "."'),
        (("select", "name", "."), "the table is missing"),
        (("select", ".", "people"), 'does not end with a "."'),
        (("select", ".", "nowhere", "."), "no table nowhere"),
        (("select", "nothing", ".", "people", "."), "column"),
        (("insert", "people", "."), "no value is given"),
        (("insert", "people", "age > 3", "."), "a value is given with =, not >"),
        (("update", ".", "people", "."), "no value is given"),
        (("delete", "people", "age", "."), "age: not a key, an operator and a value"),
        (("delete", "people", "age = null", "."), "null needs a type"),
        (("delete", "people", "age = [thing] 3", "."), "there is no type thing"),
        (("delete", "people", 'age = [int] "3"', "."), 'age: [int] "3" is no value of type int'),
        (("delete", "people", "age = [int] 3.5", "."), "3.5 is no int"),
        (("delete", "people", "age = [bitmap] -3", "."), "-3 is no bitmap"),
        (("delete", "people", "age = <yesterday>", "."), "<yesterday> is no date"),
        (("delete", "people", *["age = 1"] * 33, "."), "over 32 lines"),
        (("raw_query",), "the SQL is missing"),
    ],
)
def test_a_mistake_is_told_and_nothing_is_done(tables: Tables, lines: tuple[str, ...], why: str) -> None:
    answer = tables.ask(*lines)
    assert answer.startswith("ERROR: ") and why in answer and answer.count("\n") == 1
    assert tables.names() == ["ann", "bob"]


def test_its_request_is_all_lines_before_the_empty_one() -> None:
    found: list[Request] = []
    reader = FifoReader(lambda name: LINES if name == b"db" else "")
    reader.feed(b":DB:out\nselect\n.\npeople\n.\n\n:which:out\n\n", 0, found, [])
    assert [(one.name, one.words) for one in found] == [(b"DB", [b"select", b".", b"people", b"."]), (b"which", [])]
    datagram = parse_datagram(b":DB:\ndelete\npeople\n.\n\n", lambda name: LINES)
    assert datagram is not None and datagram.words == [b"delete", b"people", b"."]


# --- the server ------------------------------------------------------------------------------------------------------


def test_the_fifo_has_it_where_a_url_is_set(start: StartServer, tmp_path: Path) -> None:
    Tables(f"sqlite://{tmp_path}/db")
    controlled = Controlled(start, tmp_path, config=f'fifo_db_url="sqlite:///{tmp_path}/db"')
    assert controlled.ask("which").split("\n")[1] == "DB"
    controlled.write(b":DB:\ninsert\npeople\nage = 50\n.\n\n")
    assert controlled.ask("DB", "select", "age", ".", "people", "age > 30", ".", within=60) == "age \n40 \n50 \n"
    assert controlled.ask("db", "nonsense").startswith("ERROR: there is no operation nonsense")


def test_the_driver_must_be_loaded(start: StartServer, tmp_path: Path) -> None:
    server = start(config=f'fifo="{tmp_path}/f", fifo_db_url="mysql://a:secret@b/c"')
    assert server.process.wait(60) == 1
    text = server.log.read_text()
    assert "fifo_db_url: mysql://" in text and "load mysql.so" in text and "secret" not in text
