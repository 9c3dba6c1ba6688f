"""What can go wrong with a database, as types of DatabaseError."""

from __future__ import annotations

from runtime.routing.database import DatabaseError


class Unavailable(DatabaseError):
    """The database cannot be reached, or the connection was lost. It is tried again with the next statement.

    `nothing_done`: the loss was noticed before anything was changed. `could_not_connect`: there was no connection to lose.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.nothing_done = False
        self.could_not_connect = False


class Late(DatabaseError):
    """No answer within the deadline. A write may have been done all the same, or may be done yet."""


class Overloaded(DatabaseError):
    """Too many wait for the database already: this statement was not sent."""


class Refused(DatabaseError):
    """The database is there and refuses the statement: no such table or column, a value that does not fit, a full disk."""


class NoTable(Refused):
    """The database has no such table."""


def no_table(url: str, table: str) -> NoTable:
    """The error, with what makes the table."""
    return NoTable(f"no table {table} in {url}: run {creation(url)}")


def creation(url: str) -> str:
    """The command that makes a database and its tables. The password of a URL is not shown, so that has to be named again."""
    return "serctl db create --config ser.cfg" if ":***@" in url else f"serctl db create --db {url}"


class Duplicate(Refused):
    """A row with this key is there already."""


class BadValue(Refused):
    """A value that no text column can hold: it is not UTF-8, or has a NUL in it."""
