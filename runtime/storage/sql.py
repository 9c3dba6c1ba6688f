"""Statements on SQLite, MySQL and PostgreSQL. What a shape of statements needs is found out once for each connection: its SQL, the
types of its columns, the order of its parameters; the drivers run it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final, final

from runtime.routing.database import INSERT, PUT, UPDATE, Row, Value
from runtime.storage.connection import DEADLINE_MS, Connection
from runtime.storage.drivers import Driver, Layout, driver_for
from runtime.storage.errors import BadValue, Duplicate, Refused, Unavailable, no_table
from runtime.storage.statement import SHAPES_MAX, Result, Shape, Statement
from runtime.storage.url import Url
from runtime.storage.values import ANY, TEXT, Parameter, Reader, reader_of, to_database
from runtime.storage.writer import SqlWriter


@final
class Plan:
    """What a shape is on one connection. `sql` takes the parameters of the statement in `order`; the INSERT of a PUT that has found no
    row those of `inserts`."""

    def __init__(self, shape: Shape, layout: Layout, writer: SqlWriter) -> None:
        self._names: Final = shape.columns[: shape.written] + tuple([name for name, _, _ in shape.where])
        self._types: Final = [layout.get(name.lower(), TEXT) for name in self._names]
        self._written: Final = shape.written
        self._can_be_met_by_none: Final = all([operator == "=" for _, operator, _ in shape.where])
        self.sql, self.order = writer.text(shape, UPDATE if shape.kind == PUT else shape.kind)
        self.insert_sql, self.inserts = writer.text(shape, INSERT) if shape.kind == PUT else ("", ())
        self._readers: Final[list[Reader]] = [reader_of(layout.get(name.lower(), ANY)) for name in shape.columns]

    def parameters(self, values: tuple[Value, ...]) -> list[Parameter] | None:
        """The values of a statement as the driver takes them. None if no row can meet its conditions, since no column can hold what they
        ask for. Raises BadValue."""
        found: list[Parameter] = []
        i = 0
        try:
            for value in values:
                found.append(to_database(self._names[i], self._types[i], value))
                i += 1
        except BadValue:
            if i < self._written or not self._can_be_met_by_none:
                raise
            return None
        return found

    def rows(self, found: Any) -> list[Row]:
        """Rows as the driver gives them."""
        rows: list[Row] = []
        for one in found:
            row: Row = []
            i = 0
            for value in one:
                row.append(self._readers[i](value))
                i += 1
            rows.append(row)
        return rows


@final
class SqlConnection(Connection):
    """A connection to a database that speaks SQL."""

    def __init__(self, url: Url, deadline_ms: int, create: bool = False, steps: int = 0) -> None:
        """`steps`: how many of its own an embedded database may do for what it is asked; 0: as many as it takes."""
        self.url: Final = url
        self._driver: Final[Driver] = driver_for(url, deadline_ms, create, steps)
        self._writer: Final = SqlWriter(self._driver.dialect(), self._driver.folds_names)
        self._raw: Any = None
        # The one of `look`, while there is a connection.
        self._cursor: Any = None
        self._layouts: Final[dict[str, Layout]] = {}
        self._plans: Final[dict[Shape, Plan]] = {}
        self._used_s = 0.0

    def run(self, statements: Sequence[Statement]) -> list[Result]:
        was_idle = self._raw is not None
        try:
            return self._run(statements)
        except Unavailable as e:
            # The server may have closed a connection that was idle: nothing has been done then.
            if not was_idle or not e.nothing_done or not self.url.reconnects:
                raise
        except Duplicate:
            # Somebody else has put the row there between our looking and our inserting.
            if all([s.shape.kind != PUT for s in statements]):
                raise
        return self._run(statements)

    def look(self, statement: Statement) -> Result:
        if self._raw is None or self._cursor is None:
            self._cursor = self._open_for_use().cursor()
        cursor = self._cursor
        self._driver.begin_work()
        try:
            plan = self._plan(cursor, statement.shape)
            values = plan.parameters(statement.parameters)
            return Result([], 0) if values is None else _execute(cursor, statement.shape, plan, values)
        except self._driver.errors as e:
            self._cursor = None
            raise self._meaning(e, True) from None

    def script(self, lines: Sequence[str]) -> None:
        """Run SQL that somebody here has written: the definitions of tables. Raises DatabaseError."""
        raw = self._open_for_use()
        try:
            cursor = raw.cursor()
            for line in lines:
                cursor.execute(line)
            cursor.close()
            self._forget_tables()
        except self._driver.errors as e:
            raise self._meaning(e, False) from None

    def columns(self, table: str) -> set[str] | None:
        """Their names in lower case; None if there is no such table. Raises DatabaseError."""
        raw = self._open_for_use()
        try:
            found = self._driver.layout(raw.cursor(), self._writer.quoted(table))
        except self._driver.errors as e:
            error = self._meaning(e, True)
            if isinstance(error, Refused):
                return None
            raise error from None
        return set(found) or None

    def layout(self, table: str) -> dict[str, str]:
        was_idle = self._raw is not None
        try:
            return self._layout_now(table)
        except Unavailable:
            if not was_idle or not self.url.reconnects:
                raise
        return self._layout_now(table)

    def _layout_now(self, table: str) -> dict[str, str]:
        raw = self._open_for_use()
        try:
            found = self._layout(raw.cursor(), table)
        except self._driver.errors as e:
            raise self._meaning(e, True) from None
        if not found:
            raise no_table(str(self.url), table)
        return found

    def raw(self, sql: str) -> list[Row]:
        raw = self._open_for_use()
        try:
            cursor = raw.cursor()
            cursor.execute(sql)
            rows: list[Row] = []
            if cursor.description is not None:
                rows.append([str(column[0]).encode() for column in cursor.description])
                read = reader_of(ANY)
                rows += [[read(value) for value in row] for row in cursor.fetchall()]
            cursor.close()
        except self._driver.errors as e:
            raise self._meaning(e, False) from None
        # It may have changed a table.
        self._forget_tables()
        return rows

    def interrupt(self) -> None:
        raw = self._raw
        if raw is not None:
            self._driver.interrupt(raw)

    def close(self) -> None:
        raw, self._raw = self._raw, None
        self._cursor = None
        self._forget_tables()
        if raw is not None:
            self._driver.close(raw)

    def _open_for_use(self) -> Any:
        try:
            return self._opened()
        except self._driver.errors as e:
            error = self._meaning(e, True)
            if isinstance(error, Unavailable):
                error = Unavailable(f"{error}{self._driver.cure}")
                error.nothing_done = error.could_not_connect = True
            raise error from None

    def _opened(self) -> Any:
        now_s = time.monotonic()
        idle_s, self._used_s = now_s - self._used_s, now_s
        if (
            self._raw is not None
            and self.url.ping_s
            and idle_s >= self.url.ping_s
            and not self._driver.lives(self._raw)
        ):
            self.close()
        if self._raw is None:
            self._raw = self._driver.open()
        return self._raw

    def _run(self, statements: Sequence[Statement]) -> list[Result]:
        # Also a PUT by itself needs no transaction: it has changed nothing when it finds no row, and what it adds is one statement.
        is_single = len(statements) == 1
        results: list[Result] = []
        begun = False
        raw = self._open_for_use()
        self._driver.begin_work()
        try:
            cursor = raw.cursor()
            plans = [self._plan(cursor, s.shape) for s in statements]
            parameters = [plan.parameters(s.parameters) for s, plan in zip(statements, plans)]
            if not is_single:
                cursor.execute(self._driver.begin)
            begun = not is_single or not statements[0].shape.can_be_repeated
            for s, plan, values in zip(statements, plans, parameters):
                results.append(Result([], 0) if values is None else _execute(cursor, s.shape, plan, values))
            if not is_single:
                cursor.execute("COMMIT")
            cursor.close()
        except self._driver.errors as e:
            error = self._meaning(e, not begun)
            if not is_single and self._raw is not None:
                self._roll_back()
            raise error from None
        return results

    def _plan(self, cursor: Any, shape: Shape) -> Plan:
        known = self._plans.get(shape)
        if known is not None:
            return known
        layout = self._layout(cursor, shape.table)
        self._check_names(shape, layout)
        plan = Plan(shape, layout, self._writer)
        # An unknown table is told by the statement.
        if layout:
            if len(self._plans) >= SHAPES_MAX:
                self._plans.clear()
            self._plans[shape] = plan
        return plan

    def _layout(self, cursor: Any, table: str) -> Layout:
        """What the database says of a table, asked once for a connection."""
        known = self._layouts.get(table)
        if known is None:
            known = self._driver.layout(cursor, self._writer.quoted(table))
            if known:
                self._layouts[table] = known
        return known

    def _forget_tables(self) -> None:
        self._layouts.clear()
        self._plans.clear()

    def _check_names(self, shape: Shape, layout: Layout) -> None:
        """SQLite would take a column that it does not know, between quotes, for a text."""
        for name in (*shape.columns, *[name for name, _, _ in shape.where], *([shape.order] if shape.order else [])):
            if layout and name.lower() not in layout:
                raise Refused(f"{self.url}: no such column in table {shape.table}: {name}")

    def _roll_back(self) -> None:
        try:
            self._raw.cursor().execute("ROLLBACK")
        except self._driver.errors:
            # Then it is undone by the end of the connection.
            self.close()

    def _meaning(self, e: Exception, nothing_done: bool) -> Exception:
        error = self._driver.meaning(e)
        if isinstance(error, Unavailable):
            error.nothing_done = nothing_done
            self.close()
        return error


def _execute(cursor: Any, shape: Shape, plan: Plan, values: list[Parameter]) -> Result:
    cursor.execute(plan.sql, _in_order(values, plan.order))
    if shape.reads:
        rows = plan.rows(cursor.fetchall())
        return Result(rows, len(rows))
    count = int(cursor.rowcount)
    if shape.kind == PUT and count == 0:
        cursor.execute(plan.insert_sql, _in_order(values, plan.inserts))
        count = int(cursor.rowcount)
    return Result([], count)


def _in_order(values: list[Parameter], order: tuple[int, ...]) -> list[Parameter]:
    return [values[i] for i in order]


def make_database(url: Url) -> None:
    """Make an empty database on a server that has none of this name. Raises DatabaseError, with the cure where the account may not."""
    driver = driver_for(url, DEADLINE_MS, True)
    try:
        driver.close(driver.open())
        return
    except driver.errors as e:
        first = driver.meaning(e)
        if not driver.lacks_database(e):
            raise first from None
    try:
        driver.make_database()
    except driver.errors:
        raise Unavailable(
            f"{first}: no such database, and this account may not make one: have the administrator say "
            f"CREATE DATABASE {url.path}; and let {url.user or 'it'} use it"
        ) from None
