"""routes.py at the start: what another version of serc has compiled is to be compiled again, and errors have their line."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.server.host.errors import StartError
from runtime.server.start.loader import load_program
from runtime.version import FORMAT

HEAD = '"""Routes of ser.cfg, compiled by serc 0.0.1. Change ser.cfg, not this file."""\n'
BODY = """from runtime.routing.config import Config
from runtime.routing.program import Program
PROGRAM = Program(
    config=Config(),
    format={},
)
"""


def loaded(folder: Path, text: str) -> str:
    """What loading says; "" where it succeeds."""
    (folder / "routes.py").write_text(text)
    try:
        load_program(str(folder / "routes.py"))
    except StartError as e:
        return str(e)
    return ""


def test_the_format_of_this_version_is_served(tmp_path: Path) -> None:
    assert loaded(tmp_path, HEAD + BODY.format(FORMAT)) == ""


@pytest.mark.parametrize("number", [FORMAT + 1, FORMAT - 1])
def test_another_format_is_to_be_compiled_again(tmp_path: Path, number: int) -> None:
    assert "compile it again" in loaded(tmp_path, HEAD + BODY.format(number))


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "from runtime.routing import nothing_such\n",
        HEAD + BODY.format(FORMAT + 1).replace("config=", "settings="),
        HEAD + BODY.replace("    format={},\n", "").replace("config=", "settings="),
    ],
)
def test_one_that_cannot_even_be_imported_any_more_too(tmp_path: Path, text: str) -> None:
    said = loaded(tmp_path, text)
    assert "compile it again" in said and "routes.py:" in said


def test_an_error_of_this_version_names_its_line(tmp_path: Path) -> None:
    said = loaded(tmp_path, HEAD + BODY.format(FORMAT).replace("config=", "settings="))
    assert "routes.py:4: TypeError" in said and "compile it again" not in said


def test_what_serc_has_not_written_is_no_matter_of_versions(tmp_path: Path) -> None:
    assert "routes.py:1: ZeroDivisionError" in loaded(tmp_path, "1 / 0\n")
