"""Transactions by a number or by a name, in tables that never grow much: one that does is copied as a whole, and of 50,000
transactions that takes 10 ms, in which nobody is answered.

Those that hold all transactions never grow at all. What stands in the same place there is chained by the transactions themselves, so
that neither putting nor finding one makes an object.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.sip.scan import hash_range, hash_start, same_bytes
from runtime.tx.transaction import Transaction

_SHELF: Final[i64] = 1024


@final
class ByKey:
    """Transactions by `match_key`, the number that a hash gave them; of several with the same one the oldest is the first.

    `places` is a power of 2.
    """

    def __init__(self, places: i64) -> None:
        self._mask: Final[i64] = places - 1
        self._heads: Final[list[Transaction | None]] = [None] * int(places)

    def first(self, key: i64) -> Transaction | None:
        t = self._heads[key & self._mask]
        while t is not None and t.match_key != key:
            t = t.behind_key
        return t

    def next(self, t: Transaction) -> Transaction | None:
        """The next one with the same key."""
        behind = t.behind_key
        while behind is not None and behind.match_key != t.match_key:
            behind = behind.behind_key
        return behind

    def put(self, t: Transaction) -> None:
        place = t.match_key & self._mask
        last = self._heads[place]
        if last is None:
            self._heads[place] = t
            return
        while last.behind_key is not None:
            last = last.behind_key
        last.behind_key = t

    def drop(self, t: Transaction) -> None:
        """It must be here."""
        place = t.match_key & self._mask
        before = self._heads[place]
        if before is t:
            self._heads[place] = t.behind_key
        else:
            while before is not None and before.behind_key is not t:
                before = before.behind_key
            assert before is not None
            before.behind_key = t.behind_key
        t.behind_key = None


@final
class ByName:
    """Transactions by their `id`, the middle of their branches. `places` is a power of 2."""

    def __init__(self, places: i64) -> None:
        self._mask: Final[i64] = places - 1
        self._heads: Final[list[Transaction | None]] = [None] * int(places)
        self.count: i64 = 0

    def find(self, buf: bytes, start: i64, end: i64) -> Transaction | None:
        """The one whose name is `buf[start:end]`."""
        hashed = hash_range(hash_start(), buf, start, end)
        t = self._heads[hashed & self._mask]
        while t is not None:
            if t.id_hash == hashed and same_bytes(t.id, 0, len(t.id), buf, start, end):
                return t
            t = t.behind_id
        return None

    def put(self, t: Transaction) -> None:
        """Names are unique."""
        t.id_hash = hash_range(hash_start(), t.id, 0, len(t.id))
        place = t.id_hash & self._mask
        t.behind_id = self._heads[place]
        self._heads[place] = t
        self.count += 1

    def drop(self, t: Transaction) -> None:
        """It must be here."""
        place = t.id_hash & self._mask
        before = self._heads[place]
        if before is t:
            self._heads[place] = t.behind_id
        else:
            while before is not None and before.behind_id is not t:
                before = before.behind_id
            assert before is not None
            before.behind_id = t.behind_id
        t.behind_id = None
        self.count -= 1

    def all(self) -> list[Transaction]:
        found: list[Transaction] = []
        for head in self._heads:
            t = head
            while t is not None:
                found.append(t)
                t = t.behind_id
        return found


@final
class BySecond:
    """Transactions by another number that a hash gave them, in many small dictionaries, which become full at different times: one for
    each thousand `places`, which is a power of 2.
    """

    def __init__(self, places: i64) -> None:
        count: i64 = places // _SHELF if places > _SHELF else 1
        self._mask: Final[i64] = count - 1
        self._shelves: Final[list[dict[int, Transaction]]] = [{} for _ in range(int(count))]
        self.count: i64 = 0

    def get(self, number: i64) -> Transaction | None:
        return self._shelves[number & self._mask].get(number)

    def put(self, number: i64, t: Transaction) -> None:
        """In place of the one that may have had this number."""
        shelf = self._shelves[number & self._mask]
        before = len(shelf)
        shelf[number] = t
        self.count += len(shelf) - before

    def drop(self, number: i64) -> None:
        """Raises KeyError where there is none."""
        del self._shelves[number & self._mask][number]
        self.count -= 1
