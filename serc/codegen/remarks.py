"""The operator's comments as comments of routes.py: text for people, and nothing that a tool could take for an order."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from typing import Final

from serc.codegen.lines import WIDTH, Laid

# What black, mypy and others obey at the begin of a comment.
_ORDERS: Final = re.compile(
    r"[\W_]*(?:type|mypy|fmt|noqa|nopep8|pylint|pyright|ruff|isort|yapf|flake8|pragma|black|coding|vim?|serc|region)\b",
    re.IGNORECASE,
)


class Remarks:
    """`by_line` are the texts by the line of ser.cfg that they stand above. Each is given out once."""

    def __init__(self, by_line: Mapping[int, tuple[str, ...]]) -> None:
        self._left = dict(by_line)

    def above(self, origin: int, indent: str = "") -> list[str]:
        """The comment lines for what comes from line `origin` of ser.cfg."""
        texts = self._left.pop(origin, ())
        return [f"{indent}# {line}" for text in texts for line in _lines(text, WIDTH - len(indent) - 2)]

    def among(self, body: list[Laid]) -> list[Laid]:
        """The lines of a function with its comments."""
        out: list[Laid] = []
        for laid in body:
            if laid.origin in self._left:
                indent = laid.text[: len(laid.text) - len(laid.text.lstrip())]
                out.extend(Laid(line, 0) for line in self.above(laid.origin, indent))
            out.append(laid)
        return out


def _lines(text: str, width: int) -> list[str]:
    plain = "".join(c if c.isprintable() else " " for c in text).strip()
    if _ORDERS.match(plain):
        plain = f"| {plain}"
    return textwrap.wrap(plain, max(width, 40))
