"""Regular expressions as the C library reads them: the same ones are refused, the others match the same texts."""

from __future__ import annotations

import ctypes
import platform
import random
import re
import time
from typing import Final

import pytest

from runtime.sip.regex import BadRegex, Regex

REG_EXTENDED, REG_ICASE, REG_NEWLINE = 1, 2, 4
PIECES: Final = (
    r"a b ab [ab] [^a] ( ) | * + ? {1,2} {2} {,2} { } {1 ^ $ . \. \d \w \b \1 [[:digit:]] [a-c] []a] [^]a] [a-] - \ 1 ] "
    r"[b-a] [[:x:]] {2,1} \( \<"
).split() + ["\n", " "]
TEXTS: Final = ["", "a\nb", *"a b ab aab abab 12 a.b ( { ] ba *a + a{1 {,2} d1".split()]


class Match(ctypes.Structure):
    _fields_ = [("start", ctypes.c_int), ("end", ctypes.c_int)]


@pytest.fixture(scope="module")
def libc() -> ctypes.CDLL:
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("not the GNU C library")
    return ctypes.CDLL("libc.so.6")


def compiled(pattern: str, ignore_case: bool = False, newline: bool = True) -> Regex | None:
    try:
        return Regex(pattern.encode(), ignore_case, newline)
    except BadRegex:
        return None


def test_random_expressions_mean_what_they_mean_in_c(libc: ctypes.CDLL) -> None:
    chance = random.Random(1)
    for _ in range(3000):
        pattern = "".join(chance.choice(PIECES) for _ in range(chance.randrange(1, 6)))
        buffer = ctypes.create_string_buffer(256)
        taken = libc.regcomp(buffer, pattern.encode(), REG_EXTENDED | REG_NEWLINE) == 0
        ours = compiled(pattern)
        assert taken == (ours is not None), pattern
        if ours is not None:
            for text in TEXTS:
                matches = libc.regexec(buffer, text.encode(), 1, (Match * 1)(), 0) == 0
                assert matches == ours.search(text.encode()), (pattern, text)
            libc.regfree(buffer)


def test_matches_and_their_groups_are_where_c_finds_them(libc: ctypes.CDLL) -> None:
    """Without what the library itself does in an odd way: repeated repetitions, line
    anchors behind what they look at, groups beside alternatives."""
    pieces = "a b ab [ab] [^a] (a) (b|ab) (a*) (.*) (a|ab)(c|bcd) * + ? | c [a-c] . (b(a)?)".split()
    texts = "a b ab aab abab abb ba cab bca abcabc aaaa bbbb abcab a.b abcd".split() + ["", "a\nb"]
    chance = random.Random(2)
    compared = 0
    for _ in range(2000):
        pattern = "".join(chance.choice(pieces) for _ in range(chance.randrange(1, 7)))
        ignore_case, newline = chance.random() < 0.3, chance.random() < 0.5
        ours = compiled(pattern, ignore_case, newline)
        buffer = ctypes.create_string_buffer(256)
        flags = REG_EXTENDED | (REG_NEWLINE if newline else 0) | (REG_ICASE if ignore_case else 0)
        if ours is None or re.search("[*+?]{2}", pattern) or libc.regcomp(buffer, pattern.encode(), flags):
            continue
        for text in texts:
            spans = (Match * 10)()
            match = ours.find(text.encode())
            assert (libc.regexec(buffer, text.encode(), 10, spans, 0) == 0) == (match is not None), (pattern, text)
            if match is not None and "|" not in pattern:
                wanted = [(span.start, span.end) for span in spans[: min(ours.groups, 9) + 1]]
                assert [match.span(n) for n in range(len(wanted))] == wanted, (pattern, text)
                compared += 1
        libc.regfree(buffer)
    assert compared > 1000


def test_from_left_to_right_each_part_is_as_long_as_it_can_be() -> None:
    match = Regex(b"(a|ab)(c|bcd)(d*)").find(b"abcd")
    assert match is not None
    assert [match.group(number) for number in range(4)] == [b"abcd", b"ab", b"c", b"d"]


SLOW: Final = [
    (r".*@foo\.com", b"sip:", b"a", b"@bar.com"),
    (r"([a-z0-9]+\.?)+@", b"", b"a", b""),
    (r"^To:(.*)sip:[^@]*@([a-zA-Z0-9.]+)(.*)$", b"To:", b"sip:a", b"@foo"),
    (r"((a*)*)*b", b"", b"a", b""),
    (r"(.*)(.*)(.*)(.*)@", b"", b"a", b"@"),
    (r"(a|aa)+$", b"", b"a", b"!"),
    (r"(x+x+)+y", b"", b"x", b""),
]


@pytest.mark.parametrize(("pattern", "before", "repeated", "after"), SLOW)
def test_the_work_grows_with_the_text_only(pattern: str, before: bytes, repeated: bytes, after: bytes) -> None:
    """Ten times the text is ten times the work, not a hundred times: counted in processor time, so with room to spare."""
    regex = Regex(pattern.encode(), True)
    took = []
    for size in (300, 3_000, 30_000):
        text = before + repeated * (size // len(repeated)) + after
        start = time.process_time()
        found = regex.find(text)
        if found is not None:
            found.span(regex.groups)
        took.append(time.process_time() - start)
    assert took[2] < 40 * took[1] + 0.05, "the first made the states"


def test_states_are_forgotten_before_they_are_too_many() -> None:
    """Of this expression each text of its length leads to a state of its own."""
    regex = Regex(b"(a|b)*a(a|b){14}c", False)
    chance = random.Random(3)
    text = bytes(chance.choice(b"ab") for _ in range(20_000))
    assert not regex.search(text)
    assert regex.search(text + b"a" * 15 + b"c")


def test_a_reference_back_is_matched_by_trying() -> None:
    regex = Regex(rb"sip:(.+)\1@", True)
    assert regex.refers_back
    match = regex.find(b"SIP:4242@h")
    assert match is not None and (match.span(0), match.group(1)) == ((0, 9), b"42")
    assert not regex.search(b"sip:4243@h")
    assert [one.start() for one in Regex(rb"(.)\1").find_all(b"aabccd")] == [0, 3]


@pytest.mark.parametrize(
    ("pattern", "sentence", "offset"),
    [
        ("*@example.org", 'nothing before "*" to repeat', 0),
        ("a(?!b)", 'nothing before "?" to repeat', 2),
        ("a{", '"{" is never closed', 1),
        ("a{x}", "{x} is no repetition", 1),
        ("a{3,2}", "bad repetition {3,2}", 1),
        ("(a", '"(" is never closed', 0),
        ("[a", '"[" is never closed', 0),
        (r"(a\1)", "there is no group 1 before this reference", 2),
        ("(" * 200 + ")" * 200, "parentheses are nested more than 100 deep", 100),
        ("((a{1000}){1000}){1000}", "this repetition makes the regular expression too large", 1),
        ("[[:digits:]]", "unknown character class [:digits:]", 1),
    ],
)
def test_refusals_say_what_and_where(pattern: str, sentence: str, offset: int) -> None:
    with pytest.raises(BadRegex) as caught:
        Regex(pattern.encode())
    assert (str(caught.value), caught.value.offset) == (sentence, offset)
