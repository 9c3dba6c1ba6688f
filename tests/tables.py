"""A database that modules take for that of dbtext: its tables are in memory, or wherever `Tables.place` has them."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, ClassVar

from engine import Names
from script import Site

from runtime.routing.context import Context
from runtime.routing.database import (
    DELETE,
    INSERT,
    PUT,
    UPDATE,
    Change,
    Condition,
    Database,
    DatabaseError,
    Driver,
    Row,
    Value,
)
from runtime.routing.program import Program
from runtime.storage.statement import Statement, change, question

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}

# Rows by the name of their table.
Contents = dict[str, list[dict[str, Value]]]

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


class Place:
    """Where the rows of a test's tables are looked for and changed. Here: in memory. Not everywhere `tells_empty_from_null`."""

    tells_empty_from_null = True

    def query(self, tables: Contents, question: Statement) -> list[Row]:
        rows = _rows(tables, question.table, [*question.columns, *(column for column, _, _ in question.where)])
        found = [row for row in rows if _meets(row, question.where)]
        if question.order:
            found.sort(key=lambda row: str(row[question.order]))
        return [[row.get(column) for column in question.columns] for row in found[: question.most or None]]

    def change(self, tables: Contents, changes: list[Statement]) -> None:
        """All of them; `tables` are afterwards what they have become."""
        for one in changes:
            rows = _rows(tables, one.table, [])
            values = dict(zip(one.columns, one.values, strict=True))
            found = [row for row in rows if one.kind != INSERT and _meets(row, one.where)]
            if one.kind == DELETE:
                rows[:] = [row for row in rows if not _meets(row, one.where)]
            elif one.kind == INSERT or one.kind == PUT and not found:
                rows.append(values)
            for row in found if one.kind != DELETE else []:
                row.update(values)


class Tables(Database):
    """Tables by name, each a list of rows by column. While it is `down` everything fails. `asked` counts the queries of routes."""

    place: ClassVar[Place] = Place()

    def __init__(self, **tables: list[dict[str, Value]]) -> None:
        super().__init__()
        self.tables: Contents = tables
        self.down = False
        self.asked = 0
        self.tables["version"] = [
            {"table_name": name.encode(), "table_version": number} for name, number in VERSIONS.items()
        ]

    def query(
        self,
        ctx: Context | None,
        table: str,
        columns: tuple[str, ...],
        where: list[Condition],
        order: str = "",
        most: int = 0,
    ) -> list[Row]:
        self.asked += ctx is not None
        self._must_be_up()
        return self.place.query(self.tables, question(table, columns, where, order, most))

    def insert(self, ctx: Context | None, table: str, columns: tuple[str, ...], values: Row) -> None:
        self.transaction(ctx, [Change(INSERT, table, columns, values, [])])

    def update(
        self, ctx: Context | None, table: str, columns: tuple[str, ...], values: Row, where: list[Condition]
    ) -> None:
        self.transaction(ctx, [Change(UPDATE, table, columns, values, where)])

    def delete(self, ctx: Context | None, table: str, where: list[Condition]) -> None:
        self.transaction(ctx, [Change(DELETE, table, (), [], where)])

    def transaction(self, ctx: Context | None, changes: list[Change]) -> None:
        self._must_be_up()
        self.place.change(self.tables, [change(one) for one in changes])

    def insert_later(self, table: str, columns: tuple[str, ...], values: Row) -> None:
        if not self.down:
            self.insert(None, table, columns, values)

    def _must_be_up(self) -> None:
        if self.down:
            raise DatabaseError("the database is down")


def _rows(tables: Contents, table: str, columns: list[str]) -> list[dict[str, Value]]:
    rows = tables.setdefault(table, [])
    unknown = [column for column in columns if rows and column not in rows[0]]
    if unknown:
        raise DatabaseError(f"table {table} has no column {unknown[0]}")
    return rows


def _meets(row: dict[str, Value], where: tuple[tuple[str, str, Value], ...]) -> bool:
    return all(row[c] is not None and _OPERATORS[operator](row[c], value) for c, operator, value in where)


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
