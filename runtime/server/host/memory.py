"""How much memory there is, and its state in the log, at the level that `memlog` names. Reference core, 1.8 and chapter 4."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import Final

from runtime.routing.ports import Log
from runtime.routing.shared import SharedMemory

# What a control group may use, of version 2 and 1, as a process in it sees them.
_GROUP_LIMITS: Final = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def usable_bytes() -> int:
    """Half of the machine's memory or, where that is less, of what this server's control group or its limit of address space leaves it."""
    bounds = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in _GROUP_LIMITS:
        try:
            text = Path(path).read_text("ascii").strip()
        except OSError:
            continue
        # "max" is no limit.
        if text.isdigit():
            bounds.append(int(text))
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        bounds.append(soft)
    return min(bounds) // 2


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
