"""Transactions by a number or by a name, in dictionaries that are never large.

A dictionary that has become full is copied as a whole: of 50,000 transactions that takes 10 ms, in which nobody is answered. Many
small ones become full at different times.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.tx.transaction import Transaction

_SHELVES: Final[i64] = 64
_DIGITS: Final[i64] = 16


@final
class ByKey:
    """Transactions by the number that a hash gave them; its lower bits are as good as the others."""

    def __init__(self) -> None:
        self._shelves: Final[list[dict[int, Transaction]]] = [{} for _ in range(_SHELVES)]
        self.count: i64 = 0

    def get(self, key: i64) -> Transaction | None:
        return self._shelves[key % _SHELVES].get(key)

    def put(self, key: i64, t: Transaction) -> None:
        """In place of the one that may have had this key."""
        shelf = self._shelves[key % _SHELVES]
        before = len(shelf)
        shelf[key] = t
        self.count += len(shelf) - before

    def drop(self, key: i64) -> None:
        """Raises KeyError where there is none."""
        del self._shelves[key % _SHELVES][key]
        self.count -= 1


@final
class ByName:
    """Transactions by the middle of their branches, which ends in a random hex digit."""

    def __init__(self) -> None:
        self._shelves: Final[list[dict[bytes, Transaction]]] = [{} for _ in range(_DIGITS)]
        self.count: i64 = 0

    def get(self, name: bytes) -> Transaction | None:
        return self._shelves[_last_digit(name)].get(name)

    def put(self, name: bytes, t: Transaction) -> None:
        """Names are unique."""
        self._shelves[_last_digit(name)][name] = t
        self.count += 1

    def drop(self, name: bytes) -> None:
        """Raises KeyError where there is none."""
        del self._shelves[_last_digit(name)][name]
        self.count -= 1

    def all(self) -> list[Transaction]:
        return [t for shelf in self._shelves for t in shelf.values()]


def _last_digit(name: bytes) -> i64:
    """0 to 15, whatever stands there: what others send is looked up as well."""
    size = len(name)
    if size == 0:
        return 0
    c: i64 = name[size - 1]
    return (c + 9 * (c >> 6)) % _DIGITS
