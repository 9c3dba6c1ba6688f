"""What is done once for all messages of a batch, before anything that they have sent leaves.

A module that does something for each message which costs more to begin and to end than to do, such as a write transaction, collects it
here. Who has put something into the outbox meanwhile has not been heard yet: what turns out otherwise can still be answered otherwise.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64, mypyc_attr


@mypyc_attr(allow_interpreted_subclasses=True)
class Deferred:
    """What a module has collected. Neither method raises anything."""

    def finish(self, now_ms: i64) -> None:
        """Do it. What has gone wrong is told to whom it concerns: a reply in the outbox is replaced, a run that waits goes on."""
        raise NotImplementedError

    def forget(self) -> None:
        """The batch is lost, and with it what was to be sent: nobody will hear of it."""
        raise NotImplementedError


@final
class Deferrals:
    """Who has something to finish. It is finished at the end of a batch, before timers run and before anything is sent, and before a
    route waits for something outside. `count` have. `is_alone`: what is in hand is all that the batch has, so that nothing is gained by
    deferring it."""

    def __init__(self) -> None:
        self.count: i64 = 0
        self.is_alone = False
        self._those: Final[list[Deferred]] = []

    def add(self, one: Deferred) -> None:
        """It has something now; once until it is told to finish or to forget."""
        self._those.append(one)
        self.count += 1

    def finish(self, now_ms: i64) -> None:
        """Nothing is left undone."""
        while self._those:
            self.count -= 1
            self._those.pop(0).finish(now_ms)

    def forget(self) -> None:
        """The batch is lost."""
        while self._those:
            self.count -= 1
            self._those.pop().forget()
