"""Databases as modules see them (runtime.routing.database), over the connections of this floor."""

from __future__ import annotations

import os
from typing import Final, final

from runtime.routing.context import L_ERR, Context
from runtime.routing.database import DELETE, INSERT, UPDATE, Change, Condition, Database, DatabaseError, Row
from runtime.routing.world import World
from runtime.storage.connection import DEADLINE_MS, Connection, connect
from runtime.storage.statement import Result, Statement, change, question
from runtime.storage.url import Url


@final
class StoredDatabase(Database):
    """The database of one URL. A statement with a Context waits for its turn in a `db` process, where there is one; all others are
    done here and now."""

    def __init__(self, world: World, url: Url, deadline_ms: int = DEADLINE_MS) -> None:
        super().__init__()
        self.url: Final = url
        self._world: Final = world
        self._deadline_ms: Final = deadline_ms

    def query(
        self, ctx: Context | None, table: str, columns: tuple[str, ...], where: list[Condition], order: str = ""
    ) -> list[Row]:
        return self._run(ctx, [question(table, columns, where, order)])[0].rows

    def insert(self, ctx: Context | None, table: str, columns: tuple[str, ...], values: Row) -> None:
        self.transaction(ctx, [Change(INSERT, table, columns, values, [])])

    def update(
        self, ctx: Context | None, table: str, columns: tuple[str, ...], values: Row, where: list[Condition]
    ) -> None:
        self.transaction(ctx, [Change(UPDATE, table, columns, values, where)])

    def delete(self, ctx: Context | None, table: str, where: list[Condition]) -> None:
        self.transaction(ctx, [Change(DELETE, table, (), [], where)])

    def transaction(self, ctx: Context | None, changes: list[Change]) -> None:
        if changes:
            self._run(ctx, [change(one) for one in changes])

    def insert_later(self, table: str, columns: tuple[str, ...], values: Row) -> None:
        try:
            self.insert(None, table, columns, values)
        except DatabaseError as e:
            self._world.log.write(L_ERR, f"ERROR: a row of table {table} is lost: {e}")

    def _run(self, ctx: Context | None, statements: list[Statement]) -> list[Result]:
        return _DIRECT.connection(self.url, self._deadline_ms).run(statements)


@final
class DirectConnections:
    """The connections of this process itself. They are closed before it forks: two processes cannot share one."""

    def __init__(self) -> None:
        self._open: Final[dict[tuple[str, str], Connection]] = {}
        self._watches_forks = False

    def connection(self, url: Url, deadline_ms: int) -> Connection:
        key = (str(url), url.password)
        known = self._open.get(key)
        if known is None:
            if not self._watches_forks:
                self._watches_forks = True
                os.register_at_fork(before=self.close)
            known = self._open[key] = connect(url, deadline_ms)
        return known

    def close(self) -> None:
        """All of them; the next statement opens them anew."""
        for connection in self._open.values():
            connection.close()
        self._open.clear()


_DIRECT: Final = DirectConnections()
