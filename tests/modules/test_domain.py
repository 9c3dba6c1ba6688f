"""domain at work. Reference modules-main, chapter 18."""

from __future__ import annotations

import pytest
from script import ask, request
from tables import URL, Tables, TableSite

from runtime.routing.engine import ProgramError
from runtime.sip.ser_hash import table_slot

pytestmark = pytest.mark.usefixtures("tables_in")


def site_of(call: str, mode: int, *names: bytes) -> TableSite:
    cfg = f"""modparam("domain", "db_url", "{URL}") modparam("domain", "db_mode", {mode})
        route {{ if ({call}) sl_send_reply("200", "OK"); else sl_send_reply("404", "No"); }}"""
    return TableSite(Tables(domain=[{"domain": name} for name in names]), cfg, "domain")


def is_true(site: TableSite, uri: str = "sip:bob@example.com", sender: str = "sip:alice@example.com") -> bool:
    return site.answer(request(uri=uri, From=f"<{sender}>;tag=1")).startswith(b"SIP/2.0 200 ")


@pytest.mark.parametrize("mode", [0, 1])
@pytest.mark.parametrize(
    ("uri", "answer"),
    [
        ("sip:bob@example.com:5066;x=y", True),
        ("sips:example.com", True),
        ("sip:bob@10.0.0.1", True),
        ("sip:bob@EXAMPLE.com.", True),
        ("sip:bob@10.0.000.001", True),
        ("sip:bob@[::ffff:10.0.0.1]", True),
        ("sip:bob@[2001:DB8:0::1]", True),
        ("sip:bob@[2001:db8::2]", False),
        ("sip:bob@10.1", False),
        ("sip:bob@sub.example.com", False),
        ("sip:bob@xample.com", False),
        ("tel:+44", False),
    ],
)
def test_a_domain_of_the_table_is_local(mode: int, uri: str, answer: bool) -> None:
    names = (b"example.com", b"10.0.0.1", b"2001:db8::1")
    assert is_true(site_of("is_uri_host_local()", mode, *names), uri=uri) is answer
    assert is_true(site_of("is_from_local()", mode, *names), sender=uri) is answer


def test_in_memory_domains_count_in_any_case() -> None:
    site = site_of("is_uri_host_local()", 1, b"Mixed.Case.ORG")
    assert is_true(site, "sip:mixed.CASE.org")


def test_a_request_whose_from_cannot_be_read_is_neither_local_nor_not() -> None:
    site = site_of("is_from_local()", 0, b"example.com")
    for sender in ("", "<sip:alice@example.com >;tag=1", "<sip:alice@other.example>\r\nFrom: <sip:alice@example.com>"):
        assert site.answer(request(From=sender)).startswith(b"SIP/2.0 400 Bad From\r\n")


def test_a_change_counts_at_once_or_after_domain_reload() -> None:
    asking, caching = (site_of("is_uri_host_local()", mode, b"example.com") for mode in (0, 1))
    for site in (asking, caching):
        site.tables.tables["domain"].append({"domain": b"new.org"})
    assert is_true(asking, "sip:new.org")
    assert not is_true(caching, "sip:new.org")
    assert ask(caching, "domain_reload") == b"200 OK\n"
    assert is_true(caching, "sip:new.org")
    caching.tables.tables["domain"].clear()
    assert ask(caching, "domain_reload") == b"200 OK\n"
    assert not is_true(caching, "sip:new.org")


def test_a_reload_that_fails_leaves_the_domains() -> None:
    site = site_of("is_uri_host_local()", 1, b"example.com")
    site.tables.down = True
    assert ask(site, "domain_reload") == b"400 Domain table reload failed\n"
    assert is_true(site)


def test_domains_are_shown_in_the_order_of_their_slots() -> None:
    site = site_of("is_from_local()", 1, b"example.com", b"b.org", b"a.org")
    names = sorted((b"example.com", b"b.org", b"a.org"), key=table_slot)
    assert ask(site, "domain_dump") == b"200 OK\n" + b"".join(b"%4d %s\n" % (table_slot(n), n) for n in names)


def test_without_a_cache_there_are_no_commands() -> None:
    assert [command.name for command in site_of("is_from_local()", 0).engine.commands()] == ["sl_stats"]


def test_a_table_that_cannot_be_read_does_not_start() -> None:
    cfg = f'modparam("domain", "db_url", "{URL}") modparam("domain", "db_mode", 1) route {{ is_from_local(); }}'
    tables = Tables()
    tables.down = True
    with pytest.raises(ProgramError, match="domain: the database is down"):
        TableSite(tables, cfg, "domain")
