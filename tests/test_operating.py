"""docs/operating.md says nothing that the programs would not understand."""

from __future__ import annotations

import argparse
import importlib
import re
import shlex
from pathlib import Path

import pytest

from serc.commands import serctl

PAGE = (Path(__file__).parent.parent / "docs" / "operating.md").read_text()
COMMANDS = [line[2:] for line in PAGE.splitlines() if line.startswith(("$ serctl ", "$ serc "))]
# What an operator reads in ten minutes.
WORDS_MAX = 3_500


def parser_of(program: str, word: str) -> argparse.ArgumentParser:
    if program == "serctl":
        return serctl.parser()
    made = importlib.import_module(f"serc.commands.{word}").parser()
    assert isinstance(made, argparse.ArgumentParser)
    return made


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_is_one(command: str) -> None:
    program, word, *arguments = shlex.split(command, comments=True)
    parser = parser_of(program, word)
    parser.parse_args([word, *arguments] if program == "serctl" else arguments)


def test_each_option_of_trace_stands_there_and_no_other() -> None:
    section = PAGE.partition("## What does the server do with this call?")[2].partition("\n## ")[0]
    told = set(re.findall(r"`(--?[a-z]+)(?: [A-Z]+)?`", section))
    options = next(c.options for c in serctl.COMMANDS if c.words == "trace")
    assert told == {*options.split(), "--json"}


def test_it_is_a_page_of_ten_minutes() -> None:
    assert len(re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL).split()) < WORDS_MAX
