"""serctl with a database and without a server."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from runtime.routing.database import INSERT, Change, Row, Value
from runtime.storage.connection import connect
from runtime.storage.statement import change, question
from runtime.storage.url import parse_url
from serc.commands.serctl import main


class Site:
    """A database with its tables, no server, and serctl for it. `out` and `err` are what it has said to `run`."""

    def __init__(self, url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.url = url
        self.out = self.err = ""
        self._capsys = capsys
        self._monkeypatch = monkeypatch
        monkeypatch.setenv("SER_DB_URL", url)

    def run(self, *words: str, piped: str = "") -> int:
        self._monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(piped.encode())))
        status = main([*words])
        self.out, self.err = self._capsys.readouterr()
        return status

    def json(self, *words: str) -> list[dict[str, object]]:
        assert self.run("--json", *words) == 0, self.err
        found: list[dict[str, object]] = json.loads(self.out)
        return found

    def rows(self, table: str, *columns: str) -> list[Row]:
        return connect(parse_url(self.url)).run([question(table, columns, [])])[0].rows

    def insert(self, table: str, **row: Value) -> None:
        connect(parse_url(self.url)).run([change(Change(INSERT, table, tuple(row), [*row.values()], []))])


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No server, no domain, no database of the machine's own."""
    for name in ("SIP_DOMAIN", "SER_UNIXSOCK", "SQL_DB", "SQL_HOST", "SQL_USER", "PW", "SER_CONFIG", "SER_DB_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SER_FIFO", str(tmp_path / "no_fifo"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr("serc.commands.ctl.place._SYSTEM_CONFIG", str(tmp_path / "no.cfg"))


def made_site(url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Site:
    made = Site(url, capsys, monkeypatch)
    assert made.run("db", "create") == 0, made.err
    return made


@pytest.fixture
def site(kept_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Site:
    """On each kind of database. Its tables stay as they are."""
    return Site(kept_url, capsys, monkeypatch)


@pytest.fixture
def own_site(url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Site:
    """The same, for who changes tables."""
    return made_site(url, capsys, monkeypatch)


@pytest.fixture
def file_site(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Site:
    """On SQLite alone, for what is the same everywhere."""
    return made_site(f"sqlite://{tmp_path}/users", capsys, monkeypatch)
