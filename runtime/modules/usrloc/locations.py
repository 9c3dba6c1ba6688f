"""What other modules ask of usrloc: tables, the contacts of a user, and their change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, final

from mypy_extensions import i64

from runtime.modules.usrloc.contact import ZOMBIE_NEW, Contact
from runtime.modules.usrloc.record import BadRecord, expires_first, fits, pack, unpack
from runtime.modules.usrloc.store import RECORD_LIMIT, Store, StoreError
from runtime.routing.ports import L_NOTICE, Log

# Users that are looked at in one go, and those that are written to.
_PART: Final = 2000
_TURN: Final = 50


class TooManyContacts(Exception):
    """The contacts of a user would not fit into one reply."""


@final
class Locations:
    """All tables of a server. Times are seconds, those of `now_s`.

    That clock is the wall clock of the start, and goes on as the monotonic one does: all processes agree, and a clock that is set
    meanwhile changes no registration. `epoch_ms` is the difference between the two.
    """

    def __init__(self, store: Store, log: Log, epoch_ms: int, use_domain: bool, desc_time_order: bool) -> None:
        self.store: Final = store
        self.log: Final = log
        self.epoch_ms: Final[i64] = epoch_ms
        self.use_domain: Final = use_domain
        self.desc_time_order: Final = desc_time_order
        self.tables: Final[list[Table]] = []

    def now_s(self, now_ms: i64) -> i64:
        """The time, given the engine's."""
        return (now_ms + self.epoch_ms) // 1000

    def open_table(self, name: bytes) -> Table:
        """The table with this name, made if there is none yet. In the master only, before it forks. Raises StoreError."""
        found = self.find_table(name)
        if found is None:
            found = Table(self, self.store.add_table(name), name)
            self.tables.append(found)
        return found

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

    def contacts(self, aor: bytes) -> list[Contact]:
        """All contacts of a user in their order, expired and deleted ones among them. Raises StoreError."""
        record = self.locations.store.get(self.number, aor)
        return [] if len(record) == 0 else _unpacked(record)

    def users(self) -> Iterator[tuple[bytes, list[Contact]]]:
        """All users with their contacts, by their names. Raises StoreError."""
        after: bytes | None = None
        while True:
            part = self.locations.store.part(self.number, after, _PART)
            for key, record in part:
                yield key, _unpacked(record)
            if len(part) < _PART:
                return
            after = part[-1][0]

    def expire(self, now_s: i64) -> int:
        """Remove what is over; how many contacts that was. Raises StoreError.

        The table is walked through in parts, and written to in short turns, so that nobody has to wait.
        """
        store = self.locations.store
        gone = 0
        after: bytes | None = None
        while True:
            part = store.part(self.number, after, _PART)
            over = [key for key, record in part if expires_first(record) <= now_s]
            for start in range(0, len(over), _TURN):
                gone += self._remove_over(over[start : start + _TURN], now_s)
            if len(part) < _PART:
                return gone
            after = part[-1][0]

    def _remove_over(self, keys: list[bytes], now_s: i64) -> int:
        store = self.locations.store
        log = self.locations.log
        gone = 0
        store.begin()
        try:
            for key in keys:
                record = store.read(self.number, key)
                contacts = [] if len(record) == 0 else _unpacked(record)
                kept = [contact for contact in contacts if not contact.is_over(now_s)]
                if log.level >= L_NOTICE:
                    _tell(log, key, [contact.uri for contact in contacts if contact.is_over(now_s)])
                gone += len(contacts) - len(kept)
                if len(kept) < len(contacts):
                    store.write(self.number, key, pack(kept) if kept else b"")
            store.add_expired(self.number, gone)
            store.commit()
        finally:
            store.abort()
        return gone

    def expired(self) -> int:
        """How many contacts have expired since the start. Raises StoreError."""
        return self.locations.store.expired(self.number)

    def change(self, aor: bytes) -> Change:
        """The contacts of a user, to be changed: nobody else changes any until it is kept or dropped. Raises StoreError."""
        store = self.locations.store
        store.begin()
        try:
            record = store.read(self.number, aor)
            contacts = [] if len(record) == 0 else _unpacked(record)
        except StoreError:
            store.abort()
            raise
        return Change(self, aor, contacts, len(record) > 0)


@final
class Change:
    """A change of a user's contacts, all of it or nothing. `contacts` are in their order; `existed`: the table knew the user before."""

    def __init__(self, table: Table, aor: bytes, contacts: list[Contact], existed: bool) -> None:
        self._table: Final = table
        self._aor: Final = aor
        self.existed: Final = existed
        self.contacts = contacts

    def find(self, uri: bytes) -> Contact | None:
        """The contact with exactly this URI, be it expired or deleted."""
        for contact in self.contacts:
            if contact.uri == uri:
                return contact
        return None

    def insert(self, contact: Contact) -> None:
        """Behind those with the same q or a greater one; with desc_time_order before all."""
        place: i64 = 0
        if not self._table.locations.desc_time_order:
            while place < len(self.contacts) and self.contacts[place].q >= contact.q:
                place += 1
        self.contacts.insert(place, contact)

    def move_first(self, contact: Contact) -> None:
        self.contacts.remove(contact)
        self.contacts.insert(0, contact)

    def delete(self, contact: Contact) -> None:
        """A contact that is to be replicated stays as a zombie until its time is over, others are gone."""
        if contact.replicate == 0:
            self.contacts.remove(contact)
        else:
            contact.state = ZOMBIE_NEW

    def delete_all(self) -> None:
        for contact in list(self.contacts):
            self.delete(contact)

    def keep(self, now_s: i64) -> None:
        """Let it be seen by all. What is over is left out. Raises StoreError or TooManyContacts; then nothing has changed."""
        store = self._table.locations.store
        try:
            self.contacts = [contact for contact in self.contacts if not contact.is_over(now_s)]
            if len(self.contacts) > 0:
                record = pack(self.contacts) if fits(self.contacts) else b""
                if len(record) == 0 or len(record) > RECORD_LIMIT:
                    raise TooManyContacts()
                store.write(self._table.number, self._aor, record)
            elif self.existed:
                store.write(self._table.number, self._aor, b"")
            store.commit()
        finally:
            store.abort()

    def drop(self) -> None:
        """Let all be as it was. Does nothing after `keep`."""
        self._table.locations.store.abort()


def _tell(log: Log, aor: bytes, uris: list[bytes]) -> None:
    for uri in uris:
        log.write(L_NOTICE, f"Binding '{aor.decode('latin-1')}','{uri.decode('latin-1')}' has expired")


def _unpacked(record: bytes) -> list[Contact]:
    try:
        return unpack(record)
    except BadRecord as e:
        raise StoreError(str(e)) from e
