"""What other modules ask of usrloc: tables, the contacts of a user, and their change."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import Final, final

from mypy_extensions import i64, mypyc_attr

from runtime.modules.usrloc.arriving import Arrival
from runtime.modules.usrloc.batch import Batch, Staged
from runtime.modules.usrloc.contact import (
    DIRTY,
    MEMORY_ONLY,
    NEW,
    SYNCED,
    ZOMBIE_DIRTY,
    ZOMBIE_NEW,
    Contact,
)
from runtime.modules.usrloc.filling import Filler, put_in_order
from runtime.modules.usrloc.keeping import Keep
from runtime.modules.usrloc.pacing import Pace
from runtime.modules.usrloc.record import BadRecord, fits, fitting, pack, unpack
from runtime.modules.usrloc.rows import Rows
from runtime.modules.usrloc.store import RECORD_LIMIT, Store, StoreError
from runtime.routing.context import Context
from runtime.routing.database import Change as RowChange
from runtime.routing.ports import L_NOTICE, Log

# Users that are put in by one transaction before the server begins.
_PART: Final = 2000
# Users that are looked at in one go.
_LOOK: Final = 100


class TooManyContacts(Exception):
    """The contacts of a user would not fit into one reply."""


@final
class Locations:
    """All tables of a server. Times are seconds, those of `now_s`.

    That clock is the wall clock of the start, and goes on as the monotonic one does: all processes agree, and a clock that is set
    meanwhile changes no registration. `epoch_ms` is the difference between the two.

    `rows` are the contacts in a database, None where there is none: it is written to before memory is (db_mode 1), or by the timer
    (`writes_back`, db_mode 2). `arrivals` is for the tables of a database that have more than `rows_at_start` rows, where they may come
    later: memory that all processes share. `keep` has all changes survive, None where they need not. `batch` is for changes that messages make.
    """

    def __init__(
        self,
        store: Store,
        batch: Batch,
        log: Log,
        epoch_ms: int,
        use_domain: bool,
        desc_time_order: bool,
        rows: Rows | None = None,
        arrivals: mmap.mmap | None = None,
        rows_at_start: int = 0,
        writes_back: bool = False,
        keep: Keep | None = None,
        is_direct: bool = False,
    ) -> None:
        self.store: Final = store
        self.batch: Final = batch
        self.keep: Final = keep
        self.rows: Final = rows
        self._arrivals: Final = arrivals
        self._rows_at_start: Final = rows_at_start
        self.writes_through: Final = rows is not None and not writes_back and not is_direct
        # Nothing is in memory: the database is asked each time (db_mode 3).
        self.direct: Final = rows if is_direct else None
        self.writes_back: Final = writes_back
        self.log: Final = log
        self.epoch_ms: Final[i64] = epoch_ms
        self.use_domain: Final = use_domain
        self.desc_time_order: Final = desc_time_order
        self.tables: Final[list[Table]] = []

    def now_s(self, now_ms: i64) -> i64:
        """The time, given the engine's."""
        return (now_ms + self.epoch_ms) // 1000

    def await_disk(self, ctx: Context | None) -> None:
        """Return when what this process has changed survives whatever may happen, if it is to: only then may anybody be told. The run of
        `ctx` waits, with None the process. Raises StoreError."""
        if self.keep is not None:
            self.keep.wait(ctx, self.batch)

    def open_table(self, name: bytes) -> Table:
        """The table with this name, made if there is none yet. In the master only, before it forks.

        With a database it has what that has, or will have it soon: see `Arrival`. Raises StoreError, DatabaseError.
        """
        found = self.find_table(name)
        if found is None:
            found = Table(self, self.store.add_table(name), name)
            if self.rows is not None and self.direct is None:
                self._load(found, self.rows)
            self.tables.append(found)
        return found

    def listed(self) -> list[Table]:
        """All tables as SER lists them: what ser.cfg names last comes first."""
        return list(reversed(self.tables))

    def _load(self, table: Table, rows: Rows) -> None:
        filler = Filler(self.store, table.number, table.name, self.desc_time_order, self.log)
        arrivals = self._arrivals
        users = rows.load(table.name) if arrivals is None else rows.load_some(table.name, self._rows_at_start)
        if users is not None:
            if len(users) > 0:
                table.fill(filler, users)
                self.store.close()
        elif arrivals is not None:
            shown = f"table {table.name.decode('latin-1')} of the database has over {self._rows_at_start} rows"
            self.log.write(L_NOTICE, f"NOTICE: usrloc: {shown}: contacts come while the server answers")
            table.arrival = Arrival(self.store, rows, filler, arrivals, self.log)

    def find_table(self, name: bytes) -> Table | None:
        """The table with this name, None if ser.cfg uses none."""
        for table in self.tables:
            if table.name == name:
                return table
        return None


