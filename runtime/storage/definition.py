"""The tables of schema.py in the words of each database."""

from __future__ import annotations

from typing import Final

from runtime.routing.database import Value
from runtime.storage.dbtext_file import DOUBLE, INT, STR, TextColumn
from runtime.storage.schema import (
    BLOB,
    COUNTER,
    INTEGER,
    LONG_TEXT,
    MOMENT,
    NO_DAY,
    REAL,
    STAMP,
    TEXT,
    Field,
    TableDefinition,
)
from runtime.storage.url import MYSQL, POSTGRES, SQLITE

_TYPES: Final = {
    MYSQL: {
        LONG_TEXT: "LONGTEXT",
        BLOB: "LONGBLOB",
        INTEGER: "BIGINT",
        REAL: "DOUBLE",
        MOMENT: "DATETIME",
        STAMP: "TIMESTAMP",
        COUNTER: "BIGINT",
    },
    POSTGRES: {
        LONG_TEXT: "TEXT",
        BLOB: "BYTEA",
        INTEGER: "BIGINT",
        REAL: "DOUBLE PRECISION",
        MOMENT: "TIMESTAMP(0)",
        STAMP: "TIMESTAMP(0)",
        COUNTER: "BIGSERIAL",
    },
    SQLITE: {
        LONG_TEXT: "TEXT",
        BLOB: "BLOB",
        INTEGER: "INTEGER",
        REAL: "DOUBLE",
        MOMENT: "DATETIME",
        STAMP: "DATETIME",
        COUNTER: "INTEGER",
    },
}
_NOW: Final = {
    MYSQL: "CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP",
    POSTGRES: "LOCALTIMESTAMP(0)",
    SQLITE: "(datetime('now', 'localtime'))",
}


def creation(table: TableDefinition, driver: str) -> list[str]:
    """The SQL that makes a table with its keys."""
    lines = [_column(field, driver) for field in table.fields]
    counts_itself = driver == SQLITE and any(field.type == COUNTER for field in table.fields)
    if table.key and not counts_itself:
        lines.append(f"PRIMARY KEY ({_names(table.key, driver)})")
    for names in table.unique:
        lines.append(f"UNIQUE ({_names(names, driver)})")
    indexes = [(f"{table.name}_{'_'.join(names)}_idx", _names(names, driver)) for names in table.indexes]
    if driver == MYSQL:
        lines += [f"KEY {_quoted(name, driver)} ({columns})" for name, columns in indexes]
    # Contacts and names are told apart by every byte.
    end = " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin" if driver == MYSQL else ""
    own = _quoted(table.name, driver)
    made = [f"CREATE TABLE IF NOT EXISTS {own} (\n    " + ",\n    ".join(lines) + f"\n){end}"]
    if driver != MYSQL:
        made += [f"CREATE INDEX IF NOT EXISTS {_quoted(n, driver)} ON {own} ({columns})" for n, columns in indexes]
    return made


def addition(table: TableDefinition, field: Field, driver: str) -> str:
    """The SQL that adds a column to a table that lacks it."""
    column = _column(field, driver)
    if field.type == STAMP and driver == SQLITE:
        # It wants a constant for the rows that are there.
        column = f"{_quoted(field.name, driver)} DATETIME"
    elif field.default is None and not field.null and field.type in (TEXT, INTEGER):
        column += " DEFAULT ''" if field.type == TEXT else " DEFAULT 0"
    return f"ALTER TABLE {_quoted(table.name, driver)} ADD COLUMN {column}"


def _column(field: Field, driver: str) -> str:
    name = _quoted(field.name, driver)
    kind = f"VARCHAR({field.size})" if field.type == TEXT else _TYPES[driver][field.type]
    if field.type == COUNTER:
        if driver == SQLITE:
            return f"{name} INTEGER PRIMARY KEY AUTOINCREMENT"
        return f"{name} {kind} NOT NULL AUTO_INCREMENT" if driver == MYSQL else f"{name} {kind} NOT NULL"
    null = "NULL" if field.null else "NOT NULL"
    if field.type == STAMP:
        return f"{name} {kind} {null} DEFAULT {_NOW[driver]}"
    if field.default is None:
        return f"{name} {kind} {null}"
    default = f"'{field.default}'" if isinstance(field.default, str) else str(field.default)
    return f"{name} {kind} {null} DEFAULT {default}"


def _names(names: tuple[str, ...], driver: str) -> str:
    return ", ".join(_quoted(name, driver) for name in names)


def _quoted(name: str, driver: str) -> str:
    return f"`{name}`" if driver == MYSQL else f'"{name}"'


def text_columns(fields: tuple[Field, ...]) -> list[TextColumn]:
    """The columns of a table of dbtext, which knows three types and no defaults: what a row leaves out may be NULL."""
    return [
        TextColumn(
            field.name.encode(), _text_type(field), field.type != COUNTER and not _is_name(field), field.type == COUNTER
        )
        for field in fields
    ]


def _text_type(field: Field) -> str:
    if field.type in (INTEGER, COUNTER, MOMENT, STAMP) and not field.written:
        return INT
    return DOUBLE if field.type == REAL else STR


def _is_name(field: Field) -> bool:
    """True for a column that every row has to give a value."""
    return field.default is None and not field.null and field.type in (TEXT, INTEGER)


def default_of(field: Field) -> Value:
    """What a column that is added has in the rows that are there."""
    if field.default is None or field.default == NO_DAY:
        return None
    return field.default.encode() if isinstance(field.default, str) else field.default
