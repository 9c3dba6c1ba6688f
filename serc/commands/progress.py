"""A word to who waits: what is done that takes longer than two seconds."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_PATIENCE_S: Final = 2.0


@contextmanager
def progress(what: str, after_s: float = _PATIENCE_S) -> Iterator[None]:
    """If the block takes longer than `after_s`, and somebody looks on, says once on standard error that `what` goes on."""
    timer = threading.Timer(after_s, _say, (what,))
    timer.daemon = True
    if sys.stderr.isatty():
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _say(what: str) -> None:
    print(f"serc: {what} …", file=sys.stderr, flush=True)
