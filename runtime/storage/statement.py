"""Statements on their way to whoever runs them, and their results on the way back.

What a statement is before it has values is its shape. Shapes come from ser.cfg, not from messages: they are few, each process makes one
of them once, and whoever runs statements prepares it once.
"""

from __future__ import annotations

import marshal
from collections.abc import Sequence
from typing import Final, final

from runtime.routing.database import PUT, Change, Condition, Row, Value

SELECT: Final = "select"

# Of a condition: its column, its operator, and whether NULL is what it compares with.
Test = tuple[str, str, bool]

# The bound is against a bug.
SHAPES_MAX: Final = 1000

# Of marshal: later ones look for what is there twice, which costs more than everything else.
MARSHAL_VERSION: Final = 2


@final
class Shape:
    """`columns` are those selected or written; all of `where` have to be met. Of the rows of a question the first `most` are
    told, in the order of the column `order`; 0: all, "": in any order. `packed` tells all of it to another process."""

    def __init__(
        self, kind: str, table: str, columns: tuple[str, ...], where: tuple[Test, ...], order: str, most: int
    ) -> None:
        self.kind: Final = kind
        self.table: Final = table
        self.columns: Final = columns
        self.where: Final = where
        self.order: Final = order
        self.most: Final = most
        self.reads: Final = kind == SELECT
        # Done twice it is as done once, also for who asks how many rows it has found.
        self.can_be_repeated: Final = kind == SELECT or kind == PUT
        # How many values are written.
        self.written: Final = 0 if kind == SELECT else len(columns)
        self.packed: Final[bytes] = marshal.dumps((kind, table, columns, where, order, most), MARSHAL_VERSION)


@final
class Shapes:
    """Those that this process has met."""

    def __init__(self) -> None:
        self._made: Final[dict[tuple[str, str, tuple[str, ...], tuple[Test, ...], str, int], Shape]] = {}
        self._unpacked: Final[dict[bytes, Shape]] = {}

    def of(
        self, kind: str, table: str, columns: tuple[str, ...], where: tuple[Test, ...], order: str, most: int
    ) -> Shape:
        key = (kind, table, columns, where, order, most)
        known = self._made.get(key)
        if known is None:
            if len(self._made) >= SHAPES_MAX:
                self._made.clear()
            known = self._made[key] = Shape(kind, table, columns, where, order, most)
        return known

    def unpack(self, packed: bytes) -> Shape:
        """The shape that another process has packed."""
        known = self._unpacked.get(packed)
        if known is None:
            if len(self._unpacked) >= SHAPES_MAX:
                self._unpacked.clear()
            kind, table, columns, where, order, most = marshal.loads(packed)
            known = self._unpacked[packed] = self.of(kind, table, columns, where, order, most)
        return known


_SHAPES: Final = Shapes()


@final
class Statement:
    """A question or a change. `parameters` are the values that are written, and then those of the conditions."""

    def __init__(self, shape: Shape, parameters: tuple[Value, ...]) -> None:
        self.shape: Final = shape
        self.parameters: Final = parameters

    @property
    def kind(self) -> str:
        return self.shape.kind

    @property
    def table(self) -> str:
        return self.shape.table

    @property
    def columns(self) -> tuple[str, ...]:
        return self.shape.columns

    @property
    def order(self) -> str:
        return self.shape.order

    @property
    def most(self) -> int:
        return self.shape.most

    @property
    def reads(self) -> bool:
        return self.shape.reads

    @property
    def values(self) -> tuple[Value, ...]:
        """What is written."""
        return self.parameters[: self.shape.written]

    @property
    def where(self) -> tuple[tuple[str, str, Value], ...]:
        """Column, operator and value of each condition."""
        values = self.parameters[self.shape.written :]
        return tuple([(name, operator, value) for (name, operator, _), value in zip(self.shape.where, values)])


@final
class Result:
    """What became of a statement: the rows of a select, and how many it has found or changed."""

    def __init__(self, rows: list[Row], count: int) -> None:
        self.rows: Final = rows
        self.count: Final = count


def question(table: str, columns: tuple[str, ...], where: list[Condition], order: str = "", most: int = 0) -> Statement:
    return Statement(_SHAPES.of(SELECT, table, columns, _tests(where), order, most), tuple([c.value for c in where]))


def change(one: Change) -> Statement:
    assert len(one.values) == len(one.columns)
    parameters = tuple(one.values) + tuple([c.value for c in one.where])
    return Statement(_SHAPES.of(one.kind, one.table, one.columns, _tests(one.where), "", 0), parameters)


def _tests(where: list[Condition]) -> tuple[Test, ...]:
    return tuple([(c.column, c.operator, c.value is None) for c in where])


def pack(statements: Sequence[Statement]) -> bytes:
    """Statements for another process of this server."""
    return marshal.dumps([(s.shape.packed, s.parameters) for s in statements], MARSHAL_VERSION)


def unpack(data: bytes) -> list[Statement]:
    """What `pack` has packed."""
    return [Statement(_SHAPES.unpack(packed), parameters) for packed, parameters in marshal.loads(data)]
