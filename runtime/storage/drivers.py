"""What differs between the databases that speak SQL: how one connects, how it says what is wrong, how it is stopped."""

from __future__ import annotations

import os
import re
import socket
import sqlite3
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.engine import Dialect

from runtime.routing.database import DatabaseError
from runtime.storage.errors import Duplicate, Late, Refused, Unavailable, creation, no_table
from runtime.storage.url import MYSQL, POSTGRES, SQLITE, Url, redacted
from runtime.storage.values import type_named

# The types (values.py) of a table's columns, by their names in lower case.
Layout = dict[str, str]

_ASK_THE_SERVER: Final = ": is it running there, and are host, user and password of the URL right?"


class Driver:
    """`begin` is the SQL that opens a transaction for writing. `folds_names`: names without quotes are in lower case."""

    begin = "BEGIN"
    folds_names = False
    # What to do where no connection can be made.
    cure = ""

    def __init__(self, url: Url, deadline_ms: int) -> None:
        self.url: Final = url
        self.deadline_ms: Final = deadline_ms
        # What an error of the driver is an instance of.
        self.errors: tuple[type[Exception], ...] = ()

    def dialect(self) -> Dialect:
        raise NotImplementedError

    def open(self) -> Any:
        """A DB-API connection that commits each statement by itself. Raises an error of the driver."""
        raise NotImplementedError

    def meaning(self, error: Exception) -> DatabaseError:
        """An error of the driver as one of ours."""
        raise NotImplementedError

    def lacks_database(self, error: Exception) -> bool:
        """True if the server is there, and has no database of that name."""
        return False

    def make_database(self) -> None:
        """Make it. Raises an error of the driver."""
        raise NotImplementedError

    def layout(self, cursor: Any, table: str) -> Layout:
        """The types of the columns of a table, whose name is quoted; {} if it can be seen to be none. Raises an error of the driver."""
        raise NotImplementedError

    def begin_work(self) -> None:
        """What a connection has done so far does not count against it any more."""

    def lives(self, raw: Any) -> bool:
        """False if the connection turns out to be lost."""
        try:
            raw.cursor().execute("SELECT 1")
        except self.errors + (OSError,):
            return False
        return True

    def interrupt(self, raw: Any) -> None:
        """End what another thread is doing with the connection."""
        raise NotImplementedError

    def close(self, raw: Any) -> None:
        """Also of a connection that is broken already."""
        try:
            raw.close()
        except self.errors + (OSError,):
            return

    def _why(self, error: Exception) -> str:
        """One line, without the password, whatever the driver says."""
        line = " ".join(redacted(str(error)).split())
        if self.url.password:
            line = line.replace(self.url.password, "***")
        return f"{self.url}: {line}"


