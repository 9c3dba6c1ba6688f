"""The database of a server under test: SER's tables in memory, whatever the URL."""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from runtime.routing.database import DELETE, UPDATE, Change, Condition, Database, DatabaseError, Driver, Row, Value
from runtime.storage.schema import COUNTER, INTEGER, MOMENT, REAL, STAMP, TABLES, Field, TableDefinition

Record = dict[str, Value]

_OPERATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_DEFINED: Final = {table.name: table for table in TABLES}
_COLUMNS: Final = {table.name: frozenset(field.name for field in table.fields) for table in TABLES}
_VERSIONS: Final[list[tuple[bytes, int]]] = [(table.name.encode(), table.version) for table in TABLES if table.version]


class Tables(Database):
    """Tables by name, each a list of rows by column. Those of SER have their columns and defaults; any other table has what is
    put into it. While it `is_down` everything fails. `asked` counts the queries of routes."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: dict[str, list[Record]] = {}
        self.is_down = False
        self.asked = 0

    def rows(self, table: str) -> list[Record]:
        found = self.tables.get(table)
        if found is None:
            names = _VERSIONS if table == "version" else ()
            found = self.tables[table] = [{"table_name": name, "table_version": version} for name, version in names]
        return found

    def add(self, table: str, record: Record) -> None:
        """Put a row in, with the defaults of SER's columns. Raises DatabaseError for a column that there is not."""
        self._check(table, list(record))
        definition = _DEFINED.get(table)
        whole: Record = {}
        if definition is not None:
            whole = {field.name: _default(field, len(self.rows(table))) for field in definition.fields}
            record = {name: _fitting(_field(definition, name), value) for name, value in record.items()}
        self.rows(table).append(whole | record)

    def query(
        self, ctx: object, table: str, columns: tuple[str, ...], where: list[Condition], order: str = "", most: int = 0
    ) -> list[Row]:
        self.asked += ctx is not None
        self._check(table, [*columns, *(c.column for c in where)])
        found = _those(self.rows(table), where)
        if order:
            found = sorted(found, key=lambda row: _order(row.get(order)))
        return [[row.get(column) for column in columns] for row in found[: most or None]]

    def insert(self, ctx: object, table: str, columns: tuple[str, ...], values: Row) -> None:
        self.add(table, dict(zip(columns, values, strict=True)))

    def update(self, ctx: object, table: str, columns: tuple[str, ...], values: Row, where: list[Condition]) -> None:
        self._check(table, list(columns))
        for row in self.rows(table):
            if _meets(row, where):
                row.update(zip(columns, values, strict=True))

    def delete(self, ctx: object, table: str, where: list[Condition]) -> None:
        self._check(table, [])
        rows = self.rows(table)
        rows[:] = [row for row in rows if not _meets(row, where)]

    def transaction(self, ctx: object, changes: list[Change]) -> None:
        self._check("version", [])
        for change in changes:
            if change.kind == DELETE:
                self.delete(ctx, change.table, change.where)
            elif change.kind == UPDATE or any(_meets(row, change.where) for row in self.rows(change.table)):
                self.update(ctx, change.table, change.columns, change.values, change.where)
            else:
                self.insert(ctx, change.table, change.columns, change.values)

    def insert_later(self, table: str, columns: tuple[str, ...], values: Row) -> None:
        if not self.is_down:
            self.insert(None, table, columns, values)

    def _check(self, table: str, columns: list[str]) -> None:
        if self.is_down:
            raise DatabaseError("the database is down")
        known = _COLUMNS.get(table)
        if known is not None and not known.issuperset(columns):
            unknown = next(column for column in columns if column not in known)
            raise DatabaseError(f"table {table} has no column {unknown}")


class AnyDriver(Driver):
    """Stands for the module of a database system: whatever is opened are the same tables."""

    def __init__(self, name: str, tables: Tables) -> None:
        super().__init__(name)
        self._tables: Final = tables

    def open(self, url: str) -> Database:
        return self._tables


def columns_of(table: str) -> list[str] | None:
    """The columns of a table of SER; None for another one."""
    definition = _DEFINED.get(table)
    return None if definition is None else [field.name for field in definition.fields]


def fault_of(table: str, column: str, value: str | int) -> tuple[str, str] | None:
    """Why a column of SER's tables cannot have this value, with a hint; None if it can, or nobody knows."""
    definition = _DEFINED.get(table)
    field = None if definition is None else next((f for f in definition.fields if f.name == column), None)
    if field is None:
        return None
    try:
        _fitting(field, value if isinstance(value, int) else value.encode("latin-1", "replace"))
    except DatabaseError:
        return f"{column} of {table} is a time, and {value} is none", "write 2024-12-31 23:59:59, or seconds since 1970"
    except ValueError:
        return f"{column} of {table} is a number, and {value} is none", ""
    return None


def table_names() -> list[str]:
    return list(_DEFINED)


def _field(definition: TableDefinition, name: str) -> Field:
    return next(field for field in definition.fields if field.name == name)


def _default(field: Field, number: int) -> Value:
    if field.type == COUNTER:
        return number + 1
    if field.default is None:
        return None
    return _fitting(field, field.default.encode() if isinstance(field.default, str) else field.default)


def _fitting(field: Field, value: Value) -> Value:
    """The value as a column of this type gives it back."""
    if value is None:
        return None
    if field.type in (INTEGER, COUNTER):
        return int(value)
    if field.type == REAL:
        return float(value)
    if field.type in (MOMENT, STAMP):
        return _seconds(value) if isinstance(value, bytes) else value
    return value if isinstance(value, bytes) else str(value).encode()


def _seconds(text: bytes) -> int:
    try:
        return int(datetime.fromisoformat(text.decode()).replace(tzinfo=UTC).timestamp())
    except ValueError as e:
        raise DatabaseError(f'"{text.decode("latin-1")}" is no time: write 2024-12-31 23:59:59') from e


def _order(value: Value) -> tuple[int, Any]:
    return (0, 0) if value is None else (1, value) if isinstance(value, int | float) else (2, value)


def _those(rows: list[Record], where: list[Condition]) -> list[Record]:
    """The rows that meet all conditions: most ask for one text, which is compared as it is."""
    for condition in where:
        column, wanted = condition.column, condition.value
        if condition.operator == "=" and isinstance(wanted, bytes):
            rows = [row for row in rows if (value := row.get(column)) == wanted or _is_equal_text(value, wanted)]
        else:
            rows = [row for row in rows if _holds(row.get(column), condition)]
    return rows


def _is_equal_text(value: Value, wanted: bytes) -> bool:
    """Of a number that is asked for as a text."""
    return value is not None and value.__class__ is not bytes and _text(value) == _text(wanted)


def _meets(row: Record, where: list[Condition]) -> bool:
    for condition in where:
        if not _holds(row.get(condition.column), condition):
            return False
    return True


def _holds(value: Value, condition: Condition) -> bool:
    wanted = condition.value
    if value is None or wanted is None:
        return False
    if isinstance(value, bytes) is not isinstance(wanted, bytes):
        return _OPERATORS[condition.operator](_text(value), _text(wanted))
    return _OPERATORS[condition.operator](value, wanted)


def _text(value: Value) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
