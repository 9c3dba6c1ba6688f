"""Statements on SQLite, MySQL and PostgreSQL. SQLAlchemy Core writes the SQL, once for each shape; the drivers run it."""

from __future__ import annotations

import time
from collections.abc import Sequence
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

from runtime.routing.database import DELETE, INSERT, PUT, UPDATE, Row, Value
from runtime.storage.connection import DEADLINE_MS, Connection
from runtime.storage.drivers import Driver, Layout, driver_for
from runtime.storage.errors import BadValue, Duplicate, Refused, Unavailable, no_table
from runtime.storage.statement import SELECT, Result, Statement
from runtime.storage.url import Url
from runtime.storage.values import ANY, TEXT, Parameter, reader_of, to_database

# SQL, and for each of its parameters in order which of the statement's values it is: those that are written come first.
Text = tuple[str, tuple[int, ...]]

# Shapes come from ser.cfg, not from messages, so there are few. The bound is against a bug.
_SHAPES_MAX: Final = 1000


class SqlConnection(Connection):
    """A connection to a database that speaks SQL."""

    def __init__(self, url: Url, deadline_ms: int, create: bool = False) -> None:
        self.url: Final = url
        self._driver: Final[Driver] = driver_for(url, deadline_ms, create)
        self._writer: Final = SqlWriter(self._driver.dialect(), self._driver.folds_names)
        self._raw: Any = None
        self._layouts: Final[dict[str, Layout]] = {}
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
            if all(s.kind != PUT for s in statements):
                raise
        return self._run(statements)

    def script(self, lines: Sequence[str]) -> None:
        """Run SQL that somebody here has written: the definitions of tables. Raises DatabaseError."""
        raw = self._open_for_use()
        try:
            cursor = raw.cursor()
            for line in lines:
                cursor.execute(line)
            cursor.close()
            self._layouts.clear()
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
        self._layouts.clear()
        return rows

    def interrupt(self) -> None:
        raw = self._raw
        if raw is not None:
            self._driver.interrupt(raw)

    def close(self) -> None:
        raw, self._raw = self._raw, None
        self._layouts.clear()
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
        is_single = len(statements) == 1 and statements[0].kind != PUT
        results: list[Result] = []
        begun = False
        raw = self._open_for_use()
        try:
            cursor = raw.cursor()
            layouts = [self._layout(cursor, s.table) for s in statements]
            for s, layout in zip(statements, layouts):
                self._check_names(s, layout)
            parameters = [_parameters(s, layout) for s, layout in zip(statements, layouts)]
            if not is_single:
                cursor.execute(self._driver.begin)
            begun = not is_single or not statements[0].reads
            for s, layout, values in zip(statements, layouts, parameters):
                results.append(Result([], 0) if values is None else self._execute(cursor, s, layout, values))
            if not is_single:
                cursor.execute("COMMIT")
            cursor.close()
        except self._driver.errors as e:
            error = self._meaning(e, not begun)
            if not is_single and self._raw is not None:
                self._roll_back()
            raise error from None
        return results

    def _layout(self, cursor: Any, table: str) -> Layout:
        """What the database says of a table, asked once for a connection."""
        known = self._layouts.get(table)
        if known is None:
            known = self._driver.layout(cursor, self._writer.quoted(table))
            # An unknown table is told by the statement.
            if known:
                self._layouts[table] = known
        return known

    def _check_names(self, s: Statement, layout: Layout) -> None:
        """SQLite would take a column that it does not know, between quotes, for a text."""
        for name in (*s.columns, *[name for name, _, _ in s.where], *([s.order] if s.order else [])):
            if layout and name.lower() not in layout:
                raise Refused(f"{self.url}: no such column in table {s.table}: {name}")

    def _execute(self, cursor: Any, s: Statement, layout: Layout, values: list[Parameter]) -> Result:
        count = self._send(cursor, s, UPDATE if s.kind == PUT else s.kind, values)
        if s.reads:
            readers = [reader_of(layout.get(name.lower(), ANY)) for name in s.columns]
            rows: list[Row] = [[read(v) for read, v in zip(readers, row)] for row in cursor.fetchall()]
            return Result(rows, len(rows))
        if s.kind == PUT and count == 0:
            count = self._send(cursor, s, INSERT, values)
        return Result([], count)

    def _send(self, cursor: Any, s: Statement, kind: str, values: list[Parameter]) -> int:
        sql, order = self._writer.text(s, kind)
        cursor.execute(sql, [values[i] for i in order])
        return int(cursor.rowcount)

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


