"""A database in memory, which modules take for that of dbtext."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from engine import Names
from script import Site

from runtime.routing.context import Context
from runtime.routing.database import DELETE, UPDATE, Change, Condition, Database, DatabaseError, Driver, Row, Value
from runtime.routing.program import Program

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}

VERSIONS = {
    "subscriber": 5,
    "grp": 2,
    "domain": 1,
    "uri": 1,
    "silo": 3,
    "trusted": 1,
    "speed_dial": 2,
    "usr_preferences": 2,
    "acc": 2,
    "missed_calls": 2,
    "gw": 3,
    "lcr": 1,
    "location": 6,
    "aliases": 6,
}


class Tables(Database):
    """Tables by name, each a list of rows by column. While it is `down` everything fails. `asked` counts the queries of routes."""

    def __init__(self, **tables: list[dict[str, Value]]) -> None:
        super().__init__()
        self.tables = tables
        self.down = False
        self.asked = 0
        self.tables["version"] = [
            {"table_name": name.encode(), "table_version": number} for name, number in VERSIONS.items()
        ]

    def _rows(self, table: str, columns: list[str]) -> list[dict[str, Value]]:
        if self.down:
            raise DatabaseError("the database is down")
        rows = self.tables.setdefault(table, [])
        unknown = [column for column in columns if rows and column not in rows[0]]
        if unknown:
            raise DatabaseError(f"table {table} has no column {unknown[0]}")
        return rows

    def query(
        self, ctx: Context | None, table: str, columns: tuple[str, ...], where: list[Condition], order: str = ""
    ) -> list[Row]:
        self.asked += ctx is not None
        rows = self._rows(table, [*columns, *(c.column for c in where)])
        found = [row for row in rows if _meets(row, where)]
        if order:
            found.sort(key=lambda row: str(row[order]))
        return [[row.get(column) for column in columns] for row in found]

    def insert(self, ctx: Context | None, table: str, columns: tuple[str, ...], values: Row) -> None:
        self._rows(table, []).append(dict(zip(columns, values, strict=True)))

    def update(
        self, ctx: Context | None, table: str, columns: tuple[str, ...], values: Row, where: list[Condition]
    ) -> None:
        for row in self._rows(table, list(columns)):
            if _meets(row, where):
                row.update(zip(columns, values, strict=True))

    def delete(self, ctx: Context | None, table: str, where: list[Condition]) -> None:
        rows = self._rows(table, [])
        rows[:] = [row for row in rows if not _meets(row, where)]

    def transaction(self, ctx: Context | None, changes: list[Change]) -> None:
        if self.down:
            raise DatabaseError("the database is down")
        for change in changes:
            if change.kind == DELETE:
                self.delete(ctx, change.table, change.where)
            elif change.kind == UPDATE or any(_meets(row, change.where) for row in self._rows(change.table, [])):
                self.update(ctx, change.table, change.columns, change.values, change.where)
            else:
                self.insert(ctx, change.table, change.columns, change.values)

    def insert_later(self, table: str, columns: tuple[str, ...], values: Row) -> None:
        if not self.down:
            self.insert(None, table, columns, values)


def _meets(row: dict[str, Value], where: list[Condition]) -> bool:
    return all(row[c.column] is not None and _OPERATORS[c.operator](row[c.column], c.value) for c in where)


class TablesDriver(Driver):
    """Opens always the same tables."""

    def __init__(self, tables: Tables) -> None:
        super().__init__("dbtext")
        self.tables = tables

    def open(self, url: str) -> Database:
        return self.tables


URL = "dbtext:///tables"


class TableSite(Site):
    """A server whose modules find these tables at URL; `modules` are loaded behind dbtext and sl."""

    def __init__(self, tables: Tables, cfg: str, modules: str, names: Names | None = None, folder: str = "") -> None:
        self.tables = tables
        super().__init__(cfg, "dbtext sl " + modules, names=names, folder=folder)

    def driver(self) -> Driver:
        """What takes the place of dbtext."""
        return TablesDriver(self.tables)

    def program(self, text: str) -> Program:
        compiled = super().program(text)
        driver = self.driver()
        return Program(
            config=compiled.config,
            modules=tuple(driver if module.name == "dbtext" else module for module in compiled.modules),
            request=compiled.request,
            failure=compiled.failure,
            onreply=compiled.onreply,
            destinations=compiled.destinations,
            socket_names=compiled.socket_names,
            prepared=compiled.prepared,
            lines=compiled.lines,
        )
