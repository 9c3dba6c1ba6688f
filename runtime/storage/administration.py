"""Making the tables of SER in a database, and looking whether they are as they should be. Reference modules-more, part B."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from runtime.routing.database import PUT, Change, Condition, Row
from runtime.storage.connection import DEADLINE_MS, Connection, connect
from runtime.storage.dbtext import DbtextConnection
from runtime.storage.definition import addition, creation, default_of, text_columns
from runtime.storage.errors import Refused
from runtime.storage.schema import TABLES, TableDefinition
from runtime.storage.statement import change, question
from runtime.storage.url import FLATSTORE, SQLITE, Url

# What has been found of a table, or done about it.
CREATED: Final = "created"
GOOD: Final = "good"
MISSING: Final = "missing"
OLD: Final = "old"
LACKS: Final = "lacks columns"
MIGRATED: Final = "migrated"


@dataclass(frozen=True)
class Finding:
    """A table, its state, and the version that the table `version` says (0: none)."""

    table: str
    state: str
    version: int = 0
    lacking: tuple[str, ...] = ()


def columns_of(connection: Connection, table: str) -> set[str] | None:
    """The names of a table's columns in lower case; None if there is no such table. Raises DatabaseError."""
    if isinstance(connection, DbtextConnection):
        columns = connection.columns(table)
        return None if columns is None else {column.name.decode("latin-1").lower() for column in columns}
    from runtime.storage.sql import SqlConnection

    assert isinstance(connection, SqlConnection)
    return connection.columns(table)


class Administration:
    """The tables in the database of one URL. All methods can be called again and again, and raise DatabaseError."""

    def __init__(self, url: Url, deadline_ms: int = DEADLINE_MS) -> None:
        if url.driver == FLATSTORE:
            raise Refused(f"{url}: flatstore has no tables to make: it writes files by itself")
        self.url: Final = url
        self._connection: Final[Connection] = connect(url, deadline_ms, create=True)
        self._reader: Final[Connection] = connect(url, deadline_ms)

    def create(self) -> list[Finding]:
        """Make the database, if its account may, and all tables that are missing; what is there stays as it is."""
        self._make_database()
        findings = []
        for table in TABLES:
            if columns_of(self._connection, table.name) is None:
                self._make(table)
                self._set_version(table)
                findings.append(Finding(table.name, CREATED, table.version))
            else:
                findings.append(self._look_at(table, self._connection))
        return findings

    def check(self) -> list[Finding]:
        """Look, and change nothing."""
        return [self._look_at(table, self._reader) for table in TABLES]

    def migrate(self) -> list[Finding]:
        """Make what is missing: tables, columns, and the version of those that were old. Nothing is taken away."""
        done = []
        for found, table in zip(self.create(), TABLES):
            if found.state not in (LACKS, OLD):
                done.append(found)
                continue
            self._add(table, found.lacking)
            self._set_version(table)
            done.append(Finding(table.name, MIGRATED, table.version))
        return done

    def close(self) -> None:
        self._connection.close()
        self._reader.close()

    def _look_at(self, table: TableDefinition, connection: Connection) -> Finding:
        columns = columns_of(connection, table.name)
        if columns is None:
            return Finding(table.name, MISSING)
        version = self._version(table.name, connection) if table.version else 0
        lacking = tuple(field.name for field in table.fields if field.name not in columns)
        if lacking:
            return Finding(table.name, LACKS, version, lacking)
        return Finding(table.name, OLD if version < table.version else GOOD, version)

    def _version(self, name: str, connection: Connection) -> int:
        if columns_of(connection, "version") is None:
            return 0
        asked = question("version", ("table_version",), [Condition("table_name", name.encode())])
        rows = connection.run([asked])[0].rows
        found = rows[0][0] if rows else 0
        return found if isinstance(found, int) else 0

    def _set_version(self, table: TableDefinition) -> None:
        if table.version:
            row: Row = [table.name.encode(), table.version]
            named = [Condition("table_name", table.name.encode())]
            self._connection.run([change(Change(PUT, "version", ("table_name", "table_version"), row, named))])

    # --- what differs ------------------------------------------------------------------------------------------------

    def _make_database(self) -> None:
        connection = self._connection
        if self.url.driver != SQLITE and not isinstance(connection, DbtextConnection):
            from runtime.storage.sql import make_database

            make_database(self.url)

    def _make(self, table: TableDefinition) -> None:
        connection = self._connection
        if isinstance(connection, DbtextConnection):
            connection.make_table(table.name, text_columns(table.fields))
        else:
            self._script(creation(table, self.url.driver))

    def _add(self, table: TableDefinition, lacking: tuple[str, ...]) -> None:
        fields = tuple(field for field in table.fields if field.name in lacking)
        connection = self._connection
        if isinstance(connection, DbtextConnection):
            connection.add_columns(table.name, text_columns(fields), [default_of(field) for field in fields])
        else:
            self._script([addition(table, field, self.url.driver) for field in fields])

    def _script(self, lines: list[str]) -> None:
        from runtime.storage.sql import SqlConnection

        assert isinstance(self._connection, SqlConnection)
        self._connection.script(lines)
