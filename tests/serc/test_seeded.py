"""Mistakes of operators, one at a time in a config without any: each is told once, at its line, with the word that matters or the cure.

The files beside `seeded/proxy.cfg` have them: `== NAME`, then code, line and what must be mentioned (patterns between `&&`), then the
changes of proxy.cfg, from its end to its beginning: the line where one begins, lines that go (-) and that come (+).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from expectations import diagnose, full_text

from serc.diagnostics.report import Severity

SEEDED = Path(__file__).with_name("seeded")
PROXY = (SEEDED / "proxy.cfg").read_text(encoding="latin-1")


@dataclass(frozen=True)
class Mistake:
    """`text` is the whole config."""

    name: str
    code: str
    line: int
    mentions: list[str]
    text: str


def mistakes() -> list[Mistake]:
    text = "".join(path.read_text(encoding="latin-1") for path in sorted(SEEDED.glob("*.txt")))
    blocks = re.split("^== ", text, flags=re.MULTILINE)[1:]
    return [mistake(*block.rstrip("\n").split("\n")) for block in blocks]


def mistake(name: str, wanted: str, *changes: str) -> Mistake:
    code, line, mentions = wanted.split(" ", 2)
    lines = PROXY.split("\n")
    for place, *change in re.findall(r"^@([0-9]+)\n((?:[-+].*\n?)*)", "\n".join(changes), re.MULTILINE):
        at, parts = int(place) - 1, change[0].splitlines()
        gone = [each[1:] for each in parts if each.startswith("-")]
        assert lines[at : at + len(gone)] == gone, name
        lines[at : at + len(gone)] = [each[1:] for each in parts if each.startswith("+")]
    return Mistake(name, code, int(line), mentions.split(" && "), "\n".join(lines))


MISTAKES = mistakes()


def test_the_config_without_a_mistake_is_clean() -> None:
    _, diagnostics = diagnose(PROXY)
    assert [full_text(d) for d in diagnostics if d.severity is not Severity.NOTE] == []


@pytest.mark.parametrize("wanted", MISTAKES, ids=[each.name for each in MISTAKES])
def test_a_mistake_is_told_once_where_it_is_with_its_cure(wanted: Mistake) -> None:
    source, diagnostics = diagnose(wanted.text)
    found = [d for d in diagnostics if d.severity is not Severity.NOTE]
    assert [(source.line_of(d.span.start), d.code.name) for d in found] == [(wanted.line, wanted.code)]
    text = full_text(found[0])
    assert [each for each in wanted.mentions if not re.search(each, text, re.IGNORECASE)] == [], text
