"""Descriptors that come and go, as those of programs that routes have started; compiled in the native build."""

from __future__ import annotations

import select
import time
from typing import Any, Final, final

from mypy_extensions import i64

from runtime.routing.ports import Watched, Watches


@final
class EpollWatches(Watches):
    """With epoll(7), whose own descriptor is one more for the waiter. It is made when there is something to watch."""

    def __init__(self) -> None:
        super().__init__()
        # Any: None until it is needed.
        self._epoll: Any = None
        self._watched: Final[dict[int, Watched]] = {}

    def watch(self, one: Watched) -> None:
        if self._epoll is None:
            self._epoll = select.epoll()
        self._epoll.register(one.fd, select.EPOLLIN)
        self._watched[one.fd] = one
        self.count = len(self._watched)

    def forget(self, one: Watched) -> None:
        if self._watched.get(one.fd) is one:
            self._epoll.unregister(one.fd)
            del self._watched[one.fd]
            self.count = len(self._watched)

    def fileno(self) -> int:
        fd: int = self._epoll.fileno()
        return fd

    def serve(self, now_ms: i64) -> None:
        self._poll(0.0, now_ms)

    def wait(self, timeout_ms: i64) -> i64:
        began_ms: i64 = time.monotonic_ns() // 1_000_000
        self._poll(-1.0 if timeout_ms < 0 else int(timeout_ms) / 1000, began_ms)
        return time.monotonic_ns() // 1_000_000 - began_ms

    def _poll(self, timeout_s: float, now_ms: i64) -> None:
        for fd, _ in self._epoll.poll(timeout_s):
            one = self._watched.get(fd)
            # Another one's turn may have ended this one.
            if one is not None:
                one.is_ready(now_ms)
