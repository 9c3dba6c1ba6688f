"""Values on their way to an SQL database and back. Times are local there, as SER writes them. Reference modules-more, A.1."""

from __future__ import annotations

import datetime
import math
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from runtime.routing.database import Value
from runtime.storage.errors import BadValue

# Types of columns, as far as they matter: text and blobs are both bytes to a module, a time is a number.
TEXT: Final = "text"
INT: Final = "int"
FLOAT: Final = "float"
TIME: Final = "time"
BLOB: Final = "blob"
# Whatever the driver makes of it.
ANY: Final = "any"

_TIME_FORMAT: Final = "%Y-%m-%d %H:%M:%S"

_INT_LIMIT: Final = 1 << 63

# What a driver takes.
Parameter = str | bytes | int | float | None

# Makes a value of what the driver gives.
Reader = Callable[[object], Value]


def to_database(column: str, type: str, value: Value) -> Parameter:
    """A value for a column of that type. Raises BadValue where no database could hold it."""
    if value is None:
        return None
    if isinstance(value, bytes):
        if type == BLOB:
            return value
        try:
            decoded = value.decode("utf-8")
        except UnicodeDecodeError:
            raise BadValue(f"{column}: {value[:40]!r} is no UTF-8 text") from None
        if "\0" in decoded:
            raise BadValue(f"{column}: {value[:40]!r} has a NUL in it")
        return decoded
    if type == TIME:
        try:
            return time.strftime(_TIME_FORMAT, time.localtime(value))
        except (OverflowError, ValueError, OSError):
            raise BadValue(f"{column}: {value} is no time") from None
    return str(value) if type == TEXT else value


def reader_of(type: str) -> Reader:
    """The function that makes a value of what the driver gives for a column of that type."""
    return _READERS[type]


def type_named(declared: str) -> str:
    """The type of a column by the name that its table was made with, as `varchar(64)` or `int(10) unsigned`."""
    word = declared.partition("(")[0].strip().lower()
    return next((type for beginning, type in _TYPE_NAMES if word.startswith(beginning)), ANY)


# As MySQL, PostgreSQL and people call them. The first that fits counts.
_TYPE_NAMES: Final = (
    ("date", TIME),
    ("timestamp", TIME),
    ("tinytext", TEXT),
    ("mediumtext", TEXT),
    ("longtext", TEXT),
    ("text", TEXT),
    ("char", TEXT),
    ("varchar", TEXT),
    ("nchar", TEXT),
    ("nvarchar", TEXT),
    ("enum", TEXT),
    ("int", INT),
    ("tinyint", INT),
    ("smallint", INT),
    ("mediumint", INT),
    ("bigint", INT),
    ("serial", INT),
    ("float", FLOAT),
    ("double", FLOAT),
    ("real", FLOAT),
    ("dec", FLOAT),
    ("num", FLOAT),
    ("blob", BLOB),
    ("tinyblob", BLOB),
    ("mediumblob", BLOB),
    ("longblob", BLOB),
    ("binary", BLOB),
    ("varbinary", BLOB),
    ("bytea", BLOB),
)


def _any(found: object) -> Value:
    if found is None or isinstance(found, bytes):
        return found
    if isinstance(found, float):
        return _float(found)
    if isinstance(found, int):
        return _int(found)
    if isinstance(found, str):
        return found.encode("utf-8")
    if isinstance(found, bytearray | memoryview):
        return bytes(found)
    if isinstance(found, datetime.datetime):
        return _seconds(found)
    return str(found).encode("utf-8")


def _text(found: object) -> Value:
    if isinstance(found, str):
        return found.encode("utf-8")
    value = _any(found)
    return b"%d" % value if isinstance(value, int) else b"%f" % value if isinstance(value, float) else value


def _int(found: object) -> Value:
    """None, too, for what has more than 64 bits: nobody counts so far, and compiled code could not."""
    if isinstance(found, datetime.datetime):
        return _seconds(found)
    if not isinstance(found, str | bytes | int | float | Decimal):
        return None
    try:
        number = int(found)
    except (ValueError, OverflowError):
        return None
    return number if -_INT_LIMIT <= number < _INT_LIMIT else None


def _float(found: object) -> Value:
    """None, too, for what is no number or endless, with which nobody can reckon."""
    if not isinstance(found, str | bytes | int | float | Decimal):
        return None
    try:
        number = float(found)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _time(found: object) -> Value:
    """SER's own `0000-00-00 00:00:00` is 0. A number is one of seconds."""
    if isinstance(found, bytes):
        found = found.decode("latin-1")
    if isinstance(found, str):
        try:
            return _seconds(datetime.datetime.fromisoformat(found))
        except ValueError:
            return int(found) if found.isdecimal() else 0
    return _seconds(found) if isinstance(found, datetime.datetime) else _int(found)


def _seconds(moment: datetime.datetime) -> int:
    try:
        return int(moment.timestamp())
    except (OverflowError, ValueError, OSError):
        return 0


_READERS: Final[dict[str, Reader]] = {
    ANY: _any,
    BLOB: _any,
    FLOAT: _float,
    INT: _int,
    TEXT: _text,
    TIME: _time,
}
