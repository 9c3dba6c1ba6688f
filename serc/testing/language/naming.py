"""Who and what the lines of a test file name, and names that are nearly others: what a slip makes is told."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from serc.diagnostics import codes
from serc.diagnostics.fix import Fix, misspelt
from serc.diagnostics.report import Report
from serc.diagnostics.suggest import did_you_mean, is_slip, nearest
from serc.reading.source import Source
from serc.testing.language.headers import HEADERS
from serc.testing.language.lines import Word
from serc.testing.language.reader import Reader

_DIGITS: Final = re.compile(r"[0-9]+")


class Named:
    """The names of a file, each once at its place: a line of a test with a table is read for each row."""

    def __init__(self) -> None:
        self.declared: Final[set[str]] = set()
        self._people: Final[dict[Word, None]] = {}
        self._headers: Final[dict[Word, None]] = {}
        self._tables: Final[dict[Word, None]] = {}

    def take(self, reader: Reader) -> None:
        self._people.update(dict.fromkeys(reader.people))
        self._headers.update(dict.fromkeys(reader.headers))
        self._tables.update(dict.fromkeys(reader.tables))

    def all_tables(self) -> tuple[Word, ...]:
        return tuple(self._tables)

    def report_slips(self, source: Source, report: Report) -> None:
        """Who is not declared may be anybody, and a header may have any name: so these are warnings."""
        for word in self._people:
            name = word.text.removeprefix("sip:").partition("@")[0]
            meant = _slip_of(name, self.declared)
            if meant:
                hint = f'did you mean "{meant}"? If not, say so at the beginning of the file:  user {name}'
                message = f"no line declares a user {name}, and one {meant}"
                report.add(codes.TEST_SLIP, word.span, message, hint=hint, fix=_cure(source, word, self.declared))
        for word in self._headers:
            meant = _slip_of(word.text, HEADERS)
            if meant:
                message = f"{word.text} is no header of a standard, and {meant} is one"
                fix = _cure(source, word, HEADERS)
                report.add(codes.TEST_SLIP, word.span, message, hint=f'did you mean "{meant}"?', fix=fix)


def _cure(source: Source, word: Word, known: Iterable[str]) -> Fix | None:
    """The name that was meant, if the word stands there as it is: it may be a value of a table."""
    return misspelt(word.span, word.text, known, safe=False) if source.text_of(word.span) == word.text else None


def _slip_of(word: str, known: set[str] | frozenset[str]) -> str:
    """The one known word that a slip has made this one of; "" if it is known, or is nearly none, or only numbers tell them apart."""
    lower = word.lower()
    if any(lower == each.lower() for each in known):
        return ""
    meant = nearest(word, known)
    if meant is None or not is_slip(word, meant, known) or _DIGITS.sub("", lower) == _DIGITS.sub("", meant.lower()):
        return ""
    return meant


def report_tables(source: Source, tables: tuple[Word, ...], known: list[str], text: str, report: Report) -> None:
    """Tables that are neither SER's (`known`) nor in the `text` of ser.cfg: nobody would look there."""
    words = set(re.findall(r"[A-Za-z_][\w.-]*", text))
    for table in tables:
        if table.text not in known and table.text not in words:
            hint = did_you_mean(table.text, known) or "ser.cfg has to name it, as in a modparam, or in save and lookup"
            message = f"neither SER nor ser.cfg has a table {table.text}"
            report.add(codes.TEST_NAME, table.span, message, hint=hint, fix=_cure(source, table, known))
