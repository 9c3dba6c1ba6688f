"""Statements and their results for people who watch a call: short, and without passwords."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from runtime.routing.database import Row, Value
from runtime.routing.secrets import is_secret, masked_text
from runtime.storage.statement import Result, Statement

_ROWS_MAX: Final = 5
_VALUE_MAX: Final = 80
_HIDDEN: Final = "***"


def statement_text(statement: Statement) -> str:
    """As SQL would have it."""
    conditions = " and ".join([f"{column}{operator}{_shown(column, v)}" for column, operator, v in statement.where])
    where = f" where {conditions}" if conditions else ""
    if statement.reads:
        return f"select {', '.join(statement.columns)} from {statement.table}{where}"
    written = ", ".join([f"{c}={_shown(c, v)}" for c, v in zip(statement.columns, statement.values)])
    return f"{statement.kind} {statement.table} {written}{where}".replace("  ", " ")


def answer_text(statements: Sequence[Statement], results: Sequence[Result]) -> str:
    """The rows of those that read, and how many the others have changed."""
    found = []
    for statement, result in zip(statements, results):
        if not statement.reads:
            found.append(f"{result.count} {'row' if result.count == 1 else 'rows'}")
            continue
        rows = [_row(statement.columns, row) for row in result.rows[:_ROWS_MAX]]
        more = len(result.rows) - len(rows)
        found.append(("; ".join(rows) or "no row") + (f"; {more} more" if more else ""))
    return "; ".join(found)


def _row(columns: tuple[str, ...], row: Row) -> str:
    return "(" + ", ".join([f"{c}={_shown(c, v)}" for c, v in zip(columns, row)]) + ")"


def _shown(column: str, value: Value) -> str:
    if value is None:
        return "NULL"
    if is_secret(column):
        return _HIDDEN
    if not isinstance(value, bytes):
        return str(value)
    text = masked_text(value.decode("utf-8", "replace"))
    return f"'{text if len(text) <= _VALUE_MAX else text[:_VALUE_MAX] + '...'}'"
