"""The table of processes that all of them share: who runs where, since when. Reference core, 1.4 and 7.3."""

from __future__ import annotations

import mmap
import struct
from typing import Final

# An entry: pid (0: none now), deaths so far, transactions that a worker still has to finish (UNKNOWN: it has not said).
_ENTRY: Final = struct.Struct("=qqq")
_PID: Final = 0
_DEATHS: Final = 8
_PENDING: Final = 16
_NUMBER: Final = struct.Struct("=q")

UNKNOWN: Final = -1


class ProcessTable:
    """One entry for each description, numbered from 0, which is the master. Made before the fork; single numbers are written
    by one process each, so there is no lock."""

    def __init__(self, descriptions: list[str]) -> None:
        self.descriptions: Final = descriptions
        self._memory: Final = mmap.mmap(-1, _ENTRY.size * len(descriptions))

    def __len__(self) -> int:
        return len(self.descriptions)

    def pid(self, index: int) -> int:
        return self._get(index, _PID)

    def begin(self, index: int, pid: int) -> None:
        """A process with that number is here now."""
        self._put(index, _PENDING, UNKNOWN)
        self._put(index, _PID, pid)

    def end(self, index: int) -> None:
        """It has died."""
        self._put(index, _PID, 0)
        self._put(index, _DEATHS, self._get(index, _DEATHS) + 1)

    def deaths(self, index: int) -> int:
        return self._get(index, _DEATHS)

    def pending(self, index: int) -> int:
        return self._get(index, _PENDING)

    def set_pending(self, index: int, count: int) -> None:
        self._put(index, _PENDING, count)

    def text(self) -> bytes:
        """The answer to `ps`: a line `index<TAB>pid<TAB>description` for each."""
        lines = [f"{i}\t{self.pid(i)}\t{what}\n" for i, what in enumerate(self.descriptions)]
        return "".join(lines).encode()

    def _get(self, index: int, place: int) -> int:
        value: int = _NUMBER.unpack_from(self._memory, index * _ENTRY.size + place)[0]
        return value

    def _put(self, index: int, place: int, value: int) -> None:
        _NUMBER.pack_into(self._memory, index * _ENTRY.size + place, value)


class Entry:
    """A worker's own."""

    def __init__(self, table: ProcessTable, index: int) -> None:
        self._table: Final = table
        self._index: Final = index

    def tell(self, pending: int) -> None:
        """How much it still has to bring to an end."""
        self._table.set_pending(self._index, pending)
