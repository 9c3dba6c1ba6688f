"""serc lsp, driven by a real client: what an editor sees while a ser.cfg is written. serc doc says the same on a terminal."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from lsprotocol import types as t
from pygls.exceptions import JsonRpcException
from pygls.lsp.client import LanguageClient

from serc.commands import serc
from serc.editor import Document
from serc.reading.source import Source

CFG = """\
# Größe 🙂
debug=3
loadmodule "sl.so"
loadmodule "tm.so"
modparam("tm", "fr_timer", 5)
route {
  setflag(7); if (isflagset(7)) route(1);
  t_on_failure("2"); t_relay();
}
route[1] { sl_send_replay("404", "🙂"); route(1); }
failure_route[2] { t_reply("408", "x"); }
"""
URI = "file:///tmp/ser.cfg"


class Client(LanguageClient):
    """Keeps the diagnostics that come."""

    def __init__(self) -> None:
        super().__init__("test", "1")
        self.told: asyncio.Queue[t.PublishDiagnosticsParams] = asyncio.Queue()

        def published(params: t.PublishDiagnosticsParams) -> None:
            self.told.put_nowait(params)

        self.feature(t.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(published)


def with_client(body: Callable[[Client], Awaitable[None]]) -> None:
    async def run() -> None:
        client = Client()
        await client.start_io(sys.executable, "-m", "serc.commands.serc", "lsp", env=environment())
        await client.initialize_async(t.InitializeParams(capabilities=t.ClientCapabilities()))
        client.initialized(t.InitializedParams())
        item = t.TextDocumentItem(URI, "ser", 1, CFG)
        client.text_document_did_open(t.DidOpenTextDocumentParams(item))
        await body(client)
        await client.shutdown_async(None)
        client.exit(None)
        stop: Callable[[], Awaitable[None]] = client.stop
        await stop()

    asyncio.run(asyncio.wait_for(run(), 120))


def environment() -> dict[str, str]:
    return {"PYTHONPATH": str(Path(serc.__file__).parents[2]), "PATH": "/usr/bin:/bin"}


def where(line: int, character: int) -> tuple[t.TextDocumentIdentifier, t.Position]:
    return t.TextDocumentIdentifier(URI), t.Position(line, character)


def place(found: t.Range) -> tuple[int, int, int]:
    return found.start.line, found.start.character, found.end.character


def test_an_editor_gets_diagnostics_hover_definition_references_and_rename() -> None:
    async def body(client: Client) -> None:
        told = await client.told.get()
        (error,) = [d for d in told.diagnostics if d.severity is t.DiagnosticSeverity.Error]
        assert error.code == "SER0201" and place(error.range) == (9, 11, 25)
        hover = await client.text_document_hover_async(t.HoverParams(*where(7, 23)))
        assert hover is not None and isinstance(hover.contents, t.MarkupContent)
        assert "**t_relay" in hover.contents.value
        parameter = await client.text_document_hover_async(t.HoverParams(*where(4, 18)))
        assert parameter is not None and "fr_timer" in str(parameter.contents)
        found = await client.text_document_definition_async(t.DefinitionParams(*where(6, 38)))
        assert isinstance(found, list) and isinstance(found[0], t.Location)
        assert place(found[0].range) == (9, 6, 7)
        context = t.ReferenceContext(include_declaration=True)
        used = await client.text_document_references_async(t.ReferenceParams(context, *where(10, 14)))
        assert used is not None and [place(one.range) for one in used] == [(10, 14, 15), (7, 16, 17)]
        edit = await client.text_document_rename_async(t.RenameParams(*where(6, 10), new_name="9"))
        assert edit is not None and edit.changes is not None
        assert [(place(e.range), e.new_text) for e in edit.changes[URI]] == [((6, 10, 11), "9"), ((6, 28, 29), "9")]
        with pytest.raises(JsonRpcException, match='"x" is no number'):
            await client.text_document_rename_async(t.RenameParams(*where(6, 38), new_name="x"))

    with_client(body)


def test_an_editor_gets_cures_for_what_is_wrong() -> None:
    async def body(client: Client) -> None:
        told = await client.told.get()
        (error,) = [d for d in told.diagnostics if d.severity is t.DiagnosticSeverity.Error]
        actions = await client.text_document_code_action_async(
            t.CodeActionParams(where(0, 0)[0], error.range, t.CodeActionContext([error]))
        )
        assert actions is not None
        cure, everything = (action for action in actions if isinstance(action, t.CodeAction))
        assert (cure.title, cure.kind, cure.is_preferred) == ("Write sl_send_reply", t.CodeActionKind.QuickFix, True)
        assert cure.edit is not None and cure.edit.changes is not None
        assert [(place(e.range), e.new_text) for e in cure.edit.changes[URI]] == [((9, 11, 25), "sl_send_reply")]
        assert everything.kind == "source.fixAll.serc" and everything.edit is not None
        assert everything.edit.changes is not None
        mended = everything.edit.changes[URI][0].new_text
        assert mended == CFG.replace("replay", "reply")

        change = t.TextDocumentContentChangeWholeDocument(mended)
        version = t.VersionedTextDocumentIdentifier(2, URI)
        client.text_document_did_change(t.DidChangeTextDocumentParams(version, [change]))
        warned = next(d for d in (await client.told.get()).diagnostics if d.severity is t.DiagnosticSeverity.Warning)
        context = t.CodeActionContext([warned], only=[t.CodeActionKind.QuickFix])
        actions = await client.text_document_code_action_async(
            t.CodeActionParams(where(0, 0)[0], warned.range, context)
        )
        assert actions is not None
        silent = actions[-1]
        assert isinstance(silent, t.CodeAction) and silent.title == f"Ignore {warned.code} here"
        assert silent.edit is not None and silent.edit.changes is not None
        assert silent.edit.changes[URI][0].new_text == f"  # serc: ignore[{warned.code}]"

    with_client(body)


def test_an_editor_gets_completion_symbols_formatting_and_new_diagnostics() -> None:
    async def body(client: Client) -> None:
        await client.told.get()
        items = await client.text_document_completion_async(t.CompletionParams(*where(10, 19)))
        assert isinstance(items, list)
        names = {item.label for item in items}
        assert "t_reply" in names and "break" in names
        assert "sl_send_reply" not in names  # no failure route may call it
        modules = await client.text_document_completion_async(t.CompletionParams(*where(2, 12)))
        assert isinstance(modules, list) and "tm.so" in {item.label for item in modules}
        params = await client.text_document_completion_async(t.CompletionParams(*where(4, 16)))
        assert isinstance(params, list) and "fr_inv_timer" in {item.label for item in params}
        symbols = await client.text_document_document_symbol_async(t.DocumentSymbolParams(where(0, 0)[0]))
        assert symbols is not None and [s.name for s in symbols] == ["route[0]", "route[1]", "failure_route[2]"]
        mended = t.TextDocumentContentChangeWholeDocument(CFG.replace("replay", "reply"))
        version = t.VersionedTextDocumentIdentifier(2, URI)
        client.text_document_did_change(t.DidChangeTextDocumentParams(version, [mended]))
        told = await client.told.get()
        assert all(d.severity is not t.DiagnosticSeverity.Error for d in told.diagnostics)
        options = t.FormattingOptions(tab_size=4, insert_spaces=True)
        edits = await client.text_document_formatting_async(t.DocumentFormattingParams(where(0, 0)[0], options))
        assert edits is not None and "    setflag(7);" in edits[0].new_text and "Größe 🙂" in edits[0].new_text

    with_client(body)


# --- without an editor -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", range(0, len(CFG), 7))
def test_a_file_that_is_being_written_can_always_be_asked(end: int) -> None:
    text = CFG[:end].encode().decode("latin-1")
    document = Document(Source("ser.cfg", text))
    for offset in {0, len(text) // 2, len(text)}:
        document.hover(offset)
        document.completion(offset)
        document.references(offset)
    assert document.report is not None


NUMBERED = """loadmodule "sl.so"
loadmodule "tm.so"
# by the gateway
route[12] { t_relay(); }
route[2] { log(1, "x"); }  # for those who are at home
failure_route[3] { t_reply("404", "x"); }
onreply_route[4] { log(1, "x"); }
route { CURSOR
"""


@pytest.mark.parametrize(
    ("written", "numbers"),
    [
        ("route(", ["2", "12"]),
        ("if (route( 1", ["2", "12"]),
        ('t_on_failure("', ["3"]),
        ('t_on_reply("', ["4"]),
        ('t_reply("', []),
        ('log(1, "route(', []),
        ("setflag(", None),
    ],
)
def test_numbers_of_routes_are_completed(written: str, numbers: list[str] | None) -> None:
    at = NUMBERED.index("CURSOR")
    document = Document(Source("ser.cfg", NUMBERED.replace("CURSOR", written)))
    found = document.completion(at + len(written))
    assert [p.word for p in found if p.kind == "route"] == (numbers or [])
    if numbers == ["2", "12"]:
        assert [p.detail for p in found] == ["for those who are at home", "by the gateway"]


LONG = (
    'loadmodule "tm.so"\nloadmodule "sl.so"\n'
    + "".join(
        f"route[{n}] {{\n" + '  if (method=="INVITE" && uri=~"^sip:0") {\n    log(1, "x\\n");\n  }\n' * 20 + "}\n"
        for n in range(1, 17)
    )
    + "route { t_relay(); }\n"
)


def test_a_keystroke_in_a_long_file_is_answered_at_once() -> None:
    """1,000 lines: completion, hover, the arguments of a call and folding take less than 0.1 s together, as none waits for the checks."""
    assert LONG.count("\n") > 990
    took = []
    for number in range(3):
        text = LONG.replace("t_relay(); }", f't_reply("{number}00", "x"); t_relay(); }}')
        end = text.index('", "x"); t_relay') + 4
        began = time.process_time()
        document = Document(Source("ser.cfg", text))
        assert document.completion(len(text) - 6) and document.hover(len(text) - 10) and document.folds()
        signature = document.signature(end)
        took.append(time.process_time() - began)
        assert signature is not None and signature.argument == 1
    assert min(took) < 0.1


def test_an_editor_is_answered_while_a_long_file_is_checked() -> None:
    async def body(client: Client) -> None:
        await client.told.get()
        for version in range(2, 12):
            text = LONG.replace("t_relay();", f"there_is_none_{version}();")
            change = t.TextDocumentContentChangeWholeDocument(text)
            versioned = t.VersionedTextDocumentIdentifier(version, URI)
            client.text_document_did_change(t.DidChangeTextDocumentParams(versioned, [change]))
        last = LONG.count("\n") - 1
        items = await client.text_document_completion_async(t.CompletionParams(*where(last, 9)))
        assert items and client.told.qsize() < 9  # what is typed over before it is its turn is not checked
        while not any("there_is_none_11" in d.message for d in (await client.told.get()).diagnostics):
            pass

    with_client(body)


def test_who_types_quickly_is_told_of_the_newest_text() -> None:
    """Each key is answered for the text as it is then; diagnostics come in the order of the text, the last ones of the last key."""
    typed = 'if (method == "INVITE") { there_is_none(); }'

    async def body(client: Client) -> None:
        await client.told.get()
        line = LONG.count("\n") - 1
        opened = t.TextDocumentContentChangeWholeDocument(LONG)
        client.text_document_did_change(
            t.DidChangeTextDocumentParams(t.VersionedTextDocumentIdentifier(2, URI), [opened])
        )
        for number, key in enumerate(typed):
            place = t.Position(line, len("route { ") + number)
            change = t.TextDocumentContentChangePartial(t.Range(place, place), key)
            versioned = t.VersionedTextDocumentIdentifier(3 + number, URI)
            client.text_document_did_change(t.DidChangeTextDocumentParams(versioned, [change]))
            behind = t.Position(line, place.character + 1)
            items = await client.text_document_completion_async(
                t.CompletionParams(t.TextDocumentIdentifier(URI), behind)
            )
            assert isinstance(items, list)
            words = {item.label for item in items}
            if typed[: number + 1].endswith(("if (", "== ")):
                assert ("method" if key == "(" else '"INVITE"') in words
        last = 2 + len(typed)
        versions: list[int] = []
        while not versions or versions[-1] != last:
            told = await client.told.get()
            assert told.version is not None
            versions.append(told.version)
        assert versions == sorted(versions) and len(versions) < len(typed) / 2
        assert any("there_is_none" in d.message for d in told.diagnostics)

    with_client(body)


@pytest.mark.parametrize(
    ("before", "name", "argument"),
    [
        ('t_on_failure(', "t_on_failure", 0),
        ('sl_send_reply("404", ', "sl_send_reply", 1),
        ('sl_send_reply("a,b;c", "x', "sl_send_reply", 1),
        ('if (isflagset(', "isflagset", 0),
        ('if (isflagset(1) && t_check_status(', "t_check_status", 0),
        ('log(1, "x"); sl_send_reply(', "sl_send_reply", 0),
        ('sl_send_reply("1", # a, b\n', "sl_send_reply", 1),
    ],
)  # fmt: skip
def test_the_arguments_of_a_call_are_known_while_it_is_written(before: str, name: str, argument: int) -> None:
    text = f'loadmodule "sl.so"\nloadmodule "tm.so"\nroute {{\n  {before}'
    found = Document(Source("ser.cfg", text)).signature(len(text))
    assert found is not None and (found.calls[0].name, found.argument) == (name, argument)


@pytest.mark.parametrize("before", ["", "if (", 'sl_send_reply("404");', 'log(1, "x") ', "nobody_knows("])
def test_outside_of_calls_there_are_no_arguments(before: str) -> None:
    text = f'loadmodule "sl.so"\nroute {{\n  {before}'
    assert Document(Source("ser.cfg", text)).signature(len(text)) is None


def test_blocks_comments_and_modules_fold() -> None:
    text = "# a\n# b\n/* c\n*/\n" + CFG + "if (x) {\n  # {\n  y();\n}\n"
    folds = Document(Source("ser.cfg", text)).folds()
    first = 5 + CFG.count("\n")
    assert (1, 2, "comment") in folds and (3, 4, "comment") in folds and (7, 9, "imports") in folds
    assert (first, first + 2, "block") in folds


def test_an_editor_gets_the_arguments_of_a_call_folds_and_buttons_for_tests(tmp_path: Path) -> None:
    (tmp_path / "ser.cfg").write_text('loadmodule "sl.so"\nroute { sl_send_reply("404", "Not Found"); }\n')
    tests = 'test "not found"\n  when INVITE from alice to bob\n  then 404\ntest "found"\n  when INVITE from alice to bob\n  then 200\n'
    (tmp_path / "ser.sertest").write_text(tests)

    async def body(client: Client) -> None:
        await client.told.get()
        help_ = await client.text_document_signature_help_async(t.SignatureHelpParams(*where(10, 36)))
        assert (
            help_ is not None and help_.signatures[0].label == "t_reply(code, reason)" and help_.active_parameter == 1
        )
        folds = await client.text_document_folding_range_async(t.FoldingRangeParams(where(0, 0)[0]))
        assert folds is not None and [(f.start_line, f.end_line) for f in folds] == [(2, 4), (5, 7)]

        uri = (tmp_path / "ser.sertest").as_uri()
        item = t.TextDocumentItem(uri, "sertest", 1, tests + "then\n")
        client.text_document_did_open(t.DidOpenTextDocumentParams(item))
        (mistake,) = (await client.told.get()).diagnostics
        assert mistake.code == "SER0802" and mistake.range.start.line == 6
        change = t.TextDocumentContentChangeWholeDocument(tests)
        client.text_document_did_change(
            t.DidChangeTextDocumentParams(t.VersionedTextDocumentIdentifier(2, uri), [change])
        )
        assert not (await client.told.get()).diagnostics
        words = await client.text_document_completion_async(
            t.CompletionParams(t.TextDocumentIdentifier(uri), t.Position(4, 7))
        )
        assert isinstance(words, list) and "INVITE" in {word.label for word in words}
        lenses = await client.text_document_code_lens_async(t.CodeLensParams(t.TextDocumentIdentifier(uri)))
        assert lenses is not None and [lens.range.start.line for lens in lenses] == [0, 0, 3]
        command = lenses[2].command
        assert command is not None and command.title == "Run this test"
        done = await client.workspace_execute_command_async(
            t.ExecuteCommandParams(command.command, arguments=command.arguments)
        )
        assert done == {"summary": "1 of 1 failed", "failed": True}
        (failure,) = (await client.told.get()).diagnostics
        assert failure.range.start.line == 5 and failure.message.startswith("200 is expected, and not sent")
        config = (tmp_path / "ser.cfg").as_uri()
        (button,) = await client.text_document_code_lens_async(t.CodeLensParams(t.TextDocumentIdentifier(config))) or ()
        assert button.command is not None and list(button.command.arguments or ()) == [uri]

    with_client(body)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tm.t_relay", "t_relay() of tm"),
        ("t_on_failure", "Arm a failure_route"),
        ("fr_timer", "fr_timer of tm, integer"),
        ("debug", "debug = a number"),
    ],
)
def test_doc_says_what_a_name_means(capsys: pytest.CaptureFixture[str], name: str, said: str) -> None:
    assert serc.main(["doc", name]) == 0
    assert said in capsys.readouterr().out


def test_doc_knows_similar_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert serc.main(["doc", "tm.t_rely"]) == 2
    assert 'did you mean "tm.t_relay"' in capsys.readouterr().err
