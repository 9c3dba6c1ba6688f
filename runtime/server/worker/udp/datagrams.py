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

from librt.strings import read_i64_le
from mypy_extensions import i64

from runtime.server.host.batch import BATCH, FACT_BYTES, HARMLESS, Batch
from runtime.server.worker.udp.addresses import SOURCES_MAX, AddressBook
from runtime.sip.address import UDP, Address
from runtime.sip.transport import Send

SIZE_MAX: Final[i64] = 65536
FOREVER: Final[i64] = -1

# With fewer to send, a system call for each costs less than what sendmmsg(2) has to be told of each.
FEW: Final = 5

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
        self.data: list[bytes] = [b""] * BATCH
        self.sources: list[Address] = [Address(bytes(4), 0, b"0.0.0.0")] * BATCH
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

    def forget_sources(self) -> None:
        """A read was broken off: what `sources` says need not be true."""

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
    """Up to BATCH datagrams per system call. `mmsg` is the extension module that mmsg_build.py describes.

    Everything that the kernel reads or fills lies in memory allocated once.
    """

    def __init__(self, own: socket.socket, sockets: list[socket.socket], mmsg: ModuleType) -> None:
        super().__init__(own, sockets)
        ffi: Any = mmsg.ffi
        self._ffi: Final[Any] = ffi
        self._read_batch: Final[Any] = mmsg.lib.read_batch
        self._sendmmsg: Final[Any] = mmsg.lib.sendmmsg
        self._send_one: Final[Any] = mmsg.lib.send_one
        self._wait_for_one: Final[int] = mmsg.lib.MSG_WAITFORONE
        self._dont_wait: Final[int] = mmsg.lib.MSG_DONTWAIT
        self._fd: Final[int] = own.fileno()
        self._fds: Final[list[int]] = [s.fileno() for s in sockets]
        self._addresses: Final = AddressBook()
        self._name_bytes: Final[int] = 28 if own.family == socket.AF_INET6 else 16
        self._in: Final = Batch(ffi, BATCH * SIZE_MAX)
        self._in.divide_arena(SIZE_MAX, self._name_bytes)
        # What the kernel reads into, for a caller that does not use `receive`.
        self.headers: Final[Any] = self._in.headers
        self.facts: Final[Any] = self._in.facts
        self._out: Final = Batch(ffi, BATCH * SIZE_MAX)
        self._out.divide_arena(SIZE_MAX, self._name_bytes)
        self._queue: Final[list[Send]] = []
        # What the headers say of the datagrams that stood there last.
        self._names_out: Final[list[bytes]] = [b""] * BATCH
        self._sizes_out: Final[list[int]] = [-1] * BATCH

    def measure_age(self) -> None:
        super().measure_age()
        self._in.take_control(self._ffi, _CONTROL_BYTES)

    def receive(self, timeout_ms: i64) -> i64:
        self.set_read_timeout(timeout_ms)
        return self._read(self._wait_for_one)

    def receive_now(self) -> i64:
        return self._read(self._dont_wait)

    def _read(self, flags: int) -> i64:
        return self.take(self._read_batch(self._fd, self.headers, BATCH, flags, self.facts), 0, False)

    def take(self, count: i64, first_bytes: i64, is_known: bool) -> i64:
        """So many datagrams have been read into the headers; below 0: the read has failed, and errno says why. Returns what `receive`
        does. `is_known`: the first one has `first_bytes`, and is from where the one before it in its place came from.
        """
        if count < 0:
            error: int = self._ffi.errno
            if error not in HARMLESS:
                raise OSError(error, os.strerror(error))
            self._idle = True
            return 0
        self._idle = False
        into = self._in
        if count == 1 and is_known:
            self.data[0] = into.arena_bytes[0:first_bytes]
        else:
            facts: bytes = into.fact_bytes[0 : count * FACT_BYTES]
            source = self.sources[0]
            before: i64 = 0
            i: i64 = 0
            while i < count:
                number = read_i64_le(facts, i * FACT_BYTES)
                size = read_i64_le(facts, i * FACT_BYTES + 8)
                # Many come from one neighbour.
                if number != before or number == 0:
                    source = self._source(i, number)
                    before = number
                self.sources[i] = source
                self.data[i] = into.arena_bytes[i * SIZE_MAX : i * SIZE_MAX + size]
                i += 1
        if self._measures_age:
            self._look_at_age(count)
        return count

    def forget_sources(self) -> None:
        self._in.fact_bytes[0:8] = bytes(8)

    def _source(self, i: i64, number: i64) -> Address:
        """The source of datagram `i`, which has this number, 0 for none."""
        if number != 0:
            known = self._addresses.numbered(int(number))
            if known is not None:
                return known
        at = i * self._in.sockaddr_bytes
        name = self._in.name_bytes[at : at + self._name_bytes]
        return self._addresses.learn(int(number), name) if number != 0 else self._addresses.of(name)

    def _look_at_age(self, count: i64) -> None:
        """Only a full batch may have left something in the queue."""
        self.age_ms = 0
        self.filled_percent = 0
        if count == BATCH:
            into = self._in
            if into.control_size() == _CONTROL_BYTES:
                self._note_queue(into.control[2], into.control[3])
            else:
                into.restore_control(_CONTROL_BYTES)

    def send(self, sends: list[Send]) -> None:
        self.failures.clear()
        self.streams.clear()
        if len(sends) < FEW:
            for s in sends:
                self._send_alone(s)
            return
        out = self._out
        queue = self._queue
        for s in sends:
            if s.socket.proto != UDP:
                self.streams.append(s)
                continue
            size: i64 = len(s.data)
            if size > SIZE_MAX:
                self.failures.append(SendFailure(s, errno.EMSGSIZE))
                continue
            if queue and (s.socket is not queue[0].socket or len(queue) == BATCH):
                self._flush()
            i: i64 = len(queue)
            queue.append(s)
            at = i * SIZE_MAX
            out.arena_bytes[at : at + size] = s.data
            if size != self._sizes_out[i]:
                out.vectors[2 * i + 1] = size
                self._sizes_out[i] = size
            name = s.destination.sockaddr
            if name is not self._names_out[i]:
                self._set_name(i, name)
        if queue:
            self._flush()

    def _send_alone(self, s: Send) -> None:
        """One datagram by sendto(2), without a copy."""
        if s.socket.proto != UDP:
            self.streams.append(s)
            return
        fd = self._fds[s.socket.index]
        name = s.destination.sockaddr
        refused = False
        while True:
            sent: i64 = self._send_one(fd, s.data, len(s.data), name)
            if sent >= 0:
                return
            error: int = self._ffi.errno
            if error == errno.EINTR:
                continue
            if error == errno.ECONNREFUSED and not refused:
                # That was the answer to an earlier datagram; this one has not been sent.
                refused = True
                continue
            self.failures.append(SendFailure(s, error))
            return

    def _set_name(self, i: i64, name: bytes) -> None:
        """Header i goes to `name` from now on; most datagrams go where the one before them in that place went."""
        out = self._out
        at = i * out.sockaddr_bytes
        size: i64 = len(name)
        out.name_bytes[at : at + size] = name
        out.u32[i * out.step + out.name_length_at] = size
        self._names_out[i] = name

    def _flush(self) -> None:
        """Write the queue; a datagram that the kernel refuses does not hold up those behind it."""
        queue = self._queue
        fd = self._fds[queue[0].socket.index]
        count: i64 = len(queue)
        done: i64 = 0
        refused = False
        while done < count:
            written: i64 = self._sendmmsg(fd, self._out.from_header[done], count - done, 0)
            if written > 0:
                done += written
                refused = False
                continue
            error: int = self._ffi.errno
            if error == errno.EINTR:
                continue
            if error == errno.ECONNREFUSED and not refused:
                # That was the answer to an earlier datagram; this one has not been sent.
                refused = True
                continue
            self.failures.append(SendFailure(queue[done], error))
            done += 1
            refused = False
        queue.clear()
