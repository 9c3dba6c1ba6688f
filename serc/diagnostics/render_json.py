"""Diagnostics as JSON: an array of objects, one per diagnostic, in the order of the file."""

from __future__ import annotations

import json

from serc.diagnostics.fix import Edit, Fix
from serc.diagnostics.report import Diagnostic, Report
from serc.reading.source import Source, readable
from serc.reading.tree import Span


def render_json(source: Source, report: Report) -> str:
    """`line` … `end_column` count from 1, ends are exclusive; `hint` and `fix` are null where there is none."""
    return json.dumps([_object(source, d) for d in report.in_order()], indent=2, ensure_ascii=False) + "\n"


def _object(source: Source, diagnostic: Diagnostic) -> dict[str, object]:
    start, end = source.position(diagnostic.span.start), source.position(diagnostic.span.end)
    return {
        "file": source.name,
        "line": start.line,
        "column": start.column,
        "end_line": end.line,
        "end_column": end.column,
        "severity": diagnostic.severity.value,
        "code": diagnostic.code.name,
        "message": diagnostic.message,
        "hint": diagnostic.hint or None,
        "fix": None if diagnostic.fix is None else _fix(source, diagnostic.fix),
        "related": [_related(source, related.span, related.message) for related in diagnostic.related],
    }


def _fix(source: Source, fix: Fix) -> dict[str, object]:
    return {"title": fix.title, "safe": fix.is_safe, "edits": [_edit(source, edit) for edit in fix.edits]}


def _edit(source: Source, edit: Edit) -> dict[str, object]:
    start, end = source.position(edit.span.start), source.position(edit.span.end)
    place = {"line": start.line, "column": start.column, "end_line": end.line, "end_column": end.column}
    return {**place, "text": readable(edit.text)}


def _related(source: Source, span: Span, message: str) -> dict[str, object]:
    position = source.position(span.start)
    return {"file": source.name, "line": position.line, "column": position.column, "message": message}
