"""Rule files. Reference modules-main, chapter 20 and its corrections.

    rule = list ["EXCEPT" list] ":" list ["EXCEPT" list]      ; senders, then destinations
    list = "ALL" / expression *("," expression)
    expression = a POSIX extended regular expression, in double quotes where it holds "," or "#"

The last colon that stands outside of quotes parts the sides, so `sip:alice : gw` needs no quotes. A rule matches if its two sides
do. "ALL" belongs to the rule in which it stands (SER asks the first rule of the file for every one); in quotes it is an expression.
A line that is no rule is passed over, and the others count, as in SER.
"""

from __future__ import annotations

import re
from typing import Final, final

from runtime.sip.regex import BadRegex, Regex

# EXCEPT is a word of its own; other words up to a sign are one expression, with the blanks between them.
_TOKEN: Final = re.compile(r'\s*(?:"([^"]*)"|(,)|(EXCEPT(?![^\s,"])|[^\s,"]+(?:[ \t]+(?!EXCEPT(?![^\s,"]))[^\s,"]+)*))')
# What stands before a comment, and of that the quoted texts.
_CODE: Final = re.compile(r'(?:[^"#]|"[^"]*"|"(?![^"]*"))*')
_QUOTED: Final = re.compile(r'"[^"]*"')


class BadRule(Exception):
    """A line that is no rule: `str()` is one sentence."""


@final
class Side:
    """One side of a rule: the expressions of which one must match (none: ALL), and those of which none may."""

    def __init__(self, wanted: list[Regex], excepted: list[Regex]) -> None:
        self.wanted: Final = wanted
        self.excepted: Final = excepted

    def matches(self, text: bytes) -> bool:
        if len(self.wanted) > 0 and not _any_matches(self.wanted, text):
            return False
        return not _any_matches(self.excepted, text)


def _any_matches(expressions: list[Regex], text: bytes) -> bool:
    for expression in expressions:
        if expression.search(text):
            return True
    return False


@final
class Rules:
    """The rules of a file; one that matches is enough. `mistakes` says of each line that is none where it stands and why."""

    def __init__(self, rules: list[tuple[Side, Side]], mistakes: list[str]) -> None:
        self._rules: Final = rules
        self.mistakes: Final = mistakes

    def match(self, sender: bytes, destination: bytes) -> bool:
        """True if a rule is about this pair of URIs."""
        for left, right in self._rules:
            if left.matches(sender) and right.matches(destination):
                return True
        return False

    def is_empty(self) -> bool:
        return len(self._rules) == 0


def parse_rules(text: str) -> Rules:
    """The rules in a file, without the lines that are none."""
    rules: list[tuple[Side, Side]] = []
    mistakes: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            rule = _rule(line)
        except BadRule as e:
            mistakes.append(f"line {number}: {e}")
            continue
        if rule is not None:
            rules.append(rule)
    return Rules(rules, mistakes)


def _rule(line: str) -> tuple[Side, Side] | None:
    """None for a line with nothing but a comment."""
    found = _CODE.match(line)
    code = line[: found.end()] if found is not None else ""
    if not code.strip():
        return None
    colon = _QUOTED.sub(lambda quoted: "_" * len(quoted[0]), code).rfind(":")
    if colon < 0:
        raise BadRule("a rule has two sides, with a colon between them")
    return _side(_tokens(code[:colon])), _side(_tokens(code[colon + 1 :]))


def _tokens(text: str) -> list[str]:
    """A side in pieces: expressions behind a `"`, words as they are, and `,`."""
    found: list[str] = []
    at = 0
    while text[at:].strip():
        token = _TOKEN.match(text, at)
        if token is None:
            raise BadRule("a quote is never closed")
        quoted, sign, word = token.groups()
        found.append('"' + quoted if quoted is not None else str(sign or word))
        at = token.end()
    return found


def _side(tokens: list[str]) -> Side:
    if tokens.count("EXCEPT") > 1:
        raise BadRule("EXCEPT stands twice on one side")
    if "EXCEPT" not in tokens:
        return Side(_expressions(tokens), [])
    place = tokens.index("EXCEPT")
    excepted = _expressions(tokens[place + 1 :])
    if not excepted:
        raise BadRule("EXCEPT ALL matches nothing")
    return Side(_expressions(tokens[:place]), excepted)


def _expressions(tokens: list[str]) -> list[Regex]:
    """The expressions of a list; none if ALL is one of them."""
    words = tokens[::2]
    if any(comma != "," for comma in tokens[1::2]):
        raise BadRule("expressions want commas between them")
    if len(tokens) % 2 == 0 or "," in words:
        raise BadRule("an expression is missing")
    found = [_regex(word.removeprefix('"')) for word in words if word != "ALL"]
    return found if len(found) == len(words) else []


def _regex(text: str) -> Regex:
    if not text:
        raise BadRule("an empty expression")
    try:
        return Regex(text.encode("latin-1"), True, False)
    except BadRegex as e:
        raise BadRule(f'"{text}" is no regular expression: {e}') from e
