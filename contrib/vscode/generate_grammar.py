"""Writes the TextMate grammars of ser.cfg and of its tests, from the words that are declared: `python contrib/vscode/generate_grammar.py`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from runtime.modules import catalogue
from runtime.spec.globals import GLOBALS

FOLDER: Final = Path(__file__).resolve().parent / "syntaxes"
Rule = dict[str, Any]


def files() -> dict[str, str]:
    """Each grammar with its text, by its name."""
    grammars = {"ser.tmLanguage.json": _ser(), "sertest.tmLanguage.json": _sertest()}
    return {name: json.dumps(grammar, indent=2, ensure_ascii=False) + "\n" for name, grammar in grammars.items()}


def _words(words: Iterable[str]) -> str:
    """A pattern of whole words; `:` may be in one."""
    return rf"(?<![\w:])(?:{'|'.join(sorted(words, key=lambda word: (-len(word), word)))})(?![\w:])"


def _match(pattern: str, name: str) -> Rule:
    return {"match": pattern, "name": name}


def _ser() -> Rule:
    specs = [spec for name in catalogue.names() if (spec := catalogue.find(name)) is not None]
    functions = {function.name for spec in specs for function in spec.functions}
    actions = {function.name for function in catalogue.core().functions}
    parameters = {name for each in GLOBALS for name in (each.name, *each.aliases)}
    operands = {operand.name for operand in catalogue.core().operands}
    return {
        "$schema": "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json",
        "name": "ser.cfg",
        "scopeName": "source.ser",
        "fileTypes": ["ser.cfg"],
        "patterns": [{"include": f"#{name}"} for name in ("comments", "strings", "words", "numbers", "signs")],
        "repository": {
            "comments": {
                "patterns": [
                    _match(r"#.*$", "comment.line.number-sign.ser"),
                    {"include": "#block"},
                ]
            },
            "block": {
                "begin": r"/\*",
                "end": r"\*/",
                "name": "comment.block.ser",
                "patterns": [{"include": "#block"}],
            },
            "strings": {
                "patterns": [
                    {
                        "begin": '"',
                        "end": '"',
                        "name": "string.quoted.double.ser",
                        "patterns": [
                            _match(r"\\(?:[nrat\"\\]|x[0-9A-Fa-f]{1,2}|[0-7]{2,3})", "constant.character.escape.ser"),
                            _match(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}", "variable.other.environment.ser"),
                        ],
                    },
                    {"begin": "'", "end": "'", "name": "string.quoted.single.ser"},
                ]
            },
            "words": {
                "patterns": [
                    _match(
                        _words(("route", "failure_route", "onreply_route")) + r"(?=\s*[\[{])", "storage.type.route.ser"
                    ),
                    _match(_words(("loadmodule", "modparam")), "keyword.other.module.ser"),
                    _match(_words(("if", "else", "break", "drop", "route")), "keyword.control.ser"),
                    _match(_words(("and", "or", "not")), "keyword.operator.word.ser"),
                    _match(
                        _words(("yes", "no", "on", "off", "myself", "max_len", "udp", "tcp", "tls")),
                        "constant.language.ser",
                    ),
                    _match(_words(parameters) + r"(?=\s*=[^=~])", "support.variable.global.ser"),
                    _match(_words(operands), "variable.language.operand.ser"),
                    _match(_words(actions) + r"(?=\s*[(;])", "support.function.core.ser"),
                    _match(_words(functions) + r"(?=\s*\()", "support.function.module.ser"),
                    _match(r"[A-Za-z_]\w*(?=\s*\()", "invalid.illegal.unknown-function.ser"),
                ]
            },
            "numbers": {
                "patterns": [
                    _match(r"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:/[0-9.]+)?\b", "constant.other.address.ser"),
                    _match(r"\b(?:0x[0-9A-Fa-f]+|[0-9]+)\b", "constant.numeric.ser"),
                ]
            },
            "signs": {
                "patterns": [
                    _match(r"==|!=|=~|<=|>=|<|>|&&|\|\||!|&|\|", "keyword.operator.ser"),
                    _match(r"=", "keyword.operator.assignment.ser"),
                ]
            },
        },
    }


def _sertest() -> Rule:
    inside = ("at", "uri", "password", "as", "of", "in", "from", "to", "with", "sends", "answers", "repeats", "again")
    more = (
        "authenticates",
        "is",
        "unreachable",
        "down",
        "prints",
        "status",
        "never",
        "ends",
        "header",
        "body",
        "reason",
        "source",
    )
    kinds = ("contact", "row", "dns", "exec", "rtpproxy", "database", "log", "message", "nothing", "no")
    return {
        "name": "ser test",
        "scopeName": "source.sertest",
        "fileTypes": ["sertest"],
        "patterns": [
            _match(r"#.*$", "comment.line.number-sign.sertest"),
            {"begin": '"""', "end": '"""', "name": "string.quoted.triple.sertest"},
            {
                "begin": '"',
                "end": '"|$',
                "name": "string.quoted.double.sertest",
                "patterns": [_match(r"\\.", "constant.character.escape.sertest")],
            },
            _match(r"^\s*(?:config|listen|user|test)\b", "keyword.other.sertest"),
            _match(r"^\s*(?:given|when|then|and|after|with|without)\b", "keyword.control.sertest"),
            _match(r"^\s*\|.*\|\s*$", "markup.raw.table.sertest"),
            _match(r"<[A-Za-z_][\w-]*>", "variable.parameter.sertest"),
            _match(_words((*inside, *more)), "keyword.other.sertest"),
            _match(_words(kinds), "support.type.sertest"),
            _match(r"\b[A-Z][A-Z-]+\b", "constant.language.method.sertest"),
            _match(r"\b(?:sips?|tel):\S+", "markup.underline.link.sertest"),
            _match(r"\b[0-9]+(?:\.[0-9]+)*(?::[0-9]+)?\b", "constant.numeric.sertest"),
        ],
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in files().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
