"""SER's return values of actions and routes (reference core, 5.1)."""

from typing import Final

TRUE: Final = 1
FALSE: Final = -1
STOP: Final = 0
# What only the compiled conditions know: neither true nor false, and no reason to stop (reference core, 5.2).
ERROR: Final = -2


def verdict(value: bool) -> int:
    """TRUE or FALSE: what a function that never stops the script counts for as the last action of a route."""
    return 1 if value else -1
