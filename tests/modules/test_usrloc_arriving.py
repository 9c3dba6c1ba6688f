"""usrloc with a large table in a database: it comes while the server answers."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from engine import header
from script import ask, request
from tables import URL, Tables, TableSite

from runtime.modules.usrloc import Usrloc
from runtime.modules.usrloc.arriving import Arrival
from runtime.modules.usrloc.store import COUNTERS
from runtime.routing.context import Context
from runtime.routing.database import Condition, Row, Value

pytestmark = pytest.mark.usefixtures("tables_in")

USERS = 40
ROUTE = """
route {
    if (method=="REGISTER") { save("location"); break; };
    if (lookup("location")) { sl_send_reply("302", "Moved"); break; };
    sl_send_reply("404", "Not Found");
}
"""


def row(user: str, uri: str, q: float = -1.0) -> dict[str, Value]:
    made: dict[str, Value] = {
        "username": user.encode(),
        "domain": b"",
        "contact": uri.encode(),
        "received": None,
        "q": q,
    }
    made |= {"expires": 3_000_000_000, "callid": b"call", "cseq": 5, "replicate": 0, "state": 0, "flags": 0}
    return made | {"user_agent": b"UA"}


class Slow(Tables):
    """While rows of a whole table are on their way, `meanwhile` happens."""

    def __init__(self, **tables: list[dict[str, Value]]) -> None:
        super().__init__(**tables)
        self.meanwhile: Callable[[], None] | None = None

    def query(
        self,
        ctx: Context | None,
        table: str,
        columns: tuple[str, ...],
        where: list[Condition],
        order: str = "",
        most: int = 0,
    ) -> list[Row]:
        rows = super().query(ctx, table, columns, where, order, most)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return rows


def site(mode: int, at_start: int = 10, rows: list[dict[str, Value]] | None = None) -> TableSite:
    if rows is None:
        rows = [row(f"u{number:02}", f"sip:{kind}@h") for number in range(USERS) for kind in ("a", "b")]
    parameters = f"""modparam("usrloc", "db_url", "{URL}") modparam("usrloc", "db_mode", {mode})
        modparam("usrloc", "rows_at_start", {at_start})"""
    return TableSite(Slow(location=rows), parameters + ROUTE, "usrloc registrar")


def register(server: TableSite, user: str, contact: str, cseq: int = 2, **headers: str) -> bytes:
    data = request("REGISTER", "sip:h", To=f"<sip:{user}@h>", Contact=contact, CSeq=f"{cseq} REGISTER", **headers)
    return server.answer(data)


def found(server: TableSite, user: str) -> list[str]:
    answer = server.answer(request(uri=f"sip:{user}@h"))
    return sorted((header(answer, "Contact") or "").replace(" ", "").split(",")) if b"302" in answer[:12] else []


def usrloc(server: TableSite) -> Usrloc:
    module = server.engine.world.modules["usrloc"]
    assert isinstance(module, Usrloc)
    return module


def arrival(server: TableSite) -> Arrival:
    (table,) = usrloc(server).locations.tables
    assert table.arrival is not None
    return table.arrival


def run_timers(server: TableSite) -> None:
    for timer in usrloc(server).timers():
        timer.body(server.now_ms, [])


def stored(server: TableSite) -> list[tuple[bytes, list[bytes]]]:
    (table,) = usrloc(server).locations.tables
    return [(aor, sorted(contact.uri for contact in contacts)) for aor, contacts in table.users()]


@pytest.mark.parametrize("mode", [1, 2])
def test_who_has_not_come_yet_is_found_all_the_same(mode: int) -> None:
    server = site(mode)
    assert stored(server) == []
    assert found(server, "u17") == ["sip:a@h", "sip:b@h"]
    assert stored(server) == [(b"u17", [b"sip:a@h", b"sip:b@h"])]
    assert found(server, "nobody") == []
    asked = server.tables.asked
    # Once is enough, for who is not there, too.
    assert found(server, "u17") == ["sip:a@h", "sip:b@h"] and found(server, "nobody") == []
    assert server.tables.asked == asked == 2


def test_a_small_table_is_there_from_the_start() -> None:
    server = site(1, at_start=2 * USERS)
    assert len(stored(server)) == USERS
    assert [timer.name for timer in usrloc(server).timers()] == ["usrloc: expired contacts"]
    assert server.tables.asked == 0


def test_all_of_a_large_table_is_there_from_the_start_where_that_is_wanted() -> None:
    assert len(stored(site(1, at_start=0))) == USERS


@pytest.mark.parametrize("mode", [1, 2])
def test_all_come_and_nothing_is_left_of_the_way(mode: int) -> None:
    server = site(mode)
    register(server, "u03", "<sip:new@h>")
    run_timers(server)
    users = stored(server)
    assert len(users) == USERS
    assert (b"u03", [b"sip:a@h", b"sip:b@h", b"sip:new@h"]) in users
    assert usrloc(server).locations.store.part(COUNTERS, b"m", 10) == []
    asked = server.tables.asked
    assert found(server, "u20") == ["sip:a@h", "sip:b@h"] and found(server, "nobody") == []
    assert server.tables.asked == asked
    assert [line for _, line in server.log.records if "NOTICE: usrloc" in line] == [
        "NOTICE: usrloc: table location of the database has over 10 rows: contacts come while the server answers",
        "NOTICE: usrloc: table location: all contacts of the database are there",
    ]


@pytest.mark.parametrize("mode", [1, 2])
def test_who_registers_has_the_contacts_of_the_database_beside_the_new_one(mode: int) -> None:
    server = site(mode)
    answer = register(server, "u05", "<sip:c@h>")
    assert sorted(uri.split(";")[0] for uri in (header(answer, "Contact") or "").split(", ")) == [
        "<sip:a@h>",
        "<sip:b@h>",
        "<sip:c@h>",
    ]
    # The order of requests is kept with what the database knows: RFC 3261 10.3.
    assert register(server, "u06", "<sip:a@h>", 1, Call_ID="call").startswith(b"SIP/2.0 500 ")


@pytest.mark.parametrize("mode", [1, 2])
def test_what_is_removed_does_not_come_back(mode: int) -> None:
    server = site(mode)
    assert b" 200 " in register(server, "u07", "*", Expires="0")
    slow = server.tables
    assert isinstance(slow, Slow)
    # Its rows have been read already.

    def meanwhile() -> None:
        register(server, "u08", "<sip:b@h>", Expires="0")

    slow.meanwhile = meanwhile
    run_timers(server)
    run_timers(server)
    assert found(server, "u07") == []
    assert found(server, "u08") == ["sip:a@h"]
    assert len(stored(server)) == USERS - 1


def test_rows_that_were_read_before_all_had_come_are_not_put_in_any_more() -> None:
    server = site(1)

    def meanwhile() -> None:
        register(server, "u09", "*", Expires="0")
        run_timers(server)

    slow = server.tables
    assert isinstance(slow, Slow)
    slow.meanwhile = meanwhile
    # As another process would, which has asked and was slow.
    arrival(server).bring(b"u09", None)
    assert found(server, "u09") == []


def test_a_command_finds_who_has_not_come_yet() -> None:
    server = site(1)
    answer = ask(server, "ul_show_contact", b"location", b"u11")
    assert b"sip:a@h" in answer and b"sip:b@h" in answer
    assert ask(server, "ul_rm", b"location", b"u12").startswith(b"200 ")
    run_timers(server)
    assert found(server, "u12") == []


def test_a_database_that_is_away_is_tried_again() -> None:
    server = site(1)
    server.tables.down = True
    run_timers(server)
    run_timers(server)
    assert register(server, "u01", "<sip:c@h>").startswith(b"SIP/2.0 500 ")
    assert found(server, "u02") == []
    told = [line for _, line in server.log.records if "are still to come" in line]
    assert told == ["ERROR: usrloc: contacts of the database are still to come; retrying: the database is down"]
    server.tables.down = False
    run_timers(server)
    assert len(stored(server)) == USERS


def test_a_part_ends_between_users() -> None:
    rows = [row("a", f"sip:{number}@h") for number in range(7)]
    rows += [row("b", "sip:1@h"), row("c", "sip:1@h"), row("c", "sip:2@h")]
    server = site(1, 1, rows)
    while not arrival(server).work(2):
        pass
    assert [(aor, len(uris)) for aor, uris in stored(server)] == [(b"a", 7), (b"b", 1), (b"c", 2)]


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_meanwhile_all_ends_as_if_all_had_been_there(seed: int) -> None:
    chance = random.Random(seed)
    mode = 1 + seed % 2
    coming, there = site(mode), site(mode, at_start=0)
    steps = [chance.choice(("register", "remove", "clear", "find", "part")) for _ in range(60)]
    for cseq, step in enumerate(steps, 2):
        user, kind = f"u{chance.randrange(USERS + 3):02}", chance.choice("abc")
        if step == "part":
            table = usrloc(coming).locations.tables[0]
            if table.arrival is not None:
                table.arrival.work(chance.randrange(1, 9))
            continue
        answers = [
            (
                found(server, user)
                if step == "find"
                else (
                    _changed(register(server, user, "*", cseq, Expires="0"))
                    if step == "clear"
                    else _changed(
                        register(server, user, f"<sip:{kind}@h>", cseq, Expires="0" if step == "remove" else "90")
                    )
                )
            )
            for server in (coming, there)
        ]
        assert answers[0] == answers[1], (step, user)
    for server in (coming, there):
        run_timers(server)
    assert stored(coming) == stored(there)


def _changed(answer: bytes) -> list[str]:
    contacts = (header(answer, "Contact") or "").split(", ")
    return [answer[8:11].decode(), *sorted(contact.split(";")[0] for contact in contacts)]
