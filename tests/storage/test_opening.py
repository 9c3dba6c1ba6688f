"""Which database a module gets for its URL, and what it is told where there is none."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from script import Site, request

from runtime.routing.engine import ProgramError

CFG = 'route { if (is_user_in("From", "ld")) sl_send_reply("200", "OK"); else sl_send_reply("404", "No"); }'


def make(path: Path, version: int = 2) -> None:
    with sqlite3.connect(path) as raw:
        raw.execute("CREATE TABLE version (table_name VARCHAR(64), table_version INT)")
        raw.execute("INSERT INTO version VALUES ('grp', ?)", (version,))
        raw.execute("CREATE TABLE grp (username VARCHAR(64), domain VARCHAR(128), grp VARCHAR(50))")
        raw.execute("INSERT INTO grp VALUES ('alice', 'example.com', 'ld')")
    raw.close()


def status(site: Site, user: str) -> bytes:
    return site.answer(request(From=f"<sip:{user}@example.com>;tag=1")).split(b" ")[1]


def test_where_no_url_is_set_it_is_the_embedded_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "ser.sqlite")
    monkeypatch.setenv("SER_DB_URL", f"sqlite://{tmp_path}/ser.sqlite")
    site = Site(CFG, "sl group")
    assert [status(site, user) for user in ("alice", "bob")] == [b"200", b"404"]
    # So it is where the module is loaded.
    assert status(Site(CFG, "sl sqlite group"), "alice") == b"200"


def test_where_there_is_no_database_at_all_the_server_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even for a module that asks nothing before the first request."""
    monkeypatch.setenv("SER_DB_URL", f"sqlite://{tmp_path}/none.sqlite")
    with pytest.raises(ProgramError, match="domain: no url is set .* run serctl db create --db sqlite:"):
        Site("route { is_from_local(); }", "sl domain")


def test_a_relative_file_lies_beside_ser_cfg(tmp_path: Path) -> None:
    make(tmp_path / "x.sqlite")
    cfg = 'modparam("group", "db_url", "sqlite:x.sqlite")' + CFG
    assert status(Site(cfg, "sl group", folder=str(tmp_path)), "alice") == b"200"


@pytest.mark.parametrize(
    ("modules", "url", "why"),
    [
        ("sl dbtext group", "", "load mysql.so before group.so"),
        ("sl group", "postgres://u:secret@h/db", "load postgres.so"),
        ("sl mysql group", "mysql://u:secret@h", "mysql://u:\\*\\*\\*@h: says no database"),
        ("sl group", "sqlite:none.sqlite", "serctl db create"),
        ("sl group", "sqlite:old.sqlite", "table grp has version 1, at least 2 is needed"),
        ("sl dbtext group", "dbtext://none", "No such file"),
    ],
)
def test_a_start_that_fails_says_why(tmp_path: Path, modules: str, url: str, why: str) -> None:
    make(tmp_path / "old.sqlite", version=1)
    cfg = (f'modparam("group", "db_url", "{url}")' if url else "") + CFG
    with pytest.raises(ProgramError, match=why) as e:
        Site(cfg, modules, folder=str(tmp_path))
    assert "secret" not in str(e.value)
