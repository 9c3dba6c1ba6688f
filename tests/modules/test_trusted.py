"""permissions' table of trusted peers. Reference modules-main, chapter 20."""

from __future__ import annotations

import pytest
from script import ask, request
from tables import URL, Tables, TableSite

from runtime.sip.ser_hash import table_slot

pytestmark = pytest.mark.usefixtures("tables_in")


def site_of(mode: int, *rows: tuple[bytes | None, bytes | None, bytes | None]) -> TableSite:
    cfg = f"""modparam("permissions", "db_url", "{URL}") modparam("permissions", "db_mode", {mode})
        route {{ if (allow_trusted()) sl_send_reply("200", "OK"); else sl_send_reply("403", "No"); }}"""
    table = [{"src_ip": ip, "proto": proto, "from_pattern": pattern} for ip, proto, pattern in rows]
    return TableSite(Tables(trusted=[{**row} for row in table]), cfg, "permissions")


def is_trusted(site: TableSite, sender: str = "sip:alice@example.com", **where: str | int) -> bool:
    data = request(From=f"<{sender}>;tag=1")
    source = str(where.get("source", "127.0.0.1"))
    return site.only(data, source).data.startswith(b"SIP/2.0 200 ")


@pytest.mark.parametrize("mode", [0, 1])
@pytest.mark.parametrize(
    ("row", "answer"),
    [
        ((b"127.0.0.1", b"udp", b"^sip:alice@"), True),
        ((b"127.0.0.1", b"ANY", b"^sip:alice@"), True),
        ((b"127.0.0.1", b"any", b"example"), True),
        ((b"127.0.0.1", b"any", b""), True),
        ((b"127.0.0.1", b"tcp", b"^sip:alice@"), False),
        ((b"127.0.0.2", b"any", b"^sip:alice@"), False),
        ((b"127.0.0.1", b"any", b"^sip:ALICE@"), False),
        ((b"127.0.0.1", b"any", b"^sip:\\(alice\\|bob\\)@"), True),
        ((b"127.0.0.1", b"any", b"^sip:(alice|bob)@"), False),
    ],
)
def test_a_peer_is_trusted_by_its_ip_protocol_and_sender(
    mode: int, row: tuple[bytes, bytes, bytes], answer: bool
) -> None:
    assert is_trusted(site_of(mode, row)) is answer


@pytest.mark.parametrize("mode", [0, 1])
def test_one_of_several_rows_is_enough(mode: int) -> None:
    site = site_of(mode, (b"127.0.0.1", b"any", b"^sip:bob@"), (b"127.0.0.1", b"any", b"^sip:alice@"))
    assert is_trusted(site)
    assert not is_trusted(site, source="127.0.0.3")


@pytest.mark.parametrize(
    "row", [(b"127.0.0.1", b"word", b"x"), (b"127.0.0.1", b"any", b"[a"), (b"127.0.0.1", b"any", None)]
)
def test_a_row_that_means_nothing_is_logged_and_trusts_nobody(row: tuple[bytes, bytes, bytes | None]) -> None:
    for mode in (0, 1):
        site = site_of(mode, row, (b"127.0.0.2", b"any", b""))
        assert not is_trusted(site)
        assert any("ERROR" in line and "trusted" in line for line in site.lines())


def test_a_database_that_is_down_trusts_nobody() -> None:
    site = site_of(0, (b"127.0.0.1", b"any", b""))
    site.tables.down = True
    assert not is_trusted(site)
    assert "ERROR: allow_trusted: the database is down" in site.lines()


def test_the_server_starts_without_the_table_and_trusted_reload_brings_it() -> None:
    site = site_of(1)
    site.tables.tables["trusted"].append({"src_ip": b"127.0.0.1", "proto": b"any", "from_pattern": b""})
    assert not is_trusted(site)
    assert ask(site, "trusted_reload") == b"200 OK\n"
    assert is_trusted(site)
    assert ask(site, "trusted_dump") == b"200 OK\n%4d <127.0.0.1, 0, >\n" % table_slot(b"127.0.0.1")


def test_a_reload_that_fails_leaves_the_peers() -> None:
    site = site_of(1, (b"127.0.0.1", b"any", b""))
    site.tables.tables["trusted"].append({"src_ip": b"127.0.0.1", "proto": b"word", "from_pattern": b""})
    assert ask(site, "trusted_reload") == b"400 Trusted table reload failed\n"
    assert is_trusted(site)


def test_without_a_cache_there_are_no_commands() -> None:
    assert [command.name for command in site_of(0).engine.commands()] == ["sl_stats"]
