"""A file that is read again after a keystroke is read as if for the first time."""

from __future__ import annotations

import gc
import random

import pytest
from expectations import full_text
from test_seeded import PROXY

from runtime.modules import catalogue
from serc.editor import Document
from serc.frontend import inspect, uncollected
from serc.reading import pieces, tree
from serc.reading.source import Source
from serc.resolve import calls, operands


def looked_at(text: str) -> tuple[tree.File, list[tuple[int, str, str]]]:
    bound, report = inspect(Source("ser.cfg", text), catalogue)
    return bound.file, [(d.span.start, d.code.name, full_text(d)) for d in report.in_order()]


@pytest.mark.parametrize("seed", range(4))
def test_keystrokes_anywhere(seed: int) -> None:
    chance = random.Random(seed)
    text = PROXY
    for _ in range(12):
        at = chance.randrange(len(text))
        text = text[:at] + chance.choice(["", " ", "x", '"', ";", "(", "1"]) + text[at + chance.randrange(2) :]
        warm = looked_at(text)
        for kept in (pieces._READ, calls._ACTIONS, operands._KNOWN):
            assert isinstance(kept, dict)
            kept.clear()
        assert looked_at(text) == warm


def test_a_variable_of_the_environment_is_found_however_its_sign_is_written() -> None:
    for sign in ("$", "\\x24", "\\044"):
        _, told = looked_at(PROXY.replace('"example.org"', f'"{sign}{{DOMAIN}}"', 1))
        assert "SER0218" in [code for _, code, _ in told], sign


def test_pieces_that_are_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "_MOST_READ", 50)
    pieces._READ.clear()
    looked_at(PROXY)
    assert 0 < len(pieces._READ) <= 50


def test_the_collector_goes_on_afterwards() -> None:
    assert gc.isenabled()
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert Document(Source("ser.cfg", PROXY + "}")).report.diagnostics
    assert gc.isenabled()
