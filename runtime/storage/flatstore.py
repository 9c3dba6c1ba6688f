"""flatstore: rows for accounting, appended to files that nobody here reads. Reference modules-more, A.1.4."""

from __future__ import annotations

import fcntl
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
# Rows that wait for more of them are written when they have so many bytes together.
_WAITING_BYTES: Final = 8192


@final
class RowFile:
    """A file that rows are added to, one process alone: of what cannot be written whole nothing is there."""

    def __init__(self, path: str) -> None:
        """Raises OSError."""
        self._fd: Final = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        self._waiting: Final[list[bytes]] = []
        self._bytes = 0

    def add(self, row: bytes, at_once: bool) -> None:
        """Write the row, or (not `at_once`) have it wait for others. Raises OSError: then those that have waited are lost, too."""
        self._waiting.append(row)
        self._bytes += len(row)
        if at_once or self._bytes > _WAITING_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write all that waits. Raises OSError."""
        data = b"".join(self._waiting)
        self._waiting.clear()
        self._bytes = 0
        end = os.fstat(self._fd).st_size
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError:
            # Half a row would be taken for the beginning of the next one.
            os.ftruncate(self._fd, end)
            raise

    def close(self) -> None:
        """Write what waits, and let go of the file. Raises OSError, and has let go of it all the same."""
        try:
            self.flush()
        finally:
            os.close(self._fd)


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
        self._files: Final[dict[str, RowFile]] = {}
        self._seen = -1
        self._pid = 0
        self._lock = -1
        self._number = 0

    def insert(self, ctx: Context | None, table: str, columns: tuple[str, ...], values: Row) -> None:
        line = _DELIMITER.join([_text(value) for value in values]) + b"\n"
        try:
            self._file(table).add(line, self._flushes)
        except OSError as e:
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

    def _file(self, table: str) -> RowFile:
        """Raises OSError, Unavailable, Refused."""
        if self._pid != os.getpid():
            # What was open belongs to the process that this one comes from.
            self._files.clear()
            self._pid = os.getpid()
            self._lock, self._number = self._claim()
        rotations = self._rotations()
        if rotations != self._seen:
            self._seen = rotations
            self._close()
        known = self._files.get(table)
        if known is None:
            if not table or "/" in table or table.startswith("."):
                raise Refused(f"{self.url}: {table!r} is no name of a table")
            path = os.path.join(self.url.path, f"{table}_{self._number}.log")
            known = self._files[table] = RowFile(path)
        return known

    def flush(self) -> None:
        """Write what waits in this process; rows that cannot be written are logged."""
        if self._pid == os.getpid():
            for table, file in self._files.items():
                self._tell(table, file.flush)

    def _close(self) -> None:
        for table, file in self._files.items():
            self._tell(table, file.close)
        self._files.clear()

    def _tell(self, table: str, do: Callable[[], None]) -> None:
        """Write, and log it where that fails."""
        try:
            do()
        except OSError as e:
            self._log.write(L_ERR, f"ERROR: rows of table {table} that have waited are lost: {e.strerror}")

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
