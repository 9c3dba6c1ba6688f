"""The databases that every test of databases runs on."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.servers import DatabaseServer, Mariadb, Postgres

_NUMBERS = itertools.count(1)


def _served(kind: type[DatabaseServer], factory: pytest.TempPathFactory) -> Iterator[DatabaseServer]:
    missing = kind.missing()
    if missing:
        pytest.skip(f"no {kind.__name__} here: {missing} is not installed")
    server = kind(factory.mktemp("database") / kind.driver)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseServer]:
    yield from _served(Postgres, tmp_path_factory)


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseServer]:
    yield from _served(Mariadb, tmp_path_factory)


@pytest.fixture(params=["sqlite", "dbtext", "postgres", "mariadb"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that is not there yet, of each kind."""
    if request.param in ("sqlite", "dbtext"):
        return f"{request.param}://{tmp_path}/database"
    server = request.getfixturevalue(request.param)
    assert isinstance(server, DatabaseServer)
    return server.url(f"ser{next(_NUMBERS)}")
