"""What the jobs of processes are made of: the engine, the sockets, and the parts of a worker."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from types import ModuleType
from typing import Final

from runtime.routing.config import Config
from runtime.routing.engine import Engine
from runtime.routing.meter import Meter
from runtime.routing.ports import L_DBG, Log
from runtime.routing.sockets import SocketTable
from runtime.server.helpers.db.storage import ServerStorage
from runtime.server.helpers.dns.resolver import ServerResolver
from runtime.server.helpers.dns.service import NameClient
from runtime.server.host.cures import of_processes
from runtime.server.host.errors import StartError
from runtime.server.mail.board import Board
from runtime.server.mail.exchange import Exchange, ServerOwnership
from runtime.server.mail.letters import log_level, new_program, watch
from runtime.server.processes.inheritance import Inheritance
from runtime.server.processes.kind import Run, Seat
from runtime.server.start.settings import CHILDREN
from runtime.server.streams.streams import Streams
from runtime.server.worker.collecting import spare_the_collector
from runtime.server.worker.connections import ServerConnections
from runtime.server.worker.desk import Desk
from runtime.server.worker.handlers import take_letters
from runtime.server.worker.levels import LogLevels
from runtime.server.worker.loop import Worker
from runtime.server.worker.overload import Overload
from runtime.server.worker.programs import Programs
from runtime.server.worker.tracing import Traces
from runtime.server.worker.udp.datagrams import BatchIO, DatagramIO, PlainIO
from runtime.server.worker.udp.sieve import Sieve
from runtime.server.worker.udp.sieving import filters
from runtime.server.worker.waiting import NativeWaiter, PlainWaiter, Waiter
from runtime.server.worker.watching import EpollWatches
from runtime.server.worker.ways import Ways
from runtime.sip.address import UDP
from runtime.sip.transport import ListenSocket


class Workplace:
    """One server's: the same in all its processes. The modules of `engine` are bound. Raises StartError.

    `children` processes read from each UDP address, `receivers` have TCP connections. If the program keeps state, its messages are
    shared out among `owners` processes: the UDP workers, or where there are none the TCP processes. `effective` applies the command line
    to the parameters of another program, which is shown on the `board`.
    """

    def __init__(
        self,
        engine: Engine,
        config: Config,
        table: SocketTable,
        log: Log,
        mmsg: ModuleType | None,
        resolver: ServerResolver,
        name_client: NameClient,
        effective: Callable[[Config], Config],
        queue_ms: int,
        retry_after_s: int,
        is_measured: bool = False,
    ) -> None:
        self.engine: Final = engine
        self.config: Final = config
        self.table: Final = table
        self.log: Final = log
        self.mmsg: Final = mmsg
        self.name_client: Final = name_client
        self._queue_ms: Final = queue_ms
        self._is_measured: Final = is_measured
        self._retry_after_s: Final = retry_after_s
        self._resolver: Final = resolver
        self.effective: Final = effective
        self.commands: Final = engine.commands()
        self.udp: Final = [s for s in table.sockets if s.proto == UDP]
        if not config.fork and self.udp:
            table.alone = self.udp[0]
        self.children: Final[int] = (config.children or CHILDREN) if config.fork else 1
        self.workers: Final = len(self.udp) * self.children if config.fork else 1
        has_tcp = config.fork and len(self.udp) < len(table.sockets)
        self.receivers: Final[int] = (config.tcp_children or CHILDREN) if has_tcp else 0
        self.owners: Final = (self.workers or self.receivers) if engine.keeps_state else 0
        engine.world.handlers = max(1, self.owners)
        try:
            self.board: Final = Board()
            self.probes: Final = Board()
        except OSError as e:
            raise StartError(f"cannot make a file in memory: {of_processes(e)}") from e
        self.inheritance: Final = Inheritance(config, table, log, self.children, self.receivers, self.owners)

    def start_engine(self, exchange: Exchange, streams: Streams | None, is_timer_process: bool = False) -> None:
        """In the process of that exchange, which is going to run the program."""
        connections = ServerConnections(exchange, streams) if self.receivers else None
        self._resolver.connect(exchange)
        self.engine.world.ownership = ServerOwnership(exchange)
        if self.engine.world.databases:
            self.engine.world.storage = ServerStorage(exchange)
        if self._is_measured:
            self.engine.measure(Meter(time.monotonic_ns))
        self.engine.start_worker(os.getpid(), connections, is_timer_process, EpollWatches())
        if self.log.level > L_DBG:
            self.engine.world.look_on(Ways(self.engine, self.log))

    def worker(
        self, seat: Seat, exchange: Exchange, child: int, listener: ListenSocket | None, streams: Streams | None
    ) -> Worker:
        """One that sends from the sockets of reader number `child`, reads letters, and datagrams of `listener`, and has the connections
        `streams`."""
        sockets = self.inheritance.datagrams.own(child)
        own = sockets[listener.index if listener is not None else 0] if sockets else socket.socket()
        io: DatagramIO = PlainIO(own, sockets) if self.mmsg is None else BatchIO(own, sockets, self.mmsg)
        waiter = self._waiter(
            [
                -1 if listener is None else own.fileno(),
                exchange.mailbox.fileno(),
                -1 if streams is None else streams.fileno(),
                -1,
            ]
        )
        where = self.table.sockets[0] if listener is None else listener
        overload, sieve = None, None
        if listener is not None and self._queue_ms > 0:
            io.measure_age()
            self.engine.guard_against_overload(self._retry_after_s)
            overload = Overload(self.log, self._queue_ms)
            sieve = Sieve(own, filters())
        worker = Worker(self.engine, io, where, self.log, waiter, exchange, streams, seat.entry, overload, sieve)
        # A process in the place of a dead one begins with the program that runs now.
        desk = Desk(self.engine.commands(), exchange, self.log)
        take_letters(worker, self.engine.world, self.log, exchange, streams, desk)

        def switched() -> None:
            desk.renew(self.engine.commands())
            worker.renew()

        programs = self.programs(exchange, switched)
        worker.take(new_program.KIND, programs)
        worker.take(log_level.KIND, LogLevels(self.engine, self.log))
        worker.take(watch.KIND, Traces(self.engine, programs, self.probes, exchange, self.log))
        return worker

    def programs(self, exchange: Exchange, switched: Callable[[], None]) -> Programs:
        """What has the program of this process exchanged; `switched` is called then."""
        return Programs(self.engine, self.effective, self.board, exchange, self.log, switched)

    def _waiter(self, fds: list[int]) -> Waiter:
        return PlainWaiter(fds) if self.mmsg is None else NativeWaiter(fds, self.mmsg)


def endless(worker: Worker) -> Run:
    """What a process does that is this worker and nothing else."""
    spare_the_collector()

    def run() -> None:
        worker.run(None, 0)

    return run
