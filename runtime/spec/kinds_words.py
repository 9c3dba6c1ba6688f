"""Arguments out of a fixed vocabulary: keywords, bit masks, flag letters, numbers of routes."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import Final

from runtime.sip.regex import Regex
from runtime.spec.declare import Arg, ArgumentKind
from runtime.spec.kinds import REGEX, parse_integer, wire
from runtime.spec.posix_regex import BadRegex, posix_regex
from runtime.spec.values import BadArgument, Doubt

# The core has 20 routes of each kind (reference core, 2.5).
LAST_ROUTE: Final = 19


def keyword(name: str, *words: str) -> Arg[bytes]:
    """One of `words`, in any case; its value is the word as given here."""
    listed = ", ".join(words[:-1]) + " or " + words[-1]

    def parse(text: str) -> bytes:
        for word in words:
            if text.lower() == word.lower():
                return wire(word)
        raise BadArgument(f'"{text}" is none of them')

    return Arg(name, ArgumentKind("keyword", listed, parse))


def mask(name: str, bits: dict[int, str]) -> Arg[int]:
    """The sum of the values in `bits`, each with its meaning."""
    known = sum(bits)
    table = ", ".join(f"{bit} {meaning}" for bit, meaning in bits.items())

    def parse(text: str) -> int:
        try:
            return parse_integer(text, 0)
        except BadArgument as e:
            raise BadArgument(str(e), f"write the sum of {table}") from None

    def doubt(text: str) -> Doubt | None:
        value = int(text)
        if value & ~known:
            return Doubt(f"bit {_lowest_bit(value & ~known)} has no meaning here", f"write the sum of {table}")
        return None if value else Doubt("0 selects nothing", f"write the sum of {table}")

    return Arg(name, ArgumentKind("mask", f"a sum of bits ({table})", parse, doubt))


def _lowest_bit(value: int) -> int:
    return value & -value


def letters(name: str, meanings: dict[str, str]) -> Arg[bytes]:
    """Flag letters in any order and case, "" for none. SER starts with an unknown one, the function then always fails."""
    table = ", ".join(f"{letter} {meaning}" for letter, meaning in meanings.items())

    def doubt(text: str) -> Doubt | None:
        unknown = next((letter for letter in text if letter.lower() not in meanings), "")
        if not unknown:
            return None
        return Doubt(f'"{unknown}" is no flag: the function always fails', f"flags: {table}")

    return Arg(name, ArgumentKind("flags", f"flag letters ({table})", wire, doubt))


def _route_number(text: str) -> int:
    try:
        return parse_integer(text, 0, LAST_ROUTE)
    except BadArgument as e:
        raise BadArgument(str(e), f"routes are numbered 0 to {LAST_ROUTE}") from None


# The compiler asks for these two by identity, to see that the route exists; 0 disarms.
FAILURE_ROUTE: Final = ArgumentKind[int]("failure_route", "the number of a failure_route", _route_number)
ONREPLY_ROUTE: Final = ArgumentKind[int]("onreply_route", "the number of an onreply_route", _route_number)


def failure_route(name: str = "route") -> Arg[int]:
    return Arg(name, FAILURE_ROUTE)


def onreply_route(name: str = "route") -> Arg[int]:
    return Arg(name, ONREPLY_ROUTE)


def identity(name: str = "header") -> Arg[bytes]:
    """Whose membership the group modules look up."""
    return keyword(name, "Request-URI", "To", "From", "Credentials")


def status_doubt(text: str) -> Doubt | None:
    if re.search(r"[0-9]*[xX]{1,2}", text):
        wanted = re.sub("[xX]", "[0-9]", text)
        return Doubt(f'no status is like "{text}": an x is an x in a regular expression', f'write "{wanted}"')
    if re.search("[,;/ ]", text):
        wanted = "|".join(re.split("[,;/| ]+", text))
        return Doubt(
            f'no status is like "{text}": a regular expression separates what may be by |', f'write "{wanted}"'
        )
    return REGEX.doubt(text) or _status_of_none(text)


def _status_of_none(text: str) -> Doubt | None:
    bare = text.replace("[0-9]", ".").strip("^$").removeprefix("(").removesuffix(")")
    alternatives = bare.split("|") if not re.search(r"[\\()\[\]]", bare) else [text]
    vain = next((each for each in (text, *alternatives) if not codes_like(each)), None)
    return Doubt(f'no status is like "{vain}": they have three digits, from 100 to 699') if vain is not None else None


@lru_cache(maxsize=256)  # an editor asks after each keystroke
def codes_like(text: str) -> tuple[int, ...]:
    """The status codes that a regular expression matches."""
    try:
        pattern = posix_regex(text)
    except BadRegex:
        return ()
    return tuple(code for code in range(100, 700) if pattern.search(str(code).encode()))


STATUS_REGEX: Final = replace(REGEX, doubt=status_doubt)


def status_regex() -> Arg[Regex]:
    """A regular expression for the code of a reply."""
    return Arg("regex", STATUS_REGEX)
