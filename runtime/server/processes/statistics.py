"""SIGUSR1: what all processes have done since they started, in the log; and whether they answer at all. Reference core, 1.8, 8.5."""

from __future__ import annotations

from typing import Final

from runtime.routing.ports import L_NOTICE, L_WARN, Log
from runtime.server.host.memory import MemoryStatus
from runtime.server.mail.letters import statistics
from runtime.server.mail.letters.answer import AnswerLetter
from runtime.server.processes.workers import Workers

# How long a process may take to answer; it may be busy with messages.
_PATIENCE_S: Final = 1.0

# What is a state and no counter: of these the greatest is shown, not the sum.
_GREATEST: Final = frozenset(("peak_memory_kb",))


class Statistics:
    """Asks `workers`, and writes into the log when they have answered or their time is over, with the state of memory. Times are
    seconds."""

    def __init__(self, workers: Workers, memory: MemoryStatus, log: Log) -> None:
        self._workers: Final = workers
        self._memory: Final = memory
        self._log: Final = log
        self._number = 0
        self._until_s: float | None = None
        self._is_to_write = False
        self._answers: dict[int, dict[str, int]] = {}

    def is_asking(self) -> bool:
        return self._until_s is not None

    def ask(self, now_s: float) -> None:
        """Begin; who asks again before the answer is there gets it once."""
        self._is_to_write = True
        self.probe(now_s)

    def probe(self, now_s: float) -> None:
        """The same, but nothing is written: `look` tells whether all answer."""
        if self._until_s is not None:
            return
        self._number += 1
        self._answers = {}
        self._until_s = now_s + _PATIENCE_S
        exchange = self._workers.exchange
        for worker in self._workers.mailboxes:
            statistics.put(exchange.post, worker, exchange.number, self._number)
        exchange.post.flush()

    def take(self, told: AnswerLetter) -> None:
        """A process has answered."""
        if told.question == self._number:
            self._answers[int(told.sender)] = statistics.unpacked_counts(told.text)

    def look(self, now_s: float) -> bool:
        """True when all who live have answered, once for each question."""
        is_complete = len(self._answers) == len(self._workers.mailboxes)
        if self._until_s is None or not (is_complete or now_s >= self._until_s):
            return False
        self._until_s = None
        if self._is_to_write:
            self._is_to_write = False
            self._write()
            self._memory.write()
        silent = [n for n in self._workers.mailboxes if n not in self._answers and self._workers.pid(n)]
        for number in silent:
            pid = self._workers.pid(number)
            self._log.write(L_WARN, f"WARNING: {self._workers.name(number)} (pid {pid}) does not answer")
        return not silent

    def _write(self) -> None:
        workers = self._workers
        sums: dict[str, int] = {}
        for number in workers.mailboxes:
            who = f"{workers.name(number)} (pid {workers.pid(number)}, {workers.deaths(number)} restarts)"
            counts = self._answers.get(number)
            if counts is None:
                self._log.say(L_NOTICE, f"statistics: {who}: does not answer")
                continue
            self._log.say(L_NOTICE, f"statistics: {who}: {_shown(counts)}")
            for name, count in counts.items():
                old = sums.get(name, 0)
                sums[name] = max(old, count) if name in _GREATEST else old + count
        deaths = sum(workers.deaths(number) for number in workers.mailboxes)
        all_of_them = f"all {len(self._answers)} processes ({deaths} restarts)"
        self._log.say(L_NOTICE, f"statistics: {all_of_them}: {_shown(sums)}")


def _shown(counts: dict[str, int]) -> str:
    # What is measured in buckets is for metrics.
    return " ".join(f"{name}={number}" for name, number in counts.items() if not name.startswith("~"))
