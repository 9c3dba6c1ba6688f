"""Statements on their way to whoever runs them, and their results on the way back."""

from __future__ import annotations

import marshal
from collections.abc import Sequence
from typing import Final, final

from runtime.routing.database import Change, Condition, Row, Value

SELECT: Final = "select"


@final
class Statement:
    """A question or a change. `columns` are those selected or written, `values` what is written, each of `where` is
    (column, operator, value), and all of them are met. Of the rows of a question
    the first `most` are told, in the order of the column `order`; 0: all, "": in any order."""

    def __init__(
        self,
        kind: str,
        table: str,
        columns: tuple[str, ...],
        values: tuple[Value, ...],
        where: tuple[tuple[str, str, Value], ...],
        order: str = "",
        most: int = 0,
    ) -> None:
        self.kind: Final = kind
        self.table: Final = table
        self.columns: Final = columns
        self.values: Final = values
        self.where: Final = where
        self.order: Final = order
        self.most: Final = most

    @property
    def reads(self) -> bool:
        return self.kind == SELECT


@final
class Result:
    """What became of a statement: the rows of a select, and how many it has found or changed."""

    def __init__(self, rows: list[Row], count: int) -> None:
        self.rows: Final = rows
        self.count: Final = count


def question(table: str, columns: tuple[str, ...], where: list[Condition], order: str = "", most: int = 0) -> Statement:
    return Statement(SELECT, table, columns, (), _plain(where), order, most)


def change(one: Change) -> Statement:
    return Statement(one.kind, one.table, one.columns, tuple(one.values), _plain(one.where))


def _plain(where: list[Condition]) -> tuple[tuple[str, str, Value], ...]:
    return tuple([(c.column, c.operator, c.value) for c in where])


def pack(statements: Sequence[Statement]) -> bytes:
    """Statements for another process of this server."""
    return marshal.dumps([(s.kind, s.table, s.columns, s.values, s.where, s.order, s.most) for s in statements])


def unpack(data: bytes) -> list[Statement]:
    """What `pack` has packed."""
    return [Statement(*plain) for plain in marshal.loads(data)]
