"""The process that has databases: questions in, answers out, and who suffers from a database that is slow or away."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from engine import Lines

from runtime.routing.database import INSERT, Change, Condition, DatabaseError
from runtime.server.helpers.db.service import DatabaseService
from runtime.server.helpers.db.storage import DATABASE_SERVICE, ServerStorage
from runtime.server.mail.exchange import Exchange
from runtime.server.mail.letters import db_answer
from runtime.server.mail.letters.db_answer import Pieces
from runtime.server.mail.mailbox import Letter, Mailboxes, PlainMailbox, Post
from runtime.storage.answer import unpack_answer
from runtime.storage.errors import Duplicate, Late, Unavailable
from runtime.storage.statement import Result, Statement, change, pack, question
from runtime.storage.url import parse_url

SELECT = question("t", ("a", "b"), [], "a")
DEADLINE_MS = 400
MANY = 20_000


def insert(a: int, b: bytes = b"") -> Statement:
    return change(Change(INSERT, "t", ("a", "b"), [a, b], []))


class Clients:
    """A worker's end: asks the databases of `urls`, in a service whose letters go through real mailboxes."""

    def __init__(self, *urls: str) -> None:
        self.boxes = Mailboxes(2)
        self.log = Lines()
        directory = {DATABASE_SERVICE: range(1, 2)}
        own, others = [
            Exchange(i, PlainMailbox(self.boxes.readers[i]), Post(self.boxes.writers), 0, directory) for i in range(2)
        ]
        self.exchange = own
        self.storage = ServerStorage(own)
        self.service = DatabaseService(others, [parse_url(url) for url in urls], self.log, DEADLINE_MS)
        self.pieces = Pieces()
        self.answers: dict[int, list[Result] | DatabaseError] = {}
        self.arrived: list[int] = []
        self._last = 0

    def ask(self, statements: list[Statement], place: int = 0, deadline_ms: int = DEADLINE_MS) -> int:
        self._last += 1
        self.storage.ask(self._last, place, deadline_ms, pack(statements))
        self.exchange.post.flush()
        return self._last

    def wait(self, *numbers: int) -> None:
        """Until all of these questions are answered."""
        until = time.monotonic() + 30
        while not all(number in self.answers for number in numbers):
            assert time.monotonic() < until, "no answer"
            self.service.step(20)
            letters: list[Letter] = []
            self.exchange.mailbox.receive(letters)
            for letter in letters:
                assert letter.kind == db_answer.KIND
                came = db_answer.read(letter)
                number = int(came.question)
                data = self.pieces.join((0, number), came.answer, came.is_last)
                if data is not None:
                    self._take(number, data)

    def _take(self, number: int, data: bytes) -> None:
        self.arrived.append(number)
        try:
            self.answers[number] = unpack_answer(data)
        except DatabaseError as e:
            self.answers[number] = e

    def result(self, statements: list[Statement], place: int = 0) -> list[Result]:
        number = self.ask(statements, place)
        self.wait(number)
        answer = self.answers[number]
        if isinstance(answer, DatabaseError):
            raise answer
        return answer


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "t.sqlite"
    with sqlite3.connect(path) as raw:
        raw.execute("PRAGMA journal_mode=WAL")
        raw.execute("CREATE TABLE t (a INT PRIMARY KEY, b TEXT)")
    raw.close()
    return str(path)


@pytest.fixture
def clients(file: str) -> Iterator[Clients]:
    clients = Clients(f"sqlite://{file}")
    yield clients
    clients.boxes.close()


def test_statements_are_done_and_answered(clients: Clients) -> None:
    results = clients.result([insert(1, b"x"), SELECT])
    assert (results[0].count, results[1].rows) == (1, [[1, b"x"]])


def test_long_statements_and_answers_come_in_pieces(clients: Clients) -> None:
    long = b"x" * 200_000
    clients.result([insert(1, long)])
    assert clients.result([SELECT])[0].rows == [[1, long]]


