"""serctl with a database and the server that uses it: what one has changed the other knows. Reference modules-more, C.1."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from acceptance.conftest import Ser
from acceptance.serctl_site import Site
from acceptance.serctl_site import file_site as file_site
from acceptance.serctl_site import surroundings as surroundings

CONFIG = """
fifo="{folder}/fifo"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "domain.so"
modparam("usrloc|registrar", "use_domain", 1)
modparam("domain", "db_mode", 1)
route {{
    if (method == "OPTIONS") {{ sl_send_reply("200", "OK"); break; }}
    if (!is_from_local()) {{ sl_send_reply("403", "Forbidden"); break; }}
    if (!lookup("aliases") && !lookup("location")) {{ sl_send_reply("404", "Not Found"); break; }}
    t_relay();
}}
"""
JOE = "joe@example.com"
BOSS = "boss@example.com"


@pytest.fixture
def site(file_site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("SER_FIFO", str(tmp_path / "fifo"))
    config = tmp_path / "ser.cfg"
    config.write_text(CONFIG.format(folder=tmp_path))
    server = Ser(tmp_path, config)
    try:
        server.wait_ready()
        yield file_site
    finally:
        server.kill()


def test_aliases_and_users_do_not_take_each_others_names(site: Site) -> None:
    assert site.run("add", JOE, piped="secret") == 0
    for _ in range(2):
        assert site.run("alias", "add", BOSS, f"sip:{JOE}") == 0, site.err
    assert site.run("alias", "add", BOSS, "sip:ann@example.com") == 1
    assert "Overlap with an existing alias" in site.err
    assert site.run("alias", "add", JOE, "sip:ann@example.com") == 1
    assert "overlap of alias with an existing subscriber name" in site.err
    assert site.run("add", BOSS, piped="secret") == 1 and "Overlap with an existing alias" in site.err
    assert site.run("ul", "add", BOSS, "sip:x@192.0.2.1") == 1


def test_a_user_that_is_removed_is_gone_from_the_server(site: Site) -> None:
    assert site.run("add", JOE, piped="secret") == 0
    assert site.run("alias", "add", BOSS, f"sip:{JOE}") == 0
    assert site.run("alias", "add", "other@example.com", "sip:ann@example.com") == 0
    assert site.run("ul", "add", JOE, "sip:x@192.0.2.1") == 0
    assert site.run("ul", "dump") == 0 and "sip:x@192.0.2.1" in site.out
    assert site.run("rm", JOE) == 0, site.err
    assert site.run("ul", "show", JOE) == 1 and site.run("alias", "show", BOSS) == 1
    assert site.run("alias", "show", "other@example.com") == 0


def test_a_domain_is_known_at_once(site: Site) -> None:
    assert site.run("domain", "add", "example.org") == 0, site.err
    assert site.run("domain", "show") == 0 and "example.org" in site.out
    assert site.run("domain", "rm", "example.org") == 0
    assert site.run("domain", "show") == 0 and "example.org" not in site.out


def test_a_module_that_the_server_lacks_is_no_error_of_the_database(site: Site) -> None:
    assert site.run("lcr", "addgw", "vienna", "192.0.2.7", "1") == 0, site.err
    assert site.run("lcr", "reload") == 1


def test_all_of_a_table_are_those_of_no_other_table(site: Site) -> None:
    assert site.run("alias", "add", BOSS, f"sip:{JOE}") == 0
    assert site.run("ul", "add", JOE, "sip:x@192.0.2.1") == 0
    assert site.run("alias", "show") == 0 and BOSS in site.out and "192.0.2.1" not in site.out
    assert site.run("ul", "show") == 0 and "192.0.2.1" in site.out and BOSS not in site.out


def test_a_table_that_the_server_does_not_have_is_said_to_be_missing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert site.run("ul", "add", JOE, "sip:x@192.0.2.1") == 0
    monkeypatch.setenv("ALS_TABLE", "nicknames")
    assert site.run("alias", "show") == 1
    assert site.out == "" and "there is no table nicknames: the server has those that its ser.cfg uses" in site.err
