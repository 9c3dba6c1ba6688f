"""Long work on the store in short turns: a processor, and the store, are there at once for who handles messages."""

from __future__ import annotations

import time
from typing import Final, final

# A message that comes while all processors are busy, or while the store is written to, waits for the rest of a turn.
_TURN_S: Final = 0.0002
# What is left to others between two turns.
REST_S: Final = 0.0004


@final
class Pace:
    """The turns of one process, with pauses of `rest_s` seconds: none where there is nobody to be considerate of."""

    def __init__(self, rest_s: float = REST_S) -> None:
        self._rest_s: Final = rest_s
        self._until_s = time.monotonic() + _TURN_S

    def is_over(self) -> bool:
        """This turn has lasted long enough."""
        return time.monotonic() >= self._until_s

    def rest(self) -> None:
        """Begin the next turn, after a pause."""
        if self._rest_s > 0:
            time.sleep(self._rest_s)
        self._until_s = time.monotonic() + _TURN_S

    def keep(self) -> None:
        """Begin the next turn if this one is over. To be called often, by who holds nothing that others wait for."""
        if self.is_over():
            self.rest()
