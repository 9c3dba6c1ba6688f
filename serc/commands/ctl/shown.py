"""Rows on the screen, in pipes and as JSON."""

from __future__ import annotations

import argparse
import json
import sys
import time

from runtime.routing.database import Row, Value
from runtime.storage.schema import BY_NAME, MOMENT, STAMP
from serc.diagnostics.printable import printable

Plain = str | int | float | None


def as_objects(table: str, columns: tuple[str, ...], rows: list[Row]) -> list[dict[str, Plain]]:
    """Rows as JSON has them; times are local."""
    definition = BY_NAME[table]
    times = {field.name for field in definition.fields if field.type in (MOMENT, STAMP)}
    return [{name: _plain(value, name in times) for name, value in zip(columns, row)} for row in rows]


def show_rows(options: argparse.Namespace, table: str, columns: tuple[str, ...], rows: list[Row]) -> int:
    """As SER's script shows them: with tabs in a pipe, in columns on a terminal; the exit status."""
    data = as_objects(table, columns, rows)
    if options.json:
        print(json.dumps(data))
        return 0
    if not rows:
        return 0
    lines = [list(columns), *[[_text(value) for value in row.values()] for row in data]]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    for line in lines:
        padded = [f"{word:<{width}}" for word, width in zip(line, widths)]
        print("  ".join(padded).rstrip() if sys.stdout.isatty() else "\t".join(line))
    return 0


def _plain(value: Value, is_time: bool) -> Plain:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if is_time and value is not None:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(value))
    return value


def _text(value: Plain) -> str:
    if value is None:
        return "NULL"
    return printable(str(value)).replace("\n", "\\x0a").replace("\t", "\\x09")
