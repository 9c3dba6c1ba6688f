"""Reading and writing datagrams, in batches where the native build allows it.

Two implementations of one small interface: `PlainIO` with Python's socket module, `BatchIO` with recvmmsg(2) and sendmmsg(2).
Both block in the read; a read that a signal, a time-out or an ICMP error ends gives no datagrams and no exception.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import time
from types import ModuleType
from typing import Any, Final, final

from mypy_extensions import i64

from runtime.server.host.batch import BATCH, HARMLESS
from runtime.server.worker.udp.addresses import SOURCES_MAX, AddressBook
from runtime.sip.address import UDP, Address
from runtime.sip.transport import Send

SIZE_MAX: Final[i64] = 65536
FOREVER: Final[i64] = -1

_TIMEVAL: Final = struct.Struct("ll")
_TIMESPEC: Final = struct.Struct("qq")

# <asm-generic/socket.h>; Python does not name them. The second one fills in what the queue takes up, its limit, and more.
_SO_TIMESTAMPNS: Final = 35
_SO_MEMINFO: Final = 55
_MEMINFO: Final = struct.Struct("II")
# A queue that takes up less, some 30 to 80 datagrams, is none: a process that gets no processor for a while would have one.
_QUEUE_BYTES: Final = 65536
# What the kernel leaves of a time in a control message: a header of 16 bytes, then seconds and nanoseconds.
_CONTROL_BYTES: Final[i64] = 32


class SendFailure:
    """A datagram that the kernel did not take, and its errno."""

    def __init__(self, send: Send, error: int) -> None:
        self.send: Final = send
        self.error: Final = error


class DatagramIO:
    """The datagrams of one socket to read, and of all the server's sockets to write.

    `receive` leaves what it read in `data` and `sources`, valid up to its number and until the next call. `send` leaves alone
    what does not go by UDP, and notes it in `streams`.
    """

    def __init__(self, own: socket.socket, sockets: list[socket.socket]) -> None:
        self._own: Final = own
        # Kept, not only their numbers: a compiled function may free a socket after its last use.
        self._sockets: Final = sockets
        self._read_timeout_ms: i64 = FOREVER
        self._idle = False
        self.data: Final[list[bytes]] = [b""] * BATCH
        self.sources: Final[list[Address]] = [Address(bytes(4), 0, b"0.0.0.0")] * BATCH
        self.failures: list[SendFailure] = []
        self.streams: list[Send] = []
        # Of the first datagram that was read last, and of the receive buffer by then; both 0 where little or nothing was left in the queue.
        self.age_ms: i64 = 0
        self.filled_percent: i64 = 0
        self._measures_age = False

    def measure_age(self) -> None:
        """From now on `age_ms` and `filled_percent` are known."""
        self._own.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._measures_age = True

    def _note_queue(self, seconds: i64, ns: i64) -> None:
        """The datagram that was read first arrived at this time of the wall clock, which may have been set since."""
        used, room = _MEMINFO.unpack(self._own.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size))
        if used < _QUEUE_BYTES and used < room // 2:
            return
        now_ns: i64 = time.time_ns()
        age_ms = (now_ns - seconds * 1_000_000_000 - ns) // 1_000_000
        self.age_ms = age_ms if age_ms > 0 else 0
        self.filled_percent = used * 100 // max(1, room)

    def receive(self, timeout_ms: i64) -> i64:
        """How many datagrams were read: at least one, or 0 after about `timeout_ms` (FOREVER: no limit), a signal or an
        error that an earlier send had earned. May be early, never late by more than the kernel's tick."""
        raise NotImplementedError

    def receive_now(self) -> i64:
        """How many datagrams were there to be read, without waiting."""
        raise NotImplementedError

    def send(self, sends: list[Send]) -> None:
        """Write them in order; those that failed stand in `failures` afterwards."""
        raise NotImplementedError

    def set_read_timeout(self, timeout_ms: i64) -> None:
        """Set SO_RCVTIMEO, but seldom, for it costs a system call: a shorter limit at once, a longer one only when the
        present one has ended a read for nothing. So a busy socket does not pay for limits that come and go."""
        current = self._read_timeout_ms
        shorter = timeout_ms != FOREVER and (current == FOREVER or timeout_ms < current)
        if timeout_ms == current or not (shorter or self._idle):
            return
        self._read_timeout_ms = timeout_ms
        # 0 in the kernel's structure means no limit, so the shortest limit is one millisecond.
        ms: int = 0 if timeout_ms == FOREVER else max(1, timeout_ms)
        self._own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _TIMEVAL.pack(ms // 1000, ms % 1000 * 1000))


@final
class PlainIO(DatagramIO):
    """One datagram at a time with Python's socket module."""

    def __init__(self, own: socket.socket, sockets: list[socket.socket]) -> None:
        super().__init__(own, sockets)
        self._buffer: Final = bytearray(SIZE_MAX)
        self._view: Final = memoryview(self._buffer)
        self._known: dict[Any, Address] = {}

    def receive(self, timeout_ms: i64) -> i64:
        self.set_read_timeout(timeout_ms)
        return self._read(0)

    def receive_now(self) -> i64:
        return self._read(int(socket.MSG_DONTWAIT))

    def _read(self, flags: int) -> i64:
        try:
            if self._measures_age:
                self.age_ms = 0
                self.filled_percent = 0
                size, control, _, name = self._own.recvmsg_into([self._buffer], int(_CONTROL_BYTES), flags)
                self._note_arrival(control)
            else:
                size, name = self._own.recvfrom_into(self._buffer, 0, flags)
        except OSError as e:
            if e.errno not in HARMLESS:
                raise
            self._idle = True
            return 0
        self._idle = False
        source = self._known.get(name)
        if source is None:
            source = self._learn(name)
        self.data[0] = bytes(self._view[:size])
        self.sources[0] = source
        return 1

    def _note_arrival(self, control: list[tuple[int, int, bytes]]) -> None:
        for level, kind, data in control:
            if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(data) == _TIMESPEC.size:
                seconds, ns = _TIMESPEC.unpack(data)
                self._note_queue(seconds, ns)

    def _learn(self, name: Any) -> Address:
        """`name` is what recvfrom gives: host and port, for IPv6 flow and scope as well."""
        if len(self._known) >= SOURCES_MAX:
            self._known.clear()
        text: str = name[0]
        port: int = name[1]
        source = Address.parse(text.partition("%")[0], port)
        self._known[name] = source
        return source

    def send(self, sends: list[Send]) -> None:
        self.failures.clear()
        self.streams.clear()
        for s in sends:
            if s.socket.proto != UDP:
                self.streams.append(s)
                continue
            error = self._send_one(s)
            if error == errno.ECONNREFUSED:
                # That was the answer to an earlier datagram; this one has not been sent.
                error = self._send_one(s)
            if error != 0:
                self.failures.append(SendFailure(s, error))

    def _send_one(self, s: Send) -> int:
        """0 or an errno."""
        try:
            self._sockets[s.socket.index].sendto(s.data, s.destination.pair())
        except socket.gaierror:
            return errno.EAFNOSUPPORT
        except OSError as e:
            return e.errno or errno.EIO
        return 0


@final
class BatchIO(DatagramIO):
    """Up to BATCH datagrams per system call. `mmsg` is the extension module of mmsg.c."""

    def __init__(self, own: socket.socket, sockets: list[socket.socket], mmsg: ModuleType) -> None:
        super().__init__(own, sockets)
        self._send_one: Final[Any] = mmsg.send_one
        self._send_many: Final[Any] = mmsg.send_many
        self._fds: Final[list[int]] = [s.fileno() for s in sockets]
        book = AddressBook()
        # For who waits for other things as well, and reads then.
        self.reader: Final[Any] = mmsg.Reader(
            own.fileno(), int(BATCH), int(SIZE_MAX), self.data, self.sources, book.numbered, book.learn
        )
        self._read: Final[Any] = self.reader.read
        self._read_now: Final[Any] = self.reader.read_now
        # What leaves by one socket, and where to.
        self._queue: Final[list[Send]] = []
        self._texts: Final[list[bytes]] = []
        self._names: Final[list[bytes]] = []

    def measure_age(self) -> None:
        super().measure_age()
        self.reader.measure_age()

    def receive(self, timeout_ms: i64) -> i64:
        self.set_read_timeout(timeout_ms)
        return self.has_read(self._read())

    def receive_now(self) -> i64:
        return self.has_read(self._read_now())

    def has_read(self, count: i64) -> i64:
        """The reader has read so many, or has failed with minus this errno. Returns what `receive` does."""
        if count < 0:
            error = int(-count)
            if error not in HARMLESS:
                raise OSError(error, os.strerror(error))
            count = 0
        self._idle = count == 0
        if self._measures_age:
            self._look_at_age(count)
        return count

    def _look_at_age(self, count: i64) -> None:
        """Only a full batch may have left something in the queue."""
        self.age_ms = 0
        self.filled_percent = 0
        if count == BATCH:
            arrival: tuple[int, int] | None = self.reader.arrival()
            if arrival is not None:
                self._note_queue(arrival[0], arrival[1])

    def send(self, sends: list[Send]) -> None:
        self.failures.clear()
        self.streams.clear()
        if len(sends) == 1:
            self._send_alone(sends[0])
            return
        queue = self._queue
        if queue:
            # There was no memory for the last ones.
            self._clear_queue()
        for s in sends:
            if s.socket.proto != UDP:
                self.streams.append(s)
                continue
            if queue and s.socket is not queue[0].socket:
                self._flush()
            queue.append(s)
        if queue:
            self._flush()

    def _send_alone(self, s: Send) -> None:
        if s.socket.proto != UDP:
            self.streams.append(s)
            return
        error: i64 = self._send_one(self._fds[s.socket.index], s.data, s.destination.sockaddr)
        if error != 0:
            self.failures.append(SendFailure(s, int(error)))

    def _flush(self) -> None:
        """Write the queue; a datagram that the kernel refuses does not hold up those behind it."""
        queue = self._queue
        if len(queue) == 1:
            self._send_alone(queue.pop())
            return
        texts, names = self._texts, self._names
        for s in queue:
            texts.append(s.data)
            names.append(s.destination.sockaddr)
        failures: list[tuple[int, int]] | None = self._send_many(self._fds[queue[0].socket.index], texts, names)
        if failures is not None:
            for place, error in failures:
                self.failures.append(SendFailure(queue[place], error))
        self._clear_queue()

    def _clear_queue(self) -> None:
        self._queue.clear()
        self._texts.clear()
        self._names.clear()
