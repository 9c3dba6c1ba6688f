"""Registrations in real databases: no 200 lies, whatever dies."""

from __future__ import annotations

from pathlib import Path

import pytest
from acceptance.test_kept_registrations import Phones, config_in, kill_all, started

from runtime.storage.administration import Administration
from runtime.storage.connection import connect
from runtime.storage.statement import question
from runtime.storage.url import parse_url


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
        phones.register(server, number, 20.0)
        phones.register(server, number, 0.3)
    finally:
        kill_all(server)
    assert len(phones.answered) >= number and phones.answered <= users(url)
    server = started(tmp_path, file)
    try:
        assert phones.missing(server) == set(), server.log.read_text()
    finally:
        server.kill()
