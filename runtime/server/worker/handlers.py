"""What a worker does with the letters that it gets: a kind, a handler, a line in `take_letters`. Compiled in the native build."""

from __future__ import annotations

import errno
from typing import Final, final

from mypy_extensions import i64

from runtime.routing.asking import Asking
from runtime.routing.names import Names
from runtime.routing.ports import Log
from runtime.routing.sockets import SocketTable
from runtime.routing.world import World
from runtime.server.mail.exchange import Exchange
from runtime.server.mail.letters import (
    answer,
    datagram,
    db_answer,
    drain,
    name_answer,
    run_command,
    statistics,
    tcp_alias,
    tcp_failed,
    tcp_message,
    tcp_reach,
    tcp_reached,
    tcp_send,
)
from runtime.server.mail.letters.db_answer import Pieces
from runtime.server.mail.mailbox import Letter
from runtime.server.streams.streams import Streams
from runtime.server.worker.counting import counts_of
from runtime.server.worker.desk import Desk
from runtime.server.worker.handler import Handler
from runtime.server.worker.loop import Worker
from runtime.server.worker.udp.datagrams import SendFailure
from runtime.sip.address import TCP
from runtime.sip.transport import Send


def take_letters(
    worker: Worker, world: World, log: Log, exchange: Exchange, streams: Streams | None, desk: Desk
) -> None:
    """Have the worker take all kinds of letters that it can do something about."""
    worker.take(datagram.KIND, Datagrams(worker, world.sockets, log))
    worker.take(tcp_message.KIND, TcpMessages(worker, world.sockets, log))
    worker.take(tcp_failed.KIND, TcpFailures(worker, log))
    worker.take(run_command.KIND, Commands(desk, world.asking, log))
    worker.take(name_answer.KIND, NameAnswers(world.names, log))
    worker.take(db_answer.KIND, DbAnswers(world.asking, log))
    worker.take(statistics.KIND, Counts(worker, exchange, log))
    worker.take(drain.KIND, Drains(worker, log))
    worker.take(tcp_reached.KIND, TcpReached(world.asking, log))
    if streams is not None:
        worker.take(tcp_reach.KIND, TcpReaches(worker, streams, exchange, world.sockets, log))
        worker.take(tcp_send.KIND, TcpSends(worker, streams, exchange, world.sockets, log))
        worker.take(tcp_alias.KIND, TcpAliases(worker, streams, log))


@final
class Datagrams(Handler):
    """To the engine."""

    def __init__(self, worker: Worker, sockets: SocketTable, log: Log) -> None:
        super().__init__(log)
        self._worker: Final = worker
        self._sockets: Final = sockets

    def take(self, letter: Letter, now_ms: i64) -> None:
        came = datagram.read(letter)
        worker = self._worker
        worker.handle(came.data, worker.addresses.of(came.source), self._sockets.sockets[came.listener], now_ms, 0)


@final
class TcpMessages(Handler):
    """To the engine."""

    def __init__(self, worker: Worker, sockets: SocketTable, log: Log) -> None:
        super().__init__(log)
        self._worker: Final = worker
        self._sockets: Final = sockets

    def take(self, letter: Letter, now_ms: i64) -> None:
        came = tcp_message.read(letter)
        worker = self._worker
        listener = self._sockets.sockets[came.listener]
        worker.handle(came.data, worker.addresses.of(came.peer), listener, now_ms, came.connection)


@final
class TcpFailures(Handler):
    """The engine hears of the failure, when the batch is written."""

    def __init__(self, worker: Worker, log: Log) -> None:
        super().__init__(log)
        self._worker: Final = worker

    def take(self, letter: Letter, now_ms: i64) -> None:
        failed = tcp_failed.read(letter)
        send = self._worker.outgoing.tickets.redeem(failed.ticket)
        if send is not None:
            self._worker.outgoing.failures.append(SendFailure(send, int(failed.error)))