@final
class Table:
    """Users, which are called by their addresses of record, and their contacts."""

    def __init__(self, locations: Locations, number: int, name: bytes) -> None:
        self.locations: Final = locations
        self.number: Final = number
        self.name: Final = name
        # None once all that the database had is there, as far as this process knows.
        self.arrival: Arrival | None = None

    def _await(self, aor: bytes, ctx: Context | None, changes: bool) -> None:
        """Have this user there while the table is still on its way, so that it can be read, or (`changes`) changed. The run of `ctx` waits.
        Raises StoreError, DatabaseError."""
        arrival = self.arrival
        if arrival is None:
            return
        if arrival.is_over():
            self.arrival = None
        elif not (arrival.has(aor) if changes else arrival.knows(aor)):
            arrival.bring(aor, ctx)
            if ctx is not None:
                # The batch is to see it.
                ctx.world.asking.deferrals.finish(ctx.now_ms)

    def contacts(self, aor: bytes, ctx: Context | None = None) -> list[Contact]:
        """All contacts of a user in their order, expired and deleted ones among them; for `ctx` with all that messages of its batch have
        changed. Where a database has to be asked its run waits. Raises StoreError, DatabaseError."""
        direct = self.locations.direct
        if direct is not None:
            # As many as an answer can name, as in memory.
            return fitting(direct.load_user(ctx, self.name, aor), RECORD_LIMIT)
        self._await(aor, ctx, False)
        record = self._record(aor, ctx)
        return [] if len(record) == 0 else _unpacked(record)

    def _record(self, aor: bytes, ctx: Context | None) -> bytes:
        locations = self.locations
        return locations.store.get(self.number, aor) if ctx is None else locations.batch.read(self.number, aor)

    def users(self, pace: Pace | None = None) -> Iterator[tuple[bytes, list[Contact]]]:
        """All users with their contacts, by their names; at this pace, where others need the processor. Raises StoreError, DatabaseError."""
        direct = self.locations.direct
        if direct is not None:
            yield from sorted(direct.load(self.name).items())
            return
        after: bytes | None = None
        while True:
            part = self.locations.store.part(self.number, after, _LOOK)
            for key, record in part:
                if pace is not None:
                    pace.keep()
                yield key, _unpacked(record)
            if len(part) < _LOOK:
                return
            after = part[-1][0]

    def count(self) -> int:
        """How many users there are. Raises StoreError, DatabaseError."""
        direct = self.locations.direct
        return self.locations.store.count(self.number) if direct is None else len(direct.load(self.name))

    def part(self, after: bytes | None, most: int) -> list[tuple[bytes, list[Contact]]]:
        """Up to `most` users, by their names, from the first behind `after` (None: the very first). Raises StoreError."""
        return [(key, _unpacked(record)) for key, record in self.locations.store.part(self.number, after, most)]

    def expired(self) -> int:
        """How many contacts have expired since the start. Raises StoreError."""
        return self.locations.store.expired(self.number)

    def fill(self, filler: Filler, users: dict[bytes, list[Contact]]) -> None:
        """Put the users in: the table is empty. Raises StoreError."""
        store = self.locations.store
        names = list(users)
        for start in range(0, len(names), _PART):
            store.begin()
            try:
                for name in names[start : start + _PART]:
                    filler.put(name, users[name])
                store.commit()
            finally:
                store.abort()

    def plan(self, aor: bytes, ctx: Context | None = None) -> Change:
        """The contacts of a user, to see what a change would be like. It cannot be kept. The run of `ctx` may wait. Raises StoreError,
        DatabaseError."""
        self._await(aor, ctx, True)
        return self.changed(aor, self._record(aor, ctx))

    def changed(self, aor: bytes, record: bytes) -> Change:
        """The contacts of a user whose record this is, to be changed. Raises StoreError."""
        return Change(self, aor, [] if len(record) == 0 else _unpacked(record), record)

    def stage(self, one: Staged, ctx: Context) -> None:
        """Decide `one` by what the batch has now. It is written when the batch ends, before anything of it leaves. The run of `ctx` may wait.
        Raises StoreError, DatabaseError."""
        self._await(one.key, ctx, True)
        self.locations.batch.stage(one, ctx.now_ms)

    def change(self, aor: bytes, ctx: Context | None = None) -> Change:
        """The contacts of a user, to be changed: nobody else changes any until it is kept or dropped; in a database alone others may, and
        contacts that both do not touch are safe. Raises StoreError, DatabaseError."""
        if self.locations.direct is not None:
            known = self.contacts(aor, ctx)
            return Change(self, aor, known, pack(known) if len(known) > 0 else b"")
        self._await(aor, ctx, True)
        store = self.locations.store
        store.begin()
        try:
            return self.changed(aor, store.read(self.number, aor))
        except StoreError:
            store.abort()
            raise


