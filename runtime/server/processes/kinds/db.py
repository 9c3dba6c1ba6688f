"""The process that asks databases for all others; there only if a module has one."""

from __future__ import annotations

from runtime.server.helpers.db.service import COMM, DatabaseService
from runtime.server.helpers.db.storage import DATABASE_SERVICE
from runtime.server.helpers.dns.service import call_it
from runtime.server.processes.kind import Kind, Run, Seat
from runtime.server.processes.workplace import Workplace
from runtime.storage.database import urls_of


def kind(workplace: Workplace) -> Kind:
    urls = urls_of(workplace.engine.world)

    def job(seat: Seat) -> Run:
        call_it(COMM)
        return DatabaseService(seat.exchange(), urls, workplace.log).run

    return Kind(DATABASE_SERVICE, ["databases"] if urls else [], job)
