"""The kinds of arguments that script functions take, each with the reading of its text.

A kind is a function from the argument's name to an Argument: `integer("count")`. Modules may define kinds of their own
beside their bodies; what several modules use is here.
"""

from __future__ import annotations

import re

from runtime.spec.declare import Argument, ArgumentKind
from runtime.spec.posix_regex import BadRegex, python_pattern
from runtime.spec.values import BadArgument, Constant

_DECIMAL = re.compile(r"[+-]?[0-9]+\Z")
_TOKEN = re.compile(r"[-A-Za-z0-9.!%*_+`'~]+\Z")


def wire(text: str) -> bytes:
    """Text of ser.cfg as the bytes that go on the wire: files are read as Latin-1, so this is lossless."""
    return text.encode("latin-1")


def _string(text: str) -> bytes:
    return wire(text)


def parse_integer(text: str, low: int | None = None, high: int | None = None) -> int:
    """The number in `text`; raises BadArgument outside of low..high (inclusive) or for anything but decimal digits."""
    if not _DECIMAL.match(text.strip()):
        raise BadArgument(f'"{text}" is not a number')
    value = int(text)
    if low is not None and value < low or high is not None and value > high:
        raise BadArgument(f"{value} is out of range", f"write a number from {low} to {high}")
    return value


def _code(text: str) -> int:
    try:
        value = parse_integer(text)
    except BadArgument:
        raise BadArgument(f'"{text}" is not a SIP status code', "write three digits such as 404") from None
    if not 100 <= value <= 699:
        raise BadArgument(f"{value} is not a SIP status code", "codes are 100 to 699 (RFC 3261 7.2)")
    return value


def _header_name(text: str) -> bytes:
    if not _TOKEN.match(text):
        hint = "write the name without the colon" if text.endswith(":") else ""
        raise BadArgument(f'"{text}" cannot be the name of a header', hint)
    return wire(text)


def regex_constant(text: str, *, newline: bool = True) -> Constant:
    """A POSIX extended, case-insensitive regex as SER compiles it; `newline` is REG_NEWLINE."""
    try:
        pattern = python_pattern(text, newline=newline)
    except BadRegex as e:
        raise BadArgument(f"bad regular expression: {e}", e.hint) from None
    return Constant("runtime.sip.regex", "Regex", (wire(pattern), True), "REGEX")


def _regex(text: str) -> Constant:
    return regex_constant(text)


STRING = ArgumentKind("string", "a string", _string)
INTEGER = ArgumentKind("integer", "a number in quotes", parse_integer)
CODE = ArgumentKind("code", "a SIP status code in quotes", _code)
HEADER_NAME = ArgumentKind("header name", "the name of a header", _header_name)
REGEX = ArgumentKind("regex", "a POSIX extended regular expression", _regex)


def string(name: str) -> Argument:
    return Argument(name, STRING)


def integer(name: str, low: int | None = None, high: int | None = None) -> Argument:
    """A decimal number, `low` to `high` inclusive."""
    if low is None and high is None:
        return Argument(name, INTEGER)
    return Argument(
        name, ArgumentKind("integer", f"a number from {low} to {high}", lambda t: parse_integer(t, low, high))
    )


def code(name: str = "code") -> Argument:
    return Argument(name, CODE)


def reason(name: str = "reason") -> Argument:
    return Argument(name, STRING)


def header_name(name: str = "name") -> Argument:
    return Argument(name, HEADER_NAME)


def regex(name: str = "regex") -> Argument:
    return Argument(name, REGEX)
