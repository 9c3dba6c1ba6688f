"""How long things took, counted by buckets."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

# Upper ends of the buckets, in microseconds; what took longer is in the last one, which has no end.
# (A tuple of a known length would be made anew wherever it is looked at.)
BUCKETS_US: Final[tuple[int, ...]] = (
    100,
    250,
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    50_000,
    250_000,
    1_000_000,
    5_000_000,
    30_000_000,
)


@final
class Histogram:
    """`counts` by bucket, and the sum of all."""

    def __init__(self) -> None:
        self.counts: Final[list[int]] = [0] * (len(BUCKETS_US) + 1)
        self.sum_us: i64 = 0

    def add(self, took_us: i64) -> None:
        """Something took so long."""
        place = 0
        while place < len(BUCKETS_US) and took_us > BUCKETS_US[place]:
            place += 1
        self.counts[place] += 1
        self.sum_us += took_us

    def take_over(self, other: Histogram) -> None:
        """What `other` has counted counts here from now on."""
        for place in range(len(self.counts)):
            self.counts[place] += other.counts[place]
            other.counts[place] = 0
        self.sum_us += other.sum_us
        other.sum_us = 0

    def tell(self, found: dict[str, int], name: str) -> None:
        """Into the counts of a process, under `~name~le` and `~name~sum`; nothing as long as nothing was counted."""
        if not any(self.counts):
            return
        for place in range(len(BUCKETS_US)):
            _add(found, f"~{name}~{BUCKETS_US[place]}", self.counts[place])
        _add(found, f"~{name}~inf", self.counts[len(BUCKETS_US)])
        _add(found, f"~{name}~sum", int(self.sum_us))


def _add(found: dict[str, int], name: str, count: int) -> None:
    found[name] = found.get(name, 0) + count
