"""usrloc with a database: db_mode 1 writes through, 2 writes back. Reference modules-main, chapter 5."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from engine import header
from script import ask, request
from tables import URL, Place, Tables, TableSite

from runtime.modules.usrloc import Usrloc
from runtime.routing.context import Context
from runtime.routing.database import Change, Value
from runtime.routing.engine import ProgramError

pytestmark = pytest.mark.usefixtures("tables_in")

ROUTE = """
route {
    if (method=="REGISTER") { if (search("X-Mem")) save_memory("location"); else save("location"); break; };
    if (lookup("location")) { sl_send_reply("302", "Moved"); break; };
    sl_send_reply("404", "Not Found");
}
"""


def row(user: str, uri: str, expires: int = 3_000_000_000, **more: Value) -> dict[str, Value]:
    made: dict[str, Value] = {
        "username": user.encode(),
        "domain": b"",
        "contact": uri.encode(),
        "received": None,
        "expires": expires,
        "q": -1.0,
        "callid": b"call",
        "cseq": 1,
        "replicate": 0,
        "state": 0,
        "flags": 0,
        "user_agent": b"UA",
    }
    return made | more


def site(mode: int, *rows: dict[str, Value], parameters: str = "") -> TableSite:
    parameters += f'modparam("usrloc", "db_url", "{URL}") modparam("usrloc", "db_mode", {mode})'
    # A row that a query never meets tells the columns.
    return TableSite(
        Tables(location=[row("none", "sip:none@h"), *rows]), parameters + ROUTE, "textops usrloc registrar"
    )


def register(server: TableSite, contact: str, cseq: int = 1, **headers: str) -> bytes:
    return server.answer(request("REGISTER", "sip:h", Contact=contact, CSeq=f"{cseq} REGISTER", **headers))


def rows(server: TableSite) -> list[dict[str, Value]]:
    return [each for each in server.tables.tables["location"] if each["username"] != b"none"]


def uris(server: TableSite) -> list[str]:
    return sorted(str(each["contact"]) for each in rows(server))


def redirected(server: TableSite) -> str | None:
    return header(server.answer(request(uri="sip:bob@h")), "Contact")


def run_timer(server: TableSite, now_ms: int = 0) -> None:
    usrloc = server.engine.world.modules["usrloc"]
    assert isinstance(usrloc, Usrloc)
    for timer in usrloc.timers():
        timer.body(now_ms, [])


@pytest.mark.parametrize("mode", [1, 2])
def test_what_the_database_has_is_there_from_the_start(mode: int) -> None:
    server = site(mode, row("bob", "sip:a@h", q=0.3), row("bob", "sip:b@h", q=0.9), row("bob", "sip:c@h", expires=1))
    assert redirected(server) == "sip:b@h, sip:a@h"


@pytest.mark.parametrize("mode", [1, 2])
def test_rows_without_a_user_are_left_out(mode: int) -> None:
    assert redirected(site(mode, row("bob", "sip:a@h", username=None), row("bob", "sip:b@h"))) == "sip:b@h"


HOSTILE_ROWS = [
    row("bob", "sip:a@h>\r\nX-Evil: 1\r\nX: <"),
    row("bob", "sip:a@h\0"),
    row("bob", "sip:" + "a" * 1100 + "@h"),
    row("bob", '"Bob" <sip:a@h>'),
]


@pytest.mark.parametrize("mode", [1, 2, 3])
def test_what_can_be_no_contact_is_left_out(mode: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # Not every database takes these, nor has every table columns that do.
    monkeypatch.setattr(Tables, "place", Place())
    server = site(mode, *HOSTILE_ROWS, row("bob", "sip:b@h", received=b'sip:1.2.3.4"\r\nX-Evil: 1'))
    assert redirected(server) == "sip:b@h"
    told = server.answer(request("REGISTER", "sip:h", Contact=""))
    assert (header(told, "Contact") or "").startswith("<sip:b@h>;expires=") and b"Evil" not in told


@pytest.mark.parametrize("mode", [1, 2, 3])
@pytest.mark.parametrize(
    ("column", "value"),
    [("cseq", (1 << 62) + 5), ("cseq", -7), ("q", 1e308), ("replicate", -1), ("flags", -1), ("q", b"x")],
)
def test_numbers_that_no_contact_has_hinder_nobody(
    mode: int, column: str, value: Value, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Tables, "place", Place())
    server = site(mode, row("bob", "sip:a@h") | {column: value}, row("bob", "sip:b@h"))
    assert sorted((redirected(server) or "").split(", ")) == ["sip:a@h", "sip:b@h"]


def test_a_table_of_an_old_version_keeps_the_server_from_starting() -> None:
    tables = Tables(location=[])
    tables.tables["version"] = [{"table_name": b"location", "table_version": 5}]
    cfg = f'modparam("usrloc", "db_url", "{URL}") modparam("usrloc", "db_mode", 1)' + ROUTE
    with pytest.raises(ProgramError, match="table location has version 5, at least 6 is needed"):
        TableSite(tables, cfg, "textops usrloc registrar")


# --- write through -----------------------------------------------------------------------------------------------------------


def test_a_contact_is_in_the_database_when_it_is_answered() -> None:
    server = site(1)
    assert register(server, "<sip:a@h>;q=0.25", User_Agent="x" * 60).startswith(b"SIP/2.0 200 ")
    (made,) = rows(server)
    assert (made["username"], made["contact"], made["q"], made["callid"]) == (b"bob", b"sip:a@h", 0.25, b"cid1@h")
    assert (made["cseq"], made["flags"], made["state"], made["received"]) == (1, 0, 0, None)
    assert made["user_agent"] == b"x" * 50 and not made.get("domain")


def test_refresh_and_removal_are_in_the_database_too() -> None:
    server = site(1)
    register(server, "<sip:a@h>, <sip:b@h>")
    register(server, "<sip:a@h>;expires=100", 2)
    assert {each["contact"]: each["cseq"] for each in rows(server)} == {b"sip:a@h": 2, b"sip:b@h": 1}
    register(server, "<sip:a@h>;expires=0", 3)
    assert uris(server) == ["b'sip:b@h'"]
    register(server, "*", 4, Expires="0")
    assert uris(server) == [] and redirected(server) is None


def test_no_200_without_the_database() -> None:
    server = site(1)
    register(server, "<sip:a@h>")
    server.tables.down = True
    answer = register(server, "<sip:b@h>", 2)
    assert answer.startswith(b"SIP/2.0 500 ") and header(answer, "Contact") == "<sip:a@h>;expires=3600"
    # Calls to those who are known go on.
    assert redirected(server) == "sip:a@h"
    server.tables.down = False
    assert register(server, "<sip:b@h>", 3).startswith(b"SIP/2.0 200 ")
    assert uris(server) == ["b'sip:a@h'", "b'sip:b@h'"]


def test_what_is_refused_never_reaches_the_database() -> None:
    server = site(1)
    register(server, "<sip:a@h>", 5)
    assert register(server, "<sip:a@h>;expires=0", 4).startswith(b"SIP/2.0 500 ")
    assert uris(server) == ["b'sip:a@h'"]


def test_save_memory_is_not_written() -> None:
    server = site(1)
    assert register(server, "<sip:a@h>", X_Mem="y").startswith(b"SIP/2.0 200 ")
    assert uris(server) == [] and redirected(server) == "sip:a@h"


def test_what_expires_goes_from_the_database() -> None:
    server = site(1)
    register(server, "<sip:a@h>;expires=60, <sip:b@h>")
    run_timer(server, 60_000)
    assert uris(server) == ["b'sip:b@h'"]


def test_commands_write_through() -> None:
    server = site(1)
    ask(server, "ul_add", b"location", b"bob", b"sip:a@h", b"0", b"1", b"0", b"128")
    assert uris(server) == ["b'sip:a@h'"] and rows(server)[0]["flags"] == 128
    ask(server, "ul_rm_contact", b"location", b"bob", b"sip:a@h")
    assert uris(server) == []
    server.tables.down = True
    answer = ask(server, "ul_add", b"location", b"bob", b"sip:a@h", b"0", b"1", b"0", b"128")
    assert answer.startswith(b"500 ") and redirected(server) is None


def test_users_with_domains_have_them_in_a_column() -> None:
    server = site(1, row("bob", "sip:x@h", domain=b"h"), parameters='modparam("usrloc|registrar", "use_domain", 1)')
    assert redirected(server) == "sip:x@h"
    register(server, "<sip:a@h>", To="<sip:bob@two.dom>")
    assert [(each["username"], each["domain"]) for each in rows(server)] == [(b"bob", b"h"), (b"bob", b"two.dom")]


@pytest.mark.parametrize("mode", [1, 2, 3])
@pytest.mark.parametrize("is_memory", [False, True])
def test_more_contacts_than_fit_are_refused_before_the_database_hears_of_any(mode: int, is_memory: bool) -> None:
    server = site(mode, row("bob", "sip:a@h"))
    many = ", ".join(f"<sip:{n}@a>" for n in range(1500))
    answer = register(server, many, X_Mem="y") if is_memory else register(server, many)
    assert answer.startswith(b"SIP/2.0 503 ")
    run_timer(server)
    assert uris(server) == ["b'sip:a@h'"] and redirected(server) == "sip:a@h"


def test_a_command_whose_contact_does_not_fit_leaves_none_in_the_database() -> None:
    server = site(1)
    host = "h" * 230
    register(server, ", ".join(f"<sip:{number}@{host}>" for number in range(120)))
    known = uris(server)
    assert len(known) == 120
    answer = b"200 "
    for number in range(120, 400):
        contact = f"sip:{number}@{host}".encode()
        answer = ask(server, "ul_add", b"location", b"bob", contact, b"0", b"1", b"0", b"128")
        if not answer.startswith(b"200 "):
            break
        known.append(repr(contact))
    assert answer.startswith(b"500 Error while adding contact") and uris(server) == sorted(known)


class Overtaken(Tables):
    """`meanwhile` happens once while the database writes."""

    meanwhile: Callable[[], None] | None = None

    def transaction(self, ctx: Context | None, changes: list[Change]) -> None:
        super().transaction(ctx, changes)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()


def test_who_is_overtaken_and_refused_leaves_nothing_in_the_database() -> None:
    cfg = f'modparam("usrloc", "db_url", "{URL}") modparam("usrloc", "db_mode", 1) modparam("registrar", "max_contacts", 1)'
    tables = Overtaken(location=[row("none", "sip:none@h")])
    server = TableSite(tables, cfg + ROUTE, "textops usrloc registrar")
    tables.meanwhile = lambda: None if register(server, "<sip:first@h>") else None
    assert register(server, "<sip:a@h>", Call_ID="other").startswith(b"SIP/2.0 503 ")
    assert uris(server) == ["b'sip:first@h'"] and redirected(server) == "sip:first@h"


@pytest.mark.parametrize("mode", [1, 2])
def test_a_user_with_more_contacts_than_fit_keeps_nobody_from_starting(
    mode: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The columns of SER's schema are shorter than these texts, but who made the table may have made others.
    monkeypatch.setattr(Tables, "place", Place())
    many = [row("bob", f"sip:{n}@{'h' * 200}") for n in range(300)]
    server = site(mode, row("eve", "sip:e@h"), *many, row("bob", "sip:" + "x" * 2000), row("u" * 600, "sip:u@h"))
    of_bob, of_u = [line for line in server.lines(-1) if "and" in line and "fit" in line]
    assert "table location: bob has 300 contacts, and" in of_bob and "has 1 contacts, and 0 fit" in of_u
    assert server.answer(request(uri="sip:bob@h")).startswith(b"SIP/2.0 302 ")
    assert register(server, "*", 2, Expires="0").startswith(b"SIP/2.0 200 ")
    run_timer(server)
    assert [each["username"] for each in rows(server)] == [b"eve", b"u" * 600]


def test_who_removes_a_user_removes_what_only_the_database_has_too() -> None:
    server = site(1, row("bob", "sip:a@h"))
    server.tables.tables["location"] += [row("bob", "sip:b@h"), row("eve", "sip:e@h")]
    ask(server, "ul_rm", b"location", b"bob")
    assert uris(server) == ["b'sip:e@h'"]


# --- write back --------------------------------------------------------------------------------------------------------------


def test_the_timer_writes_back() -> None:
    server = site(2)
    register(server, "<sip:a@h>, <sip:b@h>")
    assert uris(server) == []
    run_timer(server)
    assert uris(server) == ["b'sip:a@h'", "b'sip:b@h'"]
    register(server, "<sip:a@h>;expires=0, <sip:b@h>;q=0.5, <sip:c@h>", 2)
    assert redirected(server) == "sip:b@h, sip:c@h"
    run_timer(server)
    assert uris(server) == ["b'sip:b@h'", "b'sip:c@h'"]
    assert b"aor       : 'bob'\nContact   : 'sip:a@h'" not in ask(server, "ul_dump")


def test_what_never_was_in_the_database_is_not_deleted_there() -> None:
    server = site(2)
    register(server, "<sip:a@h>;expires=60")
    run_timer(server, 60_000)
    register(server, "<sip:b@h>", 2)
    register(server, "<sip:b@h>;expires=0", 3)
    run_timer(server, 61_000)
    assert uris(server) == [] and b"'bob'" not in ask(server, "ul_dump")


def test_a_database_that_is_away_is_told_later() -> None:
    server = site(2)
    server.tables.down = True
    assert register(server, "<sip:a@h>").startswith(b"SIP/2.0 200 ")
    run_timer(server)
    assert redirected(server) == "sip:a@h" and "cannot write" in server.lines(-1)[-1]
    server.tables.down = False
    run_timer(server)
    assert uris(server) == ["b'sip:a@h'"]


def test_what_expired_is_deleted_and_what_was_revived_is_not() -> None:
    server = site(2)
    register(server, "<sip:a@h>;expires=60, <sip:b@h>;expires=60")
    run_timer(server)
    register(server, "<sip:a@h>;expires=0", 2)
    register(server, "<sip:a@h>;expires=600", 3)
    run_timer(server, 61_000)
    assert uris(server) == ["b'sip:a@h'"]


def test_the_end_of_the_server_writes_what_is_left() -> None:
    server = site(2)
    # The end has a clock of its own, far from that of the test.
    register(server, "<sip:a@h>;expires=2000000000")
    server.engine.end()
    assert uris(server) == ["b'sip:a@h'"]


def test_ul_flush_does_what_the_timer_does() -> None:
    server = site(2)
    register(server, "<sip:a@h>")
    assert ask(server, "ul_flush") == b"200 ul_flush completed"
    assert uris(server) == ["b'sip:a@h'"]


# --- the database alone ------------------------------------------------------------------------------------------------------


def test_every_lookup_asks_the_database() -> None:
    server = site(3, row("bob", "sip:a@h", q=0.3))
    assert redirected(server) == "sip:a@h"
    server.tables.tables["location"] += [row("bob", "sip:b@h", q=0.9), row("bob", "sip:old@h", 1)]
    assert redirected(server) == "sip:b@h, sip:a@h"
    server.tables.tables["location"].clear()
    assert redirected(server) is None


def test_what_is_registered_is_in_the_database_and_nowhere_else() -> None:
    server = site(3)
    answer = register(server, "<sip:a@h>;q=0.25, <sip:b@h>")
    assert answer.startswith(b"SIP/2.0 200 ") and uris(server) == ["b'sip:a@h'", "b'sip:b@h'"]
    assert header(register(server, "<sip:a@h>;expires=0", 2), "Contact") == "<sip:b@h>;expires=3600"
    assert uris(server) == ["b'sip:b@h'"]
    assert register(server, "<sip:b@h>", 1).startswith(b"SIP/2.0 200 ")
    assert register(server, "*", 3, Expires="0").startswith(b"SIP/2.0 200 ") and uris(server) == []


def test_a_late_request_is_refused_by_what_the_database_says() -> None:
    server = site(3)
    register(server, "<sip:a@h>", 5)
    assert register(server, "<sip:a@h>;expires=0", 4).startswith(b"SIP/2.0 500 ") and uris(server) == ["b'sip:a@h'"]


def test_without_the_database_nobody_is_answered_with_200_and_nobody_is_found() -> None:
    server = site(3, row("bob", "sip:a@h"))
    server.tables.down = True
    assert register(server, "<sip:b@h>").startswith(b"SIP/2.0 500 ")
    assert register(server, "").startswith(b"SIP/2.0 500 ")
    assert redirected(server) is None and any("cannot read the contacts" in line for line in server.lines(-1))
    server.tables.down = False
    assert redirected(server) == "sip:a@h" and register(server, "<sip:b@h>", 2).startswith(b"SIP/2.0 200 ")


def test_expired_rows_go_and_permanent_ones_stay() -> None:
    server = site(3, row("bob", "sip:a@h", 1), row("bob", "sip:b@h", 1, flags=128), row("bob", "sip:c@h"))
    run_timer(server)
    assert uris(server) == ["b'sip:b@h'", "b'sip:c@h'"]


def test_save_memory_has_no_place_there() -> None:
    server = site(3)
    assert register(server, "<sip:a@h>", X_Mem="y").startswith(b"SIP/2.0 500 ")
    assert uris(server) == [] and any("no memory that save_memory could use" in line for line in server.lines(-1))


def test_commands_work_on_the_database() -> None:
    server = site(3, row("bob", "sip:a@h"), row("eve", "sip:e@h"))
    ask(server, "ul_add", b"location", b"bob", b"sip:p@h", b"0", b"1", b"0", b"128")
    assert ask(server, "ul_show_contact", b"location", b"bob").startswith(b"200 OK\n<sip:p@h>;q=1;expires=")
    # The row that tells the columns is a user, too.
    assert ask(server, "ul_stats") == b"200 ok\nDomain Registered Expired\n'location' 3 0\n"
    assert b"aor   : 'eve'" in ask(server, "ul_dump")
    ask(server, "ul_rm", b"location", b"bob")
    assert uris(server) == ["b'sip:e@h'"]


def test_users_with_domains_are_told_apart_in_the_database() -> None:
    rows_ = [row("bob", "sip:x@h", domain=b"h"), row("bob", "sip:y@h", domain=b"other")]
    server = site(3, *rows_, parameters='modparam("usrloc|registrar", "use_domain", 1)')
    assert redirected(server) == "sip:x@h"
