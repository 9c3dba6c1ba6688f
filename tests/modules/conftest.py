"""Tests of modules that use `tables_in` run with their tables in memory, and in each kind of database that there is."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from storage.servers import DatabaseServer
from stored import Stored
from tables import Tables

# What differs between the builds is on this side of the database.
_IS_NATIVE = os.environ.get("SER_BUILD") == "native"
KINDS = ("memory",) if _IS_NATIVE else ("memory", "sqlite", "dbtext", "postgres", "mariadb")


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Stored]]:
    """Those that were made, by their kind: one for all tests."""
    made: dict[str, Stored] = {}
    yield made
    for database in made.values():
        database.close()


@pytest.fixture(params=KINDS)
def tables_in(
    request: pytest.FixtureRequest,
    databases: dict[str, Stored],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    """Where the tables of the test are."""
    kind = request.param
    if kind == "memory":
        yield
        return
    if kind not in databases:
        if kind in ("sqlite", "dbtext"):
            url = f"{kind}://{tmp_path_factory.mktemp(kind)}/database"
        else:
            server = request.getfixturevalue(kind)
            assert isinstance(server, DatabaseServer)
            url = server.url("modules")
        databases[kind] = Stored(url)
    monkeypatch.setattr(Tables, "place", databases[kind])
    yield
    databases[kind].clear()
