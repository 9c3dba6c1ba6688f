"""The way of a process to its databases."""

from __future__ import annotations

from typing import Final

from runtime.routing.ports import Storage
from runtime.server.mail.exchange import Exchange
from runtime.server.mail.letters import db_question

# The kind of the process that has databases, in the directory of mailboxes.
DATABASE_SERVICE: Final = "db"


class ServerStorage(Storage):
    """Questions leave with the post of `exchange`."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__()
        self._exchange: Final = exchange
        self._to: Final = exchange.directory[DATABASE_SERVICE].start

    def ask(self, number: int, place: int, deadline_ms: int, data: bytes) -> None:
        exchange = self._exchange
        db_question.put(exchange.post, self._to, exchange.number, number, place, deadline_ms, data)
