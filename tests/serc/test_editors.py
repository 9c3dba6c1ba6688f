"""What contrib/ has for editors: grammars of the words that are declared, and an extension that starts the language server."""

from __future__ import annotations

import json
import re
import runpy
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

EXTENSION = Path(__file__).resolve().parents[2] / "contrib" / "vscode"
GRAMMARS = ("ser.tmLanguage.json", "sertest.tmLanguage.json")


def rules(grammar: Any) -> Iterator[dict[str, Any]]:
    """All rules with a pattern, in their order."""
    if isinstance(grammar, list):
        for one in grammar:
            yield from rules(one)
    elif isinstance(grammar, dict):
        if "match" in grammar or "begin" in grammar:
            yield grammar
        for value in grammar.values():
            yield from rules(value)


def names_of(grammar: Any, line: str) -> dict[str, str]:
    """What each part of a line is, as the first rule says that fits at its begin."""
    found: dict[str, str] = {}
    at = 0
    while at < len(line):
        for rule in rules(grammar):
            match = re.compile(rule.get("match") or rule["begin"], re.MULTILINE).match(line, at)
            if match is not None and match.end() > at:
                end = match.end() if "match" in rule else line.find('"', match.end()) + 1
                found[line[at:end].strip()] = rule["name"]
                at = end
                break
        else:
            at += 1
    return found


def grammar(name: str) -> Any:
    return json.loads((EXTENSION / "syntaxes" / name).read_text())


def test_the_grammars_are_those_of_the_declared_words() -> None:
    files = runpy.run_path(str(EXTENSION / "generate_grammar.py"))["files"]()
    stale = [name for name, text in files.items() if (EXTENSION / "syntaxes" / name).read_text() != text]
    assert stale == [], "write them anew: python contrib/vscode/generate_grammar.py"
    assert set(files) == set(GRAMMARS)


def test_words_of_a_ser_cfg_are_told_apart() -> None:
    ser = grammar("ser.tmLanguage.json")
    assert names_of(ser, "debug=3 # t_relay") == {
        "debug": "support.variable.global.ser",
        "=": "keyword.operator.assignment.ser",
        "3": "constant.numeric.ser",
        "# t_relay": "comment.line.number-sign.ser",
    }
    line = 'if (src_ip == 10.0.0.0/8 && t_relay()) { rewritehost("x"); nobody(); route(1); }'
    found = names_of(ser, line)
    assert found["if"] == "keyword.control.ser" and found["src_ip"] == "variable.language.operand.ser"
    assert found["10.0.0.0/8"] == "constant.other.address.ser" and found["t_relay"] == "support.function.module.ser"
    assert found["rewritehost"] == "support.function.core.ser" and found['"x"'] == "string.quoted.double.ser"
    assert found["nobody"] == "invalid.illegal.unknown-function.ser" and found["route"] == "keyword.control.ser"
    assert names_of(ser, "failure_route[1] {")["failure_route"] == "storage.type.route.ser"


def test_words_of_a_test_are_told_apart() -> None:
    found = names_of(grammar("sertest.tmLanguage.json"), "when INVITE from alice to sip:bob@example.org")
    assert found["when"] == "keyword.control.sertest" and found["INVITE"] == "constant.language.method.sertest"
    assert found["sip:bob@example.org"] == "markup.underline.link.sertest"


def test_the_extension_names_files_that_are_there() -> None:
    package = json.loads((EXTENSION / "package.json").read_text())
    contributes = package["contributes"]
    paths = [package["main"], *(language["configuration"] for language in contributes["languages"])]
    paths += [each["path"] for each in contributes["grammars"]]
    assert [path for path in paths if not (EXTENSION / path).is_file()] == []
    assert {each["scopeName"] for each in contributes["grammars"]} == {grammar(name)["scopeName"] for name in GRAMMARS}
    for language in contributes["languages"]:
        json.loads((EXTENSION / language["configuration"]).read_text())


@pytest.mark.skipif(shutil.which("node") is None, reason="no node")
def test_the_extension_starts_serc_lsp_for_both_languages() -> None:
    """With the two modules of VS Code in the place of which a few lines stand that tell what they are asked for."""
    script = """
const told = {};
const vscode = {
  workspace: { getConfiguration: () => ({ get: () => ["serc", "lsp"] }) },
  commands: { registerCommand: (name) => (told.command = name) },
  window: { showErrorMessage: (text) => (told.error = text) },
};
class LanguageClient {
  constructor(id, name, server, client) { Object.assign(told, { server, client }); }
  start() { told.started = true; return Promise.reject(new Error("not there")); }
  stop() { return Promise.resolve(); }
}
const Module = require("module");
const load = Module._load;
Module._load = (name, ...more) =>
  name === "vscode" ? vscode : name === "vscode-languageclient/node" ? { LanguageClient } : load(name, ...more);
require(process.argv[1]).activate({ subscriptions: [] }).then(() => console.log(JSON.stringify(told)));
"""
    done = subprocess.run(
        ["node", "-e", script, str(EXTENSION / "extension.js")], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (
        told["server"] == {"command": "serc", "args": ["lsp"]} and told["started"] and told["command"] == "ser.restart"
    )
    assert [each["language"] for each in told["client"]["documentSelector"]] == ["ser", "sertest"]
    assert told["error"].startswith("serc does not start: not there")