@final
class TcpSends(Handler):
    """Sends over TCP what another process has for a peer."""

    def __init__(self, worker: Worker, streams: Streams, exchange: Exchange, sockets: SocketTable, log: Log) -> None:
        super().__init__(log)
        self._worker: Final = worker
        self._streams: Final = streams
        self._exchange: Final = exchange
        self._sockets: Final = sockets

    def take(self, letter: Letter, now_ms: i64) -> None:
        wanted = tcp_send.read(letter)
        worker, streams, exchange = self._worker, self._streams, self._exchange
        peer = worker.addresses.of(wanted.peer)
        if len(wanted.data) > 0 and not streams.knows(wanted.connection, peer):
            home = exchange.receiver_for(peer)
            if home != exchange.number:
                # The connection that it was meant for is gone; another one to that host would be there.
                sender, ticket = wanted.sender, wanted.ticket
                tcp_send.put(exchange.post, home, sender, ticket, 0, wanted.connects, wanted.peer, wanted.data)
                return
        socket = self._sockets.default_for(TCP, peer.is_ipv6)
        if socket is None:
            worker.outgoing.tell_failure(wanted.sender, wanted.ticket, errno.EAFNOSUPPORT)
            return
        send = Send(wanted.data, peer, socket, wanted.connection, wanted.connects)
        streams.send(send, wanted.sender, wanted.ticket, now_ms)


@final
class TcpReaches(Handler):
    """Opens connections that another process wants to be there."""

    def __init__(self, worker: Worker, streams: Streams, exchange: Exchange, sockets: SocketTable, log: Log) -> None:
        super().__init__(log)
        self._worker: Final = worker
        self._streams: Final = streams
        self._exchange: Final = exchange
        self._sockets: Final = sockets

    def take(self, letter: Letter, now_ms: i64) -> None:
        wanted = tcp_reach.read(letter)
        peer = self._worker.addresses.of(wanted.peer)
        socket = self._sockets.default_for(TCP, peer.is_ipv6)
        if socket is None:
            tcp_reached.put(self._exchange.post, wanted.asker, wanted.question, errno.EAFNOSUPPORT)
            return
        self._streams.reach(peer, socket, wanted.asker, wanted.question, now_ms)


@final
class TcpReached(Handler):
    """Who has waited for a connection goes on."""

    def __init__(self, asking: Asking, log: Log) -> None:
        super().__init__(log)
        self._asking: Final = asking

    def take(self, letter: Letter, now_ms: i64) -> None:
        came = tcp_reached.read(letter)
        self._asking.take(int(came.question), int(came.error), now_ms)


@final
class TcpAliases(Handler):
    """Other names for connections of this process."""

    def __init__(self, worker: Worker, streams: Streams, log: Log) -> None:
        super().__init__(log)
        self._worker: Final = worker
        self._streams: Final = streams

    def take(self, letter: Letter, now_ms: i64) -> None:
        alias = tcp_alias.read(letter)
        self._streams.add_alias(alias.connection, self._worker.addresses.of(alias.peer), alias.port, now_ms)


@final
class Commands(Handler):
    """The desk runs them, each as a run of its own."""

    def __init__(self, desk: Desk, asking: Asking, log: Log) -> None:
        super().__init__(log)
        self._desk: Final = desk
        self._asking: Final = asking

    def take(self, letter: Letter, now_ms: i64) -> None:
        self._asking.apart(self._desk.take, run_command.read(letter), now_ms)


@final
class NameAnswers(Handler):
    """Who has waited for a name goes on."""

    def __init__(self, names: Names, log: Log) -> None:
        super().__init__(log)
        self._names: Final = names

    def take(self, letter: Letter, now_ms: i64) -> None:
        found = name_answer.read(letter)
        self._names.take(found.question, found.answer, now_ms)


@final
class DbAnswers(Handler):
    """Who has waited for a database goes on."""

    def __init__(self, asking: Asking, log: Log) -> None:
        super().__init__(log)
        self._asking: Final = asking
        self._pieces: Final = Pieces()

    def take(self, letter: Letter, now_ms: i64) -> None:
        came = db_answer.read(letter)
        number = int(came.question)
        text = self._pieces.join((0, number), came.answer, came.is_last)
        if text is not None:
            self._asking.take(number, text, now_ms)


@final
class Counts(Handler):
    """Tells what the process has done."""

    def __init__(self, worker: Worker, exchange: Exchange, log: Log) -> None:
        super().__init__(log)
        self._worker: Final = worker
        self._exchange: Final = exchange

    def take(self, letter: Letter, now_ms: i64) -> None:
        asked = statistics.read(letter)
        exchange = self._exchange
        text = statistics.packed_counts(counts_of(self._worker))
        answer.put(exchange.post, asked.asker, exchange.number, asked.question, text)


@final
class Drains(Handler):
    """The server is to end."""

    def __init__(self, worker: Worker, log: Log) -> None:
        super().__init__(log)
        self._worker: Final = worker

    def take(self, letter: Letter, now_ms: i64) -> None:
        self._worker.drain(drain.read(letter).retry_after_s)
