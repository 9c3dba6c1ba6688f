"""The state of memory in the log, at the level that `memlog` names. Reference core, 1.8 and chapter 4."""

from __future__ import annotations

import resource
from typing import Final

from runtime.routing.ports import Log
from runtime.routing.shared import SharedMemory


class MemoryStatus:
    """Written at SIGUSR1 and at the end, as SER does, by the master, for all."""

    def __init__(self, shared: SharedMemory, level: int, log: Log) -> None:
        self._shared: Final = shared
        self._level: Final = level
        self._log: Final = log

    def write(self) -> None:
        """One line for what processes share, bounded by -m, and one for what each has for itself, as its greatest so far."""
        shared = self._shared
        self._log.say(
            self._level,
            f"memory: shared: used={shared.used} limit={shared.limit} shortages={shared.shortages}",
        )
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        # Of those that have ended: at the end, all.
        ended = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        self._log.say(self._level, f"memory: master: peak_memory_kb={own} largest_ended_process_kb={ended}")
