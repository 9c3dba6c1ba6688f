"""A database that goes away under load and comes back: nothing that was confirmed is lost, and it is found again at once."""

from __future__ import annotations

import signal
import threading
import time

import psycopg
import pytest
from engine import Lines

from runtime.routing.database import INSERT, Change, DatabaseError
from runtime.server.helpers.db.pool import Job, Pool
from runtime.storage.administration import Administration
from runtime.storage.connection import connect
from runtime.storage.errors import Late, Unavailable
from runtime.storage.statement import Result, change, question
from runtime.storage.url import parse_url
from storage.servers import DatabaseServer

# It is to be found again within so long, also on a machine with other work.
RECOVERY_S = 30.0


class Load:
    """Rows, one after the other as fast as they are confirmed, in a table without a key."""

    def __init__(self, pool: Pool) -> None:
        self.confirmed: list[bytes] = []
        self.failures: list[DatabaseError] = []
        self._pool = pool

    def put(self, number: int) -> None:
        """One row; returns when it is confirmed or has failed."""
        over = threading.Event()
        name = b"%d" % number

        def done(results: list[Result] | DatabaseError) -> None:
            if isinstance(results, DatabaseError):
                self.failures.append(results)
            else:
                self.confirmed.append(name)
            over.set()

        statement = change(Change(INSERT, "missed_calls", ("sip_callid",), [name], []))
        self._pool.put(Job([statement], time.monotonic() + 2, done))
        assert over.wait(60), "a question without an answer"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["postgres", "mariadb"])
def test_what_was_confirmed_is_there_after_an_outage(kind: str, request: pytest.FixtureRequest) -> None:
    server = request.getfixturevalue(kind)
    assert isinstance(server, DatabaseServer)
    url = parse_url(server.url("outage"))
    administration = Administration(url)
    administration.create()
    administration.close()
    pool = Pool(url, 1000, Lines())
    load = Load(pool)
    for number in range(100):
        load.put(number)
    server.stop()
    for number in range(100, 110):
        load.put(number)
    assert [type(e) for e in load.failures] == [Unavailable] * 10
    server.start()
    until = time.monotonic() + RECOVERY_S
    number = 110
    while len(load.confirmed) < 200:
        load.put(number)
        number += 1
        assert time.monotonic() < until, load.failures[-1]
    found = {row[0] for row in connect(url).run([question("missed_calls", ("sip_callid",), [])])[0].rows}
    assert set(load.confirmed) <= found


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["postgres", "mariadb"])
def test_a_database_that_hangs_answers_late_and_nobody_hangs_with_it(kind: str, request: pytest.FixtureRequest) -> None:
    server = request.getfixturevalue(kind)
    assert isinstance(server, DatabaseServer)
    url = parse_url(server.url("hang"))
    administration = Administration(url)
    administration.create()
    administration.close()
    pool = Pool(url, 1000, Lines())
    load = Load(pool)
    load.put(1)
    assert server.process is not None
    server.signal(signal.SIGSTOP)
    over = threading.Event()
    looking = threading.Thread(target=look_after, args=(pool, over))
    looking.start()
    # Answered while the database still hangs.
    load.put(2)
    over.set()
    looking.join()
    server.signal(signal.SIGCONT)
    assert isinstance(load.failures[0], Late | Unavailable)
    until = time.monotonic() + RECOVERY_S
    while load.confirmed[-1] != b"3":
        load.put(3)
        assert time.monotonic() < until, load.failures[-1]


def look_after(pool: Pool, over: threading.Event) -> None:
    """What the service does while something is in hand."""
    while not over.wait(0.1):
        pool.look_after(time.monotonic())


@pytest.mark.slow
def test_a_database_that_is_too_slow_for_all_does_what_it_can_in_time(postgres: DatabaseServer) -> None:
    """All of them together would be too late, and so all in vain."""
    url = parse_url(postgres.url("slow_rows"))
    administration = Administration(url)
    administration.create()
    administration.close()
    with psycopg.connect(
        host=url.host, port=url.port, user=url.user, password=url.password, dbname=url.path, autocommit=True
    ) as raw:
        body = "BEGIN PERFORM pg_sleep(0.05); RETURN NEW; END"
        raw.execute(f"CREATE FUNCTION slow() RETURNS trigger AS $$ {body} $$ LANGUAGE plpgsql")
        raw.execute("CREATE TRIGGER slow BEFORE INSERT ON missed_calls FOR EACH ROW EXECUTE FUNCTION slow()")
    pool = Pool(url, 2000, Lines())
    load = Load(pool)
    load.put(1)
    load.put(2)
    over = threading.Event()
    looking = threading.Thread(target=look_after, args=(pool, over))
    looking.start()
    waiting = [threading.Thread(target=load.put, args=(number,)) for number in range(100, 220)]
    for one in waiting:
        one.start()
    for one in waiting:
        one.join()
    over.set()
    looking.join()
    assert len(load.confirmed) > 12 and all(isinstance(e, Late) for e in load.failures)
    found = {row[0] for row in connect(url).run([question("missed_calls", ("sip_callid",), [])])[0].rows}
    assert set(load.confirmed) <= found
