"""Waiting in tests: for something to happen, or, where nothing tells that it has not, for real time to pass.

Nothing else in the tests sleeps (test_patience.py). Whoever lets time pass says why nothing better can be waited for.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeVar

_LOOK_AGAIN_S: Final = 0.01


def eventually(what: Callable[[], bool], within: float = 20.0) -> bool:
    """Whether `what` becomes true in time, which is long: the machine may be busy."""
    until = time.monotonic() + within
    while not what():
        if time.monotonic() > until:
            return False
        rest()
    return True


def rest() -> None:
    """A moment for others, before one looks again or goes on at a pace."""
    time.sleep(_LOOK_AGAIN_S)


def let_pass(seconds: float, why: str) -> None:
    """Real time, since no event can be waited for: `why`."""
    assert why
    time.sleep(seconds)


class HasFileno(Protocol):
    def fileno(self) -> int: ...


F = TypeVar("F", bound=int | HasFileno)


def readable(files: Sequence[F], within_s: float) -> list[F]:
    """Those with something to read, as soon as there is one. (A process of many tests has over a thousand files, and select() looks no further.)"""
    poll = select.poll()
    by_number = {file if isinstance(file, int) else file.fileno(): file for file in files}
    for number in by_number:
        poll.register(number, select.POLLIN)
    return [by_number[number] for number, _ in poll.poll(within_s * 1000)]
