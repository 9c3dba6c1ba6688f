"""The language server of `serc lsp`, on pygls."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from lsprotocol import types as t
from pygls.lsp.server import LanguageServer

from runtime.version import VERSION
from serc.diagnostics.report import Severity
from serc.editor import Document
from serc.reading.source import Source
from serc.reading.tree import Span


class Text:
    """A ser.cfg as editors have it: places are lines and UTF-16 units. It may hold what is no Latin-1: `Source` has its bytes."""

    def __init__(self, name: str, text: str) -> None:
        self.source: Final = Source(name, text.encode("utf-8", "surrogatepass").decode("latin-1"))
        self._lines: Final = text.split("\n")
        self._starts: Final = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line.encode("utf-8", "surrogatepass")) + 1)

    def offset(self, line: int, character: int) -> int:
        if line >= len(self._lines):
            return len(self.source.text)
        units = self._lines[line].encode("utf-16-le", "surrogatepass")[: 2 * character]
        return self._starts[line] + len(units.decode("utf-16-le", "ignore").encode("utf-8"))

    def place(self, offset: int) -> tuple[int, int]:
        line = self.source.line_of(offset) - 1
        head = self.source.text[self._starts[line] : offset].encode("latin-1").decode("utf-8", "ignore")
        return line, len(head.encode("utf-16-le")) // 2


def make_server() -> LanguageServer:
    """The server, with all that it can do."""
    server = LanguageServer("serc", VERSION)
    answers = _Answers(server)
    features: dict[str, Callable[..., object]] = {
        t.TEXT_DOCUMENT_DID_OPEN: answers.did_open,
        t.TEXT_DOCUMENT_DID_CHANGE: answers.did_change,
        t.TEXT_DOCUMENT_HOVER: answers.hover,
        t.TEXT_DOCUMENT_COMPLETION: answers.completion,
        t.TEXT_DOCUMENT_DEFINITION: answers.definition,
        t.TEXT_DOCUMENT_REFERENCES: answers.references,
        t.TEXT_DOCUMENT_RENAME: answers.rename,
        t.TEXT_DOCUMENT_DOCUMENT_SYMBOL: answers.symbols,
        t.TEXT_DOCUMENT_FORMATTING: answers.formatting,
    }
    for name, answer in features.items():
        options = t.CompletionOptions(trigger_characters=['"']) if name == t.TEXT_DOCUMENT_COMPLETION else None
        # pygls writes the name of the feature into what it is given, which a method does not take.
        server.feature(name, options)(partial(answer))
    return server


class _Answers:
    """What the server answers, to the questions of the protocol."""

    def __init__(self, server: LanguageServer) -> None:
        self._server: Final = server

    def _open(self, uri: str) -> tuple[Text, Document]:
        document = self._server.workspace.get_text_document(uri)
        text = Text(document.path or uri, document.source)
        return text, Document(text.source)

    def did_open(self, params: t.DidOpenTextDocumentParams) -> None:
        self._publish(params.text_document.uri)

    def did_change(self, params: t.DidChangeTextDocumentParams) -> None:
        self._publish(params.text_document.uri)

    def _publish(self, uri: str) -> None:
        text, document = self._open(uri)
        found = [
            t.Diagnostic(
                _range(text, d.span),
                d.message + (f"\nhint: {d.hint}" if d.hint else ""),
                _SEVERITIES[d.severity],
                d.code.name,
                source="serc",
            )
            for d in document.report.in_order()
        ]
        self._server.text_document_publish_diagnostics(t.PublishDiagnosticsParams(uri, found))

    def hover(self, params: t.HoverParams) -> t.Hover | None:
        text, document = self._open(params.text_document.uri)
        found = document.hover(_offset(text, params.position))
        if found is None:
            return None
        return t.Hover(t.MarkupContent(t.MarkupKind.Markdown, found[0]), _range(text, found[1]))

    def completion(self, params: t.CompletionParams) -> list[t.CompletionItem]:
        text, document = self._open(params.text_document.uri)
        found = document.completion(_offset(text, params.position))
        return [t.CompletionItem(p.word, kind=_PROPOSALS[p.kind], detail=p.detail or None) for p in found]

    def definition(self, params: t.DefinitionParams) -> list[t.Location]:
        text, document = self._open(params.text_document.uri)
        spans = document.definitions(_offset(text, params.position))
        return [t.Location(params.text_document.uri, _range(text, span)) for span in spans]

    def references(self, params: t.ReferenceParams) -> list[t.Location]:
        text, document = self._open(params.text_document.uri)
        spans = document.references(_offset(text, params.position))
        return [t.Location(params.text_document.uri, _range(text, span)) for span in spans]

    def rename(self, params: t.RenameParams) -> t.WorkspaceEdit | None:
        text, document = self._open(params.text_document.uri)
        changes = document.renamed(_offset(text, params.position), params.new_name)
        if changes is None:
            return None
        edits = [t.TextEdit(_range(text, span), new) for span, new in changes]
        return t.WorkspaceEdit({params.text_document.uri: edits})

    def symbols(self, params: t.DocumentSymbolParams) -> list[t.DocumentSymbol]:
        text, document = self._open(params.text_document.uri)
        found = []
        for use in document.uses:
            if use.is_definition:
                name, place = f"{use.symbol.kind}[{use.symbol.number}]", _range(text, use.span)
                found.append(t.DocumentSymbol(name, t.SymbolKind.Function, place, place))
        return found

    def formatting(self, params: t.DocumentFormattingParams) -> list[t.TextEdit]:
        text, document = self._open(params.text_document.uri)
        styled = document.formatted()
        if styled is None or styled == text.source.text:
            return []
        new = styled.encode("latin-1").decode("utf-8", "replace")
        return [t.TextEdit(_range(text, Span(0, len(text.source.text))), new)]


def _range(text: Text, span: Span) -> t.Range:
    return t.Range(t.Position(*text.place(span.start)), t.Position(*text.place(max(span.end, span.start))))


def _offset(text: Text, position: t.Position) -> int:
    return text.offset(position.line, position.character)


_SEVERITIES: Final = {
    Severity.ERROR: t.DiagnosticSeverity.Error,
    Severity.WARNING: t.DiagnosticSeverity.Warning,
    Severity.NOTE: t.DiagnosticSeverity.Information,
}
_PROPOSALS: Final = {
    "function": t.CompletionItemKind.Function,
    "module": t.CompletionItemKind.Module,
    "parameter": t.CompletionItemKind.Property,
    "operand": t.CompletionItemKind.Variable,
    "keyword": t.CompletionItemKind.Keyword,
}
