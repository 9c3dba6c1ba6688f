"""Rows of tables, for the sub-commands that work on the database. No server has to run. Reference modules-more, part B."""

from __future__ import annotations

import argparse
import os
from typing import Final

from runtime.routing.database import DELETE, INSERT, PUT, UPDATE, Change, Condition, DatabaseError, Row, Value
from runtime.storage.administration import columns_of
from runtime.storage.connection import Connection, connect
from runtime.storage.schema import BY_NAME, TEXT
from runtime.storage.statement import change, question
from serc.commands.ctl.client import FAILED, CannotAsk
from serc.commands.ctl.place import url_of

# Tables whose names the environment may change, as in SER's script.
SUBSCRIBER: Final = "subscriber"
_VARIABLES: Final = {
    "location": "UL_TABLE",
    SUBSCRIBER: "SUB_TABLE",
    "grp": "ACL_TABLE",
    "aliases": "ALS_TABLE",
    "uri": "URI_TABLE",
    "domain": "DOMAIN_TABLE",
}


def table_name(table: str) -> str:
    """What a table of SER is called here."""
    variable = _VARIABLES.get(table)
    return os.environ.get(variable) or table if variable else table


class Tables:
    """The tables in the database that the options name, by their names in SER's schema. All methods raise CannotAsk."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.url: Final = url_of(options)
        try:
            self._connection: Final[Connection] = connect(self.url)
        except DatabaseError as e:
            raise CannotAsk(FAILED, str(e)) from e

    def rows(self, table: str, columns: tuple[str, ...], where: list[Condition], order: str = "") -> list[Row]:
        asked = question(table_name(table), columns, where, order)
        try:
            return self._connection.run([asked])[0].rows
        except DatabaseError as e:
            raise CannotAsk(FAILED, str(e)) from e

    def has_row(self, table: str, where: list[Condition]) -> bool:
        return len(self.rows(table, (where[0].column,), where)) > 0

    def has_table(self, table: str) -> bool:
        try:
            return columns_of(self._connection, table_name(table)) is not None
        except DatabaseError as e:
            raise CannotAsk(FAILED, str(e)) from e

    def write(self, *changes: Change) -> int:
        """All of them or none; how many rows they have met."""
        for one in changes:
            _check_sizes(one)
        named = [Change(c.kind, table_name(c.table), c.columns, c.values, c.where) for c in changes]
        try:
            return sum(result.count for result in self._connection.run([change(one) for one in named]))
        except DatabaseError as e:
            raise CannotAsk(FAILED, str(e)) from e


def insertion(table: str, row: dict[str, Value]) -> Change:
    return Change(INSERT, table, tuple(row), list(row.values()), [])


def update(table: str, row: dict[str, Value], where: list[Condition]) -> Change:
    return Change(UPDATE, table, tuple(row), list(row.values()), where)


def put(table: str, row: dict[str, Value], where: list[Condition]) -> Change:
    """An update, or if there is no such row an insertion: done twice it is done once."""
    return Change(PUT, table, tuple(row), list(row.values()), where)


def deletion(table: str, where: list[Condition]) -> Change:
    return Change(DELETE, table, (), [], where)


def _check_sizes(one: Change) -> None:
    """Raises CannotAsk: some databases cut what is too long, and some keep it whole."""
    definition = BY_NAME.get(one.table)
    sizes = {field.name: field.size for field in definition.fields if field.type == TEXT} if definition else {}
    for name, value in zip(one.columns, one.values):
        if isinstance(value, bytes) and len(value.decode("utf-8", "replace")) > sizes.get(name, len(value)):
            shown = "" if name == "password" else f": {os.fsdecode(value)[:40]}…"
            raise CannotAsk(FAILED, f"{name} of table {one.table} takes {sizes[name]} characters, this has more{shown}")
