"""Python's garbage collector in a process that must not pause; compiled in the native build."""

from __future__ import annotations

import gc
from typing import Final

# So many new objects are looked at in one go: some 0.2 ms.
YOUNG: Final = 2_000
# And after so many messages at the latest. Python counts objects that were made less those that went, whatever their age: under a
# steady load it would count to YOUNG only when all that is pending had become young, and look at it for 50 ms.
MESSAGES: Final = 100
# What such looks have found alive is looked at again while the process has nothing to do, if it is not more than so many of them found.
STEPS: Final = 20
UNREACHED: Final = 1_000_000_000


def spare_the_collector() -> None:
    """What stands in memory when a process begins to serve stands there for ever; what comes then is looked at once, while it is young.

    Messages and transactions have no cycles, so nothing has to be found; what a route may leave behind is young. Looking again and
    again at a hundred thousand pending transactions would stop the process for a second.
    """
    gc.freeze()
    gc.set_threshold(YOUNG, UNREACHED, UNREACHED)


def collect_young() -> None:
    """To be called after MESSAGES messages: what they have left is looked at once."""
    gc.collect(0)


def collect_while_idle() -> None:
    """Nothing is to be done at the moment: a look at what was young not long ago, if that is little; else it stands there for ever."""
    looks = gc.get_count()[1]
    if looks == 0:
        return
    if looks <= STEPS:
        gc.collect(1)
    else:
        gc.freeze()
