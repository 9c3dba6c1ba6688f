"""flatstore: rows for accounting, appended to files that nobody here reads. Reference modules-more, A.1.4."""

from __future__ import annotations

import fcntl
import io
import os
import re
from collections.abc import Callable
from typing import Final, final

from runtime.routing.context import L_ERR, Context
from runtime.routing.database import INSERT, Change, Condition, Database, DatabaseError, Row, Value
from runtime.routing.ports import Log
from runtime.storage.errors import Refused, Unavailable
from runtime.storage.url import Url

_DELIMITER: Final = b"|"
# What would break a row, and how it is written instead. SER writes it as it is.
_ESCAPES: Final = {b"\\": b"\\\\", b"|": b"\\|", b"\n": b"\\n", b"\r": b"\\r", b"\0": b"\\0"}
_SPECIAL: Final = re.compile(rb"[\\|\n\r\0]")

_FILES_MAX: Final = 4096


@final
class Flatstore(Database):
    """Files `TABLE_N.log` in the folder of the URL. Each process has a number N of its own, the lowest that is free.

    `flushes`: each row is handed to the system at once. `rotations` counts the commands flat_rotate: when it has changed the files
    are opened anew before the next row.
    """

    def __init__(self, url: Url, log: Log, flushes: bool, rotations: Callable[[], int]) -> None:
        super().__init__()
        self.url: Final = url
        self._log: Final = log
        self._flushes: Final = flushes
        self._rotations: Final = rotations
        self._files: Final[dict[str, io.BufferedWriter]] = {}
        self._seen = -1
        self._pid = 0
        self._lock = -1
        self._number = 0

    def insert(self, ctx: Context | None, table: str, columns: tuple[str, ...], values: Row) -> None:
        line = _DELIMITER.join([_text(value) for value in values]) + b"\n"
        try:
            file = self._file(table)
            file.write(line)
            if self._flushes:
                file.flush()
        except OSError as e:
            self._files.pop(table, None)
            raise Refused(f"{self.url}: table {table}: {e.strerror}") from None

    def insert_later(self, table: str, columns: tuple[str, ...], values: Row) -> None:
        try:
            self.insert(None, table, columns, values)
        except DatabaseError as e:
            self._log.write(L_ERR, f"ERROR: a row of table {table} is lost: {e}")

    def transaction(self, ctx: Context | None, changes: list[Change]) -> None:
        for one in changes:
            if one.kind != INSERT:
                raise self._only_adds()
        for one in changes:
            self.insert(ctx, one.table, one.columns, one.values)

    def query(
        self,
        ctx: Context | None,
        table: str,
        columns: tuple[str, ...],
        where: list[Condition],
        order: str = "",
        most: int = 0,
    ) -> list[Row]:
        raise self._only_adds()

    def update(
        self, ctx: Context | None, table: str, columns: tuple[str, ...], values: Row, where: list[Condition]
    ) -> None:
        raise self._only_adds()

    def delete(self, ctx: Context | None, table: str, where: list[Condition]) -> None:
        raise self._only_adds()

    def _only_adds(self) -> DatabaseError:
        return Refused(f"{self.url}: flatstore adds rows and does nothing else")

    def _file(self, table: str) -> io.BufferedWriter:
        if self._pid != os.getpid():
            # What was open belongs to the process that this one comes from.
            self._files.clear()
            self._pid = os.getpid()
            self._lock, self._number = self._claim()
        rotations = self._rotations()
        if rotations != self._seen:
            self._seen = rotations
            for file in self._files.values():
                file.close()
            self._files.clear()
        known = self._files.get(table)
        if known is None:
            if not table or "/" in table or table.startswith("."):
                raise Refused(f"{self.url}: {table!r} is no name of a table")
            path = os.path.join(self.url.path, f"{table}_{self._number}.log")
            known = self._files[table] = open(path, "ab")
        return known

    def _claim(self) -> tuple[int, int]:
        """A number that no other living process has, and the lock that says so."""
        for number in range(1, _FILES_MAX):
            try:
                lock = os.open(
                    os.path.join(self.url.path, f".{number}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660
                )
            except OSError as e:
                raise Unavailable(f"{self.url}: {e.strerror}") from None
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return lock, number
            except BlockingIOError:
                os.close(lock)
        raise Unavailable(f"{self.url}: {_FILES_MAX} processes write there already")


def _text(value: Value) -> bytes:
    if isinstance(value, bytes):
        return _SPECIAL.sub(lambda found: _ESCAPES[found[0]], value)
    if isinstance(value, float):
        return b"%f" % value
    return b"" if value is None else b"%d" % value
