"""Regular expressions as the C library reads them: the same ones are refused, the others match the same texts."""

from __future__ import annotations

import ctypes
import platform
import random
import re
from typing import Final

import pytest

from runtime.spec.posix_regex import BadRegex, python_pattern

REG_EXTENDED, REG_NEWLINE = 1, 4
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


def translated(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(python_pattern(pattern))
    except BadRegex:
        return None


def test_random_expressions_mean_what_they_mean_in_c(libc: ctypes.CDLL) -> None:
    chance = random.Random(1)
    for _ in range(5000):
        pattern = "".join(chance.choice(PIECES) for _ in range(chance.randrange(1, 6)))
        compiled = ctypes.create_string_buffer(256)
        taken = libc.regcomp(compiled, pattern.encode(), REG_EXTENDED | REG_NEWLINE) == 0
        ours = translated(pattern)
        assert taken == (ours is not None), pattern
        if ours is not None:
            for text in TEXTS:
                matches = libc.regexec(compiled, text.encode(), 1, (Match * 1)(), 0) == 0
                assert matches == (ours.search(text) is not None), (pattern, text)
            libc.regfree(compiled)


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
        ("[[:digits:]]", "unknown character class [:digits:]", 1),
    ],
)
def test_refusals_say_what_and_where(pattern: str, sentence: str, offset: int) -> None:
    with pytest.raises(BadRegex) as caught:
        python_pattern(pattern)
    assert (str(caught.value), caught.value.offset) == (sentence, offset)
