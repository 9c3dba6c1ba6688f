"""Changes of users that are decided one by one and written together: the transaction costs more than what it writes.

A change is decided by what the table has when it is looked at, with what this process has staged before, and no lock
is held. When the batch ends it is written, if the record is still what it was decided by; if another process has been
faster it is decided anew. So the lock is held for as long as it takes to write, and nobody is told of what is not
there for all.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64, mypyc_attr

from runtime.modules.usrloc.store import Store, StoreError
from runtime.routing.bugs import Bugs
from runtime.routing.deferred import Deferrals, Deferred

# No more are written in one go: others wait meanwhile, and the store has set aside room for so much.
STAGED_MAX: Final = 32
_BYTES_MAX: Final = 128 << 10


@mypyc_attr(allow_interpreted_subclasses=True)
class Staged:
    """A change of one record of a table. `before` is what it is decided by, `after` what the record becomes, b"": none.

    `is_different`: it did not come about as it was decided first.
    """

    def __init__(self, table: int, key: bytes) -> None:
        self.table: Final = table
        self.key: Final = key
        self.before = b""
        self.after = b""
        self.is_different = False

    def decide(self, record: bytes) -> None:
        """The record is this: set `before` and `after`, alike if nothing is to be changed. May be called again, and raises nothing."""
        raise NotImplementedError

    def fail(self, why: str) -> None:
        """It cannot be written: nothing has been changed."""
        raise NotImplementedError

    def tell(self) -> None:
        """It has been decided anew, or has failed: called once, when that is over and before anything leaves."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Follower:
    """Who waits until all that was staged before is written."""

    def follow(self) -> None:
        """It is, or has failed."""
        raise NotImplementedError


@final
class Batch(Deferred):
    """What this process has staged in `store`."""

    def __init__(self, store: Store, deferrals: Deferrals, bugs: Bugs) -> None:
        self._store: Final = store
        self._deferrals: Final = deferrals
        self._bugs: Final = bugs
        self._staged: list[Staged] = []
        # The last one for each record, by table.
        self._latest: Final[list[dict[bytes, Staged]]] = []
        self._bytes: i64 = 0
        self._followers: list[Follower] = []
        # It will be told to finish.
        self._is_due = False

    def read(self, table: int, key: bytes) -> bytes:
        """The record as it will be when the batch is written, b"" if there is none. What others change from the first such read on, is not seen
        before that. Raises StoreError.
        """
        if len(self._staged) > 0 and table < len(self._latest):
            staged = self._latest[table].get(key)
            if staged is not None:
                return staged.after
        self._become_due()
        return self._store.look(table, key)

    def stage(self, one: Staged, now_ms: i64) -> None:
        """Decide `one`, and write it with the batch if it changes anything. Raises StoreError if there is nothing to decide it by, or, of one
        that is alone, if it cannot be written."""
        if self._deferrals.is_alone and not self._is_due:
            self._write_now(one)
            return
        if len(self._staged) >= STAGED_MAX or self._bytes > _BYTES_MAX:
            self._deferrals.finish(now_ms)
        one.decide(self.read(one.table, one.key))
        if one.after == one.before:
            return
        self._become_due()
        self._staged.append(one)
        while len(self._latest) <= one.table:
            self._latest.append({})
        self._latest[one.table][one.key] = one
        self._bytes += len(one.after)

    def _write_now(self, one: Staged) -> None:
        """Without a look before, by which it would have to be compared."""
        store = self._store
        store.begin()
        try:
            one.decide(store.read(one.table, one.key))
            if one.after != one.before:
                store.write(one.table, one.key, one.after)
                store.commit()
        finally:
            store.abort()

    def wait(self, follower: Follower) -> None:
        """`follower` is called when all that is staged by now is written."""
        self._become_due()
        self._followers.append(follower)

    def _become_due(self) -> None:
        if not self._is_due:
            self._is_due = True
            self._deferrals.add(self)

    def finish(self, now_ms: i64) -> None:
        self._is_due = False
        staged = self._staged
        followers = self._followers
        seen = self._store.look_away()
        if len(staged) > 0:
            self._clear()
            if not self._write(staged, seen):
                for one in staged:
                    self._write_alone(one)
            for one in staged:
                if one.is_different:
                    self._tell(one)
        if len(followers) > 0:
            self._followers = []
            for follower in followers:
                follower.follow()

    def forget(self) -> None:
        self._is_due = False
        self._store.look_away()
        self._clear()
        self._followers = []

    def _clear(self) -> None:
        self._staged = []
        self._bytes = 0
        for latest in self._latest:
            latest.clear()

    def _write(self, staged: list[Staged], seen: i64) -> bool:
        """All of them, in one transaction; False if it fails, and then nothing is written."""
        store = self._store
        try:
            store.begin()
            # Nobody has written since they were decided.
            is_alone = store.follows(seen)
            for one in staged:
                if not is_alone:
                    self._compare(one)
                if one.after != one.before:
                    store.write(one.table, one.key, one.after)
            store.commit()
        except (StoreError, MemoryError):
            return False
        finally:
            store.abort()
        return True

    def _write_alone(self, one: Staged) -> None:
        """This one, which others shall not suffer from."""
        store = self._store
        try:
            store.begin()
            self._compare(one)
            if one.after != one.before:
                store.write(one.table, one.key, one.after)
                store.commit()
        except (StoreError, MemoryError) as e:
            one.is_different = True
            one.fail(str(e) or "no memory")
        finally:
            store.abort()

    def _compare(self, one: Staged) -> None:
        """By the writer. Raises StoreError."""
        record = self._store.read(one.table, one.key)
        if record != one.before:
            one.is_different = True
            try:
                one.decide(record)
            except Exception as e:  # a bug: the others go on
                self._bugs.report(e, None)
                one.before = one.after = record
                one.fail("a bug, which is in the log")

    def _tell(self, one: Staged) -> None:
        try:
            one.tell()
        except Exception as e:
            self._bugs.report(e, None)
