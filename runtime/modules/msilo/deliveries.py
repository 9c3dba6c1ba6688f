"""Which messages are on their way, in memory that all processes share: no message is sent a second time meanwhile."""

from __future__ import annotations

import fcntl
import mmap
from typing import Final, final

from runtime.routing.lock_file import lock_file

# A slot: 8 bytes of the message's number, 6 the second in which it was sent, 2 its state.
_SLOT: Final = 16
_SLOTS: Final = 8192
BYTES: Final = _SLOT * _SLOTS
# A message may stand in one of so many slots from its own on.
_PROBES: Final = 64

_FREE: Final = 0
_SENT: Final = 1
_DELIVERED: Final = 2

# A process that has not heard of an answer for so long never will: it is gone.
_LOST_S: Final = 900


@final
class Deliveries:
    """A message is FREE, then sent, then delivered until its row has been deleted.

    Slots are changed under a lock that ends with the process that holds it.
    """

    def __init__(self, memory: mmap.mmap) -> None:
        self._memory: Final = memory
        self._slots: Final = len(memory) // _SLOT
        self._lock: Final = lock_file("msilo")

    def claim(self, number: int, now_s: int) -> bool:
        """The message is about to be sent by the caller; False if it is on its way or delivered, or if too many are."""
        fcntl.lockf(self._lock, fcntl.LOCK_EX)
        try:
            free = -1
            for at in self._places(number):
                state, found, since_s = self._slot(at)
                if state == _SENT and now_s - since_s > _LOST_S:
                    state = _FREE
                if state == _FREE:
                    free = at if free < 0 else free
                elif found == number:
                    return False
            if free < 0:
                return False
            self._write(free, _SENT, number, now_s)
            return True
        finally:
            fcntl.lockf(self._lock, fcntl.LOCK_UN)

    def delivered(self, number: int, now_s: int) -> None:
        """The message has arrived: its row can be deleted."""
        self._change(number, _DELIVERED, now_s)

    def forget(self, number: int) -> None:
        """It has not arrived, or its row has been deleted."""
        self._change(number, _FREE, 0)

    def done(self) -> list[int]:
        """Those that have been delivered."""
        slots = [self._slot(at) for at in range(0, self._slots * _SLOT, _SLOT)]
        return [number for state, number, _ in slots if state == _DELIVERED]

    def _change(self, number: int, state: int, now_s: int) -> None:
        fcntl.lockf(self._lock, fcntl.LOCK_EX)
        try:
            for at in self._places(number):
                was, found, _ = self._slot(at)
                if was != _FREE and found == number:
                    self._write(at, state, number, now_s)
                    return
        finally:
            fcntl.lockf(self._lock, fcntl.LOCK_UN)

    def _places(self, number: int) -> list[int]:
        return [(number + step) % self._slots * _SLOT for step in range(min(_PROBES, self._slots))]

    def _slot(self, at: int) -> tuple[int, int, int]:
        text: bytes = self._memory[at : at + _SLOT]
        return int.from_bytes(text[14:], "big"), int.from_bytes(text[:8], "big"), int.from_bytes(text[8:14], "big")

    def _write(self, at: int, state: int, number: int, now_s: int) -> None:
        self._memory[at : at + _SLOT] = number.to_bytes(8, "big") + now_s.to_bytes(6, "big") + state.to_bytes(2, "big")
