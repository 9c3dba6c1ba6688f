"""A short run of the fuzzer of configs, what it has found before, and that it finds what is there."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from ports import free_port

from fuzz.config_changes import CHANGES, Config, changed
from fuzz.configs import FINDINGS, Broken, Checked, Fuzzer, Home, checked, compare, new_ones, replay, seeds

RIGHT = 'loadmodule "sl.so"\nroute { sl_send_reply("404", "Not Found"); }\n'
WRONG = 'loadmodule "sl.so"\nroute { sl_send_replay("404", "Not Found"); }\n'


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path, free_port())


@pytest.mark.parametrize("block", range(2))
def test_a_short_run_finds_nothing(block: int, home: Home) -> None:
    fuzzer = Fuzzer(seeds([]), home, 0.2)
    for seed in range(block * 1000, block * 1000 + 15):
        fuzzer.fuzz(seed)


@pytest.mark.parametrize("finding", sorted(FINDINGS.glob("*.cfg")), ids=lambda path: path.stem)
def test_what_was_found_before_holds_now(finding: Path, home: Home) -> None:
    replay(home, finding.read_text(encoding="latin-1"))


def test_each_change_can_be_made_and_repeated() -> None:
    text = seeds([])[0]
    for change in CHANGES:
        made = [change(Config(text), random.Random(seed)) for seed in range(5)]
        assert any(one is not None and one.text != text for one in made), change
    assert changed(text, random.Random(7)) == changed(text, random.Random(7))


def test_a_right_config_is_accepted_by_all_and_a_wrong_one_by_none(home: Home) -> None:
    compare(home, home.moved(RIGHT), checked(RIGHT).is_accepted, is_started=True)
    compare(home, home.moved(WRONG), checked(WRONG).is_accepted, is_started=True)


def test_disagreement_is_found(home: Home) -> None:
    with pytest.raises(Broken, match="serc check accepts what ser -c refuses"):
        compare(home, home.moved(WRONG), is_accepted=True, is_started=False)
    with pytest.raises(Broken, match="ser -c accepts what serc check refuses"):
        compare(home, home.moved(RIGHT), is_accepted=False, is_started=False)


def test_what_a_change_brings_is_told_apart() -> None:
    before, after = checked(RIGHT), checked(WRONG)
    assert [d.code.name for d in new_ones(before, after)] == ["SER0201"]
    assert new_ones(after, after) == []
    assert isinstance(after, Checked) and not after.is_accepted
