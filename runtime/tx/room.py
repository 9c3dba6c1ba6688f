"""How many transactions there may be in a process, and how much memory they may take."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

# What a transaction and a client of it take beside the bytes of their messages: measured in the pure build, the larger one.
TRANSACTION_BYTES: Final[i64] = 3000
CLIENT_BYTES: Final[i64] = 1400

_UNLIMITED: Final[i64] = 0


@final
class Room:
    """Bounds of a process: `transactions` pending and `size_bytes` of what they hold, 0 for no bound.

    What belongs to something that has begun, a CANCEL or a request inside a dialog, has an eighth more: a call that was let in must
    be able to end.
    """

    def __init__(self, transactions: i64 = _UNLIMITED, size_bytes: i64 = _UNLIMITED) -> None:
        self._transactions: Final[i64] = transactions
        self._size_bytes: Final[i64] = size_bytes

    def is_full(self, pending: i64, held_bytes: i64, has_begun: bool) -> bool:
        """True if there is no room for another transaction. `has_begun`: for one of something that was let in before."""
        return _is_over(pending, self._transactions, has_begun) or _is_over(held_bytes, self._size_bytes, has_begun)

    def has_slack(self, pending: i64, held_bytes: i64) -> bool:
        """True if an eighth is free: then it is over that there was no room."""
        return _has_slack(pending, self._transactions) and _has_slack(held_bytes, self._size_bytes)


def _is_over(used: i64, limit: i64, has_begun: bool) -> bool:
    if limit == _UNLIMITED or used < limit:
        return False
    return not has_begun or used >= limit + limit // 8 + 1


def _has_slack(used: i64, limit: i64) -> bool:
    return limit == _UNLIMITED or used <= limit - limit // 8 - 1


def share_of(total: i64, processes: i64) -> i64:
    """What each of `processes` may have of a bound for all, 0 for none: at least one."""
    return (total + processes - 1) // processes if total > 0 else _UNLIMITED
