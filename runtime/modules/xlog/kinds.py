"""The level and the format of xlog. Reference modules-main, chapter 14 and its corrections.

format    = *(text / "%" letter [letter] / "%{" name ["[" index "]"] "}")
name      = ALPHA *(any character but "[" and "}")
"""

from __future__ import annotations

import re
from typing import Final

from runtime.modules.xlog.format import Format
from runtime.spec.declare import Arg, ArgumentKind
from runtime.spec.kinds import level_named, wire
from runtime.spec.values import BadArgument, Constant, Doubt, Named

SPECIFIERS: Final = {
    "%%": "the percent sign",
    "%ci": "Call-ID",
    "%cs": "CSeq number",
    "%ct": "Contact",
    "%ft": "From tag",
    "%fu": "From URI",
    "%is": "source address",
    "%mb": "the whole message",
    "%mf": "message flags",
    "%mi": "number of the message",
    "%ml": "length of the message",
    "%pp": "process id",
    "%rm": "method",
    "%rs": "status code",
    "%rr": "reason phrase",
    "%ru": "request URI",
    "%tt": "To tag",
    "%tu": "To URI",
    "%Tf": "time",
    "%Ts": "Unix time",
    "%ua": "User-Agent",
}
_FAMILIES: Final = {specifier[1] for specifier in SPECIFIERS}
_HEADER: Final = re.compile(r"%\{([A-Za-z][^][{}]*)(?:\[(-?[0-9]+)\])?\}")

# SER reads the third character alone.
LEVELS: Final = {"A": -3, "C": -2, "E": -1, "W": 1, "N": 2, "I": 3, "D": 4}
_LEVEL_NAMES: Final = ("L_ALERT", "L_CRIT", "L_ERR", "L_WARN", "L_NOTICE", "L_INFO", "L_DBG")


def pieces_of(text: str) -> tuple[str, ...]:
    """`text` cut into literals and specifiers; the latter are the pieces that begin with "%".

    Raises BadArgument for what keeps SER from starting: a bad %{header}.
    """
    pieces: list[str] = []
    at = 0
    while at < len(text):
        end = _end_of_specifier(text, at) if text[at] == "%" else text.find("%", at)
        end = len(text) if end < 0 else end
        pieces.append(text[at:end])
        at = end
    return tuple(pieces)


def _end_of_specifier(text: str, at: int) -> int:
    if text.startswith("%{", at):
        found = _HEADER.match(text, at)
        if not found:
            raise BadArgument(f'"{text[at : at + 16]}" is no header', "write %{Name}, %{Name[n]} or %{Name[-1]}")
        return found.end()
    # An unknown first letter is skipped alone, an unknown second one together with the first.
    return at + (3 if text[at + 1 : at + 2] in _FAMILIES - {"%"} else 2)


def _format(text: str) -> Constant[Format]:
    pieces = tuple(wire(piece) for piece in pieces_of(text))
    return Constant(Format, (pieces,), "FORMAT")


def _format_doubt(text: str) -> Doubt | None:
    pieces = pieces_of(text)
    for piece, following in zip(pieces, (*pieces[1:], "")):
        if piece.startswith("%") and not piece.startswith("%{") and piece not in SPECIFIERS:
            shown = piece if len(piece) > 1 else "% at the end"
            return Doubt(f"{shown} is no specifier of xlog and prints <null>", _way_out(piece, following))
    return None


def _way_out(piece: str, following: str) -> str:
    letters = (piece[1:] + following)[:2]
    turned = f"%{letters[::-1]}"
    if turned in SPECIFIERS:
        return f"write {turned} ({SPECIFIERS[turned]})"
    near = [f"{known} ({meaning})" for known, meaning in SPECIFIERS.items() if known[1] == piece[1:2] != "%"]
    return "there are " + ", ".join(near) if near else "write %% for the percent sign itself"


def _level(text: str) -> int | Named[int]:
    letter = text[2:3]
    if letter not in LEVELS:
        raise BadArgument(f'"{text}" is no log level', "write " + ", ".join(_LEVEL_NAMES))
    return level_named(LEVELS[letter])


def _level_doubt(text: str) -> Doubt | None:
    if text in _LEVEL_NAMES:
        return None
    meant = next(name for name in _LEVEL_NAMES if name[2] == text[2])
    return Doubt(f'"{text}" counts as {meant}: the third letter alone is read', f"write {meant}")


LEVEL: Final = ArgumentKind[int]("log level", "a level such as L_ERR", _level, _level_doubt)
FORMAT: Final = ArgumentKind[Format]("format", "a format of xlog", _format, _format_doubt, True)


def log_level(name: str = "level") -> Arg[int]:
    return Arg(name, LEVEL)


def log_format(name: str = "format") -> Arg[Format]:
    return Arg(name, FORMAT)
