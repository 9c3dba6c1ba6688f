"""The language server of `serc lsp`, on pygls."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from lsprotocol import types as t
from pygls.exceptions import JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer

from runtime.version import VERSION
from serc.diagnostics import codes
from serc.diagnostics.fix import Edit
from serc.diagnostics.ignore import ignoring
from serc.diagnostics.report import Diagnostic, Severity
from serc.editor import Document
from serc.fixing import fixed, settled
from serc.reading.source import Source, readable
from serc.reading.tree import Span
from serc.symbols import ROUTES, CannotRename

FIX_ALL: Final = "source.fixAll.serc"


class Text:
    """A ser.cfg as editors have it: places are lines and UTF-16 units. It may hold what is no Latin-1: `Source` has its bytes."""

    def __init__(self, name: str, text: str) -> None:
        self.source: Final = Source(name, text.encode("utf-8", "surrogatepass").decode("latin-1"))
        self.text: Final = text
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
        t.TEXT_DOCUMENT_DID_CLOSE: answers.did_close,
        t.TEXT_DOCUMENT_HOVER: answers.hover,
        t.TEXT_DOCUMENT_COMPLETION: answers.completion,
        t.TEXT_DOCUMENT_DEFINITION: answers.definition,
        t.TEXT_DOCUMENT_REFERENCES: answers.references,
        t.TEXT_DOCUMENT_RENAME: answers.rename,
        t.TEXT_DOCUMENT_DOCUMENT_SYMBOL: answers.symbols,
        t.TEXT_DOCUMENT_FORMATTING: answers.formatting,
        t.TEXT_DOCUMENT_CODE_ACTION: answers.code_actions,
    }
    for name, answer in features.items():
        # pygls writes the name of the feature into what it is given, which a method does not take.
        server.feature(name, _OPTIONS.get(name))(partial(answer))
    return server


class _Answers:
    """What the server answers, to the questions of the protocol."""

    def __init__(self, server: LanguageServer) -> None:
        self._server: Final = server
        # By the URI: what is asked for between two keystrokes is about the same text.
        self._known: Final[dict[str, tuple[Text, Document]]] = {}

    def _open(self, uri: str) -> tuple[Text, Document]:
        document = self._server.workspace.get_text_document(uri)
        known = self._known.get(uri)
        if known is None or known[0].text != document.source:
            text = Text(document.path or uri, document.source)
            known = self._known[uri] = text, Document(text.source)
        return known

    def did_close(self, params: t.DidCloseTextDocumentParams) -> None:
        self._known.pop(params.text_document.uri, None)

    def did_open(self, params: t.DidOpenTextDocumentParams) -> None:
        self._publish(params.text_document.uri)

    def did_change(self, params: t.DidChangeTextDocumentParams) -> None:
        self._publish(params.text_document.uri)

    def _publish(self, uri: str) -> None:
        text, document = self._open(uri)
        found = [_diagnostic(text, uri, d) for d in document.report.in_order()]
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
        use = document.symbols.at(_offset(text, params.position))
        if use is None:
            raise JsonRpcInvalidParams("only the numbers of routes and flags and the names of AVPs can be changed")
        try:
            edits = document.symbols.renamed(use.symbol, params.new_name)
        except CannotRename as e:
            raise JsonRpcInvalidParams(str(e)) from e
        return t.WorkspaceEdit({params.text_document.uri: _edits(text, edits)})

    def code_actions(self, params: t.CodeActionParams) -> list[t.CodeAction]:
        """The cures of what is wrong there, the comments that silence it, and all safe cures of the file at once."""
        uri = params.text_document.uri
        text, document = self._open(uri)
        start, end = _offset(text, params.range.start), _offset(text, params.range.end)
        found = []
        for d in document.report.in_order():
            if d.span.start > end or d.span.end < start:
                continue
            told = [_diagnostic(text, uri, d)]
            if d.fix is not None:
                changes = t.WorkspaceEdit({uri: _edits(text, settled(text.source, d.fix.edits))})
                title = f"{d.fix.title[:1].upper()}{d.fix.title[1:]}"
                found.append(t.CodeAction(title, t.CodeActionKind.QuickFix, told, is_preferred=True, edit=changes))
            if d.severity is not Severity.ERROR and d.code not in (codes.BAD_IGNORE, codes.USELESS_IGNORE):
                changes = t.WorkspaceEdit({uri: _edits(text, [ignoring(text.source, d)])})
                found.append(t.CodeAction(f"Ignore {d.code.name} here", t.CodeActionKind.QuickFix, told, edit=changes))
        whole = self._fix_all(text, document)
        if whole:
            found.append(t.CodeAction("Fix all that is safe", FIX_ALL, edit=t.WorkspaceEdit({uri: whole})))
        only = params.context.only
        return [a for a in found if not only or any(_is_of(a.kind, kind) for kind in only)]

    def _fix_all(self, text: Text, document: Document) -> list[t.TextEdit]:
        if not any(d.fix is not None and d.fix.is_safe for d in document.report.diagnostics):
            return []
        result = fixed(text.source, lambda source: Document(source).report, lambda _, fix: fix.is_safe)
        return _whole(text, result.source.text)

    def symbols(self, params: t.DocumentSymbolParams) -> list[t.DocumentSymbol]:
        text, document = self._open(params.text_document.uri)
        found = []
        for use in document.symbols.uses:
            if use.is_definition:
                place = _range(text, use.span)
                kind = t.SymbolKind.Function if use.symbol.kind in ROUTES else t.SymbolKind.Variable
                found.append(t.DocumentSymbol(str(use.symbol), kind, place, place))
        return found

    def formatting(self, params: t.DocumentFormattingParams) -> list[t.TextEdit]:
        text, document = self._open(params.text_document.uri)
        styled = document.formatted()
        if styled is None or styled == text.source.text:
            return []
        return _whole(text, styled)


def _diagnostic(text: Text, uri: str, d: Diagnostic) -> t.Diagnostic:
    related = [
        t.DiagnosticRelatedInformation(t.Location(uri, _range(text, r.span)), readable(r.message)) for r in d.related
    ]
    return t.Diagnostic(
        _range(text, d.span),
        readable(d.message) + (f"\nhint: {readable(d.hint)}" if d.hint else ""),
        _SEVERITIES[d.severity],
        d.code.name,
        source="serc",
        related_information=related or None,
    )


def _edits(text: Text, edits: Iterable[Edit]) -> list[t.TextEdit]:
    return [t.TextEdit(_range(text, edit.span), readable(edit.text)) for edit in edits]


def _whole(text: Text, new: str) -> list[t.TextEdit]:
    """The whole text anew; [] if it is the same."""
    if new == text.source.text:
        return []
    whole = _range(text, Span(0, len(text.source.text)))
    return [t.TextEdit(whole, new.encode("latin-1").decode("utf-8", "replace"))]


def _is_of(kind: object, wanted: object) -> bool:
    """Kinds of code actions have parts with dots between them."""
    one, other = (str(getattr(each, "value", each)) for each in (kind, wanted))
    return one == other or one.startswith(f"{other}.")


def _range(text: Text, span: Span) -> t.Range:
    return t.Range(t.Position(*text.place(span.start)), t.Position(*text.place(max(span.end, span.start))))


def _offset(text: Text, position: t.Position) -> int:
    return text.offset(position.line, position.character)


_OPTIONS: Final[dict[str, object]] = {
    t.TEXT_DOCUMENT_COMPLETION: t.CompletionOptions(trigger_characters=['"']),
    t.TEXT_DOCUMENT_CODE_ACTION: t.CodeActionOptions([t.CodeActionKind.QuickFix, FIX_ALL]),
}
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
