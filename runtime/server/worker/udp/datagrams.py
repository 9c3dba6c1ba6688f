"""Reading and writing datagrams, in batches where the native build allows it.

Two implementations of one small interface: `PlainIO` with Python's socket module, `BatchIO` with recvmmsg(2) and sendmmsg(2).
Both block in the read; a read that a signal, a time-out or an ICMP error ends gives no datagrams and no exception.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from types import ModuleType
from typing import Any, Final, final

from mypy_extensions import i64

from runtime.server.host.batch import BATCH, HARMLESS, Batch
from runtime.server.worker.udp.addresses import SOURCES_MAX, AddressBook
from runtime.sip.address import UDP, Address
from runtime.sip.transport import Send

SIZE_MAX: Final[i64] = 65536
FOREVER: Final[i64] = -1

_TIMEVAL: Final = struct.Struct("ll")


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
        self._recvmmsg: Final[Any] = mmsg.lib.recvmmsg
        self._sendmmsg: Final[Any] = mmsg.lib.sendmmsg
        self._unpack: Final[Any] = ffi.unpack
        self._no_timeout: Final[Any] = ffi.NULL
        self._wait_for_one: Final[int] = mmsg.lib.MSG_WAITFORONE
        self._dont_wait: Final[int] = mmsg.lib.MSG_DONTWAIT
        self._fd: Final[int] = own.fileno()
        self._fds: Final[list[int]] = [s.fileno() for s in sockets]
        self._addresses: Final = AddressBook()
        self._name_bytes: Final[int] = 28 if own.family == socket.AF_INET6 else 16
        self._in: Final = Batch(ffi, BATCH * SIZE_MAX)
        self._slots: Final[list[Any]] = self._in.divide_arena(ffi, SIZE_MAX, self._name_bytes)
        self._out: Final = Batch(ffi, _OUT_ARENA_BYTES)
        self._queue: Final[list[Send]] = []
        self._names_out: Final[list[bytes]] = [b""] * BATCH

    def receive(self, timeout_ms: i64) -> i64:
        self.set_read_timeout(timeout_ms)
        return self._read(self._wait_for_one)

    def receive_now(self) -> i64:
        return self._read(self._dont_wait)

    def _read(self, flags: int) -> i64:
        count: i64 = self._recvmmsg(self._fd, self._in.headers, BATCH, flags, self._no_timeout)
        if count < 0:
            error: int = self._ffi.errno
            if error not in HARMLESS:
                raise OSError(error, os.strerror(error))
            self._idle = True
            return 0
        self._idle = False
        into = self._in
        at = into.length_at
        i: i64 = 0
        while i < count:
            self.sources[i] = self._addresses.of(self._unpack(into.name[i], self._name_bytes))
            self.data[i] = self._unpack(self._slots[i], into.u32[at])
            at += into.step
            i += 1
        return count

    def send(self, sends: list[Send]) -> None:
        self.failures.clear()
        self.streams.clear()
        out = self._out
        queue = self._queue
        used: i64 = 0
        for s in sends:
            if s.socket.proto != UDP:
                self.streams.append(s)
                continue
            size: i64 = len(s.data)
            if size > SIZE_MAX:
                self.failures.append(SendFailure(s, errno.EMSGSIZE))
                continue
            if queue and (s.socket is not queue[0].socket or len(queue) == BATCH or used + size > _OUT_ARENA_BYTES):
                self._flush()
                used = 0
            i: i64 = len(queue)
            queue.append(s)
            end = used + size
            out.arena[used:end] = s.data
            out.vectors[2 * i] = out.base + used
            out.vectors[2 * i + 1] = size
            name = s.destination.sockaddr
            if name is not self._names_out[i]:
                self._set_name(i, name)
            used = end
        if queue:
            self._flush()

    def _set_name(self, i: i64, name: bytes) -> None:
        """Header i goes to `name` from now on; most datagrams go where the one before them in that place went."""
        out = self._out
        at = i * out.sockaddr_bytes
        size: i64 = len(name)
        out.names[at : at + size] = name
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


_OUT_ARENA_BYTES: Final[i64] = 4 * SIZE_MAX
