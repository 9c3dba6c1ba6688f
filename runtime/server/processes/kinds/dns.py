"""The process that asks name servers for all others."""

from __future__ import annotations

from runtime.server.helpers.dns.resolver import NAME_SERVICE
from runtime.server.helpers.dns.service import COMM, NameService, call_it
from runtime.server.processes.kind import Kind, Run, Seat
from runtime.server.processes.workplace import Workplace


def kind(workplace: Workplace) -> Kind:
    def job(seat: Seat) -> Run:
        call_it(COMM)
        return NameService(seat.exchange(), workplace.name_client, workplace.log).run

    return Kind(NAME_SERVICE, ["dns resolver"], job)
