"""The TCP connections of one process: read, written, found by number or address, opened, aliased and closed in time.

Nothing here waits for a peer. Reference core, 6.7.
"""

from __future__ import annotations

import errno
import select
import socket
from typing import Final, final

from mypy_extensions import i64

from runtime.routing.ports import L_ERR, Log
from runtime.routing.sockets import SocketTable
from runtime.server.streams.channels import CHANNELS, NewChannel
from runtime.server.streams.connection import Connection, Outgoing, wants_reply
from runtime.server.streams.limits import IDLE_MS, Limits
from runtime.server.streams.opening import arrival, connecting, listener_of
from runtime.server.streams.outcomes import Failed, Reached, Received
from runtime.server.streams.table import ConnectionTable
from runtime.sip.address import Address
from runtime.sip.scan import BadMessage
from runtime.sip.transport import ListenSocket, Send
from runtime.tx.timers import NEVER

# How often connections are looked over: those that somebody waits for, and all.
_HURRY_MS: Final[i64] = 250
_ROUND_MS: Final[i64] = 5000
_EVENTS: Final = 256
_READ_BYTES: Final = 65536
_DOOR_MAX: Final = 64


@final
class Streams:
    """The connections of TCP process `index` out of `count`; their numbers from `first` up, less one, are `index` modulo `count`.

    `serve` leaves what came in `received`; `send`, `serve` and `look_over` leave what could not be delivered in `failed`, and in
    `reached` what has become of connections that were asked for with `reach`. The caller empties all three. `door` is where
    accepted connections come in (runtime.server.streams.acceptor).
    """

    def __init__(
        self,
        index: i64,
        count: i64,
        first: i64,
        door: socket.socket,
        table: SocketTable,
        limits: Limits,
        log: Log,
        channels: dict[int, NewChannel] = CHANNELS,
    ) -> None:
        self._count: Final = count
        self._next_number = (first - 1) * count + index + 1
        self._door: Final = door
        self._door_fd: Final = door.fileno()
        self._table: Final = table
        self._limits: Final = limits
        self._log: Final = log
        self._channels: Final = channels
        self._epoll: Final = select.epoll()
        self._epoll.register(self._door_fd, select.EPOLLIN)
        self._connections: Final = ConnectionTable(limits.connections, limits.one_host)
        # Those that connect or have something left to write.
        self._waiting: dict[int, Connection] = {}
        # While events are being handled no descriptor may be used anew: a later event could be meant for its former owner.
        self._serving = False
        self._closed: list[socket.socket] = []
        self._buffer: Final = bytearray(_READ_BYTES)
        self._view: Final = memoryview(self._buffer)
        self._next_round_ms: i64 = 0
        self._next_hurry_ms: i64 = 0
        self._quiet_until_ms: i64 = 0
        self.received: list[Received] = []
        self.failed: list[Failed] = []
        self.reached: list[Reached] = []
        # What has gone to peers that were not there any more, and goes to their addresses by other connections.
        self._again: list[Outgoing] = []
        # In the queues of all connections together.
        self._queued_bytes: i64 = 0
        self.refused: i64 = 0

    def fileno(self) -> int:
        """Readable when `serve` has something to do."""
        return self._epoll.fileno()

    def connections(self) -> int:
        return len(self._connections)

    def next_timer_ms(self, now_ms: i64) -> i64:
        """Milliseconds until `look_over` should run, or somebody look at `reached`; -1 if nothing is waiting."""
        if self.reached:
            return 0
        if len(self._connections) == 0:
            return NEVER
        due_ms = self._next_round_ms
        if self._waiting and self._next_hurry_ms < due_ms:
            due_ms = self._next_hurry_ms
        return due_ms - now_ms if due_ms > now_ms else 0

    # --- events ------------------------------------------------------------------------------------------------------

    def serve(self, now_ms: i64) -> None:
        """Read what is there, write what can be written, take in new connections. Does not wait."""
        door_is_open = False
        self._serving = True
        for fd, events in self._epoll.poll(0, _EVENTS):
            if fd == self._door_fd:
                door_is_open = True
                continue
            connection = self._connections.of_descriptor(fd)
            if connection is None:
                continue
            if events & select.EPOLLOUT or connection.is_connecting:
                self._write(connection, now_ms)
            if connection.is_open and events & ~select.EPOLLOUT:
                if connection.is_closing:
                    self._gone(connection)
                else:
                    self._read(connection, now_ms)
        self._serving = False
        for own in self._closed:
            own.close()
        self._closed.clear()
        if door_is_open:
            self._take_in(now_ms)
        if self._again:
            self._send_again(now_ms)

    def _gone(self, connection: Connection) -> None:
        """The peer is gone altogether, and will not read what is left. Who has been told that there is nothing left may go."""
        error = errno.EPIPE
        if connection.is_lingering:
            error = connection.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self.close(connection, error)

    def _send_again(self, now_ms: i64) -> None:
        """To a client that has closed its connection before it was answered, RFC 3261 18.2.2."""
        waiting, self._again = self._again, []
        for out in waiting:
            self.send(out.send, out.sender, out.ticket, now_ms)

    def _read(self, connection: Connection, now_ms: i64) -> None:
        try:
            size: i64 = connection.socket.recv_into(self._buffer)
        except OSError as e:
            if e.errno != errno.EAGAIN and e.errno != errno.EINTR:
                self.close(connection, e.errno or errno.EIO)
            return
        if size == 0:
            self._end_of(connection, now_ms)
            return
        channel = connection.channel
        try:
            channel.feed(bytes(self._view[:size]))
            while True:
                message = channel.take()
                if len(message) == 0:
                    break
                connection.active_ms = now_ms
                if wants_reply(message):
                    connection.unanswered += 1
                self.received.append(Received(connection, message))
        except BadMessage as mistake:
            self._remark(f"ERROR: tcp: {mistake} from {connection.shown()}, connection closed", now_ms)
            self.received.append(Received(connection, b""))
            return
        if channel.is_between():
            connection.active_ms = now_ms
        if not connection.is_stuck():
            # The channel may have something to say to what came, or let go what has waited for it.
            self._flush(connection, now_ms)

    def _write(self, connection: Connection, now_ms: i64) -> None:
        """Called when the connection can be written to, or connect(2) has an outcome."""
        if connection.is_connecting:
            error = connection.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error:
                self.close(connection, error)
                return
            connection.is_connecting = False
            connection.listener = listener_of(connection.socket, self._table, connection.listener)
            self._tell_askers(connection, 0)
        error = self._write_out(connection, now_ms)
        if error:
            self.close(connection, error)
        elif not connection.is_stuck():
            if not connection.queue:
                self._waiting.pop(int(connection.number), None)
            if connection.is_closing:
                self.close(connection, 0)
            else:
                self._watch(connection, now_ms)

    # --- opening and closing -----------------------------------------------------------------------------------------

    def _take_in(self, now_ms: i64) -> None:
        """Connections that the acceptor has for this process."""
        for _ in range(_DOOR_MAX):
            new = arrival(self._door, self._table)
            if new is None:
                return
            if not self._has_room(self._connections.why_none_from(new.peer), now_ms):
                new.socket.close()
                continue
            self._connections.count(self._add(new.socket, new.peer, new.listener, now_ms, False), False)

    def _has_room(self, why_full: str, now_ms: i64) -> bool:
        if not why_full:
            return True
        self.refused += 1
        self._remark(f"ERROR: tcp: {why_full}, another one refused", now_ms)
        return False

    def _add(
        self, own: socket.socket, peer: Address, listener: ListenSocket, now_ms: i64, connecting: bool
    ) -> Connection:
        own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        number = self._next_number
        self._next_number += self._count
        channel = self._channels[listener.proto](connecting)
        connection = Connection(number, own, peer, listener, channel, now_ms)
        connection.is_connecting = connecting
        if len(self._connections) == 0:
            self._next_round_ms = now_ms + _ROUND_MS
        self._connections.add(connection)
        self._epoll.register(connection.fd, select.EPOLLIN | select.EPOLLOUT if connecting else select.EPOLLIN)
        return connection

    def close_when_written(self, connection: Connection, now_ms: i64) -> None:
        """Read no more and close when everything that was sent is written."""
        if not connection.is_open:
            return
        if connection.is_closing:
            return
        connection.channel.end()
        if connection.is_connecting:
            error, is_done = 0, not connection.queue
        else:
            error = self._write_out(connection, now_ms)
            # What is left in the queue then waits for a handshake that nobody will read.
            is_done = not connection.is_stuck()
        if error or is_done:
            self.close(connection, error)
            return
        connection.is_closing = True
        self._wait_for(connection, now_ms)
        self._epoll.modify(connection.fd, select.EPOLLOUT)

    def close(self, connection: Connection, error: int) -> None:
        """Close now; what was not written failed with `error`."""
        if not connection.is_open:
            return
        connection.is_open = False
        if connection.is_half_closed and error in _GONE:
            self._again += connection.unsure + connection.queue
            connection.queue = []
        connection.unsure = []
        for out in connection.queue:
            self.failed.append(Failed(out, error or errno.ECONNRESET))
        connection.queue = []
        self._queued_bytes -= connection.queued_bytes
        connection.queued_bytes = 0
        self._tell_askers(connection, error or errno.ECONNRESET)
        self._connections.remove(connection)
        self._waiting.pop(int(connection.number), None)
        self._epoll.unregister(connection.fd)
        if self._serving:
            self._closed.append(connection.socket)
        else:
            connection.socket.close()

    # --- sending -----------------------------------------------------------------------------------------------------

    def knows(self, number: i64, destination: Address) -> bool:
        """True if connection `number` is open, can be sent to and leads to the host of `destination`.

        The number may come from a reply: it is the sender's word, and nobody's leave to write to others (RFC 3261 18.2.2).
        """
        connection = self._connections.numbered(number, destination)
        return connection is not None and not connection.is_closing

    def send(self, send: Send, sender: i64, ticket: i64, now_ms: i64) -> None:
        """Send on the connection that `send` names, if that leads to its destination, else on another one that does, else connect if it may.

        No data: close the connection that it names.
        """
        connection = self._connections.numbered(send.connection, send.destination) if send.connection else None
        if len(send.data) == 0:
            if connection is not None:
                self.close_when_written(connection, now_ms)
            return
        if connection is None or connection.is_closing:
            connection = self._connections.named(send.destination)
        out = Outgoing(send, sender, ticket)
        if connection is None or connection.is_closing:
            error = errno.ENOTCONN
            connection = None
            if send.connects:
                error, connection = self._connect(send.destination, send.socket, now_ms)
            if connection is None:
                self.failed.append(Failed(out, error))
                return
        size: i64 = len(send.data)
        if self._queued_bytes + size > self._limits.queued_bytes:
            self._make_room(size, now_ms)
        if connection.is_open and connection.put(out, now_ms):
            self._queued_bytes += size
        else:
            # A stream with a hole in it is of no use to its reader, if there is one.
            self._remark(f"ERROR: tcp: {connection.shown()} does not read what it is sent, connection closed", now_ms)
            self.failed.append(Failed(out, errno.ENOBUFS))
            self.close(connection, errno.ENOBUFS)
            return
        if not connection.is_connecting and len(connection.queue) == 1:
            self._flush(connection, now_ms)
        if self._again and not self._serving:
            self._send_again(now_ms)

    def _make_room(self, size: i64, now_ms: i64) -> None:
        """Too much waits for all peers together: who makes others wait for the most loses his connection."""
        while self._queued_bytes + size > self._limits.queued_bytes:
            slowest = max(self._waiting.values(), key=_waits_for, default=None)
            if slowest is None or slowest.queued_bytes == 0:
                return
            self._remark(
                f"ERROR: tcp: {self._queued_bytes} bytes wait for peers that do not read, connection with "
                f"{slowest.shown()} closed",
                now_ms,
            )
            self.close(slowest, errno.ENOBUFS)

    def _write_out(self, connection: Connection, now_ms: i64) -> int:
        """Write what the kernel takes; 0, or the errno with which the connection has ended."""
        before = connection.queued_bytes
        error = connection.write(now_ms)
        self._queued_bytes -= before - connection.queued_bytes
        return error

    def _flush(self, connection: Connection, now_ms: i64) -> None:
        """Write what there is; what is left waits for the kernel to have room, or for the peer."""
        error = self._write_out(connection, now_ms)
        if error:
            self.close(connection, error)
            return
        if connection.queue or connection.is_stuck():
            self._wait_for(connection, now_ms)
        else:
            self._waiting.pop(int(connection.number), None)
        if connection.is_half_closed or connection.is_stuck():
            self._watch(connection, now_ms)

    def _watch(self, connection: Connection, now_ms: i64) -> None:
        """What the kernel is to tell of it from now on; who has said his last word and been answered is let go."""
        writes = select.EPOLLOUT if connection.is_stuck() else 0
        if not connection.is_half_closed:
            self._epoll.modify(connection.fd, select.EPOLLIN | writes)
        elif connection.unanswered > 0 or connection.queue or connection.is_stuck():
            self._epoll.modify(connection.fd, writes)
        else:
            self._linger(connection, now_ms)

    def _linger(self, connection: Connection, now_ms: i64) -> None:
        """End it for our part. If the peer was gone before, its host will say so."""
        if not connection.unsure:
            self.close_when_written(connection, now_ms)
            return
        try:
            connection.socket.shutdown(socket.SHUT_WR)
        except OSError as e:
            self.close(connection, e.errno or errno.ECONNRESET)
            return
        connection.is_closing = True
        connection.is_lingering = True
        self._epoll.modify(connection.fd, 0)

    def _end_of(self, connection: Connection, now_ms: i64) -> None:
        """The peer has said its last word. If that was a question it may still listen (RFC 793 3.5); else the connection ends."""
        if connection.is_half_closed:
            # recv(2) keeps to itself that the peer was not there for what has been written since.
            error = connection.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error:
                self.close(connection, error)
                return
        if connection.is_half_closed or connection.is_connecting or connection.unanswered == 0:
            self.close_when_written(connection, now_ms)
            return
        connection.is_half_closed = True
        # What else is for this host needs somebody who listens for longer.
        self._connections.release_names(connection)
        self._watch(connection, now_ms)

    def _wait_for(self, connection: Connection, now_ms: i64) -> None:
        if not self._waiting:
            self._next_hurry_ms = now_ms + _HURRY_MS
        self._waiting[int(connection.number)] = connection

    def leads_to(self, destination: Address) -> bool:
        """True if what is sent there goes by a connection that is open."""
        connection = self._connections.named(destination)
        return connection is not None and not connection.is_connecting and not connection.is_closing

    def reach(self, destination: Address, listener: ListenSocket, sender: i64, question: i64, now_ms: i64) -> None:
        """Open a connection to `destination` unless there is one. `reached` then tells process `sender` about its `question`."""
        connection = self._connections.named(destination)
        error = 0
        if connection is None or connection.is_closing:
            error, connection = self._connect(destination, listener, now_ms)
        if connection is not None and connection.is_connecting:
            connection.askers.append((sender, question))
        else:
            self.reached.append(Reached(sender, question, error))

    def _tell_askers(self, connection: Connection, error: int) -> None:
        for sender, question in connection.askers:
            self.reached.append(Reached(sender, question, error))
        connection.askers = []

    def _connect(self, peer: Address, listener: ListenSocket, now_ms: i64) -> tuple[int, Connection | None]:
        """0 and a connection that is being opened; where not even that works, the errno and None."""
        if not self._has_room(self._connections.why_none_to(peer), now_ms):
            return errno.EMFILE, None
        error, own = connecting(peer)
        if own is None:
            return error, None
        connection = self._add(own, peer, listener, now_ms, True)
        self._connections.count(connection, True)
        self._wait_for(connection, now_ms)
        return 0, connection

    def add_alias(self, number: i64, peer: Address, port: i64, now_ms: i64) -> bool:
        """Let what goes to `port` of `peer` take connection `number`.

        False if that is closed, has enough aliases, or another connection has the name: that would let one client take
        what is meant for another.
        """
        connection = self._connections.numbered(number, peer)
        if connection is None:
            return False
        why_not = self._connections.alias(connection, port)
        if why_not:
            self._remark(f"ERROR: tcp: {why_not}", now_ms)
        return not why_not

    # --- time --------------------------------------------------------------------------------------------------------

    def look_over(self, now_ms: i64) -> None:
        """Close connections whose peer does not answer or read, and from time to time those that are idle."""
        limits = self._limits
        self._next_hurry_ms = now_ms + _HURRY_MS
        for connection in list(self._waiting.values()):
            limit_ms = limits.connect_ms if connection.is_connecting else limits.send_ms
            if now_ms - connection.waits_since_ms >= limit_ms:
                self.close(connection, errno.ETIMEDOUT)
        if now_ms >= self._next_round_ms:
            self._next_round_ms = now_ms + _ROUND_MS
            for connection in self._connections.all():
                if now_ms - connection.active_ms >= IDLE_MS:
                    self.close(connection, errno.ETIMEDOUT)

    def _remark(self, line: str, now_ms: i64) -> None:
        """What a peer can cause is logged once a second at most."""
        if now_ms >= self._quiet_until_ms:
            self._quiet_until_ms = now_ms + 1000
            self._log.write(L_ERR, line)


# The peer's host says that nobody is there.
_GONE: Final = (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN)


def _waits_for(connection: Connection) -> int:
    return int(connection.queued_bytes)
