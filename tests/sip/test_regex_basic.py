"""POSIX basic regular expressions. The C library's own answers: grep without -E is the witness."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from runtime.sip.regex import Regex
from runtime.sip.regex_basic import extended


@pytest.mark.parametrize(
    ("basic", "wanted"),
    [
        (b"a(b)c", rb"a\(b\)c"),
        (rb"a\(b\)c", b"a(b)c"),
        (b"a{2}", rb"a\{2\}"),
        (rb"a\{2\}", b"a{2}"),
        (b"a|b+c?", rb"a\|b\+c\?"),
        (rb"a\|b\+c\?", b"a|b+c?"),
        (b"*a*", rb"\*a*"),
        (b"^*a", rb"^\*a"),
        (rb"\(*a\)", rb"(\*a)"),
        (b"a^b$c", rb"a\^b\$c"),
        (b"^ab$", b"^ab$"),
        (rb"\(^a$\)", b"(^a$)"),
        (rb"[a(\]*", rb"[a(\]*"),
        (b"[]^a]+", rb"[]^a]\+"),
        (b"[[:alpha:]]$", b"[[:alpha:]]$"),
        (rb"\.\*", rb"\.\*"),
        (b"^sip:.*@h\\.org$", b"^sip:.*@h\\.org$"),
    ],
)
def test_a_basic_expression_in_extended_words(basic: bytes, wanted: bytes) -> None:
    assert extended(basic) == wanted


@pytest.mark.skipif(shutil.which("grep") is None, reason="needs grep")
@pytest.mark.parametrize(
    "basic", [r"a\(b*\)c", "a(b)", r"^sip:[0-9]\{3\}@", "*x", r"x\+y", "a|b", r"a\|b", "^a.c$", "[*]a"]
)
def test_matches_are_those_of_grep(basic: str) -> None:
    texts = ["abbc", "a(b)", "sip:123@h", "*x", "xxy", "x+y", "a|b", "a", "abc", "*a", "sip:12@h", ""]
    found = subprocess.run(["grep", "-e", basic], input="\n".join(texts) + "\n", capture_output=True, text=True)
    assert [text for text in texts if Regex(extended(basic.encode()), False, False).search(text.encode())] == (
        found.stdout.splitlines()
    )
