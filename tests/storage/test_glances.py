"""Questions to an SQLite file that are answered by who asks, and those that are left to somebody who may wait."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from engine import Lines, Server

from runtime.routing.asking import ANSWERED, Question
from runtime.routing.config import Config
from runtime.routing.context import Context
from runtime.routing.database import INSERT, Change, Condition, DatabaseError, Row
from runtime.routing.onlooker import Onlooker
from runtime.routing.ports import Storage
from runtime.routing.program import Program
from runtime.storage.connection import GLANCE_STEPS
from runtime.storage.database import StoredDatabase
from runtime.storage.glances import Glances
from runtime.storage.statement import Statement, change, question
from runtime.storage.url import parse_url

OPTIONS = (
    b"OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
    b"To: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n"
)


@pytest.fixture
def raw(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(tmp_path / "t.sqlite", isolation_level=None)) as raw:
        raw.execute("PRAGMA journal_mode=WAL")
        raw.execute("CREATE TABLE t (a INT PRIMARY KEY, b TEXT)")
        yield raw


@pytest.fixture
def glances(raw: sqlite3.Connection, tmp_path: Path) -> Glances:
    return patient(tmp_path)


def patient(folder: Path) -> Glances:
    """On a busy machine a glance may take long."""
    return Glances(parse_url(f"sqlite://{folder}/t.sqlite"), Lines(), long_s=math.inf)


def fill(raw: sqlite3.Connection, rows: int) -> None:
    raw.execute("BEGIN")
    raw.executemany("INSERT INTO t VALUES (?, 'x')", [(i,) for i in range(rows)])
    raw.execute("COMMIT")


def one(a: int) -> Statement:
    return question("t", ("b",), [Condition("a", a)])


def seen(glances: Glances, *statements: Statement) -> list[Row] | None:
    found = glances.answer(list(statements))
    return None if found is None else found.rows


def test_a_quick_question_is_answered_at_once(raw: sqlite3.Connection, glances: Glances) -> None:
    fill(raw, 2)
    # Steps are counted for each question: many that are quick are not taken for one that is slow.
    for _ in range(GLANCE_STEPS // 4):
        assert seen(glances, one(1)) == [[b"x"]]
    assert seen(glances, one(7)) == []


def test_what_has_been_changed_meanwhile_is_seen(raw: sqlite3.Connection, glances: Glances) -> None:
    fill(raw, 2)
    assert seen(glances, one(1)) == [[b"x"]]
    raw.execute("UPDATE t SET b = 'y' WHERE a = 1")
    assert seen(glances, one(1)) == [[b"y"]]
    raw.execute("DELETE FROM t")
    assert seen(glances, one(1)) == []


def test_a_glance_holds_up_no_writer(raw: sqlite3.Connection, glances: Glances) -> None:
    fill(raw, 2)
    assert seen(glances, one(1)) == [[b"x"]]
    # A reader that has not ended would keep the file from being emptied.
    assert raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)


def test_what_takes_long_or_changes_something_is_left_to_others(raw: sqlite3.Connection, glances: Glances) -> None:
    fill(raw, GLANCE_STEPS)
    assert seen(glances, question("t", ("a",), [Condition("b", b"y")])) is None
    assert seen(glances, one(1)) == [[b"x"]]
    assert seen(glances, change(Change(INSERT, "t", ("a", "b"), [-1, b""], []))) is None
    assert seen(glances, one(1), one(2)) is None
    assert seen(glances, one(-1)) == []


def test_who_may_wait_tells_what_is_wrong(raw: sqlite3.Connection, glances: Glances, tmp_path: Path) -> None:
    assert seen(glances, question("t", ("nothing",), [])) is None
    assert seen(glances, one(1)) is None, "it rests"
    assert seen(Glances(parse_url(f"sqlite://{tmp_path}/none.sqlite"), Lines()), one(1)) is None
    assert not (tmp_path / "none.sqlite").exists()


def test_a_file_that_is_locked_is_left_to_others_for_a_while(raw: sqlite3.Connection, glances: Glances) -> None:
    fill(raw, 2)
    raw.execute("PRAGMA locking_mode=EXCLUSIVE")
    raw.execute("BEGIN EXCLUSIVE")
    raw.execute("INSERT INTO t VALUES (3, '')")
    assert seen(glances, one(1)) is None


def test_behind_a_slow_disk_nothing_is_glanced_at_for_a_while(raw: sqlite3.Connection, tmp_path: Path) -> None:
    fill(raw, 2)
    glances = Glances(parse_url(f"sqlite://{tmp_path}/t.sqlite"), Lines(), long_s=-1.0)
    assert seen(glances, one(1)) == [[b"x"]]
    assert seen(glances, one(1)) is None


def test_other_databases_are_not_glanced_at(tmp_path: Path) -> None:
    assert seen(Glances(parse_url(f"dbtext://{tmp_path}"), Lines()), one(1)) is None


class Questions(Storage):
    """A process with databases that never answers."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def ask(self, number: int, place: int, deadline_ms: int, data: bytes) -> None:
        self.asked += 1


def opened(server: Server, folder: Path) -> StoredDatabase:
    world = server.engine.world
    url = parse_url(f"sqlite://{folder}/t.sqlite")
    world.shared.is_closed = False
    world.keep(f"glances at {url}", Glances, lambda: patient(folder))
    return StoredDatabase(world, url)


class Watcher(Onlooker):
    """What was asked and answered, in people's words."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def asked(self, question: Question[Any], about: object) -> None:
        self.told.append(f"{question.number} {question.asks()}")

    def answered(self, question: Question[Any], about: object) -> None:
        assert question.fate == ANSWERED
        self.told.append(f"{question.number} {question.tells()}")


def test_a_route_waits_for_no_other_process_and_is_counted_and_shown_all_the_same(
    raw: sqlite3.Connection, tmp_path: Path
) -> None:
    fill(raw, 2)
    found: list[list[Row]] = []

    def route(ctx: Context) -> int:
        found.append(database.query(ctx, "t", ("b",), [Condition("a", 1)]))
        return 1

    server = Server(Program(config=Config(), request=route))
    world = server.engine.world
    database = opened(server, tmp_path)
    storage = world.storage = Questions()
    watcher = Watcher()
    for _ in range(2):
        server.say(OPTIONS)
        world.look_on(watcher)
    assert found == [[[b"x"]], [[b"x"]]]
    assert storage.asked == 0
    assert [(kind.waited, kind.late) for kind in world.asking.kinds if "sqlite" in kind.name] == [(2, 0)]
    assert len(watcher.told) == 2 and watcher.told[0].endswith(" select b from t where a=1") and "x" in watcher.told[1]


def test_a_route_waits_for_what_takes_long(raw: sqlite3.Connection, tmp_path: Path) -> None:
    fill(raw, GLANCE_STEPS)
    errors: list[str] = []

    def route(ctx: Context) -> int:
        try:
            database.query(ctx, "t", ("a",), [Condition("b", b"y")])
        except DatabaseError as e:
            errors.append(str(e))
        return 1

    server = Server(Program(config=Config(), request=route))
    world = server.engine.world
    database = opened(server, tmp_path)
    storage = world.storage = Questions()
    server.say(OPTIONS)
    assert storage.asked == 1 and errors == []
    world.asking.tick(server.now_ms + 60_000)
    assert "no answer within" in errors[0]
