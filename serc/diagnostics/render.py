"""Diagnostics as text for people. Other formats stand beside: render_json, render_sarif, render_github."""

from __future__ import annotations

from collections.abc import Callable

from serc.diagnostics.printable import one_line
from serc.diagnostics.report import Diagnostic, Report, Severity
from serc.reading.source import Source
from serc.reading.tree import Span

_WIDEST = 160
# A text and one of the styles.
_Paint = Callable[[str, str], str]
_STYLES = {"error": "1;31", "warning": "1;35", "note": "1;36", "place": "1", "mark": "1;32"}


def render_text(source: Source, report: Report, colour: bool = False) -> str:
    """All diagnostics in the order of the file, each with its line and a mark under the place; "" when there are none."""
    paint = _coloured if colour else _plain
    return "".join(_diagnostic(source, d, paint) for d in report.in_order())


def render_errors(source: Source, report: Report) -> str:
    """The errors alone, and how many warnings there are beside them: where nothing starts, they are what has to be read."""
    shown = "".join(_diagnostic(source, d, _plain) for d in report.in_order() if d.severity is Severity.ERROR)
    warnings = report.count(Severity.WARNING)
    if warnings:
        words = "1 warning" if warnings == 1 else f"{warnings} warnings"
        shown += f"{words} beside that: serc check {one_line(source.name)} shows what\n"
    return shown


def _plain(text: str, _style: str) -> str:
    return text


def _coloured(text: str, style: str) -> str:
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"


def _diagnostic(source: Source, diagnostic: Diagnostic, paint: _Paint) -> str:
    severity = diagnostic.severity.value
    place = paint(f"{_place(source, diagnostic.span)}:", "place")
    lines = [f"{place} {paint(f'{severity}:', severity)} {one_line(diagnostic.message)} [{diagnostic.code.name}]"]
    lines += _excerpt(source, diagnostic.span, paint)
    for related in diagnostic.related:
        place = paint(f"{_place(source, related.span)}:", "place")
        lines.append(f"{place} {paint('note:', 'note')} {one_line(related.message)}")
        lines += _excerpt(source, related.span, paint)
    if diagnostic.hint:
        lines.append(f"  {paint('hint:', 'mark')} {one_line(diagnostic.hint)}")
    return "\n".join(lines) + "\n"


def _place(source: Source, span: Span) -> str:
    position = source.position(span.start)
    return f"{one_line(source.name)}:{position.line}:{position.column}"


def _excerpt(source: Source, span: Span, paint: _Paint) -> list[str]:
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
    return [f"    {_printable(text)}", f"    {margin}{paint('^' * max(1, width), 'mark')}"]


def _printable(text: str) -> str:
    """Control characters must not reach the terminal."""
    return "".join(c if c == "\t" or c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
