"""Bytes that one process publishes and all read: what a command loads anew for every worker."""

from __future__ import annotations

import fcntl
import mmap
from typing import Final, final

from runtime.routing.lock_file import lock_file

_NUMBER: Final = 8
_LEAST: Final = 65536


def room_for(size: int) -> int:
    """Bytes of memory for texts that are `size` bytes long now and may grow to twice that, and to 64 kB in any case."""
    return _NUMBER + 2 * (_NUMBER + max(2 * size, _LEAST))


@final
class Published:
    """The newest text, of as many bytes as half of `memory` has room for.

    The memory begins with the number of the text; texts of even and odd numbers have a half each, so that one stays whole while the
    next is written. Writers take turns.
    """

    def __init__(self, memory: mmap.mmap) -> None:
        self._memory: Final = memory
        self._half: Final = (len(memory) - _NUMBER) // 2
        self._lock: Final = lock_file("published")

    def publish(self, text: bytes) -> bool:
        """Make this the newest; False if there is no room for it."""
        if len(text) + _NUMBER > self._half:
            return False
        fcntl.lockf(self._lock, fcntl.LOCK_EX)
        try:
            number = self.number() + 1
            start = self._start(number)
            self._memory[start : start + _NUMBER + len(text)] = len(text).to_bytes(_NUMBER, "big") + text
            self._memory[0:_NUMBER] = number.to_bytes(_NUMBER, "big")
        finally:
            fcntl.lockf(self._lock, fcntl.LOCK_UN)
        return True

    def number(self) -> int:
        """Of the newest text, 0 as long as there is none. Whoever has read that one knows by it that nothing is new."""
        return int.from_bytes(self._memory[0:_NUMBER], "big")

    def read(self) -> tuple[int, bytes]:
        """The newest text with its number."""
        while True:
            number = self.number()
            start = self._start(number)
            size = int.from_bytes(self._memory[start : start + _NUMBER], "big")
            text: bytes = self._memory[start + _NUMBER : start + _NUMBER + size]
            # Two newer ones have written over it meanwhile.
            if self.number() < number + 2:
                return number, text

    def _start(self, number: int) -> int:
        return _NUMBER + number % 2 * self._half