def test_an_error_comes_back_as_what_it_is(clients: Clients) -> None:
    clients.result([insert(1)])
    with pytest.raises(Duplicate, match="UNIQUE"):
        clients.result([insert(1)])


def test_in_a_burst_of_writes_only_the_wrong_one_fails(clients: Clients) -> None:
    clients.result([insert(7)])
    numbers = [clients.ask([insert(i)]) for i in range(20)]
    clients.wait(*numbers)
    assert [n - numbers[0] for n in numbers if isinstance(clients.answers[n], DatabaseError)] == [7]
    assert len(clients.result([SELECT])[0].rows) == 20


def test_writes_keep_their_order(clients: Clients) -> None:
    numbers = [
        clients.ask([change(Change("put", "t", ("a", "b"), [1, b"%d" % i], [Condition("a", 1)]))]) for i in range(50)
    ]
    clients.wait(*numbers)
    assert clients.result([SELECT])[0].rows == [[1, b"49"]]


def test_reading_does_not_wait_for_a_writer_that_is_held_up(clients: Clients, file: str) -> None:
    clients.result([SELECT])
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    stuck = clients.ask([insert(1)])
    assert clients.result([SELECT])[0].rows == []
    assert stuck not in clients.answers
    clients.wait(stuck)
    assert isinstance(clients.answers[stuck], Late)
    other.close()


def test_what_nobody_waits_for_any_more_is_not_begun(clients: Clients) -> None:
    late = clients.ask([insert(1)], deadline_ms=0)
    clients.wait(late)
    assert isinstance(clients.answers[late], Late)
    assert clients.result([SELECT])[0].rows == []


def test_a_database_that_is_away_harms_no_other(file: str, tmp_path: Path) -> None:
    clients = Clients(f"sqlite://{tmp_path}/none.sqlite", f"sqlite://{file}")
    for _ in range(3):
        with pytest.raises(Unavailable, match="serctl db create"):
            clients.result([SELECT], 0)
    assert clients.result([insert(1), SELECT], 1)[1].rows == [[1, b""]]
    assert len([line for line in clients.log.lines if "cannot be reached; retrying" in line]) == 1
    clients.boxes.close()


def test_a_database_that_comes_back_is_found_again(tmp_path: Path, file: str) -> None:
    path = tmp_path / "later.sqlite"
    clients = Clients(f"sqlite://{path}")
    with pytest.raises(Unavailable):
        clients.result([SELECT])
    Path(file).rename(path)
    until = time.monotonic() + 30
    while True:
        try:
            clients.result([SELECT])
            break
        except Unavailable:
            assert time.monotonic() < until
    assert "can be reached again" in clients.log.lines[-1]
    clients.boxes.close()


def test_what_takes_long_is_answered_all_the_same(clients: Clients, file: str) -> None:
    with closing(sqlite3.connect(file)) as raw, raw:
        raw.executemany("INSERT INTO t VALUES (?, 'x')", [(i,) for i in range(MANY)])
    for _ in range(2):
        assert len(clients.result([question("t", ("a",), [Condition("b", b"x")])])[0].rows) == MANY


def test_nobody_waits_for_a_file_that_is_locked_but_who_asks_for_it(file: str, tmp_path: Path) -> None:
    free = tmp_path / "free.sqlite"
    with closing(sqlite3.connect(free)) as raw, raw:
        raw.execute("CREATE TABLE t (a INT PRIMARY KEY, b TEXT)")
    clients = Clients(f"sqlite://{file}", f"sqlite://{free}")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        other.execute("INSERT INTO t VALUES (1, '')")
        stuck = clients.ask([SELECT], 0)
        assert clients.result([SELECT], 1)[0].rows == []
        assert stuck not in clients.answers
        clients.wait(stuck)
        assert isinstance(clients.answers[stuck], Late)
    clients.boxes.close()
