"""Texts as editors have them: places are lines and UTF-16 units."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from lsprotocol import types as t

from serc.diagnostics.fix import Edit
from serc.diagnostics.report import Diagnostic, Severity
from serc.reading.source import Source, readable
from serc.reading.tree import Span

SEVERITIES: Final = {
    Severity.ERROR: t.DiagnosticSeverity.Error,
    Severity.WARNING: t.DiagnosticSeverity.Warning,
    Severity.NOTE: t.DiagnosticSeverity.Information,
}


class Text:
    """A file of an editor. It may hold what is no Latin-1: `Source` has its bytes."""

    def __init__(self, name: str, text: str) -> None:
        self.source: Final = Source(name, text.encode("utf-8", "surrogatepass").decode("latin-1"))
        self.text: Final = text
        self._lines: Final = text.split("\n")
        self._starts: Final = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line.encode("utf-8", "surrogatepass")) + 1)

    def offset(self, position: t.Position) -> int:
        if position.line >= len(self._lines):
            return len(self.source.text)
        units = self._lines[position.line].encode("utf-16-le", "surrogatepass")[: 2 * position.character]
        return self._starts[position.line] + len(units.decode("utf-16-le", "ignore").encode("utf-8"))

    def place(self, offset: int) -> t.Position:
        line = self.source.line_of(offset) - 1
        head = self.source.text[self._starts[line] : offset].encode("latin-1").decode("utf-8", "ignore")
        return t.Position(line, len(head.encode("utf-16-le")) // 2)

    def range(self, span: Span) -> t.Range:
        return t.Range(self.place(span.start), self.place(max(span.end, span.start)))

    def edits(self, edits: Iterable[Edit]) -> list[t.TextEdit]:
        return [t.TextEdit(self.range(edit.span), readable(edit.text)) for edit in edits]

    def whole(self, new: str) -> list[t.TextEdit]:
        """The whole text anew; [] if it is the same."""
        if new == self.source.text:
            return []
        text = new.encode("latin-1").decode("utf-8", "replace")
        return [t.TextEdit(self.range(Span(0, len(self.source.text))), text)]

    def diagnostic(self, uri: str, d: Diagnostic) -> t.Diagnostic:
        related = [
            t.DiagnosticRelatedInformation(t.Location(uri, self.range(r.span)), readable(r.message)) for r in d.related
        ]
        return t.Diagnostic(
            self.range(d.span),
            readable(d.message) + (f"\nhint: {readable(d.hint)}" if d.hint else ""),
            SEVERITIES[d.severity],
            d.code.name,
            source="serc",
            related_information=related or None,
        )
