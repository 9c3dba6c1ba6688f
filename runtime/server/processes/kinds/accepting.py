"""The process that accepts TCP connections and gives them to those that have them."""

from __future__ import annotations

from runtime.server.processes.kind import Kind, Run, Seat
from runtime.server.processes.workplace import Workplace
from runtime.server.streams.acceptor import Acceptor


def kind(workplace: Workplace) -> Kind:
    doors, listeners = workplace.inheritance.doors, workplace.inheritance.listeners

    def job(seat: Seat) -> Run:
        doors.keep(-1)
        return Acceptor(listeners.pairs, doors.outside, workplace.log, seat.exchange().mailbox).run

    titles = ["tcp main process"] if workplace.receivers else []
    return Kind("tcp main", titles, job, keeps=(doors, listeners))
