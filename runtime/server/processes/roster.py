"""The processes of the server and what each of them needs: sockets, mailboxes, connections. Reference core, 1.4."""

from __future__ import annotations

import gc
import os
import resource
import socket
import time
from collections.abc import Callable
from types import ModuleType
from typing import Final

from runtime.routing.command import Command
from runtime.routing.config import Config
from runtime.routing.engine import Engine
from runtime.routing.ports import Log
from runtime.routing.sockets import SocketTable
from runtime.server.helpers.dns.resolver import ServerResolver
from runtime.server.helpers.dns.service import NAME_SERVICE, NameClient, NameService, call_it
from runtime.server.host.cures import of_processes
from runtime.server.host.errors import StartError
from runtime.server.host.process_table import Entry, ProcessTable
from runtime.server.log.server_log import DBG
from runtime.server.mail.exchange import Exchange
from runtime.server.mail.mailbox import BatchMailbox, Mailbox, Mailboxes, PlainMailbox, Post
from runtime.server.start.bind import bind_all, close_all, listen_all
from runtime.server.start.settings import CHILDREN
from runtime.server.streams.acceptor import Acceptor, Doors
from runtime.server.streams.streams import Limits, Streams
from runtime.server.worker.connections import ServerConnections
from runtime.server.worker.desk import Desk
from runtime.server.worker.loop import Worker
from runtime.server.worker.udp.datagrams import BatchIO, DatagramIO, PlainIO
from runtime.server.worker.udp.steering import steer
from runtime.server.worker.waiting import NativeWaiter, PlainWaiter, Waiter
from runtime.sip.address import UDP
from runtime.sip.transport import ListenSocket

# Descriptors of a TCP process that are no connections, beside those of sockets and mailboxes.
_OTHER_FILES: Final = 64
# A TCP process in the place of a dead one begins its numbers where the other cannot have come: nobody opens more connections
# than this in a second.
_NUMBERS_A_SECOND: Final = 4096

# What a member of the crew does for ever, made in its own process.
Job = Callable[[], Callable[[], None]]


