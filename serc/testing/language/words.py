"""Which words may stand at a place of a test file, for editors."""

from __future__ import annotations

from typing import Final

from serc.completing import Proposal
from serc.reading.source import Source
from serc.testing.tables import columns_of, table_names

_GIVEN: Final = ("contact", "row in", "dns", "exec", "rtpproxy answers", "database down")
_THEN: Final = (
    "nothing",
    "no",
    "log",
    "row in",
    "contact",
    "exec",
    "rtpproxy",
    "100",
    "180",
    "200",
    "401",
    "403",
    "404",
    "407",
)
_METHODS: Final = ("INVITE", "REGISTER", "OPTIONS", "MESSAGE", "SUBSCRIBE", "ACK", "BYE", "CANCEL")
_LINE: Final = ("config", "listen", "user", "given", "test", "when", "then", "and", "after", "with", "without")
# By the word that begins the line.
_NEXT: Final = {
    "given": _GIVEN,
    "when": (*_METHODS, "message"),
    "then": (*_THEN, *_METHODS),
    "and": (*_THEN, *_METHODS),
    "with": ("header", "uri", "body", "reason", "source", "contact", "expires", "from", "to"),
    "without": ("header",),
}


def words_for(source: Source, offset: int) -> list[Proposal]:
    """The statements at the begin of a line, behind them what they take; tables, and their columns."""
    line = source.line_of(offset)
    before = source.text[source.line_start(line) : offset]
    if before.count('"') % 2 or "#" in before:
        return []
    words = before.split()
    if before and not before[-1].isspace() and words:
        words.pop()  # it is being written
    if not words:
        return [Proposal(word, "keyword", "") for word in _LINE]
    if words[-1] == "in" and "row" in words:
        return [Proposal(name, "module", "table") for name in table_names()]
    if "row" in words and len(words) > words.index("row") + 2:
        columns = columns_of(words[words.index("row") + 2]) or []
        return [Proposal(f"{name}=", "parameter", "column") for name in columns]
    known = _NEXT.get(words[0], ())
    if len(words) == 1:
        return [Proposal(word, "keyword", "") for word in known]
    if words[0] == "when" and words[-1] not in ("from", "to"):
        return [
            Proposal(word, "keyword", "") for word in ("from", "to", "sends", "answers", "repeats", "authenticates")
        ]
    return []
