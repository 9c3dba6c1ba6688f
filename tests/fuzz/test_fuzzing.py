"""A short run of the fuzzer, what it has found before, and that it finds what is there."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from fuzz.fuzzing import FINDINGS, Broken, Run, fuzz, is_refused, read, replay, request, script_of, shortened, write
from runtime.build import NATIVE


@pytest.mark.parametrize("block", range(4))
def test_a_short_run_finds_nothing(block: int) -> None:
    for seed in range(block * 100, block * 100 + (40 if NATIVE else 10)):
        fuzz(seed)


@pytest.mark.parametrize("finding", sorted(FINDINGS.glob("*.txt")), ids=lambda path: path.stem)
def test_what_was_found_before_holds_now(finding: Path) -> None:
    replay(*read(finding))


def test_runs_can_be_repeated() -> None:
    assert [said[2] for said in fuzz(3).said][:3] == [said[2] for said in fuzz(3).said][:3]
    assert script_of(random.Random(5)) == script_of(random.Random(5))


def test_a_bug_is_found_and_made_short() -> None:
    run = Run("route { t_relay(); }")
    chance = random.Random(1)
    run.site.engine.world.bugs.report(ValueError("a bug"), b"")
    with pytest.raises(Broken, match="a bug"):
        run.say(0, False, request(chance, "INVITE", 1))


def test_a_finding_is_written_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fuzz.fuzzing.FINDINGS", tmp_path)
    said = [(0, False, b"\x00\r\n"), (100, True, b"x")]
    assert read(write("one", "route { }\n", said)) == ("route { }\n", said)
    assert shortened("route { t_relay(); }", [(0, False, b"x")]) == [(0, False, b"x")]


def test_what_never_reaches_a_script_is_known() -> None:
    good = request(random.Random(1), "INVITE", 1)
    assert not is_refused(good)
    assert is_refused(b"x") and is_refused(good.replace(b"Max-Forwards", b"Max\x00Forwards"))
