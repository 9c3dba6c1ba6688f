"""Places in the process table and numbers of mailboxes, for whatever kinds of processes there are."""

from __future__ import annotations

import pytest

from runtime.server.processes.kind import Kind, Run, Seat
from runtime.server.processes.roster import MASTER, Roster


def job(seat: Seat) -> Run:
    return lambda: None


def kinds() -> list[Kind]:
    """In the order of the table."""
    return [
        Kind("fifo", ["fifo server"], job),
        Kind("udp", ["receiver 0", "receiver 1"], job, handles_messages=True, tells_counts=True),
        Kind("timer", ["timer"], job, tells_counts=True),
        Kind("tcp", ["tcp receiver"], job, handles_messages=True, tells_counts=True),
        Kind("acceptor", ["tcp main process"], job, has_mailbox=False),
        Kind("nobody", [], job),
        Kind("later", ["later one", "later two"], job),
    ]


def test_the_table_has_the_master_and_then_all_kinds_in_their_order() -> None:
    roster = Roster("attendant", kinds(), 2, None)
    titles = ["attendant", *(title for kind in kinds() for title in kind.titles)]
    assert roster.table.descriptions == titles
    assert [seat.title for _, seat in roster.forked()] == titles[1:]


def test_who_handles_messages_has_the_first_mailboxes() -> None:
    directory = Roster("attendant", kinds(), 2, None).directory
    assert (directory["udp"], directory["tcp"]) == (range(2), range(2, 3))
    others = [*directory["fifo"], *directory["timer"], *directory["later"], *directory[MASTER]]
    assert sorted(others) == list(range(3, 8))
    assert "acceptor" not in directory and "nobody" not in directory


def test_a_seat_knows_its_mailbox_and_its_entry() -> None:
    roster = Roster("attendant", kinds(), 2, None)
    second = roster.seats("later")[1]
    assert (second.place, second.mailbox) == (1, roster.directory["later"][1])
    second.entry.tell(7)
    index = roster.table.descriptions.index("later two")
    assert roster.table.pending(index) == 7
    assert roster.seats("acceptor")[0].mailbox == -1


@pytest.mark.parametrize(("owners", "runners"), [(2, [0, 1]), (0, [0, 1, 2])])
def test_messages_are_shared_out_among_owners_or_among_all(owners: int, runners: list[int]) -> None:
    roster = Roster("attendant", kinds(), owners, None)
    exchange = roster.masters_exchange()
    assert roster.runners(exchange).mailboxes == runners
    assert exchange.owners == owners
    assert roster.seats("timer")[0].exchange().is_owner == (owners == 0)


def test_counts_are_asked_of_the_entry_that_belongs_to_the_mailbox() -> None:
    roster = Roster("attendant", kinds(), 2, None)
    counters = roster.counters(roster.masters_exchange())
    timer = roster.directory["timer"].start
    assert {counters.name(n) for n in counters.mailboxes} == {"receiver 0", "receiver 1", "timer", "tcp receiver"}
    roster.table.begin(roster.table.descriptions.index("timer"), 4711)
    assert (counters.name(timer), counters.pid(timer)) == ("timer", 4711)
    assert counters.unfinished() == 1


def test_alone_the_master_takes_the_place_of_who_handles_messages() -> None:
    alone = [Kind("udp", ["stand-alone"], job, handles_messages=True), Kind("dns", ["dns resolver"], job)]
    roster = Roster("", alone, 1, None)
    assert roster.table.descriptions == ["stand-alone", "dns resolver"]
    assert [seat.title for _, seat in roster.forked()] == ["dns resolver"]
    roster.seats("udp")[0].entry.tell(3)
    assert roster.table.pending(0) == 3
