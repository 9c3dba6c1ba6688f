"""The argument kind `subst expression`: `/regex/replacement/flags`. Reference modules-main, chapter 7."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from runtime.sip.subst import Subst
from runtime.spec.declare import Arg, ArgumentKind
from runtime.spec.posix_regex import BadRegex, read_regex
from runtime.spec.values import BadArgument, Constant, Doubt

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\"}


def parse_subst(text: str) -> Constant[Subst]:
    """The expression as a Subst constant; raises BadArgument.

    The first character is the delimiter. The regex is case-sensitive without flag `i`, and a dot stops at line ends without
    flag `s`; `g` replaces all matches.
    """
    if not text:
        raise BadArgument("empty subst expression", 'write "/regex/replacement/"')
    delimiter = text[0]
    if delimiter == "\\":
        raise BadArgument("a backslash cannot delimit a subst expression", 'write "/regex/replacement/"')
    regex, at = _until(text, 1, delimiter)
    replacement, at = _until(text, at, delimiter)
    flags = text[at:]
    for flag in flags:
        if flag not in "isg":
            raise BadArgument(f'unknown flag "{flag}" in a subst expression', "flags are i, s and g")
    pattern = regex.replace("\\" + delimiter, delimiter)
    try:
        groups = read_regex(pattern, ignore_case="i" in flags, newline="s" not in flags).groups
    except BadRegex as e:
        raise BadArgument(f"bad regular expression: {e}", e.hint) from None
    parts = _parts(replacement, delimiter, groups)
    arguments = (pattern.encode("latin-1"), "i" in flags, "s" not in flags, parts, "g" in flags)
    return Constant(Subst, arguments, "SUBST", names=("ignore_case", "newline", "parts", "everywhere"))


def _until(text: str, at: int, delimiter: str) -> tuple[str, int]:
    """The text up to the next delimiter that no backslash precedes, and the position behind it."""
    start = at
    while at < len(text):
        if text[at] == "\\":
            at += 2
        elif text[at] == delimiter:
            return text[start:at], at + 1
        else:
            at += 1
    raise BadArgument(f"subst expression without its closing {delimiter}", 'write "/regex/replacement/"')


def _parts(replacement: str, delimiter: str, groups: int) -> tuple[bytes, ...]:
    parts: list[bytes] = []
    literal = ""
    at = 0
    while at < len(replacement):
        c = replacement[at]
        if c != "\\" or at + 1 == len(replacement):
            literal += c
            at += 1
            continue
        c = replacement[at + 1]
        at += 2
        if c.isdigit() or c == "u":
            if c.isdigit() and int(c) > groups:
                continue  # as in SER, nothing is put there
            if literal:
                parts.append(b"=" + literal.encode("latin-1"))
            literal = ""
            parts.append(c.encode("ascii"))
        else:
            literal += _ESCAPES.get(c, c)
    if literal:
        parts.append(b"=" + literal.encode("latin-1"))
    return tuple(parts)


def _group_doubt(text: str) -> Doubt | None:
    """A group that the regular expression does not have."""
    delimiter = text[0]
    regex, at = _until(text, 1, delimiter)
    replacement, _ = _until(text, at, delimiter)
    groups = read_regex(regex.replace("\\" + delimiter, delimiter)).groups
    named = [c for c in re.findall(r"\\(.)", replacement) if c.isdigit() and int(c) > groups]
    if not named:
        return None
    sentence = f"the replacement names group {named[0]}, the regular expression has {groups}: nothing is put there"
    return Doubt(sentence, "groups are in parentheses, and counted from 1")


SUBST: Final = ArgumentKind[Subst](
    "subst expression", 'a subst expression such as "/regex/replacement/gi"', parse_subst, _group_doubt
)


def _uri_doubt(text: str) -> Doubt | None:
    """The replacement is put in the place of what matched, the scheme of the URI with it."""
    regex, at = _until(text, 1, text[0])
    replacement, _ = _until(text, at, text[0])
    if (group := _group_doubt(text)) is not None:
        return group
    if not re.match(r"\^sips?:", regex) or not replacement:
        return None
    if re.match(r"(sips?|tel|\\.|[$&])", replacement, re.IGNORECASE) and not re.match(r"\\[1-9]", replacement):
        return None
    return Doubt("the scheme is a part of what is replaced, and the new URI begins without one", "begin it with sip:")


URI_SUBST: Final = replace(SUBST, doubt=_uri_doubt)


def uri_subst(name: str = "expression") -> Arg[Subst]:
    """For a URI."""
    return Arg(name, URI_SUBST)


def subst(name: str = "expression") -> Arg[Subst]:
    return Arg(name, SUBST)
