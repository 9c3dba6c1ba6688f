"""The words of one line, taken one after the other."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from typing import Final, NamedTuple, NoReturn

from runtime.sip import methods
from serc.diagnostics import codes
from serc.diagnostics.fix import Fix, misspelt, write
from serc.diagnostics.report import Code, Report
from serc.diagnostics.suggest import did_you_mean
from serc.reading.tree import Span
from serc.testing.language.cases import Place, Who
from serc.testing.language.lines import Line, Word

_PLACE: Final = re.compile(r"(?:(udp|tcp):)?(\[[0-9A-Fa-f:.]+\]|[0-9]+(?:\.[0-9]+){3})(?::([0-9]+))?")
_NAME: Final = re.compile(r"[A-Za-z_][\w.-]*")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_METHOD: Final = re.compile(r"[A-Z][A-Z-]*")
_TIME_MS: Final = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000}
_DAY_MS: Final = 86_400_000
_LONGEST_MS: Final = 31 * _DAY_MS
_TIME: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|min|h)?")


class Pair(NamedTuple):
    """`column=value`, and where it stands."""

    column: str
    value: str | int
    span: Span


class Mistake(Exception):
    """A line cannot be read further; what is wrong has been reported."""


class Reader:
    """Takes words from the front of a line. What does not fit is reported, and raises Mistake."""

    def __init__(self, line: Line, report: Report) -> None:
        self._words: Final = line.words
        self._report: Final = report
        self.span: Final = line.span
        # The words that name somebody, a table of the database, a header.
        self.people: Final[list[Word]] = []
        self.tables: Final[list[Word]] = []
        self.headers: Final[list[Word]] = []
        self._at = 0

    # --- looking -----------------------------------------------------------------------------------------------------

    def next(self) -> Word | None:
        return self._words[self._at] if self._at < len(self._words) else None

    def sees(self, text: str) -> bool:
        """True if the next word is this one."""
        word = self.next()
        return word is not None and not word.quoted and word.text == text

    def take(self, text: str) -> bool:
        """The same, and it is taken then."""
        word = self.next()
        if word is None or word.text != text or word.quoted:
            return False
        self._at += 1
        return True

    # --- what has to be there ----------------------------------------------------------------------------------------

    def has_more(self) -> bool:
        """Does a word follow the next one?"""
        return self._at + 1 < len(self._words)

    def fail(self, code: Code, span: Span, message: str, hint: str = "", fix: Fix | None = None) -> NoReturn:
        self._report.add(code, span, message, hint=hint, fix=fix)
        raise Mistake

    def expected(self, what: str, hint: str = "", fix: Fix | None = None) -> NoReturn:
        word = self.next()
        if word is None:
            end = self._words[-1].span.end if self._words else self.span.end
            self.fail(codes.TEST_EXPECTED, Span(end, end + 1), f"{what} is expected here, and the line ends", hint)
        self.fail(codes.TEST_EXPECTED, word.span, f"{what} is expected here, found {_shown(word)}", hint, fix)

    def keyword(self, options: Collection[str], what: str) -> Word:
        """One of these words."""
        word = self.next()
        if word is None or word.quoted or word.text not in options:
            known = list(options)
            hint, fix = self._meant(word, known)
            self.expected(what, hint or "one of: " + ", ".join(known), fix)
        self._at += 1
        return word

    @staticmethod
    def _meant(word: Word | None, known: list[str]) -> tuple[str, Fix | None]:
        """The way out where a word of these is misspelt."""
        if word is None or word.quoted:
            return "", None
        return did_you_mean(word.text, known), misspelt(word.span, word.text, known)

    def need(self, text: str) -> None:
        if not self.take(text):
            hint, fix = self._meant(self.next(), [text])
            self.expected(f'"{text}"', hint, fix)

    def word(self, what: str) -> Word:
        word = self.next()
        if word is None or word.quoted:
            self.expected(what)
        self._at += 1
        return word

    def text(self, what: str) -> Word:
        """A text, in quotes or as one word."""
        word = self.next()
        if word is None:
            self.expected(what)
        self._at += 1
        return word

    def pattern(self, what: str) -> str:
        """A regular expression."""
        word = self.text(what)
        try:
            re.compile(word.text)
        except re.error as e:
            self.fail(codes.TEST_VALUE, word.span, f"this is no regular expression: {e}")
        return word.text

    def name(self, what: str) -> Word:
        word = self.word(what)
        if not _NAME.fullmatch(word.text):
            self._at -= 1
            self.expected(what)
        return word

    def number(self, what: str, low: int, high: int) -> int:
        word = self.word(what)
        if not word.text.isdecimal():
            self._at -= 1
            self.expected(what)
        if not low <= int(word.text) <= high:
            self.fail(codes.TEST_VALUE, word.span, f"{word.text} is not {what}: {low} to {high}")
        return int(word.text)

    def method(self) -> str:
        word = self.word("a method")
        if not _METHOD.fullmatch(word.text):
            self._at -= 1
            meant = word.text.upper() if word.text.isalpha() else ""
            fix = write(word.span, meant) if meant else None
            self.expected("a method", f"methods are in capitals: {meant}" if meant else "", fix)
        fix = None if word.text in methods.NUMBERS else misspelt(word.span, word.text, methods.NUMBERS)
        if fix is not None and fix.is_safe:
            hint = f'{did_you_mean(word.text, methods.NUMBERS)} A method that is called so goes into  when message """'
            self.fail(codes.TEST_VALUE, word.span, f"there is no method {word.text}", hint, fix)
        return word.text

    def time(self) -> int:
        """Milliseconds."""
        word = self.word("a time")
        found = _TIME.fullmatch(word.text)
        if found is None:
            self._at -= 1
            self.expected("a time", "write 30 s, 500 ms or 2 min")
        unit = found[2] or self.keyword(_TIME_MS, "a unit of time").text
        passed_ms = round(float(found[1]) * _TIME_MS[unit])
        if passed_ms > _LONGEST_MS:
            hint = "each timer of the server runs meanwhile"
            self.fail(codes.TEST_VALUE, word.span, f"no more than {_LONGEST_MS // _DAY_MS} days can pass", hint)
        return passed_ms

    def place(self, what: str = "an address") -> Place:
        word = self.word(what)
        place = place_of(word.text)
        if place is None:
            self.fail(codes.TEST_VALUE, word.span, f"{word.text} is no address", "write 10.0.0.7 or tcp:10.0.0.7:5060")
        return place

    def who(self, what: str) -> Who:
        word = self.word(what)
        if word.text.lower().startswith(("sip:", "sips:", "tel:")):
            return Who(word.span, uri=word.text)
        place = place_of(word.text)
        if place is not None:
            return Who(word.span, place=place)
        if not _NAME.fullmatch(word.text):
            hint = "write a name, a URI such as sip:bob@example.com, or an address"
            self.fail(codes.TEST_VALUE, word.span, f"{word.text} is nobody", hint)
        self.people.append(word)
        return Who(word.span, name=word.text)

    def user(self) -> str:
        """Whose contact it is: a name, or a name with a domain."""
        word = self.text("a user")
        self.people.append(word)
        return word.text

    def table(self) -> str:
        word = self.name("a table")
        self.tables.append(word)
        return word.text

    def header(self) -> str:
        word = self.text("the name of a header")
        self.headers.append(word)
        return word.text

    def uri(self, what: str) -> str:
        """One with a scheme, whatever stands behind that."""
        word = self.text(what)
        if not _SCHEME.match(word.text):
            self.fail(codes.TEST_VALUE, word.span, f"{word.text} is no URI", f"write sip:{word.text}")
        return word.text

    def pairs(self) -> tuple[Pair, ...]:
        """`column=value` as often as there are: a text in quotes, or a number or word."""
        found: list[Pair] = []
        while (word := self.next()) is not None:
            column, equals, value = word.text.partition("=")
            if word.quoted or not equals or not _NAME.fullmatch(column):
                self.expected("column=value")
            self._at += 1
            following = self.next()
            if not value and following is not None and following.quoted and following.span.start == word.span.end:
                self._at += 1
                found.append(Pair(column, following.text, Span(word.span.start, following.span.end)))
            else:
                found.append(Pair(column, int(value) if value.isdecimal() else value, word.span))
        return tuple(found)

    def end(self) -> None:
        if self.next() is not None:
            self.expected("the end of the line")


def place_of(text: str) -> Place | None:
    found = _PLACE.fullmatch(text)
    if found is None or int(found[3] or 1) not in range(1, 65536):
        return None
    try:
        host = str(ipaddress.ip_address(found[2].strip("[]")))
    except ValueError:
        return None
    return Place(host, int(found[3] or 5060), found[1] or "")


def _shown(word: Word) -> str:
    return f'"{word.text}"' if len(word.text) < 40 else "a long text"
