"""The language server of `serc lsp`, on pygls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from lsprotocol import types as t
from pygls.exceptions import JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer

from runtime.version import VERSION
from serc.commands.lsp_protocol import Protocol, apart
from serc.commands.lsp_tests import RUN, Results, is_tests, lenses, lenses_of_config, mistakes
from serc.commands.lsp_text import Text
from serc.diagnostics import codes
from serc.diagnostics.ignore import ignoring
from serc.diagnostics.report import Report, Severity
from serc.editor import Call, Document
from serc.fixing import fixed, settled
from serc.symbols import ROUTES, CannotRename
from serc.testing.language.words import words_for

FIX_ALL: Final = "source.fixAll.serc"
# Two changes within this time are somebody who types; a pause of this length between two keys is where he looks up.
_QUICK_S: Final = 0.15
_PAUSE_S: Final = 0.06


def make_server() -> LanguageServer:
    """The server, with all that it can do."""
    server = LanguageServer("serc", VERSION, protocol_cls=Protocol)
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
        t.TEXT_DOCUMENT_SIGNATURE_HELP: answers.signature,
        t.TEXT_DOCUMENT_FOLDING_RANGE: answers.folding,
        t.TEXT_DOCUMENT_CODE_LENS: answers.code_lens,
    }
    for name, answer in features.items():
        # pygls writes the name of the feature into what it is given, which a method does not take.
        server.feature(name, _OPTIONS.get(name))(partial(answer))
    server.feature(t.EXIT)(partial(answers.exit))
    server.command(RUN)(partial(answers.run_tests))
    return server


class _Answers:
    """What the server answers, to the questions of the protocol. What has to look at all of a file is done in a thread, so that the next
    keystroke is answered meanwhile."""

    def __init__(self, server: LanguageServer) -> None:
        self._server: Final = server
        # By the URI: what is asked for between two keystrokes is about the same text.
        self._known: Final[dict[str, tuple[Text, Document]]] = {}
        self._changed_s: Final[dict[str, float]] = {}
        self._one_at_a_time: Final = asyncio.Lock()

    def _open(self, uri: str) -> tuple[Text, Document]:
        document = self._server.workspace.get_text_document(uri)
        known = self._known.get(uri)
        if known is None or known[0].text != document.source:
            text = Text(document.path or uri, document.source)
            known = self._known[uri] = text, Document(text.source)
        return known

    # --- what happens ------------------------------------------------------------------------------------------------

    async def did_open(self, params: t.DidOpenTextDocumentParams) -> None:
        await self._publish(params.text_document.uri)

    async def did_change(self, params: t.DidChangeTextDocumentParams) -> None:
        await self._publish(params.text_document.uri)

    def did_close(self, params: t.DidCloseTextDocumentParams) -> None:
        self._known.pop(params.text_document.uri, None)
        self._changed_s.pop(params.text_document.uri, None)

    def exit(self, _: object) -> None:
        protocol = self._server.protocol
        assert isinstance(protocol, Protocol)
        protocol.end()

    async def _publish(self, uri: str) -> None:
        """Diagnostics of the text, unless it has changed by the time that it is its turn. A keystroke is looked at at once; who types quickly
        gets no slower answers for checks that the next key makes worthless."""
        text, document = self._open(uri)
        now_s = asyncio.get_running_loop().time()
        is_quick = now_s - self._changed_s.get(uri, -_QUICK_S) < _QUICK_S
        self._changed_s[uri] = now_s
        if is_quick:
            await asyncio.sleep(_PAUSE_S)
            if self._open(uri)[0] is not text:
                return
        async with self._one_at_a_time:
            if self._open(uri)[0] is not text:
                return
            report = await apart(self._report, uri, text, document)
        if self._open(uri)[0] is text:
            version = self._server.workspace.get_text_document(uri).version
            found = [text.diagnostic(uri, d) for d in report.in_order()]
            self._server.text_document_publish_diagnostics(t.PublishDiagnosticsParams(uri, found, version))

    def _report(self, uri: str, text: Text, document: Document) -> Report:
        if is_tests(uri):
            return mistakes(self._server.workspace.get_text_document(uri).path, text)
        return document.report

    # --- while typing ------------------------------------------------------------------------------------------------

    def hover(self, params: t.HoverParams) -> t.Hover | None:
        text, document = self._open(params.text_document.uri)
        found = document.hover(text.offset(params.position))
        if found is None:
            return None
        return t.Hover(t.MarkupContent(t.MarkupKind.Markdown, found[0]), text.range(found[1]))

    def completion(self, params: t.CompletionParams) -> list[t.CompletionItem]:
        uri = params.text_document.uri
        text, document = self._open(uri)
        offset = text.offset(params.position)
        found = words_for(text.source, offset) if is_tests(uri) else document.completion(offset)
        return [t.CompletionItem(p.word, kind=_PROPOSALS[p.kind], detail=p.detail or None) for p in found]

    def signature(self, params: t.SignatureHelpParams) -> t.SignatureHelp | None:
        text, document = self._open(params.text_document.uri)
        found = document.signature(text.offset(params.position))
        if found is None:
            return None
        shown = [_signature(call) for call in found.calls]
        fits = [i for i, call in enumerate(found.calls) if len(call.arguments) > found.argument]
        return t.SignatureHelp(shown, fits[0] if fits else 0, found.argument)

    def folding(self, params: t.FoldingRangeParams) -> list[t.FoldingRange]:
        _, document = self._open(params.text_document.uri)
        kinds = {"comment": t.FoldingRangeKind.Comment, "imports": t.FoldingRangeKind.Imports}
        return [t.FoldingRange(first - 1, last - 1, kind=kinds.get(kind)) for first, last, kind in document.folds()]

    def formatting(self, params: t.DocumentFormattingParams) -> list[t.TextEdit]:
        text, document = self._open(params.text_document.uri)
        styled = None if is_tests(params.text_document.uri) else document.formatted()
        return [] if styled is None else text.whole(styled)

    # --- names -------------------------------------------------------------------------------------------------------

    def definition(self, params: t.DefinitionParams) -> list[t.Location]:
        text, document = self._open(params.text_document.uri)
        spans = document.definitions(text.offset(params.position))
        return [t.Location(params.text_document.uri, text.range(span)) for span in spans]

    def references(self, params: t.ReferenceParams) -> list[t.Location]:
        text, document = self._open(params.text_document.uri)
        spans = document.references(text.offset(params.position))
        return [t.Location(params.text_document.uri, text.range(span)) for span in spans]

    def rename(self, params: t.RenameParams) -> t.WorkspaceEdit | None:
        text, document = self._open(params.text_document.uri)
        use = document.symbols.at(text.offset(params.position))
        if use is None:
            raise JsonRpcInvalidParams("only the numbers of routes and flags and the names of AVPs can be changed")
        try:
            edits = document.symbols.renamed(use.symbol, params.new_name)
        except CannotRename as e:
            raise JsonRpcInvalidParams(str(e)) from e
        return t.WorkspaceEdit({params.text_document.uri: text.edits(edits)})

    def symbols(self, params: t.DocumentSymbolParams) -> list[t.DocumentSymbol]:
        text, document = self._open(params.text_document.uri)
        found = []
        for use in document.symbols.uses:
            if use.is_definition:
                place = text.range(use.span)
                kind = t.SymbolKind.Function if use.symbol.kind in ROUTES else t.SymbolKind.Variable
                found.append(t.DocumentSymbol(str(use.symbol), kind, place, place))
        return found

    # --- what is wrong, and tests ------------------------------------------------------------------------------------

    async def code_actions(self, params: t.CodeActionParams) -> list[t.CodeAction]:
        """The cures of what is wrong there, the comments that silence it, and all safe cures of the file at once."""
        uri = params.text_document.uri
        text, document = self._open(uri)
        report = await apart(self._report, uri, text, document)
        start, end = text.offset(params.range.start), text.offset(params.range.end)
        found = []
        for d in report.in_order():
            if d.span.start > end or d.span.end < start:
                continue
            told = [text.diagnostic(uri, d)]
            if d.fix is not None:
                changes = t.WorkspaceEdit({uri: text.edits(settled(text.source, d.fix.edits))})
                title = f"{d.fix.title[:1].upper()}{d.fix.title[1:]}"
                found.append(t.CodeAction(title, t.CodeActionKind.QuickFix, told, is_preferred=True, edit=changes))
            if d.severity is not Severity.ERROR and d.code not in (codes.BAD_IGNORE, codes.USELESS_IGNORE):
                changes = t.WorkspaceEdit({uri: text.edits([ignoring(text.source, d)])})
                found.append(t.CodeAction(f"Ignore {d.code.name} here", t.CodeActionKind.QuickFix, told, edit=changes))
        if any(d.fix is not None and d.fix.is_safe for d in report.diagnostics) and not is_tests(uri):
            result = await apart(fixed, text.source, lambda s: Document(s).report, lambda _, fix: fix.is_safe)
            if result.done:
                changes = t.WorkspaceEdit({uri: text.whole(result.source.text)})
                found.append(t.CodeAction("Fix all that is safe", FIX_ALL, edit=changes))
        only = params.context.only
        return [a for a in found if not only or any(_is_of(a.kind, kind) for kind in only)]

    def code_lens(self, params: t.CodeLensParams) -> list[t.CodeLens]:
        uri = params.text_document.uri
        text, _ = self._open(uri)
        if is_tests(uri):
            return lenses(uri, text)
        return lenses_of_config(uri, self._server.workspace.get_text_document(uri).path)

    async def run_tests(self, uri: str, at: int | None = None) -> dict[str, object]:
        """Runs the tests of a file, or the one at an offset; shows which lines do not hold."""
        text, _ = self._open(uri)
        path = self._server.workspace.get_text_document(uri).path
        results = await apart(Results, path, uri, text, at)
        self._server.text_document_publish_diagnostics(t.PublishDiagnosticsParams(uri, results.diagnostics))
        kind = t.MessageType.Error if results.failed else t.MessageType.Info
        self._server.window_show_message(t.ShowMessageParams(kind, f"{Path(path).name}: {results.summary}"))
        return {"summary": results.summary, "failed": results.failed}


def _signature(call: Call) -> t.SignatureInformation:
    names = ", ".join(name for name, _ in call.arguments)
    parameters = [t.ParameterInformation(name, what or None) for name, what in call.arguments]
    return t.SignatureInformation(
        f"{call.name}({names})", t.MarkupContent(t.MarkupKind.Markdown, call.text), parameters
    )


def _is_of(kind: object, wanted: object) -> bool:
    """Kinds of code actions have parts with dots between them."""
    one, other = (str(getattr(each, "value", each)) for each in (kind, wanted))
    return one == other or one.startswith(f"{other}.")


_OPTIONS: Final[dict[str, object]] = {
    t.TEXT_DOCUMENT_COMPLETION: t.CompletionOptions(trigger_characters=['"', "("]),
    t.TEXT_DOCUMENT_SIGNATURE_HELP: t.SignatureHelpOptions(["(", ","]),
    t.TEXT_DOCUMENT_CODE_ACTION: t.CodeActionOptions([t.CodeActionKind.QuickFix, FIX_ALL]),
}
_PROPOSALS: Final = {
    "function": t.CompletionItemKind.Function,
    "module": t.CompletionItemKind.Module,
    "parameter": t.CompletionItemKind.Property,
    "operand": t.CompletionItemKind.Variable,
    "keyword": t.CompletionItemKind.Keyword,
    "route": t.CompletionItemKind.Reference,
    "value": t.CompletionItemKind.Value,
}
