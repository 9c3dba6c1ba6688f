"""Mistakes of operators, one at a time in a config without any: each is told once, at its line, with the word that matters or the cure.

The files in `seeded` have them: `== NAME in CONFIG` (`seeded/proxy.cfg` where none is named), then code, line and what must be mentioned
(patterns between `&&`), then the changes of the config, from its end to its beginning: the line where one begins, lines that go (-) and that
come (+). Configs of `corpus` lie beside the checkout.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from expectations import diagnose, full_text

from serc.diagnostics.report import Diagnostic, Severity

SEEDED = Path(__file__).with_name("seeded")
_ROOT = Path(__file__).parents[2]
_FOLDERS = {"seeded": SEEDED, "corpus": _ROOT.parent / "shared/corpus/cfg"}
PROXY = (SEEDED / "proxy.cfg").read_text(encoding="latin-1")


@dataclass(frozen=True)
class Mistake:
    """`changes` of `config`, whose path may be missing."""

    name: str
    config: Path
    code: str
    line: int
    mentions: list[str]
    changes: str

    @property
    def text(self) -> str:
        """The whole config."""
        lines = self.config.read_text(encoding="latin-1").split("\n")
        for place, change in re.findall(r"^@([0-9]+)\n((?:[-+].*\n?)*)", self.changes, re.MULTILINE):
            at, parts = int(place) - 1, change.split("\n")
            gone = [each[1:] for each in parts if each.startswith("-")]
            assert lines[at : at + len(gone)] == gone, self.name
            lines[at : at + len(gone)] = [each[1:] for each in parts if each.startswith("+")]
        return "\n".join(lines)


def mistakes() -> list[Mistake]:
    text = "".join(path.read_text(encoding="latin-1") for path in sorted(SEEDED.glob("*.txt")))
    blocks = re.split("^== ", text, flags=re.MULTILINE)[1:]
    return [mistake(*block.rstrip("\n").split("\n")) for block in blocks]


def mistake(title: str, wanted: str, *changes: str) -> Mistake:
    name, _, config = title.partition(" in ")
    folder, _, file = (config or "seeded/proxy.cfg").partition("/")
    code, line, mentions = wanted.split(" ", 2)
    return Mistake(name, _FOLDERS[folder] / file, code, int(line), mentions.split(" && "), "\n".join(changes))


MISTAKES = mistakes()


def told(text: str) -> list[tuple[int, str, Diagnostic]]:
    """Line, code and diagnostic of all that is more than a note."""
    source, diagnostics = diagnose(text)
    return [(source.line_of(d.span.start), d.code.name, d) for d in diagnostics if d.severity is not Severity.NOTE]


def test_the_config_without_a_mistake_is_clean() -> None:
    assert [full_text(d) for _, _, d in told(PROXY)] == []


@pytest.mark.parametrize("wanted", MISTAKES, ids=[each.name for each in MISTAKES])
def test_a_mistake_is_told_once_where_it_is_with_its_cure(wanted: Mistake) -> None:
    if not wanted.config.exists():
        pytest.skip(f"{wanted.config} is not here")
    before = {(code, d.message) for _, code, d in told(wanted.config.read_text(encoding="latin-1"))}
    found = [(line, code, d) for line, code, d in told(wanted.text) if (code, d.message) not in before]
    assert [(line, code) for line, code, _ in found] == [(wanted.line, wanted.code)]
    text = full_text(found[0][2])
    assert [each for each in wanted.mentions if not re.search(each, text, re.IGNORECASE)] == [], text
