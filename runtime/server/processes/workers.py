"""The workers and TCP processes, as the master and the control processes see them."""

from __future__ import annotations

from typing import Final

from runtime.server.host.process_table import UNKNOWN, ProcessTable
from runtime.server.mail.exchange import Exchange
from runtime.sip.callid import hash_of_call_id


class Workers:
    """Some of the processes that others may ask: those of mailboxes 0 to `count` - 1. Their entries in the table begin at
    `first_entry`."""

    def __init__(self, exchange: Exchange, count: int, table: ProcessTable, first_entry: int) -> None:
        self.exchange: Final = exchange
        self.count: Final = count
        self._table: Final = table
        self._first_entry: Final = first_entry
        self._turn = 0

    def name(self, number: int) -> str:
        """What `ps` calls it."""
        return self._table.descriptions[self._first_entry + number]

    def pid(self, number: int) -> int:
        """0 if it is not there now."""
        return self._table.pid(self._first_entry + number)

    def tell(self, kind: int, number: int, data: bytes = b"") -> None:
        """A letter to each of them; `number` as its kind has it, the index is the process that tells."""
        for worker in range(self.count):
            self.exchange.post.put(worker, kind, self.exchange.number, number, b"", data)
        self.exchange.post.flush()

    def unfinished(self) -> int:
        """What those that live still have to bring to an end, when they have been told to DRAIN; 1 for one that has not said."""
        count = 0
        for entry in range(self._first_entry, self._first_entry + self.count):
            if self._table.pid(entry):
                pending = self._table.pending(entry)
                count += 1 if pending == UNKNOWN else pending
        return count

    def deaths(self, number: int) -> int:
        return self._table.deaths(self._first_entry + number)

    def owner_of(self, call_id: bytes) -> int:
        """Whose the messages of this Call-ID are; b"": anybody's, one after the other."""
        owners = int(self.exchange.owners)
        if call_id and owners:
            return int(hash_of_call_id(call_id) % owners)
        self._turn = (self._turn + 1) % self.count
        return self._turn
