"""What is over goes, and with a database that has done what is left to do there: in spells, and in short turns of the store's writer."""

from __future__ import annotations

import time
from typing import Final, final

from mypy_extensions import i64

from runtime.modules.usrloc.contact import (
    DIRTY,
    MEMORY_ONLY,
    NEW,
    SYNCED,
    ZOMBIE_NEW,
    ZOMBIE_SYNCED,
    Contact,
)
from runtime.modules.usrloc.locations import Table
from runtime.modules.usrloc.pacing import Pace
from runtime.modules.usrloc.record import BadRecord, expires_first, pack, unpack
from runtime.modules.usrloc.rows import Rows
from runtime.modules.usrloc.store import StoreError
from runtime.routing.database import Change as RowChange
from runtime.routing.ports import L_NOTICE, Log

# Users that are looked at in one go, and those that the database is told of in one go.
_LOOK: Final = 100
_TOLD: Final = 50
# Who has other things to do gets to do them so often.
SPELL_S: Final = 0.25


@final
class Expiry:
    """One way through `table`. `gone` is how many contacts have expired."""

    def __init__(self, table: Table) -> None:
        self.table: Final = table
        self._after: bytes | None = None
        self.gone = 0

    def work(self, now_s: i64, pace: Pace, spell_s: float = SPELL_S) -> bool:
        """Go on for about `spell_s` seconds; True when the end is reached.

        Raises StoreError, and DatabaseError: then the rest stays as it is, for the next time.
        """
        table = self.table
        direct = table.locations.direct
        if direct is not None:
            direct.delete_expired(table.name, now_s)
            return True
        until_s = time.monotonic() + spell_s
        while time.monotonic() < until_s:
            part = table.locations.store.part(table.number, self._after, _LOOK)
            due = [key for key, record in part if self._is_due(record, now_s)]
            for start in range(0, len(due), _TOLD):
                self._settle(due[start : start + _TOLD], now_s, pace)
            if len(part) < _LOOK:
                return True
            self._after = part[-1][0]
            pace.keep()
        return False

    def _is_due(self, record: bytes, now_s: i64) -> bool:
        if expires_first(record) <= now_s:
            return True
        return self.table.locations.writes_back and any([contact.state != SYNCED for contact in _unpacked(record)])

    def _settle(self, keys: list[bytes], now_s: i64, pace: Pace) -> None:
        """First in the database, then in memory, where what has been changed meanwhile stays for the next time."""
        rows = self.table.locations.rows
        told: dict[bytes, list[Contact]] = {}
        if rows is not None:
            changes: list[RowChange] = []
            for key in keys:
                told[key] = self.table.contacts(key)
                changes.extend(self._left_to_do(rows, key, told[key], now_s))
            rows.write(None, changes)
        while keys:
            pace.rest()
            keys = keys[self._settle_some(keys, told, now_s, pace) :]

    def _settle_some(self, keys: list[bytes], told: dict[bytes, list[Contact]], now_s: i64, pace: Pace) -> int:
        """The first of them, as many as a turn is long enough for; their number. Registrations wait meanwhile."""
        store = self.table.locations.store
        settled: dict[bytes, list[bytes]] = {}
        gone = 0
        store.begin()
        try:
            for key in keys:
                over = settled[key] = self._settle_user(key, told.get(key, []), now_s)
                gone += len(over)
                if pace.is_over():
                    break
            store.add_expired(self.table.number, gone)
            store.commit()
        finally:
            store.abort()
        self.gone += gone
        log = self.table.locations.log
        if log.level >= L_NOTICE:
            for key, over in settled.items():
                _tell(log, key, over)
        return len(settled)

    def _left_to_do(self, rows: Rows, aor: bytes, contacts: list[Contact], now_s: i64) -> list[RowChange]:
        table = self.table
        writes_back = table.locations.writes_back
        if all([contact.state >= ZOMBIE_SYNCED for contact in contacts]):
            return [rows.delete_user(table.name, aor)]
        changes: list[RowChange] = []
        for contact in contacts:
            if contact.flags & MEMORY_ONLY != 0:
                continue
            if contact.is_over(now_s) or contact.state >= ZOMBIE_SYNCED:
                if contact.state != NEW or not writes_back:
                    changes.append(rows.delete(table.name, aor, contact.uri))
            elif writes_back and (contact.state == NEW or contact.state == DIRTY):
                changes.append(rows.put(table.name, aor, contact))
        return changes

    def _settle_user(self, aor: bytes, told: list[Contact], now_s: i64) -> list[bytes]:
        """The contacts that have expired. `told` is what the database was told of."""
        store = self.table.locations.store
        record = store.read(self.table.number, aor)
        contacts = [] if len(record) == 0 else _unpacked(record)
        kept: list[Contact] = []
        over: list[bytes] = []
        for contact in contacts:
            is_settled = self.table.locations.rows is None or any(
                [c.equals(contact) and c.state == contact.state for c in told]
            )
            if contact.is_over(now_s) and is_settled:
                over.append(contact.uri)
            elif contact.state < ZOMBIE_SYNCED or not is_settled:
                if is_settled and self.table.locations.writes_back and contact.state < ZOMBIE_NEW:
                    contact.state = SYNCED
                kept.append(contact)
        fresh = pack(kept) if kept else b""
        if fresh != record:
            # What has expired would do so after a restart, too, and has to go from a disk that is full.
            store.write(self.table.number, aor, fresh, False)
        return over


def _tell(log: Log, aor: bytes, uris: list[bytes]) -> None:
    for uri in uris:
        log.write(L_NOTICE, f"Binding '{aor.decode('latin-1')}','{uri.decode('latin-1')}' has expired")


def _unpacked(record: bytes) -> list[Contact]:
    try:
        return unpack(record)
    except BadRecord as e:
        raise StoreError(str(e)) from e
