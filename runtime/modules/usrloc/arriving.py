"""A large table comes from the database while the server answers: the timer process brings it, and who needs a user first asks for this one.

A small table is there before the server begins. Of a large one nothing is: a user whom a message is about, and who is not there yet,
is loaded alone, and the message waits for that. Who changes a user marks it, so that rows which were read before do not come back.
"""

from __future__ import annotations

import mmap
import time
from typing import Final, final

from runtime.modules.usrloc.contact import Contact
from runtime.modules.usrloc.filling import Filler
from runtime.modules.usrloc.pacing import Pace
from runtime.modules.usrloc.rows import Rows
from runtime.modules.usrloc.store import COUNTERS, KEY_LIMIT, Store
from runtime.routing.context import Context
from runtime.routing.ports import L_NOTICE, Log

# Rows that are asked for in one go.
PART_ROWS: Final = 4_000
# Users that are written in one turn of the writer, and the pause behind it.
_TURN: Final = 16
_REST_S: Final = 0.0001
# The timer process has other things to do now and then.
_SPELL_S: Final = 0.25
# Marks that are removed in one go.
_SWEEP: Final = 200
# One byte for each table.
STATES_BYTES: Final = 64


@final
class Arrival:
    """The way of a table from the database into the store. `states` is memory that all processes share: the byte with the number of
    the table is not 0 when all has come."""

    def __init__(self, store: Store, rows: Rows, filler: Filler, states: mmap.mmap, log: Log) -> None:
        self._store: Final = store
        self._rows: Final = rows
        self._filler: Final = filler
        self._number: Final = filler.number
        self._name: Final = filler.name
        self._states: Final = states
        self._log: Final = log
        self._mark_head: Final = b"m%d " % filler.number
        self._place_key: Final = b"from %d" % filler.number

    def is_over(self) -> bool:
        """All that the database had is in the store."""
        return self._states[self._number] != 0

    # --- for who needs a user ----------------------------------------------------------------------------------------

    def has(self, aor: bytes) -> bool:
        """What is known of this user is in the store, and stays right whatever comes. Raises StoreError."""
        return len(aor) > KEY_LIMIT or len(self._store.get(COUNTERS, self._mark_head + aor)) > 0

    def knows(self, aor: bytes) -> bool:
        """The store has all contacts of this user, or has been told that there are none. Raises StoreError."""
        return self.has(aor) or len(self._store.get(self._number, aor)) > 0

    def bring(self, aor: bytes, ctx: Context | None) -> None:
        """Have the user in the store, for who changes it, too. The run of `ctx` waits. Raises StoreError, DatabaseError."""
        contacts: list[Contact] = []
        if len(self._store.get(self._number, aor)) == 0:
            contacts = self._rows.load_user(ctx, self._name, aor)
        store = self._store
        store.begin()
        try:
            mark = self._mark_head + aor
            # Once all has come marks are removed, and what was read before may be old.
            if not self.is_over() and len(store.read(COUNTERS, mark)) == 0:
                if len(contacts) > 0:
                    self._filler.put(aor, contacts, store.read(self._number, aor))
                store.write(COUNTERS, mark, b"1")
                store.commit()
        finally:
            store.abort()

    # --- for who brings the table -------------------------------------------------------------------------------------

    def work(self, part_rows: int = PART_ROWS) -> bool:
        """Bring the next users, `part_rows` rows at a time for a quarter of a second; True if none are left.

        Raises StoreError, DatabaseError: then the next call goes on where this one has ended.
        """
        if self.is_over():
            return True
        until_s = time.monotonic() + _SPELL_S
        most = part_rows
        while True:
            # Told to the processes that follow when this one dies.
            first = self._store.get(COUNTERS, self._place_key)
            part = self._rows.load_part(self._name, first, most)
            if part.next == first and not part.is_last:
                # They are all of one user.
                most *= 2
                continue
            most = part_rows
            self._write(part.users)
            if part.is_last:
                self._end()
                return True
            self._note(self._place_key, part.next)
            if time.monotonic() >= until_s:
                return False

    def _write(self, users: dict[bytes, list[Contact]]) -> None:
        store = self._store
        pace = Pace(_REST_S)
        names = [name for name in users if len(name) <= KEY_LIMIT]
        for start in range(0, len(names), _TURN):
            turn = names[start : start + _TURN]
            store.begin()
            try:
                # All are looked for before the first is put in: that is put in together.
                wanted = [name for name in turn if len(store.read(COUNTERS, self._mark_head + name)) == 0]
                known = [store.read(self._number, name) for name in wanted]
                for name, record in zip(wanted, known, strict=True):
                    self._filler.put(name, users[name], record)
                store.commit()
            finally:
                store.abort()
            pace.rest()

    def _note(self, key: bytes, value: bytes) -> None:
        self._store.begin()
        try:
            self._store.write(COUNTERS, key, value)
            self._store.commit()
        finally:
            self._store.abort()

    def _end(self) -> None:
        self._states[self._number] = 1
        shown = self._name.decode("latin-1")
        self._log.write(L_NOTICE, f"NOTICE: usrloc: table {shown}: all contacts of the database are there")

    def sweep(self) -> bool:
        """Remove some of the marks, which nobody needs any more; True if none are left. Raises StoreError."""
        store = self._store
        # The least name of a user is no name.
        marks = [
            key for key, _ in store.part(COUNTERS, self._mark_head[:-1], _SWEEP) if key.startswith(self._mark_head)
        ]
        store.begin()
        try:
            for key in marks:
                store.write(COUNTERS, key, b"")
            store.commit()
        finally:
            store.abort()
        return len(marks) < _SWEEP
