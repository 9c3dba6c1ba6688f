"""One word for one thing: what a stranger meets everywhere is defined once."""

from __future__ import annotations

import ast
import functools
from pathlib import Path
from typing import Final

import pytest

PROJECT: Final = Path(__file__).parent.parent
# `tree.Call`, `ir.Call`, `ir.Program` are a call and a program on their way through the compiler, never named without their stage; so the
# words alone are the server's.
CLASSES: Final = (
    "Question Inquiry Program Call Branch Client StartError ProgramError Context Engine World Module Letter Mailbox".split()
)
CONSTANTS: Final = "NEVER UDP TCP TLS STOP TRUE FALSE SAME URI_PORT L_ERR".split()


@functools.cache
def definitions() -> dict[str, list[str]]:
    """Names of classes and of constants at the top of the runtime's files, with the files."""
    found: dict[str, list[str]] = {}
    for path in sorted((PROJECT / "runtime").rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef):
                names = [node.name]
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                names = [node.target.id]
            elif isinstance(node, ast.Assign):
                names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            else:
                continue
            for name in names:
                found.setdefault(name, []).append(str(path.relative_to(PROJECT)))
    return found


@pytest.mark.parametrize("word", CLASSES + CONSTANTS)
def test_a_word_is_defined_once(word: str) -> None:
    where = definitions()[word]
    assert len(where) == 1, where