def _parameters(s: Statement, layout: Layout) -> list[Parameter] | None:
    """The values that are written and then those of the conditions. None if no row can meet the conditions, since no column can
    hold what they ask for. Raises BadValue."""
    values = [to_database(name, layout.get(name.lower(), TEXT), value) for name, value in zip(s.columns, s.values)]
    try:
        return values + [to_database(name, layout.get(name.lower(), TEXT), value) for name, _, value in s.where]
    except BadValue:
        if any(operator != "=" for _, operator, _ in s.where):
            raise
        return None


class SqlWriter:
    """SQL of statements in one dialect. Names are quoted, values are parameters, always."""

    def __init__(self, dialect: Dialect, folds_names: bool) -> None:
        self._dialect: Final = dialect
        self._folds_names: Final = folds_names
        self._texts: Final[dict[object, Text]] = {}

    def text(self, s: Statement, kind: str) -> Text:
        """The SQL for a statement of this shape, done as `kind`."""
        where = tuple([(name, operator, value is None) for name, operator, value in s.where])
        shape = (kind, s.table, s.columns, where, s.order, s.most)
        known = self._texts.get(shape)
        if known is None:
            if len(self._texts) >= _SHAPES_MAX:
                self._texts.clear()
            known = self._texts[shape] = self._compile(s, kind)
        return known

    def quoted(self, name: str) -> str:
        return self._dialect.identifier_preparer.quote(self._name(name))

    def _name(self, name: str) -> quoted_name:
        # SER writes names without quotes, so there they would be in lower case. Quotes make names of key words, too.
        return quoted_name(name.lower() if self._folds_names else name, True)

    def _compile(self, s: Statement, kind: str) -> Text:
        written: dict[str, BindParameter[Any]] = {}
        if kind not in (SELECT, DELETE):
            written = {self._name(name): bindparam(f"v{i}") for i, name in enumerate(s.columns)}
        first = len(s.values)
        where = [self._condition(name, operator, value, first + i) for i, (name, operator, value) in enumerate(s.where)]
        target = table(self._name(s.table), *[column(name) for name in written])
        statement: Any
        if kind == SELECT:
            chosen: list[ColumnClause[Any]] = [column(self._name(name)) for name in s.columns]
            statement = select(*chosen).select_from(target).where(*where)
            if s.order:
                statement = statement.order_by(column(self._name(s.order)))
            if s.most:
                # Written out: what is no value of the statement has no place among its parameters.
                statement = statement.limit(literal_column(str(s.most))).offset(literal_column("0"))
        elif kind == INSERT:
            statement = insert(target).values(written)
        elif kind == UPDATE:
            statement = update(target).values(written).where(*where)
        else:
            statement = delete(target).where(*where)
        compiled = statement.compile(dialect=self._dialect)
        names: list[str] = list(compiled.positiontup or ())
        return str(compiled), tuple([int(name[1:]) for name in names])

    def _condition(self, name: str, operator: str, value: Value, index: int) -> ColumnElement[bool]:
        left: ColumnClause[Any] = column(self._name(name))
        if value is None:
            return left.is_not(None) if operator == "!=" else left.is_(None)
        return left.op(operator, is_comparison=True)(bindparam(f"v{index}"))


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
