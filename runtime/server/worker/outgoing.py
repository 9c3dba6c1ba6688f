"""What a process sends: datagrams, over streams, as letters to who has the stream; and what could not be sent. Compiled in the native build."""

from __future__ import annotations

import errno
import os
from typing import Final, final

from mypy_extensions import i64

from runtime.routing.world import World
from runtime.server.mail.exchange import Exchange, Tickets
from runtime.server.mail.letters import tcp_failed, tcp_send
from runtime.server.streams.streams import Streams
from runtime.server.worker.complaints import Complaints
from runtime.server.worker.udp.datagrams import DatagramIO, SendFailure
from runtime.sip.transport import Send


@final
class Outgoing:
    """Empties the outbox. `sent` and `failed` count messages; `failures` are the sends that have just failed."""

    def __init__(
        self,
        world: World,
        io: DatagramIO,
        exchange: Exchange | None,
        streams: Streams | None,
        complaints: Complaints,
        keeps_state: bool,
    ) -> None:
        self._world: Final = world
        self._outbox: Final = world.outbox
        self._deferrals: Final = world.asking.deferrals
        self._io: Final = io
        self._exchange: Final = exchange
        self._streams: Final = streams
        self._complaints: Final = complaints
        self._keeps_state: Final = keeps_state
        self.tickets: Final = Tickets()
        self.failures: list[SendFailure] = []
        self.sent: i64 = 0
        self.failed: i64 = 0

    def write(self, now_ms: i64) -> None:
        """Datagrams, streams, letters; what fails at once goes into `failures`."""
        if self._deferrals.count > 0:
            self._deferrals.finish(now_ms)
        io = self._io
        exchange = self._exchange
        out = self._outbox
        if self._world.onlooker is not None:
            self._world.onlooker.sends(out)
        if out:
            io.send(out)
            self.sent += len(out) - len(io.failures)
            out.clear()
            if io.failures:
                self.failures.extend(io.failures)
            if io.streams and exchange is not None:
                for send in io.streams:
                    self._send_over_stream(send, exchange, now_ms)
        streams = self._streams
        if streams is not None and streams.failed:
            self._sort_failures(streams, now_ms)
        if exchange is not None:
            exchange.post.flush()
            self._look_at_returned(exchange, now_ms)

    def _send_over_stream(self, send: Send, exchange: Exchange, now_ms: i64) -> None:
        """On a connection of our own, if it is here that it belongs; else another process is asked."""
        streams = self._streams
        home = exchange.home_of(send)
        if streams is not None:
            if home == exchange.number and len(send.data) > 0 and not streams.knows(send.connection, send.destination):
                home = exchange.receiver_for(send.destination)
            if home == exchange.number:
                streams.send(send, exchange.number, 0, now_ms)
                return
        exchange.post_stream(home, send, self.tickets.issue(send) if self._keeps_state else 0)

    def report(self, failures: list[SendFailure], now_ms: i64) -> None:
        self.failed += len(failures)
        onlooker = self._world.onlooker
        if onlooker is not None:
            for failure in failures:
                onlooker.not_sent(failure.send, os.strerror(failure.error))
        self._complaints.unsent(failures, now_ms)

    def _sort_failures(self, streams: Streams, now_ms: i64) -> None:
        """Ours are for the engine, others' for who has asked."""
        untold: list[SendFailure] = []
        exchange = self._exchange
        assert exchange is not None
        for failed in streams.failed:
            failure = SendFailure(failed.out.send, failed.error)
            if failed.out.sender == exchange.number:
                self.failures.append(failure)
            elif failed.out.ticket:
                self.tell_failure(failed.out.sender, failed.out.ticket, failed.error)
            else:
                untold.append(failure)
        streams.failed.clear()
        if untold:
            self.report(untold, now_ms)

    def tell_failure(self, sender: i64, ticket: i64, error: int) -> None:
        """To the process that has asked for a send over TCP. Without a ticket it does not want to know."""
        exchange = self._exchange
        if ticket and exchange is not None:
            tcp_failed.put(exchange.post, sender, ticket, error)

    def _look_at_returned(self, exchange: Exchange, now_ms: i64) -> None:
        """Letters that found a full mailbox."""
        post = exchange.post
        if not self._complaints.has_to_tell(post.dropped) and not post.returned:
            return
        for letter in post.returned:
            send = self.tickets.redeem(tcp_send.read(letter).ticket)
            if send is not None:
                self.failures.append(SendFailure(send, errno.ENOBUFS))
        post.returned.clear()
        self._complaints.lost(post.dropped, now_ms)
