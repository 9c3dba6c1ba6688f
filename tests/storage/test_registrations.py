"""Registrations in real databases: no 200 lies, whatever dies."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from acceptance.conftest import Ser
from acceptance.test_kept_registrations import Phones, config_in, kill_all, missing_of, started

from runtime.storage.administration import Administration
from runtime.storage.connection import connect
from runtime.storage.statement import question
from runtime.storage.url import parse_url
from storage.servers import DatabaseServer

# A database that is there again is to be found within so long, under load.
RECOVERY_S = 5.0


def made(url: str) -> str:
    administration = Administration(parse_url(url))
    administration.create()
    administration.close()
    return url


def config(folder: Path, url: str, mode: int) -> Path:
    driver = url.partition(":")[0]
    parameters = f'modparam("usrloc", "db_url", "{url}") modparam("usrloc", "db_mode", {mode})'
    return config_in(folder, parameters, f'loadmodule "{driver}.so"\n')


def users(url: str) -> set[str]:
    """Those in the table."""
    connection = connect(parse_url(url))
    rows = connection.run([question("location", ("username",), [])])[0].rows
    connection.close()
    return {row[0].decode() for row in rows if isinstance(row[0], bytes)}


@pytest.mark.slow
@pytest.mark.parametrize("mode", [1, 3])
def test_every_200_is_in_the_database_when_the_whole_server_is_killed(url: str, mode: int, tmp_path: Path) -> None:
    made(url)
    file = config(tmp_path, url, mode)
    # The whole file is written for each of them.
    number = 20 if url.startswith("dbtext") else 300
    phones = Phones()
    server = started(tmp_path, file)
    try:
        phones.register(server, number, 60.0)
        phones.register(server, number, 0.3)
    finally:
        kill_all(server)
    assert len(phones.answered) >= number and phones.answered <= users(url), server.log.read_text()
    server = started(tmp_path, file)
    try:
        assert phones.missing(server) == set(), server.log.read_text()
    finally:
        server.kill()


@pytest.mark.slow
def test_what_is_written_back_is_there_after_the_end(url: str, tmp_path: Path) -> None:
    made(url)
    phones = Phones()
    server = started(tmp_path, config(tmp_path, url, 2))
    try:
        phones.register(server, 50, 20.0)
        assert len(phones.answered) == 50 and users(url) == set()
        assert server.terminate(20.0) == 0
    finally:
        server.kill()
    assert users(url) == phones.answered, server.log.read_text()


@pytest.mark.slow
@pytest.mark.parametrize("mode", [1, 3])
def test_two_servers_register_in_one_database(url: str, mode: int, tmp_path: Path) -> None:
    """At the same time: both take turns, no 200 lies, and who reads the database, later or at once, finds the phones of both."""
    made(url)
    number = 20 if url.startswith("dbtext") else 150
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
    servers = [started(folder, config(folder, url, mode)) for folder in folders]
    phones = [Phones("first"), Phones("second")]
    try:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda one, server: one.register(server, number, 60.0), phones, servers))
        answered = phones[0].answered | phones[1].answered
        # Where both wait for the same lock one may be refused, and comes again.
        assert len(answered) > 1.5 * number, [server.log.read_text() for server in servers]
        assert answered <= users(url)
        if mode == 1:
            kill_all(servers[0])
            servers[0] = started(folders[0], config(folders[0], url, mode))
        assert missing_of(servers[0], answered) == set(), servers[0].log.read_text()
    finally:
        for server in servers:
            server.kill()


def calls_go_on(server: Ser, phones: Phones) -> bool:
    return phones.missing(server) == set()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["postgres", "mariadb"])
def test_a_database_that_goes_away_and_comes_back(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    database = request.getfixturevalue(kind)
    assert isinstance(database, DatabaseServer)
    url = made(database.url("registrations"))
    phones = Phones()
    server = started(tmp_path, config(tmp_path, url, 1))
    try:
        phones.register(server, 50, 20.0)
        known = set(phones.answered)
        database.stop()
        phones.register(server, 50, 20.0)
        assert phones.answered == known and len(phones.refused) == 50
        # Calls to those who are known go on meanwhile.
        assert calls_go_on(server, phones)
        database.start()
        until = time.monotonic() + RECOVERY_S
        while phones.answered == known:
            assert time.monotonic() < until, server.log.read_text()
            phones.register(server, 1, 2.0)
        phones.register(server, 50, 20.0)
        assert len(phones.answered) > len(known) + 40 and phones.answered <= users(url)
        assert calls_go_on(server, phones)
    finally:
        server.kill()


@pytest.mark.slow
def test_a_server_on_a_database_alone_starts_while_that_is_away(postgres: DatabaseServer, tmp_path: Path) -> None:
    url = made(postgres.url("away"))
    postgres.stop()
    phones = Phones()
    server = started(tmp_path, config(tmp_path, url, 3))
    try:
        phones.register(server, 1, 10.0)
        assert len(phones.refused) == 1
        postgres.start()
        until = time.monotonic() + RECOVERY_S
        while not phones.answered:
            assert time.monotonic() < until, server.log.read_text()
            phones.register(server, 1, 2.0)
        assert calls_go_on(server, phones)
    finally:
        server.kill()
        if postgres.process is None:
            postgres.start()


@pytest.mark.slow
@pytest.mark.parametrize("mode", [1, 3])
def test_two_servers_share_one_sqlite_file(mode: int, tmp_path: Path) -> None:
    """Neither crashes and neither lies: each writes, and with the database alone each sees what the other has, else from its next start on."""
    url = made(f"sqlite://{tmp_path}/database")
    folders = [tmp_path / "one", tmp_path / "two"]
    servers: list[Ser] = []
    phones = Phones()
    try:
        for folder in folders:
            folder.mkdir()
            servers.append(started(folder, config(folder, url, mode)))
        for _ in range(5):
            for server in servers:
                phones.register(server, 20, 20.0)
        assert len(phones.answered) + len(phones.refused) == 200 and len(phones.answered) > 100
        assert phones.answered <= users(url)
        if mode == 1:
            servers.pop().kill()
            servers.pop(0).kill()
            servers.append(started(folders[0], config(folders[0], url, mode)))
        assert all(phones.missing(server) == set() for server in servers)
    finally:
        for server in servers:
            server.kill()
