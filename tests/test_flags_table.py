"""docs/flags.md names every flag and every global parameter, and for each of them tests that exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from runtime.server.start import options
from runtime.spec.globals import GLOBALS, GlobalType
from serc.compiler import compile_source
from serc.reading.source import Source

PROJECT = Path(__file__).parent.parent
FLAGS, PARAMETERS = (PROJECT / "docs" / "flags.md").read_text().split("## Global parameters")

# ser(8): its synopsis, and -G, which it forgets.
MANUAL = "h c r R v d D E V T f l n N b m w t u g P G i x"


def rows(text: str) -> list[list[str]]:
    """The cells of a table, without its head."""
    lines = [line.replace(r"\|", "/") for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in lines]


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@cache
def functions_of(file: str) -> set[str]:
    tree = ast.parse((PROJECT / file).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_every_flag_has_a_row() -> None:
    found = [named(row[0])[0] for row in rows(FLAGS)]
    assert found == list(dict.fromkeys(found))
    words = {"--drain", "--queue", "--retry-after", "--log-format", "--metrics"}
    assert set(found) == {f"-{c}" for c in MANUAL.split()} | words
    assert {flag[1:] for flag in found if flag[1] != "-"} == set(options.LETTERS.replace(":", "")) | {"f"}


def test_every_parameter_has_a_row() -> None:
    found = [name for row in rows(PARAMETERS) for name in named(row[0])]
    assert found == [entry.name for entry in GLOBALS]


def test_flags_name_the_parameters_that_they_stand_for() -> None:
    names = {entry.name for entry in GLOBALS}
    assert {name for row in rows(FLAGS) for name in named(row[2])} <= names


@pytest.mark.parametrize("row", rows(FLAGS) + rows(PARAMETERS), ids=lambda row: row[0].split("`")[1])
def test_the_functions_of_a_row_exist(row: list[str]) -> None:
    tests = named(row[-1])
    assert tests
    for test in tests:
        file, _, name = test.partition("::")
        assert name in functions_of(file), test


def test_the_tests_in_the_text_exist() -> None:
    for file, name in re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", FLAGS + PARAMETERS):
        assert not name or name in functions_of(file)
        assert (PROJECT / file).exists()


def test_what_does_nothing_is_said_to_do_nothing() -> None:
    values = {
        GlobalType.STRING: '"x"',
        GlobalType.INTEGER: "5061",
        GlobalType.BOOLEAN: "yes",
        GlobalType.TLS_METHOD: "TLSv1",
    }
    for entry in GLOBALS:
        if entry.field:
            continue
        text = f"{entry.name}={values[entry.type]}\nroute {{ drop; }}\n"
        generated, said = compile_source(Source("ser.cfg", text))
        assert generated is not None
        assert [d.message for d in said.in_order() if "does nothing here" in d.message] == [
            f"{entry.name} does nothing here: {entry.why}"
        ]
