"""The format of dbtext's files: a table in memory, and the text that it is on disk. Reference modules-more, A.1.3."""

from __future__ import annotations

import re
from typing import Final, final

from runtime.routing.database import Row, Value
from runtime.storage.errors import Refused

# Types of columns, by the first letter.
STR: Final = "str"
INT: Final = "int"
DOUBLE: Final = "double"
_TYPES: Final = {b"s": STR, b"i": INT, b"d": DOUBLE}

_COLUMN: Final = re.compile(rb" *([^ (\n]+) *\( *([^,)\n]*?) *(?:, *([^,)\n]*?) *)?\)")
_INT: Final = re.compile(rb"-?[0-9]+\Z")
_DOUBLE: Final = re.compile(rb"-?[0-9]+(\.[0-9]*)?\Z")
_ESCAPED: Final = re.compile(rb"\\(.?)", re.DOTALL)
_SPECIAL: Final = re.compile(rb"[\n\r\t\\:\0]")
_MEANINGS: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"\\": b"\\", b":": b":", b"0": b"\0"}
_LETTERS: Final = {meaning: letter for letter, meaning in _MEANINGS.items()}

FIELD_MAX_BYTES: Final = 4095


@final
class TextColumn:
    """`may_be_null`: an empty field is allowed. `is_auto`: an empty one becomes the next number."""

    def __init__(self, name: bytes, type: str, may_be_null: bool, is_auto: bool) -> None:
        self.name: Final = name
        self.type: Final = type
        self.may_be_null: Final = may_be_null
        self.is_auto: Final = is_auto


@final
class TextTable:
    """The columns and rows of a file; `rows` are in its order. `last_auto` is the highest number of the auto column."""

    def __init__(self, columns: list[TextColumn]) -> None:
        self.columns: Final = columns
        self.rows: list[Row] = []
        self.last_auto = 0

    def index(self, name: str) -> int:
        """Where the column of that name is, in any case of letters; -1 if there is none."""
        wanted = name.encode("latin-1", "replace").lower()
        return next((i for i, c in enumerate(self.columns) if c.name.lower() == wanted), -1)

    def complete(self, row: Row) -> None:
        """Give the auto column its number, and texts that may not be NULL the empty one. Raises Refused for a NULL that may not be."""
        for i, column in enumerate(self.columns):
            value = row[i]
            if column.is_auto:
                if value is None:
                    row[i] = self.last_auto + 1
                self.last_auto = max(self.last_auto, _int_of(row[i]))
            elif value is None and not column.may_be_null and column.type == STR:
                # In a file an empty text and NULL look the same.
                row[i] = b""
            elif value is None and not column.may_be_null:
                raise Refused(f"column {column.name.decode('latin-1')} may not be NULL")


def read_table(data: bytes) -> TextTable:
    """Raises Refused with the line that is wrong. As in SER a last line without its end does not count."""
    lines = data.split(b"\n")
    table = TextTable(_columns(lines[0]))
    for number, line in enumerate(lines[1:-1], 2):
        if not line:
            continue
        try:
            row = _row(table, line)
            table.complete(row)
        except Refused as e:
            raise Refused(f"line {number}: {e}") from None
        table.rows.append(row)
    return table


def write_table(table: TextTable) -> bytes:
    """The file; `read_table` makes the same of it, but for the digits of a double behind the second."""
    lines = [b" ".join([_header(column) for column in table.columns])]
    lines += [b":".join([_field(c, value) for c, value in zip(table.columns, row)]) for row in table.rows]
    return b"\n".join(lines) + b"\n"


def _columns(line: bytes) -> list[TextColumn]:
    columns: list[TextColumn] = []
    at = 0
    while line[at:].strip(b" "):
        found = _COLUMN.match(line, at)
        if found is None:
            raise Refused(f"line 1: {line[at:at + 40]!r} is no column: write name(str), name(int,null), name(double)")
        at = found.end()
        columns.append(_column(found[1], found[2], found[3]))
    if not columns:
        raise Refused("line 1: there is no column")
    if sum(c.is_auto for c in columns) > 1:
        raise Refused("line 1: only one column may be auto")
    return columns


def _column(name: bytes, type: bytes, flag: bytes | None) -> TextColumn:
    shown = name.decode("latin-1")
    kind = _TYPES.get(type[:1].lower())
    if kind is None:
        raise Refused(f"line 1: column {shown} has no type str, int or double")
    letter = (flag or b"")[:1].lower()
    if flag is not None and letter not in (b"n", b"a"):
        raise Refused(f"line 1: column {shown}: the flag is neither null nor auto")
    if letter == b"a" and kind != INT:
        raise Refused(f"line 1: column {shown}: only an int can be auto")
    return TextColumn(name, kind, letter == b"n", letter == b"a")


def _row(table: TextTable, line: bytes) -> Row:
    fields = re.split(rb"(?<!\\)((?:\\\\)*):", line) if b"\\" in line else line.split(b":")
    if b"\\" in line:
        # What stands between two pairs of a field and the backslashes before its end belongs to the field.
        fields = [fields[i] + (fields[i + 1] if i + 1 < len(fields) else b"") for i in range(0, len(fields), 2)]
    columns = table.columns
    if len(fields) > len(columns):
        raise Refused(f"there are {len(fields)} fields and only {len(columns)} columns")
    if len(fields) < len(columns):
        raise Refused(f"there are only {len(fields)} fields for {len(columns)} columns")
    return [_value(column, field) for column, field in zip(columns, fields)]


def _value(column: TextColumn, field: bytes) -> Value:
    if not field:
        return None
    if column.type == STR:
        if len(field) > FIELD_MAX_BYTES:
            raise Refused(f"column {column.name.decode('latin-1')}: the field has more than {FIELD_MAX_BYTES} bytes")
        return _ESCAPED.sub(_unescaped, field) if b"\\" in field else field
    pattern = _INT if column.type == INT else _DOUBLE
    if not pattern.match(field):
        raise Refused(f"column {column.name.decode('latin-1')}: {field[:40]!r} is no {column.type}")
    return int(field) if column.type == INT else float(field)


def _unescaped(found: re.Match[bytes]) -> bytes:
    meaning = _MEANINGS.get(found[1])
    if meaning is None:
        raise Refused(f"there is no escape {found[0]!r}")
    return meaning


def _header(column: TextColumn) -> bytes:
    flag = b",null" if column.may_be_null else b",auto" if column.is_auto else b""
    return b"%s(%s%s)" % (column.name, column.type.encode("ascii"), flag)


def _field(column: TextColumn, value: Value) -> bytes:
    if value is None:
        return b""
    if column.type == INT:
        return b"%d" % _int_of(value)
    if column.type == DOUBLE:
        return b"%.2f" % (0.0 if isinstance(value, bytes) else value)
    text = value if isinstance(value, bytes) else str(value).encode("ascii")
    return _SPECIAL.sub(lambda found: b"\\" + _LETTERS[found[0]], text)


def _int_of(value: Value) -> int:
    return 0 if value is None or isinstance(value, bytes) else int(value)
