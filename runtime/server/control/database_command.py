"""The command DB of the FIFO: tables at fifo_db_url, looked at and changed by whoever may use the FIFO. Reference modules-more, D.2.

    select        *column "." table *condition "."          ; no column: all
    insert        table *assignment "."
    update        *assignment "." table *condition "."
    delete        table *condition "."
    raw_query     sql                                       ; what it tells is dropped
    raw_query_response  sql

    condition   = key operator value, operator = "<" / ">" / "=" / "<=" / ">=" / word
    assignment  = key "=" value
    value       = ["[" type "]"] ( DQUOTE text DQUOTE / "<" date ">" / number / "null" )

Each is a line. The control process waits for the database, as it does when a module reads its table anew.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Final

from runtime.routing.command import LINES, Command, Inquiry
from runtime.routing.database import DELETE, INSERT, UPDATE, Change, Condition, DatabaseError, Row, Value
from runtime.storage.connection import Connection
from runtime.storage.statement import Statement, change, question
from runtime.storage.values import FLOAT, TIME

NAME: Final = "DB"

_ENTRIES_MAX: Final = 32
_END: Final = b"."
_NUMBER: Final = re.compile(rb"[+-]?[0-9]+(\.[0-9]+)?\Z")
_ENTRY: Final = re.compile(rb"([A-Za-z0-9_]+)(?:\s*(<=|>=|=|<|>)\s*|\s+([A-Za-z!<>=]+(?:\s+[A-Za-z]+)?)\s+)(.+)\Z")
_VALUE: Final = re.compile(rb"(?:\[([a-z]+)\]\s*)?(.*)\Z", re.DOTALL | re.IGNORECASE)
_TYPES: Final = ("int", "double", "string", "date", "blob", "bitmap")
_DATE: Final = "%Y-%m-%d %H:%M:%S"


class Wrong(Exception):
    """What is wrong with a request: `str()` says it."""


class DatabaseCommand:
    """Answers DB by `connection`, which is opened with the first request."""

    def __init__(self, connection: Connection) -> None:
        self._connection: Final = connection

    def command(self) -> Command:
        return Command(NAME, self.answer, LINES, by_socket=False)

    def answer(self, inquiry: Inquiry) -> None:
        """SER has no status line here: rows, nothing, or `ERROR: why`."""
        try:
            text = self._done(iter(inquiry.words))
        except (Wrong, DatabaseError) as e:
            text = f"ERROR: {e}\n".encode("utf-8", "replace")
        inquiry.answer(text)

    def _done(self, lines: Iterator[bytes]) -> bytes:
        operation = _line(lines, "operation").decode("latin-1").lower()
        if operation == "select":
            return self._select(lines)
        if operation in ("raw_query", "raw_query_response"):
            rows = self._connection.raw(_line(lines, "SQL").decode("utf-8", "replace"))
            return b"".join([_shown(row) for row in rows]) if operation == "raw_query_response" else b""
        self._connection.run([self._change(operation, lines)])
        return b""

    def _select(self, lines: Iterator[bytes]) -> bytes:
        columns = tuple([line.decode("latin-1") for line in _block(lines)])
        table = _name(lines)
        layout = self._connection.layout(table)
        columns = columns or tuple(layout)
        (result,) = self._connection.run([question(table, columns, _conditions(lines))])
        times = [layout.get(name.lower()) == TIME for name in columns]
        floats = [layout.get(name.lower()) == FLOAT for name in columns]
        rows = [_shown(row, times, floats) for row in result.rows]
        return b"".join([_shown([name.encode("latin-1") for name in columns]), *rows])

    def _change(self, operation: str, lines: Iterator[bytes]) -> Statement:
        written: list[Condition] = []
        if operation == "update":
            written = _assignments(lines)
            return change(_written(UPDATE, _name(lines), written, _conditions(lines)))
        if operation == "insert":
            return change(_written(INSERT, _name(lines), _assignments(lines), []))
        if operation == "delete":
            return change(Change(DELETE, _name(lines), (), [], _conditions(lines)))
        raise Wrong(
            f"there is no operation {operation}: it is one of select, insert, update, delete, raw_query, raw_query_response"
        )


def _written(kind: str, table: str, written: list[Condition], where: list[Condition]) -> Change:
    return Change(kind, table, tuple([one.column for one in written]), [one.value for one in written], where)


def _line(lines: Iterator[bytes], what: str) -> bytes:
    line = next(lines, b"")
    if not line or line == _END:
        raise Wrong(f"the {what} is missing")
    return line


def _name(lines: Iterator[bytes]) -> str:
    return _line(lines, "table").decode("latin-1")


def _block(lines: Iterator[bytes]) -> list[bytes]:
    """The lines before a single dot."""
    found: list[bytes] = []
    for line in lines:
        if line == _END:
            return found
        if len(found) == _ENTRIES_MAX:
            raise Wrong(f"over {_ENTRIES_MAX} lines in one list")
        found.append(line)
    raise Wrong('a list does not end with a "."')


def _conditions(lines: Iterator[bytes]) -> list[Condition]:
    return [_entry(line) for line in _block(lines)]


def _assignments(lines: Iterator[bytes]) -> list[Condition]:
    found = _conditions(lines)
    if not found:
        raise Wrong("no value is given")
    for one in found:
        if one.operator != "=":
            raise Wrong(f"{one.column}: a value is given with =, not {one.operator}")
    return found


def _entry(line: bytes) -> Condition:
    found = _ENTRY.match(line.strip())
    if not found:
        raise Wrong(f"{line.decode('latin-1')}: not a key, an operator and a value")
    key, sign, word, text = found.groups()
    return Condition(key.decode("ascii"), _value(key, text), (sign or word).decode("ascii"))


def _value(key: bytes, text: bytes) -> Value:
    found = _VALUE.match(text)
    assert found is not None
    cast, plain = (found[1] or b"").decode("ascii").lower(), found[2].strip()
    if cast and cast not in _TYPES:
        raise Wrong(f"{key.decode()}: there is no type {cast}: it is one of {', '.join(_TYPES)}")
    if len(plain) >= 2 and plain[:1] == plain[-1:] == b'"' and cast in ("", "string", "blob"):
        return plain[1:-1]
    if plain[:1] == b"<" and plain[-1:] == b">" and cast in ("", "date"):
        return _seconds(key, plain[1:-1])
    if _NUMBER.match(plain) and cast in ("", "int", "double", "bitmap"):
        return _number(key, plain, cast)
    if plain.lower() == b"null":
        if not cast:
            raise Wrong(f"{key.decode()}: null needs a type, such as [string] null")
        return None
    raise Wrong(f"{key.decode()}: {text.decode('latin-1')} is no value{f' of type {cast}' if cast else ''}")


def _number(key: bytes, text: bytes, cast: str) -> int | float:
    if cast == "double" or b"." in text and not cast:
        return float(text)
    if b"." in text or cast == "bitmap" and text[:1] == b"-":
        raise Wrong(f"{key.decode()}: {text.decode()} is no {cast}")
    return int(text)


def _seconds(key: bytes, text: bytes) -> int:
    try:
        return int(time.mktime(time.strptime(text.decode("latin-1").strip(), _DATE)))
    except (ValueError, OverflowError):
        raise Wrong(f"{key.decode()}: <{text.decode('latin-1')}> is no date: write <YYYY-MM-DD hh:mm:ss>") from None


def _shown(row: Row, times: list[bool] | None = None, floats: list[bool] | None = None) -> bytes:
    """A line: each value with a blank behind it."""
    words: list[bytes] = []
    for i, value in enumerate(row):
        if value is None:
            words.append(b"NULL")
        elif isinstance(value, bytes):
            words.append(value)
        elif times is not None and times[i]:
            # With the line end that ctime(3) gives, as SER prints it.
            words.append(time.ctime(value).encode("ascii") + b"\n")
        elif isinstance(value, float) or floats is not None and floats[i]:
            words.append(b"%f" % value)
        else:
            words.append(b"%d" % value)
    return b"".join([word + b" " for word in words]) + b"\n"
