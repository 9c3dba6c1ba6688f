"""dbtext: a folder with a text file for each table. Reference modules-more, A.1.3.

SER keeps tables in memory and writes them when it ends. Here a change is in the file, which is replaced as a whole, before it
counts as done; and a file that somebody else has changed is read anew. Processes take turns by a lock on the folder.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Sequence
from typing import Final, final

from runtime.routing.database import DELETE, INSERT, PUT, Row, Value
from runtime.storage.connection import Connection, make_folder
from runtime.storage.dbtext_file import DOUBLE, INT, STR, TextColumn, TextTable, read_table, write_table
from runtime.storage.errors import Late, Refused, Unavailable, creation, no_table
from runtime.storage.statement import Result, Statement
from runtime.storage.url import Url
from runtime.storage.values import FLOAT, TEXT
from runtime.storage.values import INT as NUMBER

# How often a lock that somebody has is tried for.
_TRY_S: Final = 0.005
# The file whose lock is that of the folder; no table has a name like that.
_LOCK: Final = ".lock"
# How the rest of this floor calls them.
_TYPES: Final = {STR: TEXT, INT: NUMBER, DOUBLE: FLOAT}


@final
class DbtextConnection(Connection):
    """The folder of a URL."""

    def __init__(self, url: Url, deadline_ms: int, create: bool = False) -> None:
        self.url: Final = url
        self._deadline_ms: Final = deadline_ms
        self._create: Final = create
        # By name: the file's mark when it was read, and what was in it.
        self._tables: Final[dict[str, tuple[tuple[int, int, int], TextTable]]] = {}

    def run(self, statements: Sequence[Statement]) -> list[Result]:
        if all(s.reads for s in statements):
            return [self._select(self._table(s.table), s) for s in statements]
        lock = self._lock()
        try:
            return self._change(statements)
        finally:
            os.close(lock)

    def layout(self, table: str) -> dict[str, str]:
        return {column.name.decode("latin-1"): _TYPES[column.type] for column in self._table(table).columns}

    def raw(self, sql: str) -> list[Row]:
        raise Refused(f"{self.url}: dbtext knows no SQL")

    def close(self) -> None:
        self._tables.clear()

    def make_table(self, name: str, columns: list[TextColumn]) -> None:
        """A new table without rows; one that is there stays as it is. Raises DatabaseError."""
        if self._create:
            make_folder(self.url, self.url.path)
        lock = self._lock()
        try:
            if not os.path.exists(self._path(name)):
                self._write({name: TextTable(columns)})
        finally:
            os.close(lock)

    def add_columns(self, name: str, columns: list[TextColumn], row: Row) -> None:
        """More columns for a table, with the values that all of its rows get in them."""
        lock = self._lock()
        try:
            old = self._table(name)
            table = TextTable(old.columns + columns)
            table.rows = [known + row for known in old.rows]
            table.last_auto = old.last_auto
            self._write({name: table})
        finally:
            os.close(lock)

    def columns(self, name: str) -> list[TextColumn] | None:
        """None if there is no such table."""
        return self._table(name).columns if os.path.exists(self._path(name)) else None

    # --- files -------------------------------------------------------------------------------------------------------

    def _path(self, table: str) -> str:
        if not table or "/" in table or table.startswith("."):
            raise Refused(f"{self.url}: {table!r} is no name of a table")
        return os.path.join(self.url.path, table)

    def _table(self, name: str) -> TextTable:
        path = self._path(name)
        try:
            with open(path, "rb") as file:
                status = os.fstat(file.fileno())
                mark = (status.st_ino, status.st_mtime_ns, status.st_size)
                known = self._tables.get(name)
                if known is not None and known[0] == mark:
                    return known[1]
                table = read_table(file.read())
        except OSError as e:
            if isinstance(e, FileNotFoundError) and os.path.isdir(self.url.path):
                raise no_table(str(self.url), name) from None
            cure = f"; {creation(str(self.url))} makes it" if isinstance(e, FileNotFoundError) else ""
            raise Unavailable(f"{path}: {e.strerror}{cure}") from None
        except Refused as e:
            raise Refused(f"{path}: {e}") from None
        self._tables[name] = (mark, table)
        return table

    def _lock(self) -> int:
        """A descriptor; closing it lets others change the folder."""
        until_s = time.monotonic() + self._deadline_ms / 1000
        try:
            lock = os.open(os.path.join(self.url.path, _LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
        except OSError as e:
            raise Unavailable(f"{self.url}: cannot lock the folder: {e.strerror}") from None
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return lock
            except BlockingIOError:
                if time.monotonic() >= until_s:
                    os.close(lock)
                    raise Late(f"{self.url}: another process has the folder locked") from None
            time.sleep(_TRY_S)

    def _write(self, tables: dict[str, TextTable]) -> None:
        """Replace files; until all are written none is. Raises Refused, as for a full disk."""
        ready: list[tuple[str, str]] = []
        try:
            for name, table in tables.items():
                ready.append((self._spare(name, write_table(table)), self._path(name)))
            for spare, path in ready:
                os.replace(spare, path)
        except OSError as e:
            for spare, _ in ready:
                if os.path.exists(spare):
                    os.unlink(spare)
            raise Refused(f"{self.url}: cannot write: {e.strerror}") from None

    def _spare(self, name: str, data: bytes) -> str:
        """A file with that text, whole and on the disk, and with the rights of the one that it is going to replace."""
        fd, spare = tempfile.mkstemp(prefix=f".{name}.", dir=self.url.path)
        try:
            with open(fd, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(fd)
                self._give_rights(fd, self._path(name))
        except OSError:
            os.unlink(spare)
            raise
        return spare

    def _give_rights(self, fd: int, path: str) -> None:
        try:
            status = os.stat(path)
        except FileNotFoundError:
            os.fchmod(fd, 0o660)
            return
        os.fchmod(fd, status.st_mode & 0o777)
        if os.geteuid() == 0:
            os.fchown(fd, status.st_uid, status.st_gid)

    # --- statements --------------------------------------------------------------------------------------------------

    def _change(self, statements: Sequence[Statement]) -> list[Result]:
        changed: dict[str, TextTable] = {}
        results: list[Result] = []
        for s in statements:
            table = changed.get(s.table) or self._table(s.table)
            if not s.reads and s.table not in changed:
                table = changed[s.table] = _copy(table)
            try:
                results.append(self._select(table, s) if s.reads else Result([], _apply(table, s)))
            except Refused as e:
                raise type(e)(f"{self.url}: table {s.table}: {e}") from None
        self._write(changed)
        for name in changed:
            self._tables.pop(name, None)
        return results

    def _select(self, table: TextTable, s: Statement) -> Result:
        try:
            places = [_place(table, name) for name in s.columns]
            tests = _tests(table, s)
            by = _place(table, s.order) if s.order else -1
        except Refused as e:
            raise Refused(f"{self.url}: table {s.table}: {e}") from None
        # SER gives the rows of a file from its end.
        found = [row for row in reversed(table.rows) if _meets(row, tests)]
        if by >= 0:
            found.sort(key=lambda row: _rank(row[by]))
        return Result([[row[i] for i in places] for row in found[: s.most or None]], len(found))


# A column's place, an operator, a value.
Test = tuple[int, str, Value]


def _place(table: TextTable, name: str) -> int:
    index = table.index(name)
    if index < 0:
        raise Refused(f"there is no column {name}")
    return index


def _tests(table: TextTable, s: Statement) -> list[Test]:
    return [(_place(table, name), operator, value) for name, operator, value in s.where]


def _copy(table: TextTable) -> TextTable:
    copy = TextTable(table.columns)
    copy.rows = [list(row) for row in table.rows]
    copy.last_auto = table.last_auto
    return copy


def _apply(table: TextTable, s: Statement) -> int:
    """Do a change in memory; how many rows it has met."""
    tests = _tests(table, s)
    if s.kind == DELETE:
        before = len(table.rows)
        table.rows = [row for row in table.rows if not _meets(row, tests)]
        return before - len(table.rows)
    places = [_place(table, name) for name in s.columns]
    values = [_fitting(table.columns[i], value) for i, value in zip(places, s.values)]
    count = 0
    if s.kind != INSERT:
        for row in table.rows:
            if _meets(row, tests):
                count += 1
                for i, value in zip(places, values):
                    row[i] = value
    if s.kind == INSERT or (s.kind == PUT and count == 0):
        new: Row = [None] * len(table.columns)
        for i, value in zip(places, values):
            new[i] = value
        table.complete(new)
        # Where SER puts it, and so the last that a query finds.
        table.rows.insert(0, new)
        count = 1
    return count


def _fitting(column: TextColumn, value: Value) -> Value:
    """Raises Refused where the type of a value is not the column's."""
    if (
        value is None
        or (column.type == STR and isinstance(value, bytes))
        or (column.type == INT and isinstance(value, int))
    ):
        return value
    if column.type == DOUBLE and isinstance(value, int | float):
        return float(value)
    if column.type == STR and isinstance(value, int):
        return b"%d" % value
    raise Refused(f"column {column.name.decode('latin-1')}: {value!r} is no {column.type}")


def _meets(row: Row, tests: list[Test]) -> bool:
    for index, operator, wanted in tests:
        left, right = _rank(row[index]), _rank(wanted)
        if operator == "=":
            met = left == right
        elif operator == "<":
            met = left < right
        elif operator == ">":
            met = left > right
        elif operator == "<=":
            met = left <= right
        elif operator == ">=":
            met = left >= right
        else:
            met = operator == "!=" and left != right
        if not met:
            return False
    return True


def _rank(value: Value) -> tuple[int, float, bytes]:
    """For comparing: NULL is low and equal to NULL, letters of both cases are the same."""
    if value is None:
        return (0, 0.0, b"")
    if isinstance(value, bytes):
        return (2, 0.0, value.lower())
    return (1, value, b"")
