"""The databases that every test of databases runs on."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from storage.servers import DatabaseServer, Mariadb, Postgres

_NUMBERS = itertools.count(1)


def _served(kind: type[DatabaseServer]) -> Iterator[DatabaseServer]:
    missing = kind.missing()
    if missing:
        pytest.skip(f"no {kind.__name__} here: {missing} is not installed")
    # Not in pytest's own folder, which each session that begins closes to the server's account.
    folder = Path(tempfile.mkdtemp(prefix="ser-database-"))
    try:
        server = kind(folder / kind.driver)
        server.start()
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres() -> Iterator[DatabaseServer]:
    yield from _served(Postgres)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[DatabaseServer]:
    yield from _served(Mariadb)


@pytest.fixture(params=["sqlite", "dbtext", "postgres", "mariadb"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that is not there yet, of each kind."""
    if request.param in ("sqlite", "dbtext"):
        return f"{request.param}://{tmp_path}/database"
    server = request.getfixturevalue(request.param)
    assert isinstance(server, DatabaseServer)
    return server.url(f"ser{next(_NUMBERS)}")
