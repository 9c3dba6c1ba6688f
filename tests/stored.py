"""The tables of a test in a real database: what modules ask for and change goes there, and what the test changes by hand too."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

from tables import Contents, Place

from runtime.routing.database import DELETE, INSERT, Change, Row, Value
from runtime.storage.administration import Administration
from runtime.storage.connection import connect
from runtime.storage.dbtext import DbtextConnection
from runtime.storage.definition import creation, text_columns
from runtime.storage.schema import BY_NAME, INTEGER, REAL, Field, TableDefinition, text
from runtime.storage.sql import SqlConnection
from runtime.storage.statement import Statement, change, question
from runtime.storage.url import DBTEXT, parse_url


class Stored(Place):
    """A database with SER's tables. A table of another kind, as some configs have, gets columns that hold what is written to them."""

    def __init__(self, url: str) -> None:
        self.url = parse_url(url)
        # In the files of dbtext an empty text and NULL look the same; SER takes both for NULL.
        self.tells_empty_from_null = self.url.driver != DBTEXT
        administration = Administration(self.url)
        administration.create()
        administration.close()
        self._connection = connect(self.url, create=True)
        # What the database has, as this test sees it, and how tables are defined there.
        self._known: Contents = {}
        self._definitions = dict(BY_NAME)

    def query(self, tables: Contents, question: Statement) -> list[Row]:
        self._send(tables)
        return self._connection.run([question])[0].rows

    def change(self, tables: Contents, changes: list[Statement]) -> None:
        names = {change.table for change in changes}
        for one in changes:
            rows = tables.setdefault(one.table, [])
            self._provide(one.table, [*rows, dict(zip(one.columns, one.values, strict=True))])
        self._send(tables)
        self._connection.run(changes)
        for name in names:
            written = [column for one in changes if one.table == name for column in one.columns]
            columns = tuple(dict.fromkeys([*[key for row in tables[name] for key in row], *written]))
            self._fetch(tables, name, columns)

    def clear(self) -> None:
        """As it is for a test that begins."""
        self._connection.run([change(Change(DELETE, name, (), [], [])) for name in self._known])
        self._known = {}
        for name, table in BY_NAME.items():
            # A test has had it made otherwise.
            if self._definitions[name] is not table:
                self._make(table)
                self._definitions[name] = table

    def close(self) -> None:
        self._connection.close()

    def _fetch(self, tables: Contents, name: str, columns: tuple[str, ...]) -> None:
        if not columns:
            return
        rows = self._connection.run([question(name, columns, [])])[0].rows
        tables[name][:] = [dict(zip(columns, row, strict=True)) for row in rows]
        self._known[name] = copy.deepcopy(tables[name])

    def _send(self, tables: Contents) -> None:
        """What the test has changed since the last time."""
        statements: list[Statement] = []
        for name, rows in tables.items():
            if rows == self._known.get(name, []):
                continue
            self._provide(name, rows)
            statements.append(change(Change(DELETE, name, (), [], [])))
            for number, row in enumerate(rows, 1):
                # A row of its own kind for who has none to tell it by.
                key: dict[str, Value] = {"phplib_id": b"%d" % number} if name == "subscriber" else {}
                full = key | row
                statements.append(change(Change(INSERT, name, tuple(full), list(full.values()), [])))
            self._known[name] = copy.deepcopy(rows)
        if statements:
            self._connection.run(statements)

    def _provide(self, name: str, rows: list[dict[str, Value]]) -> None:
        """A table that can hold such rows."""
        known = self._definitions.get(name, TableDefinition(name, 0, ()))
        fields = {field.name: field for field in known.fields}
        wanted = dict(fields)
        for row in rows:
            for column, value in row.items():
                field = wanted.get(column) or _field(column, value)
                wanted[column] = replace(field, null=True, default=None) if value is None else field
        if wanted == fields and (fields or name in self._definitions):
            return
        nullable = {column for column, field in wanted.items() if field.null}
        key = () if nullable & set(known.key) else known.key
        made = replace(known, fields=tuple(wanted.values()), key=key)
        self._make(made)
        self._definitions[name] = made
        self._known.pop(name, None)

    def _make(self, table: TableDefinition) -> None:
        connection = self._connection
        if isinstance(connection, DbtextConnection):
            Path(self.url.path, table.name).unlink(missing_ok=True)
            connection.make_table(table.name, text_columns(table.fields))
            return
        assert isinstance(connection, SqlConnection)
        quoted = f"`{table.name}`" if self.url.driver == "mysql" else f'"{table.name}"'
        connection.script([f"DROP TABLE IF EXISTS {quoted}", *creation(table, self.url.driver)])


def _field(column: str, value: Value) -> Field:
    if isinstance(value, int):
        return Field(column, INTEGER, null=True)
    return Field(column, REAL, null=True) if isinstance(value, float) else text(column, 255, null=True)
