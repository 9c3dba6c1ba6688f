"""The compiler knows functions from their declarations alone: none of them has its name in its source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from runtime.modules import catalogue

SERC: Final = Path(__file__).parent.parent.parent / "serc"
SPECS: Final = [spec for name in catalogue.names() if (spec := catalogue.find(name)) is not None]
NAMES: Final = frozenset(function.name for spec in SPECS for function in spec.functions)
# Words of other dialects with the way out in the words of this one: texts for people, about other languages.
ABOUT_OTHERS: Final = frozenset(("reading/dialects.py", "reading/foreign_file.py"))
# Names that mean something else where they stand alone: how to treat undecodable bytes, what an object can do.
ENGLISH: Final = frozenset(("replace", "registered", "save"))
FILES: Final = sorted(p for p in SERC.rglob("*.py") if p.relative_to(SERC).as_posix() not in ABOUT_OTHERS)


def texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """String literals of a file with their lines, without docstrings."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value


def names_in(text: str) -> set[str]:
    """Names of functions in a literal: alone or in a list of words, called, or with an underscore in them."""
    words = re.findall(r"\w+", text)
    is_list = (
        re.fullmatch(r"[\w\s]*", text) is not None and all(word in NAMES for word in words) and text not in ENGLISH
    )
    called = set(re.findall(r"(\w+)\(", text))
    return {word for word in words if word in NAMES and (is_list or "_" in word or word in called)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(SERC).as_posix())
def test_no_name_of_a_function_of_a_module(path: Path) -> None:
    found = [(line, names_in(text)) for line, text in texts(ast.parse(path.read_text()))]
    assert [(line, names) for line, names in found if names] == []


def test_names_are_seen() -> None:
    assert names_in("write if (!t_relay()) before it") == {"t_relay"}
    assert names_in("xlog search lookup") == {"xlog", "search", "lookup"}
    assert names_in("call save(…)") == {"save"}
    assert names_in("lookup of a name") == set()
