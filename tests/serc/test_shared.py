"""Whole populations of configs: seeded mistakes, configs that SER takes or refuses, random mutations.

The material lies beside the checkout; without it these tests are skipped.
"""

from __future__ import annotations

import json
import random
import re
import time
from pathlib import Path

import pytest
from expectations import full_text

from runtime.modules import catalogue
from serc.diagnostics.render import render_text
from serc.diagnostics.report import Diagnostic, Report, Severity
from serc.frontend import analyse
from serc.reading.lex import Token, lex
from serc.reading.source import Source


def checked(path: Path) -> tuple[Source, list[Diagnostic]]:
    source = Source.read(path)
    _, report = analyse(source, catalogue)
    return source, [d for d in report.in_order() if d.severity is not Severity.NOTE]


def is_found(source: Source, diagnostic: Diagnostic, wanted: dict[str, object]) -> bool:
    """Is this the diagnostic that the case asks for? Its README says how to tell."""
    position = source.position(diagnostic.span.start)
    first, last = wanted["column_from"], wanted["column_to"]
    also, severities, patterns = wanted["also_ok_lines"], wanted.get("also_ok_severity", []), wanted["must_mention"]
    assert isinstance(first, int) and isinstance(last, int)
    assert isinstance(also, list) and isinstance(severities, list) and isinstance(patterns, list)
    at_place = position.line == wanted["line"] and first <= position.column <= last + 1
    return (
        (at_place or position.line in also)
        and diagnostic.severity.value in (wanted["severity"], *severities)
        and all(re.search(pattern, full_text(diagnostic), re.IGNORECASE) for pattern in patterns)
    )


def test_seeded_mistakes_are_found_once_at_the_right_place(shared: Path) -> None:
    cases = sorted((shared / "mistakes").glob("[0-9]*.cfg"))
    assert cases
    failed = []
    for path in cases:
        wanted = json.loads(path.with_name(f"{path.stem}.expect.json").read_text(encoding="utf-8"))
        source, diagnostics = checked(path)
        if len(diagnostics) > wanted["max_diagnostics"] or not any(is_found(source, d, wanted) for d in diagnostics):
            failed.append(f"{path.name}: {[(source.line_of(d.span.start), full_text(d)) for d in diagnostics]}")
    assert not failed, "\n".join(failed)


def test_tricky_but_right_configs_are_clean(shared: Path) -> None:
    cases = sorted((shared / "mistakes").glob("ok-*.cfg"))
    assert cases
    for path in cases:
        assert checked(path)[1] == [], path.name


@pytest.mark.parametrize("folder", ["cfg", "edited", "snippets"])
def test_what_ser_takes_has_no_errors(shared: Path, folder: str) -> None:
    for path in sorted((shared / "corpus" / folder).glob("*.cfg")):
        source, diagnostics = checked(path)
        assert not [d for d in diagnostics if d.severity is Severity.ERROR], path.name


# Where we point at another line than SER, with the better reason.
BETTER = {
    "s08-doc-seruser.cfg": 2,  # the string of loadmodule is not closed; SER blames the first call of the module
    "s09-examples-exec_s5b.cfg": 30,  # the semicolon is missing at the end of this line; SER blames the next word
}


def test_what_ser_refuses_is_refused_at_its_line(shared: Path) -> None:
    index = (shared / "corpus" / "INDEX.tsv").read_text(encoding="utf-8").splitlines()
    refused = {row[2]: row[5] for row in (line.split("\t") for line in index) if row[0] == "rejected"}
    assert refused
    for name, why in refused.items():
        source, diagnostics = checked(shared / "corpus" / "rejected" / name)
        lines = {source.line_of(d.span.start) for d in diagnostics if d.severity is Severity.ERROR}
        wanted = {BETTER[name]} if name in BETTER else {int(n) for n in re.findall(r"line (\d+):", why)}
        assert lines & wanted, f"{name}: {why}; we say {sorted(lines)}"


# --- mutations -------------------------------------------------------------------------------------------------------


def mutated(text: str, token: Token, following: Token, chance: random.Random) -> str:
    match chance.choice(("delete", "duplicate", "swap", "garble")):
        case "delete":
            return text[: token.start] + text[token.end :]
        case "duplicate":
            return f"{text[: token.end]} {token.text}{text[token.end :]}"
        case "swap":
            between = text[token.end : following.start]
            return text[: token.start] + following.text + between + token.text + text[following.end :]
    at = token.start + chance.randrange(len(token.text))
    return text[:at] + chance.choice('xq7$;({"=~') + text[at + 1 :]


def test_mutations_are_survived_and_located(shared: Path) -> None:
    """300 seeded mutations: no traceback, no hang, and the mistake within two lines in at least 90 %."""
    chance = random.Random(20)
    files = sorted((shared / "corpus" / "cfg").glob("*.cfg")) + sorted((shared / "corpus" / "edited").glob("*.cfg"))
    invalid = near = 0
    for _ in range(300):
        text = Source.read(chance.choice(files)).text
        tokens = lex(Source("ser.cfg", text), Report()).tokens
        at = chance.randrange(len(tokens) - 2)
        source = Source("ser.cfg", mutated(text, tokens[at], tokens[at + 1], chance))
        begun = time.perf_counter()
        _, report = analyse(source, catalogue)
        render_text(source, report)
        assert time.perf_counter() - begun < 5
        errors = [d for d in report.diagnostics if d.severity is Severity.ERROR]
        line = source.line_of(min(tokens[at].start, len(source.text)))
        invalid += bool(errors)
        near += any(abs(source.line_of(d.span.start) - line) <= 2 for d in errors)
    assert invalid > 200
    assert near >= 0.9 * invalid, f"{near} of {invalid}"
