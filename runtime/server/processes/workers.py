"""The workers and TCP processes, as the master and the control processes see them."""

from __future__ import annotations

from typing import Final

from runtime.server.host.process_table import UNKNOWN, ProcessTable
from runtime.server.mail.exchange import Exchange
from runtime.sip.callid import hash_of_call_id


class Workers:
    """Some of the processes that others may ask: those of `mailboxes`, which stand at `entries` in the process
    table. `exchange` is that of the process that asks."""

    def __init__(self, exchange: Exchange, mailboxes: list[int], table: ProcessTable, entries: dict[int, int]) -> None:
        self.exchange: Final = exchange
        self.mailboxes: Final = mailboxes
        self._table: Final = table
        self._entries: Final = entries
        self._turn = 0

    def name(self, mailbox: int) -> str:
        """What `ps` calls it."""
        return self._table.descriptions[self._entries[mailbox]]

    def pid(self, mailbox: int) -> int:
        """0 if it is not there now."""
        return self._table.pid(self._entries[mailbox])

    def unfinished(self) -> int:
        """What those that live still have to bring to an end, when they have been told to DRAIN; 1 for one that has not said."""
        count = 0
        for mailbox in self.mailboxes:
            if self.pid(mailbox):
                pending = self._table.pending(self._entries[mailbox])
                count += 1 if pending == UNKNOWN else pending
        return count

    def deaths(self, mailbox: int) -> int:
        return self._table.deaths(self._entries[mailbox])

    def owner_of(self, call_id: bytes) -> int:
        """Whose the messages of this Call-ID are; b"": anybody's, one after the other."""
        owners = int(self.exchange.owners)
        if call_id and owners:
            return int(hash_of_call_id(call_id) % owners)
        self._turn = (self._turn + 1) % len(self.mailboxes)
        return self.mailboxes[self._turn]
