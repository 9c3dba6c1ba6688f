"""The processes that read datagrams, some for each UDP address, and run the program."""

from __future__ import annotations

from typing import Final

from runtime.server.host.errors import StartError
from runtime.server.processes.kind import Kind, Run, Seat
from runtime.server.processes.workplace import Workplace, endless
from runtime.server.worker.loop import Worker
from runtime.sip.transport import ListenSocket

UDP_WORKERS: Final = "udp"


def kind(workplace: Workplace) -> Kind:
    """Raises StartError: a single process, with fork=no, has nothing to receive from."""
    datagrams = workplace.inheritance.datagrams

    def job(seat: Seat) -> Run:
        datagrams.keep(seat.place % workplace.children)
        return endless(worker(workplace, seat))

    return Kind(
        UDP_WORKERS,
        _titles(workplace),
        job,
        keeps=(datagrams,),
        handles_messages=True,
        tells_counts=True,
        has_program=True,
    )


def _titles(workplace: Workplace) -> list[str]:
    if not workplace.config.fork:
        if not workplace.udp:
            raise StartError(
                "no UDP address to listen on, and a single process serves nothing else: add one (-l, listen=) or drop fork=no"
            )
        return [f"stand-alone receiver @ {_shown(workplace.udp[0])}"]
    return [f"receiver child={i} sock= {_shown(s)}" for s in workplace.udp for i in range(workplace.children)]


def _shown(listener: ListenSocket) -> str:
    return f"{listener.name.decode()}:{listener.address.port}"


def worker(workplace: Workplace, seat: Seat) -> Worker:
    """The worker of that seat, in its process."""
    listener, child = workplace.udp[seat.place // workplace.children], seat.place % workplace.children
    exchange = seat.exchange()
    workplace.start_engine(exchange, None)
    return workplace.worker(seat, exchange, child, listener, None)
