"""The garbage collector looks at a little at a time, and never at what is old while there is something to do."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from runtime.server.worker.collecting import STEPS, YOUNG, collect_while_idle, spare_the_collector


class Collections:
    """Those that happened: their generations."""

    def __init__(self) -> None:
        self.generations: list[int] = []

    def __call__(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self.generations.append(info["generation"])


@pytest.fixture
def collections() -> Iterator[Collections]:
    thresholds = gc.get_threshold()
    gc.collect()
    seen = Collections()
    spare_the_collector()
    gc.callbacks.append(seen)
    yield seen
    gc.callbacks.remove(seen)
    gc.set_threshold(*thresholds)
    gc.unfreeze()


def test_a_hundred_thousand_pending_things_are_looked_at_once_each(collections: Collections) -> None:
    pending = [[i] for i in range(100_000)]
    assert set(collections.generations) == {0}
    assert len(collections.generations) <= len(pending) // YOUNG + 2


def test_a_cycle_that_is_young_is_found(collections: Collections) -> None:
    class Cycle:
        alive = 0

        def __init__(self) -> None:
            self.itself = self
            Cycle.alive += 1

        def __del__(self) -> None:
            Cycle.alive -= 1

    Cycle()
    assert Cycle.alive == 1
    pending = [[i] for i in range(2 * YOUNG)]
    assert Cycle.alive == 0 and pending


def test_while_there_is_nothing_to_do_what_was_young_is_looked_at_again(collections: Collections) -> None:
    pending = [[i] for i in range(STEPS // 2 * YOUNG)]
    collections.generations.clear()
    collect_while_idle()
    assert collections.generations == [1] and pending
    collect_while_idle()
    assert collections.generations == [1], "nothing is new since"


def test_but_not_if_that_is_much(collections: Collections) -> None:
    pending = [[i] for i in range((STEPS + 5) * YOUNG)]
    collections.generations.clear()
    collect_while_idle()
    assert collections.generations == [] and gc.get_freeze_count() >= len(pending)
