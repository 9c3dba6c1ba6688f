"""The process that runs what modules want done once per server; there only if one of them does."""

from __future__ import annotations

from typing import Final

from runtime.server.processes.kind import Kind, Run, Seat
from runtime.server.processes.workplace import Workplace, endless

TIMER: Final = "timer"


def kind(workplace: Workplace) -> Kind:
    datagrams = workplace.inheritance.datagrams

    def job(seat: Seat) -> Run:
        datagrams.keep(0)
        exchange = seat.exchange()
        workplace.start_engine(exchange, None, is_timer_process=True)
        return endless(workplace.worker(seat, exchange, 0, None, None))

    titles = ["timer"] if workplace.engine.has_server_timers() else []
    return Kind(TIMER, titles, job, keeps=(datagrams,), tells_counts=True, has_program=True)
