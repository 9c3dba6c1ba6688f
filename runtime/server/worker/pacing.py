"""When a worker should sleep a little before it reads again.

A blocking read costs a wake-up of the process for every datagram, which under a steady load is more than all work on the
datagram itself (docs/performance.md). So while datagrams follow each other closely the worker sleeps a fraction of a
millisecond after each batch and then finds several waiting, as network cards do with their interrupts. A quiet server never sleeps,
and neither does one whose datagrams come in bursts: their batches are large by themselves. Nor does one whose read came back full:
more is waiting, and a sleep would hold up the queue.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.server.host.batch import BATCH

# Sleeping costs as much as about three wake-ups: it must save more.
WORTH_A_SLEEP: Final = 4
WINDOW_READS: Final = 16
SLEEP_NS: Final = 800_000


@final
class Pacer:
    """Decides after each batch. `sleep_ns` is the length of a sleep."""

    def __init__(self, sleep_ns: i64 = SLEEP_NS) -> None:
        self.sleep_ns: Final = sleep_ns
        self._asleep = False
        self._reads: i64 = 0
        self._window_start_ns: i64 = 0

    def is_worth_a_sleep(self, count: i64, now_ns: i64) -> bool:
        """True if the worker should sleep now, `count` datagrams having come with the last read.

        Asleep it goes on sleeping while a sleep brings enough datagrams; awake it looks, every WINDOW_READS reads, whether
        they follow each other so closely that a sleep would. A read that came back full is never followed by a sleep: at most
        BATCH datagrams a sleep would be the capacity of the server.
        """
        if count >= BATCH:
            return False
        if self._asleep:
            self._asleep = count >= WORTH_A_SLEEP
            return self._asleep
        self._reads += 1
        if self._reads < WINDOW_READS:
            return False
        took_ns = now_ns - self._window_start_ns
        self._window_start_ns = now_ns
        self._reads = 0
        self._asleep = took_ns * WORTH_A_SLEEP <= self.sleep_ns * WINDOW_READS
        return self._asleep