@final
@mypyc_attr(acyclic=True, free_list_len=1)
class Change:
    """A change of a user's contacts, all of it or nothing. `contacts` are in their order; `before`: the record of what they were, b"": the
    table did not know the user."""

    def __init__(self, table: Table, aor: bytes, contacts: list[Contact], before: bytes) -> None:
        self._table: Final = table
        self._aor: Final = aor
        self._before: Final = before
        self._is_cleared = False
        self.contacts = contacts

    @property
    def existed(self) -> bool:
        """True if the table knew the user before."""
        return len(self._before) > 0

    def find(self, uri: bytes) -> Contact | None:
        """The contact with exactly this URI, be it expired or deleted."""
        for contact in self.contacts:
            if contact.uri == uri:
                return contact
        return None

    def insert(self, contact: Contact) -> None:
        """Behind those with the same q or a greater one; with desc_time_order before all."""
        put_in_order(self.contacts, contact, self._table.locations.desc_time_order)

    def move_first(self, contact: Contact) -> None:
        self.contacts.remove(contact)
        self.contacts.insert(0, contact)

    def delete(self, contact: Contact) -> None:
        """A contact that is to be replicated stays as a zombie until its time is over, and one that the timer has to delete from the
        database until then; others are gone."""
        in_database = self._table.locations.writes_back and contact.state != NEW and contact.state != ZOMBIE_NEW
        if contact.replicate == 0 and not in_database:
            self.contacts.remove(contact)
        else:
            contact.state = ZOMBIE_DIRTY if in_database else ZOMBIE_NEW

    def touch(self, contact: Contact) -> None:
        """It has been changed, and so is wanted, and not what the database has."""
        contact.revive()
        if contact.state == SYNCED:
            contact.state = DIRTY

    def tidy(self, now_s: i64) -> None:
        """Without what is over."""
        for contact in self.contacts:
            if contact.is_over(now_s):
                self.contacts = [contact for contact in self.contacts if not contact.is_over(now_s)]
                return

    def row_changes(self) -> list[RowChange]:
        """What a database has to do."""
        rows = self._table.locations.rows
        if rows is None:
            return []
        if self._is_cleared:
            changes = [rows.delete_user(self._table.name, self._aor)]
            changes.extend(rows.differences(self._table.name, self._aor, [], self.contacts))
            return changes
        before = _unpacked(self._before) if self.existed else []
        return rows.differences(self._table.name, self._aor, before, self.contacts)

    def undoing(self, record: bytes) -> list[RowChange]:
        """What a database that has done `row_changes` has to do to be like this record after all. Raises StoreError."""
        rows = self._table.locations.rows
        if rows is None:
            return []
        wanted = [] if len(record) == 0 else _unpacked(record)
        return rows.differences(self._table.name, self._aor, self.contacts, wanted)

    def delete_all(self) -> None:
        """With a database all that this has of the user goes, too, and not only what is known here."""
        self._is_cleared = True
        for contact in list(self.contacts):
            self.delete(contact)

    def keep(self, now_s: i64, ctx: Context | None = None) -> None:
        """Let it be seen by all. What is over is left out. Raises StoreError, DatabaseError or TooManyContacts; then nothing has changed."""
        direct = self._table.locations.direct
        if direct is not None:
            self.tidy(now_s)
            self._packed()
            if any([contact.flags & MEMORY_ONLY != 0 for contact in self.contacts]):
                raise StoreError("with db_mode 3 there is no memory that save_memory could use")
            direct.write(ctx, self.row_changes())
            return
        store = self._table.locations.store
        try:
            record = self.record(now_s)
            if len(record) > 0 or self.existed:
                store.write(self._table.number, self._aor, record)
            store.commit()
        finally:
            store.abort()

    def record(self, now_s: i64) -> bytes:
        """What the table is to have, without what is over; b"" for nothing. Raises TooManyContacts."""
        if not self._table.locations.writes_back:
            # Else the timer has to see them.
            self.tidy(now_s)
        return self._packed() if len(self.contacts) > 0 else b""

    def _packed(self) -> bytes:
        """The record. Raises TooManyContacts."""
        record = pack(self.contacts) if fits(self.contacts) else b""
        if len(record) == 0 or len(record) > RECORD_LIMIT:
            raise TooManyContacts()
        return record

    def drop(self) -> None:
        """Let all be as it was. Does nothing after `keep`."""
        self._table.locations.store.abort()


def _unpacked(record: bytes) -> list[Contact]:
    try:
        return unpack(record)
    except BadRecord as e:
        raise StoreError(str(e)) from e
