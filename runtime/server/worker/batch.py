"""What a worker has read in one go; compiled in the native build."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.server.mail.mailbox import Letter
from runtime.server.streams.outcomes import Received
from runtime.server.streams.streams import Streams

# No datagram is left.
NONE_LEFT: Final[i64] = -1


@final
class Batch:
    """Datagrams, letters and messages over TCP, each given out once, in this order.

    What is left stands here and not on the stack of who handles it: where the route of one of them waits, another loop of the worker
    goes on with the next. `letters` is filled by the mailbox, `streams` has its own list; datagrams stay where they were read into, and
    are given out by their places there.

    `is_in_hand` is True from `begin` until `end`. `came` is how much there was; `now_ms` and `read_ns`: when.
    """

    def __init__(self, streams: Streams | None) -> None:
        self._streams: Final = streams
        self.letters: Final[list[Letter]] = []
        self.is_in_hand = False
        self.came: i64 = 0
        self.now_ms: i64 = 0
        self.read_ns: i64 = 0
        # Datagrams up to `_count` are ours, from `_next` on to be handled; or those of `_chosen`, the last one first.
        self._count: i64 = 0
        self._next: i64 = 0
        self._chosen: Final[list[int]] = []
        self._next_letter: i64 = 0
        self._next_received: i64 = 0

    def begin(self, datagrams: i64, read_ns: i64) -> None:
        """So many datagrams were read, at this time."""
        self.is_in_hand = True
        self.read_ns = read_ns
        self.now_ms = read_ns // 1_000_000
        self._count = datagrams
        self._next = 0
        self.came = datagrams + len(self.letters)
        streams = self._streams
        if streams is not None:
            self.came += len(streams.received)

    def choose(self, places: list[int]) -> None:
        """Of the datagrams only these are ours; the last one is the first."""
        self._count = 0
        self._chosen.extend(places)

    def next_place(self) -> i64:
        """Where the next datagram is, or NONE_LEFT."""
        place = self._next
        if place < self._count:
            self._next = place + 1
            return place
        return self._chosen.pop() if self._chosen else NONE_LEFT

    def next_letter(self) -> Letter | None:
        letters = self.letters
        place = self._next_letter
        if place < len(letters):
            self._next_letter = place + 1
            return letters[place]
        if place > 0:
            letters.clear()
            self._next_letter = 0
        return None

    def next_received(self) -> Received | None:
        streams = self._streams
        if streams is None:
            return None
        place = self._next_received
        if place < len(streams.received):
            self._next_received = place + 1
            return streams.received[place]
        if place > 0:
            streams.received.clear()
            self._next_received = 0
        return None

    def end(self) -> None:
        """It is done with."""
        self.is_in_hand = False

    def lose(self) -> None:
        """There is no memory to handle it; what came over TCP stays for the next one."""
        self.is_in_hand = False
        self._count = 0
        self._chosen.clear()
        self.letters.clear()
        self._next_letter = 0
