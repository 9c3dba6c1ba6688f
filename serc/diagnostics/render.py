"""Diagnostics as text for people. Other formats stand beside: render_json, render_sarif, render_github."""

from __future__ import annotations

from serc.diagnostics.report import Diagnostic, Report
from serc.reading.source import Source
from serc.reading.tree import Span

_WIDEST = 160


def render_text(source: Source, report: Report) -> str:
    """All diagnostics in the order of the file, each with its line and a mark under the place; "" when there are none."""
    return "".join(_diagnostic(source, d) for d in report.in_order())


def _diagnostic(source: Source, diagnostic: Diagnostic) -> str:
    lines = [
        f"{_place(source, diagnostic.span)}: {diagnostic.severity.value}: {diagnostic.message} [{diagnostic.code.name}]"
    ]
    lines += _excerpt(source, diagnostic.span)
    for related in diagnostic.related:
        lines.append(f"{_place(source, related.span)}: note: {related.message}")
        lines += _excerpt(source, related.span)
    if diagnostic.hint:
        lines.append(f"  hint: {diagnostic.hint}")
    return "\n".join(lines) + "\n"


def _place(source: Source, span: Span) -> str:
    position = source.position(span.start)
    return f"{source.name}:{position.line}:{position.column}"


def _excerpt(source: Source, span: Span) -> list[str]:
    """The source line and a line that underlines the part of `span` that is on it; tabs stay tabs to keep in step."""
    start = source.position(span.start)
    text = source.readable_line(start.line)
    end = source.position(max(span.end, span.start))
    last = end.column if end.line == start.line else len(text) + 1
    width = max(1, last - start.column)
    before = text[: start.column - 1]
    if len(text) > _WIDEST:
        cut = max(0, start.column - 1 - _WIDEST // 2)
        text, before = text[cut : cut + _WIDEST], before[cut:]
        width = min(width, _WIDEST - len(before))
    margin = "".join("\t" if c == "\t" else " " for c in before)
    return [f"    {_printable(text)}", f"    {margin}{'^' * max(1, width)}"]


def _printable(text: str) -> str:
    """Control characters must not reach the terminal."""
    return "".join(c if c == "\t" or c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
