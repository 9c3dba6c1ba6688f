"""What modules need of a database: rows of tables, by the names of columns. Reference modules-more, A.1.

Interfaces: runtime.storage and the server implement them, tests bring their own.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import mypyc_attr

from runtime.routing.context import L_ERR, Context
from runtime.routing.module import Module, ModuleError
from runtime.routing.world import World

# SER's own defaults (reference modules-main, chapter 0): the published example passwords of its installation script.
READ_WRITE_URL: Final = "mysql://ser:heslo@localhost/ser"
READ_ONLY_URL: Final = "mysql://serro:47serro11@localhost/ser"
# The module of the database that needs no server; it is there also where ser.cfg does not load it.
EMBEDDED: Final = "sqlite"

# Text is bytes as on the wire, a date its seconds since 1970, None SQL's NULL.
Value = int | float | bytes | None
Row = list[Value]


@mypyc_attr(allow_interpreted_subclasses=True)
class DatabaseError(Exception):
    """A database cannot be opened, or did not do what it was asked: `str()` is one sentence, without a password."""


@final
class Condition:
    """A column compared with a value: `=`, `<`, `>`, `<=` or `>=`."""

    def __init__(self, column: str, value: Value, operator: str = "=") -> None:
        self.column: Final = column
        self.value: Final = value
        self.operator: Final = operator


# Kinds of changes.
INSERT: Final = "insert"
UPDATE: Final = "update"
DELETE: Final = "delete"
PUT: Final = "put"


@final
class Change:
    """What `Database.insert`, `update`, `delete` or `put` would do, by the kind."""

    def __init__(self, kind: str, table: str, columns: tuple[str, ...], values: Row, where: list[Condition]) -> None:
        self.kind: Final = kind
        self.table: Final = table
        self.columns: Final = columns
        self.values: Final = values
        self.where: Final = where


@mypyc_attr(allow_interpreted_subclasses=True)
class Database:
    """One database. Where a `ctx` is given its run waits for the answer, and nothing else does; None is for the start, for commands
    and timers.

    Conditions are joined by AND. All of them raise DatabaseError, in time: a question has its deadline.
    """

    def query(
        self,
        ctx: Context | None,
        table: str,
        columns: tuple[str, ...],
        where: list[Condition],
        order: str = "",
        most: int = 0,
    ) -> list[Row]:
        """The values of `columns` in the rows that meet `where`, in the order of the column `order` ("": any); of the first `most` of
        them (0: all)."""
        raise NotImplementedError

    def insert(self, ctx: Context | None, table: str, columns: tuple[str, ...], values: Row) -> None:
        """Add a row."""
        raise NotImplementedError

    def update(
        self, ctx: Context | None, table: str, columns: tuple[str, ...], values: Row, where: list[Condition]
    ) -> None:
        """Change `columns` to `values` in the rows that meet `where`."""
        raise NotImplementedError

    def delete(self, ctx: Context | None, table: str, where: list[Condition]) -> None:
        """Remove the rows that meet `where`."""
        raise NotImplementedError

    def put(
        self, ctx: Context | None, table: str, columns: tuple[str, ...], values: Row, where: list[Condition]
    ) -> None:
        """Change `columns` to `values` in the rows that meet `where`; if there is none add one, of `columns` alone."""
        self.transaction(ctx, [Change(PUT, table, columns, values, where)])

    def transaction(self, ctx: Context | None, changes: list[Change]) -> None:
        """All of the changes or, where the database knows transactions, none."""
        raise NotImplementedError

    def insert_later(self, table: str, columns: tuple[str, ...], values: Row) -> None:
        """Have a row added and do not wait for it: what goes wrong is logged."""
        raise NotImplementedError


@mypyc_attr(allow_interpreted_subclasses=True)
class Driver(Module):
    """The module of a database system: the part of a URL before the colon is its name."""

    def open(self, url: str) -> Database:
        """The database at a URL as SER writes it, "" for the driver's own. Asked for in the `bind` of modules that
        are loaded later; raises DatabaseError.
        """
        raise NotImplementedError


def open_database(world: World, module: str, url: str) -> Database:
    """The database at `url`, for a module of this name; raises ModuleError.

    Where no URL is set, and so SER's default remains, it is the embedded one, unless ser.cfg loads another driver. A path alone, as
    files of SER 0.8 have it, is one of the only driver that is loaded.
    """
    if url.startswith("/"):
        loaded = [m for m in world.modules.values() if isinstance(m, Driver)]
        if len(loaded) == 1:
            url = f"{loaded[0].name}://{url}"
    scheme = url.partition(":")[0].lower()
    if url == READ_WRITE_URL or url == READ_ONLY_URL:
        if not any([isinstance(m, Driver) and m.name != EMBEDDED for m in world.modules.values()]):
            scheme, url = EMBEDDED, ""
    driver = world.modules.get(scheme)
    if driver is None and scheme == EMBEDDED:
        driver = world.embedded
    if not isinstance(driver, Driver):
        raise ModuleError(f'{module}: its database is a "{scheme}:" one: load {scheme}.so before {module}.so')
    try:
        return driver.open(url)
    except DatabaseError as e:
        raise ModuleError(f"{module}: {e}") from e


@final
class VersionUnknown(ModuleError):
    """`reason` is why the version of a table could not be asked for. (Compiled code sets no `__cause__`.)"""

    def __init__(self, message: str, reason: DatabaseError) -> None:
        super().__init__(message)
        self.reason: Final = reason


def require_version(database: Database, module: str, table: str, least: int, exactly: bool = False) -> None:
    """Raises VersionUnknown where the database does not tell, and ModuleError where the table `version` has no row
    for `table`, or a version lower than `least` (`exactly`: another one).

    Reference modules-main, chapter 0.
    """
    try:
        rows = database.query(None, "version", ("table_version",), [Condition("table_name", table.encode("latin-1"))])
    except DatabaseError as e:
        raise VersionUnknown(f"{module}: {e}", e) from e
    found = rows[0][0] if len(rows) > 0 else 0
    number = int(found) if found is not None else 0
    if number < least or (exactly and number != least):
        what = f"has version {number}" if len(rows) > 0 else "has no row in the table version"
        raise ModuleError(f"{module}: table {table} {what}, {'' if exactly else 'at least '}{least} is needed")


def has_row(ctx: Context, database: Database, what: str, table: str, column: str, where: list[Condition]) -> bool:
    """True if a row meets the conditions; a database that fails has none, which is logged. `what` asks."""
    try:
        return len(database.query(ctx, table, (column,), where)) > 0
    except DatabaseError as e:
        ctx.log(L_ERR, f"ERROR: {what}: {e}")
    return False
