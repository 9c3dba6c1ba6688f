"""Memory that all processes share: given out before they fork, so much of it as -m allows. Reference core, 1.1."""

from __future__ import annotations

import mmap
from typing import Final, final

from runtime.routing.ports import L_WARN, Log

DEFAULT_BYTES: Final = 32 << 20


class SharedMemoryFull(Exception):
    """There is not enough for something that cannot do with less: `str()` is one sentence for the administrator."""


@final
class SharedMemory:
    """`limit` bytes. `used` counts what has been given out, `shortages` how often it was less than was wanted."""

    def __init__(self, limit: int, log: Log) -> None:
        self.limit: Final = limit
        self.used = 0
        self.shortages = 0
        self._log: Final = log
        self.is_closed = False

    def close(self) -> None:
        """Give out no more: the processes have forked."""
        self.is_closed = True

    def take(self, size: int, what: str, least: int = 0) -> mmap.mmap:
        """Memory of `size` bytes, all zero, for `what`; where that is too much what is left, if it is `least` bytes (0: `size`).

        Raises SharedMemoryFull. Its pages cost nothing before they are written to.
        """
        if self.is_closed:
            raise SharedMemoryFull(
                f"{what} needs memory that all processes share, which is given out at the start only"
            )
        left = self.limit - self.used
        given = min(size, left)
        if given < (least or size):
            raise SharedMemoryFull(
                f"-m {self.limit >> 20}: {what} needs {least or size} bytes of shared memory, {left} are left"
            )
        if given < size:
            self.shortages += 1
            self._log.write(
                L_WARN,
                f"WARNING: -m {self.limit >> 20}: {what} asked for {size} bytes of shared memory and got {given}",
            )
        self.used += given
        return mmap.mmap(-1, given)
