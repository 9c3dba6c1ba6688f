"""Regular expressions on wire data."""

from __future__ import annotations

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
