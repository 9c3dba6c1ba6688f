"""Tests wait for what they need, not for time."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

TESTS: Final = Path(__file__).parent
# The one place that sleeps, and a load at a given rate, which is nothing but time.
REAL: Final = frozenset(("patience.py", "acceptance/beside_a_silent_name_server.py"))
MOST: Final = 8


def called(name: str) -> list[str]:
    """Where a function of this name is called, in whatever way."""
    found = []
    for path in sorted(TESTS.rglob("*.py")):
        place = path.relative_to(TESTS).as_posix()
        for node in ast.walk(ast.parse(path.read_text())) if place not in REAL else ():
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == name:
                found.append(f"{place}:{node.lineno}")
    return found


def test_nothing_sleeps() -> None:
    assert called("sleep") == []


def test_few_let_real_time_pass() -> None:
    assert len(called("let_pass")) <= MOST