class Sqlite(Driver):
    """A file. Readers and the writer do not wait for each other (WAL); writers of several servers take turns."""

    begin = "BEGIN IMMEDIATE"

    def __init__(self, url: Url, deadline_ms: int, create: bool, steps: int) -> None:
        super().__init__(url, deadline_ms)
        self.errors = (sqlite3.Error,)
        self._create: Final = create
        self._steps: Final = steps
        self._has_done_some = False

    def dialect(self) -> Dialect:
        return sqlite.dialect(paramstyle="qmark")

    def open(self) -> Any:
        mode = "rwc" if self._create else "rw"
        # A name for which open(2) has a meaning of its own, as in ?mode=, is none for a URI.
        path = os.path.abspath(self.url.path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
        if self._create:
            self._make()
        raw = sqlite3.connect(
            f"file:{path}?mode={mode}",
            timeout=self.deadline_ms / 1000,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=512,
            uri=True,
        )
        try:
            if raw.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                raw.execute("PRAGMA journal_mode=WAL")
            # What has been committed survives a power cut.
            raw.execute("PRAGMA synchronous=FULL")
            if self._steps:
                raw.set_progress_handler(self._has_done_enough, self._steps)
        except sqlite3.Error:
            raw.close()
            raise
        return raw

    def _make(self) -> None:
        """A new file has passwords soon: nobody but its user and group may read it, nor what SQLite puts beside it."""
        try:
            os.close(os.open(self.url.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o660))
        except OSError:
            # It is there, or cannot be made; then SQLite says why.
            return

    def begin_work(self) -> None:
        self._has_done_some = False

    def _has_done_enough(self) -> bool:
        # SQLite counts the steps of a statement over all its runs: only the second call tells of as many in this one.
        was_called, self._has_done_some = self._has_done_some, True
        return was_called

    def meaning(self, error: Exception) -> DatabaseError:
        name = getattr(error, "sqlite_errorname", "")
        if isinstance(error, sqlite3.IntegrityError) and name in (
            "SQLITE_CONSTRAINT_PRIMARYKEY",
            "SQLITE_CONSTRAINT_UNIQUE",
        ):
            return Duplicate(self._why(error))
        missing = re.match(r"no such table: (?:main\.)?(.*)", str(error))
        if missing is not None:
            return no_table(str(self.url), missing[1])
        if name.startswith("SQLITE_CANTOPEN"):
            cure = "" if os.path.exists(self.url.path) else f"; {creation(str(self.url))} makes it"
            return Unavailable(self._why(error) + cure)
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_INTERRUPT")):
            return Late(self._why(error))
        if name.startswith(("SQLITE_IOERR", "SQLITE_NOTADB", "SQLITE_CORRUPT")):
            return Unavailable(self._why(error))
        return Refused(self._why(error))

    def layout(self, cursor: Any, table: str) -> Layout:
        cursor.execute(f"PRAGMA table_info({table})")
        return {str(row[1]).lower(): type_named(str(row[2])) for row in cursor.fetchall()}

    def interrupt(self, raw: Any) -> None:
        raw.interrupt()


class Mysql(Driver):
    """MySQL and MariaDB, by PyMySQL."""

    cure = _ASK_THE_SERVER
    # Errors of the client library about the connection, of the server about its end and its limits.
    _AWAY: Final = frozenset(
        (1040, 1042, 1043, 1044, 1045, 1049, 1053, 1077, 1079, 1080, 1129, 1130, 1152, 1158, 1159, 1160)
    )
    _LATE: Final = frozenset((1205, 1213, 1317, 1969, 3024))
    _DUPLICATE: Final = frozenset((1022, 1062, 1586))
    _NO_TABLE: Final = 1146

    def __init__(self, url: Url, deadline_ms: int) -> None:
        super().__init__(url, deadline_ms)
        import pymysql

        self._library: Final = pymysql
        self.errors = (pymysql.Error,)

    def dialect(self) -> Dialect:
        return mysql.dialect(paramstyle="format")

    def open(self) -> Any:
        return self._connect(self.url.path)

    def _connect(self, database: str | None) -> Any:
        from pymysql.constants.CLIENT import FOUND_ROWS

        seconds = max(1.0, self.deadline_ms / 1000)
        where: dict[str, Any] = {"host": self.url.host, "port": self.url.port}
        return self._library.connect(
            **where,
            user=self.url.user or None,
            password=self.url.password,
            database=database,
            charset="utf8mb4",
            autocommit=True,
            client_flag=FOUND_ROWS,
            connect_timeout=seconds,
            read_timeout=seconds,
            write_timeout=seconds,
        )

    def meaning(self, error: Exception) -> DatabaseError:
        number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        why = self._why(error)
        if "timed out" in why:
            return Late(why)
        missing = re.search(r"Table '(?:[^']*\.)?([^'.]*)' doesn't exist", str(error))
        if number == self._NO_TABLE and missing is not None:
            return no_table(str(self.url), missing[1])
        if number in self._DUPLICATE:
            return Duplicate(why)
        if number in self._LATE:
            return Late(why)
        is_lost = isinstance(error, self._library.err.InterfaceError) or 2000 <= number < 3000
        if is_lost or number in self._AWAY:
            return Unavailable(why)
        return Refused(why)

    def lacks_database(self, error: Exception) -> bool:
        return bool(error.args) and error.args[0] == 1049

    def make_database(self) -> None:
        raw = self._connect(None)
        try:
            name = self.url.path.replace("`", "``")
            raw.cursor().execute(f"CREATE DATABASE IF NOT EXISTS `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
        finally:
            raw.close()

    def layout(self, cursor: Any, table: str) -> Layout:
        cursor.execute(f"SHOW COLUMNS FROM {table}")
        return {str(row[0]).lower(): type_named(str(row[1])) for row in cursor.fetchall()}

    def _fd(self, raw: Any) -> int:
        return raw._sock.fileno() if raw._sock is not None else -1

    def interrupt(self, raw: Any) -> None:
        _shut(self._fd(raw))


class Postgres(Driver):
    """PostgreSQL, by psycopg."""

    folds_names = True
    cure = _ASK_THE_SERVER
    # Classes of SQLSTATE: the connection, who may connect and to what, too many of them, the server's end.
    _AWAY: Final = ("08", "28", "3D", "53300", "57P")
    _LATE: Final = ("57014", "55P03", "40001", "40P01")

    def __init__(self, url: Url, deadline_ms: int) -> None:
        super().__init__(url, deadline_ms)
        import psycopg

        self._library: Final = psycopg
        self.errors = (psycopg.Error,)

    def dialect(self) -> Dialect:
        make: Callable[..., Dialect] = postgresql.dialect
        return make(paramstyle="format")

    def open(self) -> Any:
        return self._connect(self.url.path)

    def _connect(self, database: str) -> Any:
        given: dict[str, Any] = {"user": self.url.user, "password": self.url.password}
        connect: Callable[..., Any] = self._library.connect
        return connect(
            host=self.url.host,
            port=self.url.port,
            dbname=database,
            connect_timeout=max(2, self.deadline_ms // 1000),
            options=f"-c statement_timeout={self.deadline_ms} -c lock_timeout={self.deadline_ms}",
            client_encoding="utf-8",
            application_name="ser",
            autocommit=True,
            **{name: value for name, value in given.items() if value},
        )

    def meaning(self, error: Exception) -> DatabaseError:
        state = getattr(error, "sqlstate", None) or ""
        why = self._why(error)
        missing = re.match(r'relation "(.*?)" does not exist', str(error))
        if state == "42P01" and missing is not None:
            return no_table(str(self.url), missing[1])
        if state == "23505":
            return Duplicate(why)
        if state.startswith(self._LATE) or isinstance(error, self._library.errors.ConnectionTimeout):
            return Late(why)
        if state.startswith(self._AWAY) or not state and isinstance(error, self._library.OperationalError):
            return Unavailable(why)
        return Refused(why)

    def lacks_database(self, error: Exception) -> bool:
        # psycopg says no SQLSTATE of an error while connecting.
        return isinstance(
            error, self._library.OperationalError
        ) and f'database "{self.url.path}" does not exist' in str(error)

    def make_database(self) -> None:
        raw = self._connect("postgres")
        try:
            name = self.url.path.replace('"', '""')
            raw.cursor().execute(f"CREATE DATABASE \"{name}\" ENCODING 'UTF8' TEMPLATE template0")
        finally:
            raw.close()

    def layout(self, cursor: Any, table: str) -> Layout:
        cursor.execute(f"SELECT * FROM {table} LIMIT 0")
        return {c.name.lower(): type_named(self._type_name(c.type_code)) for c in cursor.description}

    def _type_name(self, oid: int) -> str:
        found = self._library.postgres.types.get(oid)
        return "text" if found is None or found.name == "bpchar" else found.name

    def _fd(self, raw: Any) -> int:
        try:
            return int(raw.fileno())
        except self._library.Error:
            return -1

    def interrupt(self, raw: Any) -> None:
        _shut(self._fd(raw))


# What has the library of a driver.
_LIBRARIES: Final = {MYSQL: "PyMySQL", POSTGRES: "psycopg[binary]"}


def _shut(fd: int) -> None:
    """End a connection that another thread reads from: closing it would leave the other with a number that is a stranger's."""
    if fd < 0:
        return
    try:
        with socket.socket(fileno=os.dup(fd)) as twin:
            twin.shutdown(socket.SHUT_RDWR)
    except OSError:
        # It has come to its end by itself.
        return


def driver_for(url: Url, deadline_ms: int, create: bool, steps: int = 0) -> Driver:
    """`steps`: how many of its own an embedded database may do for what it is asked; 0: as many as it takes. Raises Unavailable where the driver's library is not installed."""
    try:
        if url.driver == MYSQL:
            return Mysql(url, deadline_ms)
        if url.driver == POSTGRES:
            return Postgres(url, deadline_ms)
    except ImportError as e:
        raise Unavailable(f"{url}: {e}: pip install {_LIBRARIES[url.driver]}") from e
    assert url.driver == SQLITE
    return Sqlite(url, deadline_ms, create, steps)
