"""The port behind which each kind of database is: statements in, results out. It waits; who may not wait asks a process that may."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from mypy_extensions import mypyc_attr

from runtime.routing.database import Row
from runtime.storage.errors import Refused, Unavailable
from runtime.storage.statement import Result, Statement
from runtime.storage.url import DBTEXT, FLATSTORE, SQLITE, Url

# A statement may take so long, with all connecting and waiting for locks, if its caller does not say otherwise.
DEADLINE_MS: Final = 5000

# At a glance an embedded database may do so many of its own steps, a millisecond's work.
GLANCE_STEPS: Final = 20_000


@mypyc_attr(allow_interpreted_subclasses=True)
class Connection:
    """A connection of one thread. It is opened with the first statement, and anew after it was lost."""

    def run(self, statements: Sequence[Statement]) -> list[Result]:
        """Do all of them, or none where the database knows transactions. Raises DatabaseError."""
        raise NotImplementedError

    def look(self, statement: Statement) -> Result:
        """The answer to a question, in less time than `run`. Raises DatabaseError."""
        return self.run([statement])[0]

    def layout(self, table: str) -> dict[str, str]:
        """The columns of a table in its order, with their types as `values` calls them. Raises DatabaseError."""
        raise NotImplementedError

    def raw(self, sql: str) -> list[Row]:
        """Run a statement that an administrator has written. The first row are the names of what it tells, nothing for one that
        tells nothing. Raises DatabaseError."""
        raise NotImplementedError

    def interrupt(self) -> None:
        """Called by another thread: what runs now shall end at once, with an error."""

    def close(self) -> None:
        """Nothing is left open; the next statement opens it again."""


def connect(url: Url, deadline_ms: int = DEADLINE_MS, create: bool = False) -> Connection:
    """A connection, which is not open yet. With `create` a file or folder that is missing is made."""
    if url.driver == FLATSTORE:
        raise Refused(f"{url}: flatstore adds rows and does nothing else")
    if url.driver == DBTEXT:
        from runtime.storage.dbtext import DbtextConnection

        return DbtextConnection(url, deadline_ms, create)
    # Costs a third of a second, and is needed by nobody who has no such database.
    from runtime.storage.sql import SqlConnection

    if url.driver == SQLITE and create:
        make_folder(url, os.path.dirname(url.path) or ".")
    return SqlConnection(url, deadline_ms, create)


def connect_for_glances(url: Url) -> Connection | None:
    """A connection for questions that take less time than having another thread ask: what is locked or takes long is an error at once.
    None if this kind of database is none to be asked so."""
    if url.driver != SQLITE:
        return None
    from runtime.storage.sql import SqlConnection

    return SqlConnection(url, 0, False, GLANCE_STEPS)


def make_folder(url: Url, folder: str) -> None:
    """Raises Unavailable."""
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as e:
        raise Unavailable(f"{url}: cannot make {folder}: {e.strerror}") from e
