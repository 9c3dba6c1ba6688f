"""The reserved words of ser.cfg, as grammar.ebnf lists them."""

from __future__ import annotations

from typing import Final

from serc.reading.parse import GRAMMAR

KEYWORDS: Final = frozenset(
    word
    for line in GRAMMAR.read_text(encoding="utf-8").splitlines()
    if line.startswith("@@keyword ::")
    for word in line.split()[2:]
)
