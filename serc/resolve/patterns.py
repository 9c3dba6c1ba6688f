"""Regular expressions that are good ones and match nothing."""

from __future__ import annotations

import re
from typing import Final

from runtime.spec.operands import Form
from serc.diagnostics.fix import Fix, in_quotes, inside, write
from serc.reading import tree

# Literal text behind the first sign, as far as no sign of a pattern follows that could make its last character optional.
_PREFIX: Final = re.compile(r"\^((?:[^\\^$.|?*+(){}\[\]]|\\[^A-Za-z0-9`'<>])+)(?![?*{])")
# A beginning that no letter can be.
_NO_LETTER: Final = r"(?:\\[^A-Za-z0-9`'<>]|[0-9@:<>;,_/ -]|\[[^\^\]A-Za-z][^\]A-Za-z]*\])"
_NO_SCHEME: Final = re.compile(rf"\^(?:{_NO_LETTER}[?*])*{_NO_LETTER}(?![?*]|\{{0)")
# What replies have in the place of a URI.
_LIKE_STATUS: Final = re.compile(r"\^[1-6](?:[0-9.]|\[[0-9-]*\]){0,2}\$?")
# An end behind which something else must follow, a beginning before which something else stands.
_AFTER_END: Final = re.compile(r"(?<!\\)(?:\\\\)*\$(?=[A-Za-z0-9@:<>;,_/ -])")
_BEFORE_BEGINNING: Final = re.compile(r"[A-Za-z0-9@:<>;,_/ -]\^")
_OF_PERL: Final = {"d": "[0-9]", "D": "[^0-9]"}
_BRACKETS: Final = re.compile(r"\[\^?\]?[^\]]*\]")


def mended(pattern: tree.String) -> Fix | None:
    """The pattern in the words of POSIX; None where nothing is known that it would mean. What it matches changes."""
    text = pattern.value
    slashes = re.fullmatch(r"/(.*)/[gimsx]*", text, re.DOTALL)
    if slashes is not None:
        text = slashes[1]
    text = re.sub(r"\\(.)", lambda found: _OF_PERL.get(found[1], found[0]), text, flags=re.DOTALL)
    text = re.sub(r"((?:sips?|tel):)\+(?=[0-9\[])", r"\1\\+", text)
    return None if text == pattern.value else write(pattern.span, in_quotes(pattern, text), safe=False)


def part_instead(string: tree.String, part: tuple[int, int], text: str) -> Fix | None:
    """Another text for a part of a string; None where it has escapes, so that nobody knows where that is."""
    place = inside(string)
    if place is None:
        return None
    return write(tree.Span(place.start + part[0], place.start + part[1]), text, safe=False)


def never_matches(forms: tuple[Form, ...], pattern: str) -> tuple[str, str]:
    """Why, and the way out; "" for both where it may match. `forms` are those of what it is matched against, () if any will do."""
    bare = _BRACKETS.sub(".", pattern)
    if _AFTER_END.search(bare):
        return "$ is the end, and something follows it", r"write \$ for the character itself"
    if _BEFORE_BEGINNING.search(bare):
        return "^ is the beginning, and something stands before it", r"write \^ for the character itself"
    is_status = len(forms) > 1 and _LIKE_STATUS.fullmatch(pattern) is not None
    if forms and forms[0].left_out and "|" not in bare and not is_status and _NO_SCHEME.match(pattern):
        return forms[0].why, f'write "^{forms[0].left_out}{pattern[1:]}"'
    prefix = _PREFIX.match(pattern)
    if not forms or not forms[0].left_out or prefix is None or "|" in bare:
        return "", ""
    text = prefix[1].replace("\\", "")
    if any(form.beginning is not None and form.beginning.match(text) for form in forms):
        return "", ""
    return forms[0].why, f'write "^{forms[0].left_out}{pattern[1:]}"'
