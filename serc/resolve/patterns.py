"""Regular expressions that are good ones and match nothing."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from runtime.spec.operands import Form
from runtime.spec.posix_regex import posix_regex
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
# Signs of a header field that its URI does not have, and a user's number with nothing behind it.
_NO_URI: Final = re.compile(r"(?<!\\)[ <>\"](?![*?]|\{0)")
_NUMBER_ALONE: Final = re.compile(r"\^sips?:(?:(?:\\\+|[0-9+]|\[[0-9-]+\])(?:[*+?]|\{[0-9,]+\})?)+\$")
# Of a host, behind the "@" that begins it: a dot between two words that no backslash makes one.
_HOST: Final = re.compile(r"@[^@]*\Z|\Asips?:[^@]*\Z|\A\^?sips?:[^@]*\Z|\A[^@:]*\Z")
_DOT: Final = re.compile(r"(?<=[A-Za-z0-9])\.(?=[A-Za-z0-9])")
_OF_PERL: Final = {"d": "[0-9]", "D": "[^0-9]"}
_ESCAPED_DOT: Final = r"\\."
# The digits of a user from the first one on, with no beginning before them.
_NUMBER_FIRST: Final = re.compile(r"((?:[0-9]*\[0-9\](?:[*+?]|\{[0-9]+(?:,[0-9]*)?\})?)+)@")
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


@lru_cache(maxsize=2048)  # an editor asks after each keystroke
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
    if forms and forms[0].left_out and _NUMBER_ALONE.fullmatch(pattern):
        return "behind the user comes the host", f'write "{pattern[:-1]}@"'
    prefix = _PREFIX.match(pattern)
    if not forms or not forms[0].left_out or prefix is None or "|" in bare:
        return _strange_sign(forms, bare)
    text = prefix[1].replace("\\", "")
    if any(form.beginning is not None and form.beginning.match(text) for form in forms):
        return _strange_sign(forms, bare)
    return forms[0].why, f'write "^{forms[0].left_out}{pattern[1:]}"'


def _strange_sign(forms: tuple[Form, ...], bare: str) -> tuple[str, str]:
    """A sign that no URI has, outside of brackets; "" for both if there is none."""
    sign = _NO_URI.search(bare) if forms and forms[0].left_out and "|" not in bare else None
    if sign is None:
        return "", ""
    what = "a blank" if sign[0] == " " else sign[0]
    return (
        f"there is no {what.removeprefix('a ')} in a URI",
        "headers have it around the URI: write what is in the URI alone",
    )


@lru_cache(maxsize=2048)
def matches_more(pattern: str) -> tuple[str, str]:
    """What a pattern for URIs and addresses takes that is hardly meant, and the way out; "" for both if nothing is known."""
    bare = _BRACKETS.sub(".", pattern)
    if not re.search(r"[$^\\]", bare) and posix_regex(pattern).search(b""):
        return "this matches everything: each part of it may be missing", "write + in the place of *"
    number = _NUMBER_FIRST.match(pattern)
    if number is not None:
        sentence = f'"{number[0]}" may have anything before it: "sip:x{_digits(number[1])}@" matches, too'
        return sentence, f'write "^sip:{pattern}"'
    branches = _branches(bare)
    if len(branches) > 1 and branches[0].startswith("^") and not any(b.startswith("^") for b in branches[1:]):
        inner = pattern.removeprefix("^")
        sentence = f'"^" belongs to "{branches[0]}" alone: "{branches[1]}" may stand anywhere'
        return sentence, f'write "^({inner})"' if "^" not in inner else "put parentheses around the alternatives"
    host = _HOST.search(bare)
    dot = _DOT.search(bare, host.start()) if host is not None else None
    if dot is not None:
        before, behind = (
            re.split(r"[^-A-Za-z0-9.]", bare[: dot.end()])[-1],
            re.split(r"[^-A-Za-z0-9.]", bare[dot.end() :])[0],
        )
        part = (before + behind).strip(".")
        sentence = f'a dot stands for any character: "{part}" matches "{part.replace(".", "x", 1)}", too'
        return sentence, f'write "{_DOT.sub(_ESCAPED_DOT, part)}"'
    return "", ""


def _digits(pattern: str) -> str:
    """A number that it matches."""
    times = re.compile(r"\[0-9\](?:\{([0-9]+)[0-9,]*\}|[*+?])?")
    return times.sub(lambda found: "1234567890"[: int(found[1] or 3)] or "1", pattern)


def _branches(bare: str) -> list[str]:
    """The alternatives that stand in no parentheses."""
    depth, parts = 0, [""]
    for sign in re.findall(r"\\.|.", bare, re.DOTALL):
        depth += (sign == "(") - (sign == ")")
        if sign == "|" and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return parts
