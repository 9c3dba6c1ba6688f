"""Waiting for several descriptors at once with poll(2)."""

from __future__ import annotations

import select
from types import ModuleType
from typing import Any, Final

from mypy_extensions import i64

from runtime.server.worker.udp.datagrams import BatchIO, DatagramIO

# What wait_and_read of mmsg.c returns: which places are ready, how many datagrams were read, or an errno.
_PLACES: Final[i64] = 15
_CAME_AT: Final[i64] = 4
_ERROR_AT: Final[i64] = 16


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
    """With poll(2) itself, without an object for every answer. `mmsg` is the extension module of mmsg.c."""

    def __init__(self, fds: list[int], mmsg: ModuleType) -> None:
        super().__init__(fds)
        poller: Any = mmsg.Poller(fds)
        self._put: Final[Any] = poller.put
        self._wait: Final[Any] = poller.wait
        self._wait_and_read: Final[Any] = poller.wait_and_read

    def put(self, place: int, fd: int) -> None:
        self._put(place, fd)

    def wait(self, timeout_ms: i64) -> i64:
        ready: i64 = self._wait(timeout_ms)
        return ready

    def wait_and_read(self, io: DatagramIO, timeout_ms: i64) -> i64:
        if not isinstance(io, BatchIO):
            return super().wait_and_read(io, timeout_ms)
        found: i64 = self._wait_and_read(io.reader, timeout_ms)
        self.came = 0
        if found & 1 != 0:
            error = found >> _ERROR_AT
            self.came = io.has_read(-error if error != 0 else found >> _CAME_AT)
        return found & _PLACES
