"""The compiler knows functions and operands from their declarations alone: none of them has its name in its source.

The exception is grammar.ebnf: words that are reserved cannot be identifiers or parts of host names, whatever is declared. It is held
against the declarations here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from runtime.modules import catalogue
from serc.reading.keywords import KEYWORDS
from serc.reading.parse import GRAMMAR
from serc.resolve.words import STATEMENTS

SERC: Final = Path(__file__).parent.parent.parent / "serc"
CORE: Final = catalogue.core()
SPECS: Final = [CORE, *(spec for name in catalogue.names() if (spec := catalogue.find(name)) is not None)]
NAMES: Final = frozenset(function.name for spec in SPECS for function in spec.functions)
OPERANDS: Final = frozenset(operand.name for operand in CORE.operands)
# Words of other dialects with the way out in the words of this one: texts for people, about other languages.
ABOUT_OTHERS: Final = frozenset(
    (
        "reading/dialects.py",
        "reading/foreign_file.py",
        *(path.relative_to(SERC).as_posix() for path in (SERC / "migration").glob("*.py")),
    )
)
# Names that mean something else where they stand alone: how to treat undecodable bytes, what an object can do, a diagnostic's weight,
# words of a command line and of the language of *.sertest files.
ENGLISH: Final = frozenset(
    ("replace", "registered", "save", "error", "log", "send", "exec", "prefix", "strip", "forward")
)
# A function of setuptools has the name of an action.
OF_OTHERS: Final = frozenset(("setup",))
# Made out of the grammar.
GENERATED: Final = "reading/_parser.py"
# The compiler; beside it stand commands, and tests of a ser.cfg, with words of their own: columns of a database, parts of a message.
COMPILER: Final = (
    "reading resolve lint lower passes codegen ir.py ir_facts.py frontend.py compiler.py graph.py editor.py".split()
)
FILES: Final = sorted(p for p in SERC.rglob("*.py") if p.relative_to(SERC).as_posix() not in ABOUT_OTHERS | {GENERATED})
COMPILER_FILES: Final = [path for path in FILES if path.relative_to(SERC).parts[0] in COMPILER]


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
    called = set(re.findall(r"(\w+)\(", text)) - OF_OTHERS
    return {word for word in words if word in NAMES and (is_list or "_" in word or word in called)}


def operands_in(text: str) -> set[str]:
    """Names of operands in a literal: alone, or in a list of words, or with a sign in them that no English word has."""
    words = re.findall(r"[\w:]+", text)
    is_list = all(word in OPERANDS for word in words) and re.fullmatch(r"[\w\s:]*", text) is not None
    return {word for word in words if word in OPERANDS and (is_list or "_" in word or ":" in word)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(SERC).as_posix())
def test_no_name_of_a_function(path: Path) -> None:
    found = [(line, names_in(text)) for line, text in texts(ast.parse(path.read_text()))]
    assert [(line, names) for line, names in found if names] == []


def test_names_are_seen() -> None:
    assert names_in("write if (!t_relay()) before it") == {"t_relay"}
    assert names_in("xlog search lookup") == {"xlog", "search", "lookup"}
    assert names_in("call save(…)") == {"save"}
    assert names_in("lookup of a name") == set()


@pytest.mark.parametrize("path", COMPILER_FILES, ids=lambda path: path.relative_to(SERC).as_posix())
def test_no_name_of_an_operand(path: Path) -> None:
    found = [(line, operands_in(text)) for line, text in texts(ast.parse(path.read_text()))]
    assert [(line, names) for line, names in found if names] == []


def test_operands_are_seen() -> None:
    assert operands_in("method") == {"method"}
    assert operands_in("uri status from_uri") == {"uri", "status", "from_uri"}
    assert operands_in("test src_ip before it") == {"src_ip"}
    assert operands_in("the method of a request") == set()


def words_of(rule: str) -> set[str]:
    """The words that a rule of the grammar lists in its pattern."""
    found = re.search(rf"^{rule}\n.*?name:/\(\?x\)\n(.*?)/$", GRAMMAR.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    return set(re.findall(r"[a-z][a-z_:]*", re.sub(r"\(\?!?:?|\[.*?\]", " ", found[1])))


def test_the_grammar_has_the_words_that_are_declared() -> None:
    assert words_of("action_name") == {function.name for function in CORE.functions} | STATEMENTS
    assert words_of("operand") == OPERANDS
    assert {function.name for function in CORE.functions} | {name for name in OPERANDS if ":" not in name} <= KEYWORDS
