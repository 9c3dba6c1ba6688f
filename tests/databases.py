"""The databases that every test of databases runs on."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from storage.servers import DatabaseServer, Mariadb, Postgres

from runtime.routing.database import DELETE, Change
from runtime.storage.administration import Administration
from runtime.storage.connection import connect
from runtime.storage.schema import BY_NAME
from runtime.storage.statement import change
from runtime.storage.url import parse_url

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


KINDS = ("sqlite", "dbtext", "postgres", "mariadb")


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that is not there yet, of each kind."""
    if request.param in ("sqlite", "dbtext"):
        return f"{request.param}://{tmp_path}/database"
    server = request.getfixturevalue(request.param)
    assert isinstance(server, DatabaseServer)
    return server.url(f"ser{next(_NUMBERS)}")


@pytest.fixture(scope="session")
def kept_urls() -> dict[str, str]:
    """Databases that tests hand on to each other, by their kind."""
    return {}


@pytest.fixture(params=KINDS)
def kept_url(
    request: pytest.FixtureRequest, kept_urls: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A database of each kind with SER's tables, all empty. They take a second to make, so they are made once; only rows may be changed."""
    kind = request.param
    if kind not in kept_urls:
        if kind in ("sqlite", "dbtext"):
            kept_urls[kind] = f"{kind}://{tmp_path_factory.mktemp(kind)}/database"
        else:
            server = request.getfixturevalue(kind)
            assert isinstance(server, DatabaseServer)
            kept_urls[kind] = server.url("kept")
        administration = Administration(parse_url(kept_urls[kind]))
        administration.create()
        administration.close()
    yield kept_urls[kind]
    connection = connect(parse_url(kept_urls[kind]))
    connection.run([change(Change(DELETE, name, (), [], [])) for name in BY_NAME if name != "version"])
    connection.close()
