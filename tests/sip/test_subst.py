"""Substitutions on wire data. Reference modules-main, chapter 7."""

from __future__ import annotations

import pytest

from runtime.sip.subst import Subst


@pytest.mark.parametrize(
    ("pattern", "ignore_case", "parts", "everywhere", "text", "result"),
    [
        (b"b", False, (b"=X",), False, b"abcb", b"aXcb"),
        (b"b", False, (b"=X",), True, b"abcb", b"aXcX"),
        (b"B", True, (b"=X",), True, b"abcb", b"aXcX"),
        (b"B", False, (b"=X",), True, b"abcb", None),
        (b"(.)(.)", False, (b"2", b"=-", b"1"), False, b"abc", b"b-ac"),
        (b"(.)(.)", False, (b"0", b"0"), False, b"ab", b"abab"),
        (b"a(x)?", False, (b"=[", b"1", b"=]"), False, b"ab", b"[]b"),
        (b"a", False, (b"u",), False, b"cat", b"csip:u@ht"),
        (b"a", False, (), False, b"cat", b"ct"),
        (b"a", False, (b"=",), False, b"cat", b"ct"),
        (b"x*", False, (b"=-",), True, b"ab", b"-a-b-"),
        (b"^", False, (b"=-",), True, b"ab", b"-ab"),
        (b"a", False, (b"=1",), True, b"", None),
        (b"\xf6", False, (b"=oe",), False, b"J\xf6rg", b"Joerg"),
    ],
)
def test_a_substitution_replaces_the_first_match_or_all(
    pattern: bytes, ignore_case: bool, parts: tuple[bytes, ...], everywhere: bool, text: bytes, result: bytes | None
) -> None:
    assert Subst(pattern, ignore_case, False, parts, everywhere).apply(text, b"sip:u@h") == result


def test_what_stands_before_the_start_is_seen_but_not_replaced() -> None:
    subst = Subst(b"^a", False, True, (b"=X",), True)
    assert [match.start() for match in subst.matches(b"a\na\naa", 1)] == [2, 4]
    assert subst.matches(b"aaa", 1) == []
