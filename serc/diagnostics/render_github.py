"""Diagnostics as workflow commands of GitHub Actions, which shows them beside the lines of a change."""

from __future__ import annotations

from typing import Final

from serc.diagnostics.report import Diagnostic, Report, Severity
from serc.reading.source import Source

_COMMANDS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def render_github(source: Source, report: Report) -> str:
    """One command a line."""
    return "".join(f"{_command(source, d)}\n" for d in report.in_order())


def _command(source: Source, diagnostic: Diagnostic) -> str:
    start, end = source.position(diagnostic.span.start), source.position(diagnostic.span.end)
    properties = {
        "file": source.name,
        "line": str(start.line),
        "endLine": str(end.line),
        "col": str(start.column),
        "endColumn": str(end.column),
        "title": f"{diagnostic.code.name} {diagnostic.code.title}",
    }
    if end.line != start.line:
        del properties["col"], properties["endColumn"]  # GitHub wants columns only within one line
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    text = diagnostic.message + (f"\n{diagnostic.hint}" if diagnostic.hint else "")
    return f"::{_COMMANDS[diagnostic.severity]} {listed}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
