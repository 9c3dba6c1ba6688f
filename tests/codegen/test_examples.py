"""examples/cfg: what they compile to stands beside them, and it is as good as the README says."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import black
import pytest
from mypy import api

from serc.compiler import compile_source
from serc.reading.source import Source

FOLDER: Final = Path(__file__).parents[2] / "examples" / "cfg"
COMPILED: Final = sorted(FOLDER.glob("*.py"))


@pytest.mark.parametrize("path", COMPILED, ids=[path.stem for path in COMPILED])
def test_compiled_example_is_up_to_date(path: Path) -> None:
    generated, report = compile_source(Source.read(path.with_suffix(".cfg")))
    assert report.diagnostics == []
    assert generated is not None
    assert generated.text == path.read_text(encoding="utf-8"), f"run: serc {path.with_suffix('.cfg')} -o {path}"


def test_the_usual_starts_are_there() -> None:
    assert {"stateless", "record_route", "redirect", "answer"} <= {path.stem for path in COMPILED}


@pytest.mark.parametrize("path", COMPILED, ids=[path.stem for path in COMPILED])
def test_compiled_example_is_black_stable(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert black.format_str(text, mode=black.Mode(line_length=120)) == text


def test_compiled_examples_pass_mypy_strict() -> None:
    out, _, status = api.run(["--strict", "--config-file=", *map(str, COMPILED)])
    assert status == 0, out
