"""Regular expressions on wire data."""

from __future__ import annotations

import random

import pytest

from runtime.sip.regex import Regex


def test_a_pattern_is_searched_for_anywhere() -> None:
    assert Regex(b"b.d", False).search(b"abcde")
    assert not Regex(b"b.d", False).search(b"ABCDE")
    assert Regex(b"b.d", True).search(b"ABCDE")
    assert not Regex(b"^b", True).search(b"ab")
    assert Regex(b"", False).search(b"")


def test_bytes_that_are_no_ascii_match_themselves() -> None:
    assert Regex(b"\xf6", False).search(b"J\xf6rg")
    assert not Regex(b"\xf6", True).search(b"J\xd6rg")
    assert Regex(b"a.b", False).search(b"a\x00b")


def test_a_search_that_begins_later_sees_what_is_before() -> None:
    line = Regex(b"^x", False)
    match = line.find(b"x x\nx", 1)
    assert match is not None and match.start() == 4
    assert line.find(b"xx", 1) is None
    assert line.find(b"x", 5) is None


def test_patterns_are_equal_by_their_text_and_case() -> None:
    assert Regex(b"a", False) == Regex(b"a", False) and hash(Regex(b"a", False)) == hash(Regex(b"a", False))
    assert Regex(b"a", False) != Regex(b"b", False)
    assert Regex(b"a", False) != Regex(b"a", True)
    assert Regex(b"a", False) != b"a"


@pytest.mark.parametrize("pattern", [b"x.*y|x", b"x(.*y|.*z)?", b"(x|x.*y)"])
def test_looking_for_longer_matches_in_vain_is_done_once(pattern: bytes) -> None:
    """Each x may begin a match as long as the text: were all of them followed to its end, this would last for minutes."""
    found = Regex(pattern).find_all(b"x" * 20_000)
    assert [match.span(0) for match in found] == [(at, at + 1) for at in range(20_000)]


def test_many_matches_are_those_that_are_found_one_by_one() -> None:
    chance = random.Random(7)
    parts = [
        "a",
        "b",
        ".",
        "[ab]",
        "a*",
        "b+",
        "(a|b)*c",
        "(ab|a)",
        "a.*c",
        "b?",
        "x.*c|a",
        "^a",
        "c$",
        "(a|ab)(c|bcd)?",
    ]
    for _ in range(300):
        regex = Regex("".join(chance.choice(parts) for _ in range(chance.randint(1, 4))).encode())
        text = bytes(chance.choice(b"aabbcd\n") for _ in range(chance.randint(0, 90)))
        at, one_by_one = 0, []
        while (match := regex.find(text, at)) is not None:
            one_by_one.append(match.span(0))
            at = match.end() + (1 if match.end() == match.start() else 0)
        assert [match.span(0) for match in regex.find_all(text)] == one_by_one, regex.pattern
