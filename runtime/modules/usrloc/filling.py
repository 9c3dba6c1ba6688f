"""What a database has of users, on its way into the store."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.modules.usrloc.contact import Contact
from runtime.modules.usrloc.record import BadRecord, fitting, pack, unpack
from runtime.modules.usrloc.store import KEY_LIMIT, RECORD_LIMIT, Store, StoreError
from runtime.routing.ports import L_ERR, Log


def put_in_order(contacts: list[Contact], contact: Contact, newest_first: bool) -> None:
    """Behind those with the same q or a greater one; with `newest_first` before all."""
    place: i64 = 0
    if not newest_first:
        while place < len(contacts) and contacts[place].q >= contact.q:
            place += 1
    contacts.insert(place, contact)


@final
class Filler:
    """Puts users into the table `number` of the store, which is called `name`."""

    def __init__(self, store: Store, number: int, name: bytes, newest_first: bool, log: Log) -> None:
        self._store: Final = store
        self.number: Final = number
        self.name: Final = name
        self._newest_first: Final = newest_first
        self._log: Final = log

    def put(self, aor: bytes, contacts: list[Contact], record: bytes = b"") -> None:
        """These contacts, with those of `record` that are there; by the writer. Raises StoreError.

        A user that has more than fits does without the rest, which is logged.
        """
        ordered = _unpacked(record)
        known = len(ordered)
        uris = {contact.uri for contact in ordered}
        wanted = [*ordered, *[contact for contact in contacts if contact.uri not in uris]]
        kept = fitting(wanted, RECORD_LIMIT) if len(aor) <= KEY_LIMIT else []
        if len(kept) < len(wanted):
            self._tell_left_out(aor, len(kept), len(wanted))
        for contact in kept[known:]:
            put_in_order(ordered, contact, self._newest_first)
        if len(kept) > known:
            self._store.write(self.number, aor, pack(ordered))

    def _tell_left_out(self, aor: bytes, kept: int, number: int) -> None:
        shown = f"table {self.name.decode('latin-1')}: {aor[:KEY_LIMIT].decode('latin-1')}"
        self._log.write(L_ERR, f"ERROR: usrloc: {shown} has {number} contacts, and {kept} fit")


def _unpacked(record: bytes) -> list[Contact]:
    try:
        return [] if len(record) == 0 else unpack(record)
    except BadRecord as e:
        raise StoreError(str(e)) from e
