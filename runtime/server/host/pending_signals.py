"""A descriptor that can be read while a signal waits: for who waits for descriptors, and takes signals with sigtimedwait(2)."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from typing import Final

from mypy_extensions import i64

from runtime.routing.ports import Watched

# sigset_t of Linux: a bit for each signal, the first one for signal 1.
_SET_BYTES: Final = 128
# <sys/signalfd.h>: these are the values of O_NONBLOCK and O_CLOEXEC.
_FLAGS: Final = os.O_NONBLOCK | os.O_CLOEXEC


def open_pending(signals: Iterable[int]) -> int:
    """A signalfd(2), which Python has no name for: it can be read as long as one of these signals, which must be blocked, is pending.

    Nobody need read it: who takes the signal makes it unreadable. Raises OSError.
    """
    mask = sum(1 << (number - 1) for number in signals).to_bytes(_SET_BYTES, "little")
    fd: int = ctypes.CDLL(None, use_errno=True).signalfd(-1, mask, _FLAGS)
    if fd < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return fd


class PendingSignals(Watched):
    """Ends the waiting of a process that watches descriptors: it looks for signals itself when it has."""

    def __init__(self, signals: Iterable[int]) -> None:
        super().__init__(open_pending(signals))

    def is_ready(self, now_ms: i64) -> None:
        return
