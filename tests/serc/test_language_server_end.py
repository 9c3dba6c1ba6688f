"""serc lsp answers each request, also one that makes no sense, and ends when it is told to, whatever is under way."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from test_language_server import environment

from serc.commands.lsp_protocol import apart

URI = "file:///tmp/ser.cfg"
# A check of it takes far longer than all else here.
LARGE = 'loadmodule "tm.so"\n' + "".join(f'route[{i}] {{ if (method=="INVITE") t_relay(); }}\n' for i in range(20_000))


class Editor:
    """Speaks with a server, line by line. Standard input stays open."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "serc.commands.serc", "lsp"]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=environment(), bufsize=0
        )
        self._output = open(self.process.stdout.fileno(), "rb", closefd=False) if self.process.stdout else None
        self._count = 0

    def tell(self, method: str, params: object = None) -> None:
        self._send({"method": method, "params": params})

    def ask(self, method: str, params: object = None) -> dict[str, Any]:
        """The answer: what else the server says meanwhile is passed over."""
        self._count += 1
        self._send({"id": self._count, "method": method, "params": params})
        while True:
            told = self._read()
            if told.get("id") == self._count:
                return told

    def _send(self, message: dict[str, object]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def _read(self) -> dict[str, Any]:
        assert self._output is not None
        size = 0
        while (line := self._output.readline()) != b"\r\n":
            assert line, "the server has ended"
            name, _, value = line.partition(b":")
            size = int(value) if name == b"Content-Length" else size
        found = json.loads(self._output.read(size))
        assert isinstance(found, dict)
        return found


@pytest.fixture
def editor() -> Iterator[Editor]:
    editor = Editor()
    assert "result" in editor.ask("initialize", {"capabilities": {}, "processId": None, "rootUri": None})
    editor.tell("initialized", {})
    yield editor
    editor.process.kill()
    editor.process.communicate()


def test_a_request_that_makes_no_sense_is_answered(editor: Editor) -> None:
    document = {"uri": URI}
    for params in (None, {}, {"textDocument": document}, {"textDocument": document, "position": {"line": -1}}):
        assert editor.ask("textDocument/hover", params)["error"]["code"] == -32602, params
    assert editor.ask("no/such")["error"]["code"] == -32601
    assert editor.ask("shutdown")["result"] is None
    sensible = {"textDocument": document, "position": {"line": 0, "character": 0}}
    assert editor.ask("textDocument/hover", sensible)["error"]["code"] == -32600


def test_a_check_that_is_under_way_does_not_delay_the_end(editor: Editor) -> None:
    for number in range(8):
        item = {"uri": f"{URI}{number}", "languageId": "ser", "version": 1, "text": LARGE}
        editor.tell("textDocument/didOpen", {"textDocument": item})
    assert editor.ask("shutdown")["result"] is None
    editor.tell("exit")
    assert editor.process.wait(60) == 0


def test_an_end_without_a_shutdown_is_a_failure(editor: Editor) -> None:
    editor.tell("exit")
    assert editor.process.wait(60) == 1


def test_what_is_done_apart_brings_its_result_or_its_error() -> None:
    assert asyncio.run(apart(int, "7")) == 7
    with pytest.raises(ValueError, match="invalid literal"):
        asyncio.run(apart(int, "x"))
