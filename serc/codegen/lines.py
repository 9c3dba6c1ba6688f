"""Lines of routes.py that know where they come from, and their layout.

A line that fits is written here as Black would write it; only one that is too long is given to Black, alone: formatting
a whole module costs Black a millisecond for each line.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

WIDTH: Final = 120
# Its time grows with the square of the length: a second for one like this, which no person reads.
_TOO_LONG_FOR_BLACK: Final = 10_000
_INDENT: Final = "    "


@dataclass(frozen=True)
class Line:
    """One line of source before it is laid out. `origin` is its line in ser.cfg, 0 for none; with `comment` it says so."""

    indent: int
    text: str
    origin: int = 0
    comment: bool = False


@dataclass(frozen=True)
class Laid:
    """One line of routes.py as it stands there, and its line in ser.cfg (0: none)."""

    text: str
    origin: int


def lay_out(lines: list[Line], source: str, width: int = WIDTH) -> list[Laid]:
    """The lines with indentation and the comment that names their place in `source`; those longer than `width` become several."""
    out: list[Laid] = []
    for line in lines:
        comment = f"  # {source}:{line.origin}" if line.comment else ""
        text = _INDENT * line.indent + line.text + comment
        parts = (
            [text]
            if len(text) <= width or len(text) > _TOO_LONG_FOR_BLACK
            else _split(line.indent, line.text + comment)
        )
        out.extend(Laid(part, line.origin) for part in parts)
    return out


@lru_cache(maxsize=4096)
def _split(indent: int, text: str) -> list[str]:
    """A too long statement as Black breaks it; the head of a compound statement is given a body for the time."""
    before = [f"{_INDENT * i}if _:" for i in range(indent)]
    after: list[str] = []
    if text.startswith(("if ", "elif ")):
        after = [_INDENT * (indent + 1) + "pass"]
        if text.startswith("elif "):
            before += [f"{_INDENT * indent}if _:", f"{_INDENT * (indent + 1)}pass"]
    formatted = _black("\n".join([*before, _INDENT * indent + text, *after]) + "\n").splitlines()
    return formatted[len(before) : len(formatted) - len(after)]


def _black(source: str) -> str:
    # Imported only when a line is too long: it costs a tenth of a second.
    try:
        import black
    except ImportError:
        return source  # long lines are as right as short ones
    return black.format_str(source, mode=black.Mode(line_length=WIDTH))
