"""The SQL of statements, by SQLAlchemy Core. This file is not compiled: a shape meets it once for each connection."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnClause,
    ColumnElement,
    bindparam,
    column,
    delete,
    insert,
    literal_column,
    select,
    table,
    update,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import quoted_name

from runtime.routing.database import DELETE, INSERT, UPDATE
from runtime.storage.statement import SELECT, Shape

# SQL, and for each of its parameters in order which of the statement's parameters it is.
Text = tuple[str, tuple[int, ...]]


class SqlWriter:
    """SQL of statements in one dialect. Names are quoted, values are parameters, always."""

    def __init__(self, dialect: Dialect, folds_names: bool) -> None:
        self._dialect: Final = dialect
        self._folds_names: Final = folds_names

    def quoted(self, name: str) -> str:
        return self._dialect.identifier_preparer.quote(self._name(name))

    def text(self, shape: Shape, kind: str) -> Text:
        """The SQL for statements of this shape, done as `kind`."""
        written: dict[str, BindParameter[Any]] = {}
        if kind not in (SELECT, DELETE):
            written = {self._name(name): bindparam(f"v{i}") for i, name in enumerate(shape.columns)}
        first = shape.written
        where = [
            self._condition(name, operator, is_null, first + i)
            for i, (name, operator, is_null) in enumerate(shape.where)
        ]
        target = table(self._name(shape.table), *[column(name) for name in written])
        statement: Any
        if kind == SELECT:
            chosen: list[ColumnClause[Any]] = [column(self._name(name)) for name in shape.columns]
            statement = select(*chosen).select_from(target).where(*where)
            if shape.order:
                statement = statement.order_by(column(self._name(shape.order)))
            if shape.most:
                # Written out: what is no value of the statement has no place among its parameters.
                statement = statement.limit(literal_column(str(shape.most))).offset(literal_column("0"))
        elif kind == INSERT:
            statement = insert(target).values(written)
        elif kind == UPDATE:
            statement = update(target).values(written).where(*where)
        else:
            statement = delete(target).where(*where)
        compiled = statement.compile(dialect=self._dialect)
        names: list[str] = list(compiled.positiontup or ())
        return str(compiled), tuple([int(name[1:]) for name in names])

    def _name(self, name: str) -> quoted_name:
        # SER writes names without quotes, so there they would be in lower case. Quotes make names of key words, too.
        return quoted_name(name.lower() if self._folds_names else name, True)

    def _condition(self, name: str, operator: str, is_null: bool, index: int) -> ColumnElement[bool]:
        left: ColumnClause[Any] = column(self._name(name))
        if is_null:
            return left.is_not(None) if operator == "!=" else left.is_(None)
        return left.op(operator, is_comparison=True)(bindparam(f"v{index}"))