class Crew:
    """UDP workers for each address, and for TCP a process that accepts and others that have the connections.

    Mailboxes are numbered: UDP workers first, address by address, then TCP processes, then `askers` others who ask the crew
    something, and the last is that of the process which asks name servers. If the program keeps state, its messages are shared out among the UDP workers, or where there are none among the
    TCP processes. A program without state is run by whoever receives a message.
    """

    def __init__(
        self,
        engine: Engine,
        config: Config,
        table: SocketTable,
        log: Log,
        mmsg: ModuleType | None,
        resolver: ServerResolver,
        askers: int,
    ) -> None:
        self._engine: Final = engine
        self._config: Final = config
        self._table: Final = table
        self._log: Final = log
        self._mmsg: Final = mmsg
        self._resolver: Final = resolver
        self._name_client: Final = NameClient(log)
        self._udp: Final = [s for s in table.sockets if s.proto == UDP]
        # Processes for each UDP address.
        self._children: Final[int] = (config.children or CHILDREN) if config.fork else 1
        self._workers: Final = len(self._udp) * self._children if config.fork else 1
        has_tcp = config.fork and len(self._udp) < len(table.sockets)
        self._receivers: Final[int] = (config.tcp_children or CHILDREN) if has_tcp else 0
        self._owners: Final = (self._workers or self._receivers) if engine.keeps_state else 0
        # The processes of mailboxes 0 to `runners` - 1 run the program.
        self.runners: Final = self._owners or self._workers + self._receivers
        # All who have a mailbox and count what they do.
        self.counters: Final = self._workers + self._receivers
        self._name_service: Final = self._workers + self._receivers + askers
        self.commands: list[Command] = []
        self._sockets: list[list[socket.socket]] = []
        self._listeners: list[tuple[int, socket.socket]] = []
        self._mailboxes: Mailboxes | None = None
        self._doors: Doors | None = None
        self._opened_s = 0.0
        self._process_table: ProcessTable | None = None
        self._first_entry = 0

    def open(self) -> None:
        """Everything that is to be inherited. The modules are bound. Raises StartError."""
        self.commands = self._engine.commands()
        self._opened_s = time.monotonic()
        self._sockets = bind_all(self._table, self._config, self._log, self._children)
        self._steer()
        if self._config.fork:
            self._listeners = listen_all(self._table)
        count = self._name_service + 1
        try:
            self._mailboxes = Mailboxes(count)
            if self._receivers:
                self._doors = Doors(self._receivers)
        except OSError as e:
            raise StartError(f"cannot make mailboxes for {count} processes: {of_processes(e)}") from e

    def enter(self, table: ProcessTable, first_entry: int) -> None:
        """Where the processes of the mailboxes from 0 up stand in the process table."""
        self._process_table = table
        self._first_entry = first_entry

    def _steer(self) -> None:
        """Let the kernel share datagrams out by their Call-ID, as far as it can."""
        for i, group in enumerate(self._sockets):
            if len(group) == 1:
                continue
            # Without state each listener's workers are equal.
            first, owners = (i * self._children, self._owners) if self._owners else (0, self._children)
            if not steer(group, first, owners):
                self._log.write(DBG, "DEBUG: this kernel cannot share datagrams out by their Call-ID")

    def members(self) -> list[tuple[str, Job]]:
        """Each process, with its name as SER's `ps` shows it, in the order of SER's process table."""
        members: list[tuple[str, Job]] = []
        for listener in self._udp:
            for child in range(self._children):
                name = f"receiver child={child} sock= {listener.name.decode()}:{listener.address.port}"
                members.append((name, self._udp_job(listener, child)))
        for index in range(self._receivers):
            members.append(("tcp receiver", self._tcp_job(index)))
        if self._receivers:
            members.append(("tcp main process", self._accepting_job()))
        return members

    def name_service(self) -> tuple[str, Job]:
        """The process that asks name servers, with its name; the last of the table, also where there are no members."""

        def job() -> Callable[[], None]:
            call_it(NAME_SERVICE)
            return NameService(self._leave(self._name_service), self._name_client, self._log).run

        return "dns resolver", job

    def preload(self) -> None:
        """Read and import now what a change of the root directory puts out of reach of the name service."""
        self._name_client.preload()

    def alone(self) -> Worker:
        """fork=no: the only process, which receives on the first UDP address. Raises StartError."""
        if not self._udp:
            raise StartError(
                "no UDP address to listen on, and a single process serves nothing else: add one (-l, listen=) or drop fork=no"
            )
        # The master, which this process is too, keeps the mailboxes for control processes still to come.
        worker = self._udp_worker(self._udp[0], 0, self._exchange_of(0))
        _spare_the_collector()
        return worker

    def leave(self, asker: int) -> Exchange:
        """In a process that is no member: it keeps nothing of theirs but the ways to their mailboxes, and its own one, that of
        asker number `asker`."""
        return self._leave(self._workers + self._receivers + asker)

    def _leave(self, mailbox: int) -> Exchange:
        for group in self._sockets:
            close_all(group)
        self._leave_tcp(-1)
        return self._exchange(mailbox)

    def asker(self, asker: int) -> Exchange:
        """The same in the master, who keeps everything for those who come after."""
        return self._exchange_of(self._workers + self._receivers + asker)

    # --- UDP ---------------------------------------------------------------------------------------------------------

    def _udp_job(self, listener: ListenSocket, child: int) -> Job:
        def job() -> Callable[[], None]:
            self._leave_tcp(-1)
            self._keep_sockets(child)
            exchange = self._exchange(int(listener.index) * self._children + child)
            return _endless(self._udp_worker(listener, child, exchange))

        return job

    def _udp_worker(self, listener: ListenSocket, child: int, exchange: Exchange) -> Worker:
        """In the process that is to receive on `listener`, as its reader number `child`."""
        self._start_engine(exchange, None)
        own = self._sockets[listener.index][child % len(self._sockets[listener.index])]
        waiter = self._waiter([own.fileno(), exchange.mailbox.fileno(), -1])
        io = self._io(own, child)
        entry = self._entry(exchange)
        return Worker(self._engine, io, listener, self._log, waiter, exchange, None, self._desk(exchange), entry)

    # --- TCP ---------------------------------------------------------------------------------------------------------

    def _tcp_job(self, index: int) -> Job:
        def job() -> Callable[[], None]:
            return _endless(self._tcp_worker(index))

        return job

    def _tcp_worker(self, index: int) -> Worker:
        """In TCP process number `index`."""
        assert self._doors is not None
        number = self._workers + index
        exchange = self._exchange(number)
        self._leave_tcp(index)
        self._keep_sockets(index)
        first = 1 + int(time.monotonic() - self._opened_s) * _NUMBERS_A_SECOND
        door = self._doors.inside[index]
        streams = Streams(index, self._receivers, first, door, self._table, self._limits(), self._log)
        if exchange.is_owner:
            self._start_engine(exchange, streams)
        waiter = self._waiter([-1, exchange.mailbox.fileno(), streams.fileno()])
        own = self._sockets[0][index % len(self._sockets[0])] if self._sockets else socket.socket()
        io = self._io(own, index)
        desk, entry = self._desk(exchange), self._entry(exchange)
        return Worker(self._engine, io, self._table.sockets[0], self._log, waiter, exchange, streams, desk, entry)

    def _limits(self) -> Limits:
        """As many connections as there may be files; where nobody has set a limit it is raised as far as that goes."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if self._config.open_files_limit < 0 and soft < hard:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
        files = _OTHER_FILES + 2 * (self._workers + self._receivers)
        config = self._config
        return Limits(max(1, soft - files), config.tcp_connect_timeout * 1000, config.tcp_send_timeout * 1000)

    def _accepting_job(self) -> Job:
        def job() -> Callable[[], None]:
            assert self._doors is not None and self._mailboxes is not None
            for group in self._sockets:
                close_all(group)
            self._doors.keep(-1)
            self._mailboxes.keep(-1)
            return Acceptor(self._listeners, self._doors.outside, self._log).run

        return job

    def _leave_tcp(self, index: int) -> None:
        """In a process that accepts nothing; `index` of a TCP process, -1 for others."""
        for _, listener in self._listeners:
            listener.close()
        if self._doors is not None:
            self._doors.keep(index)
            self._doors.leave()

    # --- what both need ----------------------------------------------------------------------------------------------

    def _start_engine(self, exchange: Exchange, streams: Streams | None) -> None:
        connections = ServerConnections(exchange, streams) if self._receivers else None
        self._resolver.connect(exchange)
        self._engine.start_worker(os.getpid(), connections)

    def _desk(self, exchange: Exchange) -> Desk:
        return Desk(self.commands, exchange, self._log)

    def _entry(self, exchange: Exchange) -> Entry:
        assert self._process_table is not None
        return Entry(self._process_table, self._first_entry + int(exchange.number))

    def _exchange(self, number: int) -> Exchange:
        """In the process of mailbox `number`: that, and the way to the others."""
        assert self._mailboxes is not None
        self._mailboxes.keep(number)
        return self._exchange_of(number)

    def _exchange_of(self, number: int) -> Exchange:
        boxes = self._mailboxes
        assert boxes is not None
        reader = boxes.readers[number]
        mailbox: Mailbox = PlainMailbox(reader) if self._mmsg is None else BatchMailbox(reader, self._mmsg)
        return Exchange(
            number, mailbox, Post(boxes.writers), self._owners, self._workers, self._receivers, self._name_service
        )

    def _keep_sockets(self, child: int) -> None:
        """In reader number `child` of a listener, who sends from all of them: of each the one that `_io` takes."""
        for group in self._sockets:
            close_all([s for i, s in enumerate(group) if i != child % len(group)])

    def _io(self, own: socket.socket, child: int) -> DatagramIO:
        sockets = [group[child % len(group)] for group in self._sockets]
        return PlainIO(own, sockets) if self._mmsg is None else BatchIO(own, sockets, self._mmsg)

    def _waiter(self, fds: list[int]) -> Waiter:
        return PlainWaiter(fds) if self._mmsg is None else NativeWaiter(fds, self._mmsg)


def _spare_the_collector() -> None:
    """What stands in memory when a process begins to serve stands there for ever."""
    gc.freeze()
    # Messages and transactions have no cycles: looking for some again and again among a hundred thousand pending ones
    # would stop the worker for a second. What a route may leave behind is young, and is found.
    gc.set_threshold(100_000, 1_000, 1_000_000)


def _endless(worker: Worker) -> Callable[[], None]:
    _spare_the_collector()

    def run() -> None:
        worker.run(None, 0)

    return run
