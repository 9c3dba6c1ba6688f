"""Where the master shows all processes what is too long for a letter; made before it forks."""

from __future__ import annotations

import os
from typing import Final


class Board:
    """A file in memory that all inherit, whatever becomes of accounts and root directories. Raises OSError.

    `version` is that of the program which a process has when it is forked.
    """

    def __init__(self) -> None:
        self.version = 1
        self._fd: Final = os.memfd_create("ser-board")

    def show(self, data: bytes) -> None:
        """Nobody may be reading now."""
        os.ftruncate(self._fd, 0)
        at = 0
        while at < len(data):
            at += os.pwrite(self._fd, data[at:], at)

    def read(self, size: int) -> bytes:
        """What is shown, `size` bytes."""
        data = b""
        while len(data) < size:
            more = os.pread(self._fd, size - len(data), len(data))
            if not more:
                break
            data += more
        return data
