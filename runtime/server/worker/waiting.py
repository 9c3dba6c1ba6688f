"""Waiting for several descriptors at once with poll(2)."""

from __future__ import annotations

import select
from types import ModuleType
from typing import Any, Final

from mypy_extensions import i64

from runtime.server.host.batch import BATCH
from runtime.server.worker.udp.datagrams import BatchIO, DatagramIO

# What mmsg_build.py's wait_and_read returns.
_PLACES: Final = 15
_SAME_SOURCE: Final = 16
_FAILED: Final = 255


class Waiter:
    """Tells which of a few descriptors can be read, or have an error to report. A descriptor of -1 is never ready.

    The first one is the socket that datagrams are read from, or is not there. `came` of them were read by the last `wait_and_read`.
    """

    def __init__(self, fds: list[int]) -> None:
        self.watches_datagrams: Final = fds[0] >= 0
        self.came: i64 = 0

    def put(self, place: int, fd: int) -> None:
        """A descriptor in a place that was left empty with -1."""
        raise NotImplementedError

    def wait(self, timeout_ms: i64) -> i64:
        """A sum of 1 << place; 0 after `timeout_ms` (-1: no limit) or a signal."""
        raise NotImplementedError

    def wait_and_read(self, io: DatagramIO, timeout_ms: i64) -> i64:
        """The same, and `io`, which has the first descriptor, reads the datagrams that are there by then."""
        ready = self.wait(timeout_ms)
        self.came = io.receive_now() if ready & 1 != 0 and self.watches_datagrams else 0
        return ready


class PlainWaiter(Waiter):
    """With Python's select module."""

    def __init__(self, fds: list[int]) -> None:
        super().__init__(fds)
        self._fds: Final = fds
        self._poll: Final = select.poll()
        for fd in fds:
            if fd >= 0:
                self._poll.register(fd, select.POLLIN)

    def put(self, place: int, fd: int) -> None:
        self._fds[place] = fd
        self._poll.register(fd, select.POLLIN)

    def wait(self, timeout_ms: i64) -> i64:
        ready: i64 = 0
        for fd, _ in self._poll.poll(int(timeout_ms)):
            place: i64 = self._fds.index(fd)
            ready |= 1 << place
        return ready


class NativeWaiter(Waiter):
    """With poll(2) itself, without an object for every answer. `mmsg` is the extension module of mmsg_build.py."""

    def __init__(self, fds: list[int], mmsg: ModuleType) -> None:
        super().__init__(fds)
        ffi: Any = mmsg.ffi
        assert ffi.sizeof("struct pollfd") == 8
        self._poll: Final[Any] = mmsg.lib.poll
        self._poll_and_read: Final[Any] = mmsg.lib.wait_and_read
        self._entries: Final[Any] = ffi.new("struct pollfd[]", [{"fd": fd, "events": select.POLLIN} for fd in fds])
        self._words: Final[Any] = memoryview(ffi.buffer(self._entries)).cast("B").cast("H")
        self._count: Final = len(fds)
        # What the C function needs to know of who reads.
        self._ffi: Final[Any] = ffi
        self._io: BatchIO | None = None
        self._reader: Any = None

    def put(self, place: int, fd: int) -> None:
        self._entries[place].fd = fd

    def wait(self, timeout_ms: i64) -> i64:
        found: i64 = self._poll(self._entries, self._count, timeout_ms)
        ready: i64 = 0
        i: i64 = 0
        while found > 0:
            events: i64 = self._words[4 * i + 3]
            if events != 0:
                ready |= 1 << i
                found -= 1
            i += 1
        return ready

    def wait_and_read(self, io: DatagramIO, timeout_ms: i64) -> i64:
        if not isinstance(io, BatchIO):
            return super().wait_and_read(io, timeout_ms)
        if io is not self._io:
            self._begin_with(io)
        found: i64 = self._poll_and_read(self._reader, timeout_ms)
        self.came = 0
        if found & 1 != 0:
            count = found >> 8 & 0xFF
            self.came = io.take(-1 if count == _FAILED else count, found >> 16, found & _SAME_SOURCE != 0)
        return found & _PLACES

    def _begin_with(self, io: BatchIO) -> None:
        self._io = io
        self._reader = self._ffi.new("struct reader *", [self._entries, self._count, io.headers, int(BATCH), io.facts])
