"""Diagnostics as SARIF 2.1.0, which code hosts and editors read (OASIS standard)."""

from __future__ import annotations

import json
from typing import Final
from urllib.parse import quote

from runtime.version import VERSION
from serc.diagnostics.fix import Fix
from serc.diagnostics.report import Code, Diagnostic, Report, Severity
from serc.reading.source import Source, readable
from serc.reading.tree import Span

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}


def render_sarif(source: Source, report: Report) -> str:
    """One run with the rules that it mentions. Columns count Unicode code points."""
    diagnostics = report.in_order()
    rules = sorted({d.code for d in diagnostics}, key=lambda code: code.name)
    driver = {
        "name": "serc",
        "version": VERSION,
        "informationUri": "https://pypi.org/project/sip-express-router/",
        "rules": [_rule(code) for code in rules],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(source, d, rules.index(d.code)) for d in diagnostics],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def merged_sarif(texts: list[str]) -> str:
    """The documents of several files as one, with a run for each."""
    documents = [json.loads(text) for text in texts]
    runs = [run for document in documents for run in document["runs"]]
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": runs}, indent=2, ensure_ascii=False) + "\n"


def _rule(code: Code) -> dict[str, object]:
    return {
        "id": code.name,
        "shortDescription": {"text": code.title},
        "defaultConfiguration": {"level": _LEVELS[code.severity]},
    }


def _result(source: Source, diagnostic: Diagnostic, rule: int) -> dict[str, object]:
    text = diagnostic.message + (f"\n{diagnostic.hint}" if diagnostic.hint else "")
    result: dict[str, object] = {
        "ruleId": diagnostic.code.name,
        "ruleIndex": rule,
        "level": _LEVELS[diagnostic.severity],
        "message": {"text": text},
        "locations": [_location(source, diagnostic.span)],
    }
    if diagnostic.related:
        result["relatedLocations"] = [
            {"id": i, **_location(source, related.span), "message": {"text": related.message}}
            for i, related in enumerate(diagnostic.related)
        ]
    if diagnostic.fix is not None:
        result["fixes"] = [_fix(source, diagnostic.fix)]
    return result


def _fix(source: Source, fix: Fix) -> dict[str, object]:
    replacements = [
        {"deletedRegion": _region(source, edit.span), "insertedContent": {"text": readable(edit.text)}}
        for edit in fix.edits
    ]
    change = {"artifactLocation": {"uri": quote(source.name)}, "replacements": replacements}
    return {"description": {"text": readable(fix.title)}, "artifactChanges": [change]}


def _location(source: Source, span: Span) -> dict[str, object]:
    return {"physicalLocation": {"artifactLocation": {"uri": quote(source.name)}, "region": _region(source, span)}}


def _region(source: Source, span: Span) -> dict[str, int]:
    start, end = source.position(span.start), source.position(span.end)
    return {
        "startLine": start.line,
        "startColumn": start.column,
        "endLine": end.line,
        "endColumn": end.column,
    }
