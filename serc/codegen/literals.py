"""Values as Python source, spelt as Black would spell them."""

from __future__ import annotations

from typing import Final

from runtime.spec.values import Constant
from serc import ir

_ESCAPES: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\"}


def literal(value: object) -> str:
    """Source of an int, str, bytes, bool, or a tuple of such."""
    if isinstance(value, bytes):
        return "b" + _quoted(value.decode("latin-1"), ascii_only=True)
    if isinstance(value, str):
        return _quoted(value, ascii_only=False)
    if isinstance(value, ir.Octal):
        return f"0o{value.value:o}"
    if isinstance(value, ir.FromEnvironment):
        if not value.module:
            return f"environment({literal(value.text)})"
        return f"parameter({literal(value.module)}, {literal(value.parameter)}, {literal(value.text)})"
    if isinstance(value, ir.Endpoint):
        port = f", {value.port}" if value.port else ""
        return f"Listen({literal(value.proto)}, {literal(value.host)}{port})"
    if isinstance(value, tuple):
        items = [literal(item) for item in value]
        return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"
    assert isinstance(value, (int, bool)), value
    return repr(value)


def argument(value: ir.Argument) -> str:
    """Source of an argument of a call."""
    if isinstance(value, ir.Symbol):
        return f"{value.owner}.{value.name}"
    if isinstance(value, ir.Hoisted):
        return value.name
    assert not isinstance(value, (Constant, ir.Late)), "hoist_constants has not run"
    return literal(value)


def _quoted(text: str, *, ascii_only: bool) -> str:
    """In double quotes, unless single ones save backslashes: so does Black."""
    quote = "'" if text.count('"') > text.count("'") else '"'
    return quote + "".join(_escaped(c, quote, ascii_only) for c in text) + quote


def _escaped(c: str, quote: str, ascii_only: bool) -> str:
    if c in _ESCAPES:
        return _ESCAPES[c]
    if c == quote:
        return "\\" + c
    if " " <= c <= "~":
        return c
    if c > "\xff":
        return c if c.isprintable() else f"\\U{ord(c):08x}"
    return c if not ascii_only and c.isprintable() else f"\\x{ord(c):02x}"
