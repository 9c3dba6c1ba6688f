"""REGISTERs that come in one batch are written together: each is answered for itself, and no 200 lies."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from engine import header
from script import Site, request

from runtime.modules.registrar import Registrar
from runtime.modules.usrloc import Usrloc
from runtime.modules.usrloc.batch import STAGED_MAX
from runtime.modules.usrloc.journal import JournalFile
from runtime.modules.usrloc.locations import Locations
from runtime.sip.address import Address

MODULES = "sl textops usrloc registrar"
ROUTE = """
route {
    if (method=="REGISTER") { save("location"); break; };
    if (lookup("location")) { sl_send_reply("302", "Moved"); break; };
    sl_send_reply("404", "Not Found");
}
"""


def site(parameters: str = "", route: str = ROUTE, folder: str = "") -> Site:
    return Site(parameters + route, MODULES, 3, folder)


def register(
    contact: str = "<sip:bob@1.1.1.1>", cseq: int = 1, user: str = "bob", call: str = "", **more: str
) -> bytes:
    to = {"To": f"<sip:{user}@h>", "Call_ID": call or f"reg-{user}", "CSeq": f"{cseq} REGISTER"}
    return request("REGISTER", "sip:h", Contact=contact, **to, **more)


def look(user: str = "bob") -> bytes:
    return request(uri=f"sip:{user}@h")


def begin(server: Site, *messages: bytes) -> None:
    """The messages come in one batch, which has not ended."""
    for message in messages:
        engine = server.engine
        engine.world.asking.apart(
            engine.handle, message, Address.parse("127.0.0.1", 5080), server.sockets[0], server.now_ms, 0
        )


def end(server: Site) -> list[bytes]:
    """What leaves when the batch ends, and when all that waits has gone on."""
    sends = server.engine.take_sends() + server.settle()
    assert server.engine.world.bugs.count == 0, server.lines()
    return [send.data for send in sends]


def batch(server: Site, *messages: bytes) -> list[bytes]:
    begin(server, *messages)
    return end(server)


def status(answer: bytes) -> int:
    return int(answer[8:11])


def locations(server: Site) -> Locations:
    usrloc = server.engine.world.modules["usrloc"]
    assert isinstance(usrloc, Usrloc)
    return usrloc.locations


class Other:
    """Another process of the same server, in which messages are handled when we say so."""

    def __init__(self, server: Site) -> None:
        self._to, self._from = os.pipe(), os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                # Only the parent's end counts: where that is closed, this process ends.
                os.close(self._to[1])
                while message := os.read(self._to[0], 65536):
                    os.write(self._from[1], b"".join(batch(server, message)) or b"-")
            finally:
                os._exit(0)
        os.close(self._to[0])
        os.close(self._from[1])

    def answer(self, message: bytes) -> bytes:
        os.write(self._to[1], message)
        # Closed before its time: the other one has failed.
        return os.read(self._from[0], 65536) or pytest.fail("the other process has ended")

    def end(self) -> None:
        os.close(self._to[1])
        os.waitpid(self._pid, 0)
        os.close(self._from[0])


@pytest.fixture
def other() -> Iterator[Callable[[Site], Other]]:
    made: list[Other] = []

    def make(server: Site) -> Other:
        made.append(Other(server))
        return made[-1]

    yield make
    for one in made:
        one.end()


# --- one process -------------------------------------------------------------------------------------------------------------


def test_each_sees_what_came_before_it_in_the_batch() -> None:
    server = site()
    first, second, found, gone, none = batch(
        *(server, register("<sip:a@h>"), register("<sip:b@h>", 2), look()),
        *(register("*", 3, Expires="0"), look()),
    )
    assert header(first, "Contact") == "<sip:a@h>;expires=3600"
    assert header(second, "Contact") == "<sip:a@h>;expires=3600, <sip:b@h>;expires=3600"
    assert header(found, "Contact") == "sip:a@h, sip:b@h"
    assert status(gone) == 200 and header(gone, "Contact") is None and status(none) == 404


def test_a_request_that_is_too_late_is_refused_within_a_batch_too() -> None:
    server = site()
    good, late, same = batch(server, register("<sip:a@h>", 5), register("<sip:a@h>;q=1", 4), register("<sip:a@h>", 5))
    assert status(good) == 200 and status(late) == 500 and header(late, "P-Registrar-Error") == "Out of order request"
    assert status(same) == 200 and header(end_of(server), "Contact") == "sip:a@h"


def end_of(server: Site) -> bytes:
    (answer,) = batch(server, look())
    return answer


def test_a_batch_is_one_transaction() -> None:
    server = site()
    batch(server, register())
    before = last_change(server)
    batch(server, *(register(user=f"user{n}") for n in range(10)))
    assert last_change(server) == before + 1
    # What changes nothing is not written.
    batch(server, look(), register(user="user1"), look())
    assert last_change(server) == before + 1


def last_change(server: Site) -> int:
    store = locations(server).store
    store.look(0, b"")
    return int(store.look_away())


def test_a_large_batch_is_written_in_parts_in_its_order() -> None:
    server = site()
    count = 3 * STAGED_MAX + 5
    batch(server, register())
    before = last_change(server)
    answers = batch(server, *(register(f"<sip:{n}@h>", n + 1, f"user{n % 7}") for n in range(count)))
    assert [status(answer) for answer in answers] == [200] * count and last_change(server) == before + 4
    assert header(answers[-1], "Contact") == ", ".join(
        f"<sip:{n}@h>;expires=3600" for n in range((count - 1) % 7, count, 7)
    )


def test_large_records_are_written_in_parts() -> None:
    server = site()
    contacts = ", ".join(f"<sip:{n}{'x' * 1000}@h>" for n in range(40))
    batch(server, register())
    before = last_change(server)
    answers = batch(server, *(register(contacts, user=f"user{n}") for n in range(8)))
    assert [status(answer) for answer in answers] == [200] * 8 and last_change(server) == before + 2


def test_what_is_not_answered_here_is_written_before_the_route_goes_on(other: Callable[[Site], Other]) -> None:
    server = site(route=ROUTE.replace('save("location")', 'save_noreply("location")'))
    second = other(server)
    begin(server, register())
    assert status(second.answer(look())) == 302
    assert end(server) == []


def test_a_batch_that_is_lost_leaves_nothing() -> None:
    server = site()
    begin(server, register(), register(user="eve"))
    server.engine.world.asking.deferrals.forget()
    server.engine.world.outbox.clear()
    assert [status(answer) for answer in batch(server, look(), look("eve"))] == [404, 404]


# --- several processes -------------------------------------------------------------------------------------------------------


def test_others_see_a_contact_when_its_answer_leaves_and_not_before(other: Callable[[Site], Other]) -> None:
    server = site()
    second = other(server)
    begin(server, register())
    assert status(second.answer(look())) == 404
    (answer,) = end(server)
    assert status(answer) == 200 and status(second.answer(look())) == 302


def test_contacts_of_one_user_that_two_processes_take_at_once_are_all_there(other: Callable[[Site], Other]) -> None:
    server = site()
    second = other(server)
    batch(server, register("<sip:a@h>;q=0.1"))
    begin(server, register("<sip:b@h>;q=0.2", 2), register("<sip:eve@h>", user="eve"), register("<sip:c@h>;q=0.3", 3))
    assert status(second.answer(register("<sip:d@h>;q=0.4", call="elsewhere"))) == 200
    answers = end(server)
    # Each answer stands where it stood, and tells what the table has.
    assert [header(answer, "Contact") for answer in answers] == [
        "<sip:d@h>;q=0.4;expires=3600, <sip:b@h>;q=0.2;expires=3600, <sip:a@h>;q=0.1;expires=3600",
        "<sip:eve@h>;expires=3600",
        "<sip:d@h>;q=0.4;expires=3600, <sip:c@h>;q=0.3;expires=3600, <sip:b@h>;q=0.2;expires=3600, <sip:a@h>;q=0.1;expires=3600",
    ]
    assert header(second.answer(look()), "Contact") == "sip:d@h, sip:c@h, sip:b@h, sip:a@h"


def test_who_is_overtaken_by_a_later_request_is_refused(other: Callable[[Site], Other]) -> None:
    server = site()
    second = other(server)
    begin(server, register("<sip:a@h>;q=0.1", 2), register(user="eve"))
    assert status(second.answer(register("<sip:a@h>;q=0.9", 7))) == 200
    late, eve = end(server)
    assert status(late) == 500 and header(late, "P-Registrar-Error") == "Out of order request"
    assert header(late, "Contact") == "<sip:a@h>;q=0.9;expires=3600" and status(eve) == 200
    registrar = server.engine.world.modules["registrar"]
    assert isinstance(registrar, Registrar) and registrar.statistics() == {"saved": 1, "refused": 1}


def test_max_contacts_holds_for_two_processes_together(other: Callable[[Site], Other]) -> None:
    server = site('modparam("registrar", "max_contacts", 1) modparam("registrar", "retry_after", 9)')
    second = other(server)
    begin(server, register("<sip:a@h>"))
    assert status(second.answer(register("<sip:b@h>", call="elsewhere"))) == 200
    (answer,) = end(server)
    assert status(answer) == 503 and header(answer, "Contact") == "<sip:b@h>;expires=3600"
    assert header(answer, "Retry-After") == "9" and header(second.answer(look()), "Contact") == "sip:b@h"


def test_headers_that_the_route_has_added_before_are_in_the_other_answer_too(other: Callable[[Site], Other]) -> None:
    route = ROUTE.replace('save("location")', 'append_to_reply("X-A: 1\\r\\n"); save("location")')
    server = site(route=route)
    second = other(server)
    begin(server, register("<sip:a@h>"))
    second.answer(register("<sip:b@h>", call="elsewhere"))
    (answer,) = end(server)
    assert answer.count(b"X-A: 1\r\n") == 1 and answer.count(b"Contact: ") == 1
    assert header(answer, "Contact") == "<sip:b@h>;expires=3600, <sip:a@h>;expires=3600"


def test_a_user_that_another_process_removes_is_registered_all_the_same(other: Callable[[Site], Other]) -> None:
    server = site()
    second = other(server)
    batch(server, register("<sip:a@h>", call="elsewhere"))
    begin(server, register("<sip:b@h>"))
    second.answer(register("*", 2, call="elsewhere", Expires="0"))
    (answer,) = end(server)
    assert header(answer, "Contact") == header(answer, "Contact") == "<sip:b@h>;expires=3600"


# --- no room -----------------------------------------------------------------------------------------------------------------


def test_in_a_full_store_each_gets_the_answer_that_is_true() -> None:
    server = site('modparam("usrloc", "max_memory", 2)')
    contacts = ", ".join(f"<sip:{n}{'x' * 1000}@h>" for n in range(20))
    good: list[str] = []
    refused = 0
    for start in range(0, 200, 20):
        users = [f"user{n}" for n in range(start, start + 20)]
        for user, answer in zip(users, batch(server, *(register(contacts, user=user) for user in users)), strict=True):
            if status(answer) == 200:
                good.append(user)
            else:
                refused += 1
                assert status(answer) == 500 and header(answer, "P-Registrar-Error") == "usrloc_contact_update failed"
                assert header(answer, "Contact") is None
    assert refused > 100 and len(good) > 10
    assert [status(answer) for answer in batch(server, *(look(user) for user in good))] == [302] * len(good)
    everybody = {key.decode() for key, _ in locations(server).tables[0].users()}
    assert everybody == set(good)


def test_on_a_full_disk_each_gets_the_answer_that_is_true(tmp_path: Path) -> None:
    server = site(f'modparam("usrloc", "keep", "{tmp_path}/kept")', folder=str(tmp_path))
    journal = tmp_path / "kept" / "journal.1"

    def child() -> None:
        batch(server, register())
        size = os.stat(journal).st_size
        # Room for two of them, and not for the third.
        resource.setrlimit(resource.RLIMIT_FSIZE, (size * 3, resource.RLIM_INFINITY))
        answers = batch(server, *(register(user=f"us{n}") for n in range(4)))
        good = [f"us{n}" for n, answer in enumerate(answers) if status(answer) == 200]
        assert sorted(map(status, answers))[-1] == 500 and good
        kept = [key.decode() for _, key, _ in JournalFile(str(journal)).entries()]
        assert kept == ["bob", *good]
        assert [status(answer) for answer in batch(server, *(look(user) for user in good))] == [302] * len(good)

    pid = os.fork()
    if pid == 0:
        try:
            child()
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_kept_registrations_of_a_batch_are_answered_together(tmp_path: Path) -> None:
    server = site(f'modparam("usrloc", "keep", "{tmp_path}/kept")', folder=str(tmp_path))
    batch(server, register())
    before = last_change(server)
    begin(server, *(register(user=f"user{n}") for n in range(8)))
    assert server.engine.world.outbox == [] and last_change(server) == before
    answers = end(server)
    assert [status(answer) for answer in answers] == [200] * 8 and last_change(server) == before + 1
