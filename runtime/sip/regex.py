"""POSIX extended regular expressions on wire data, in time that grows with the text only.

SER gave them to the C library. Tests hold the results against it; the library itself takes time that grows with the square of the
text for some expressions, and Python's `re` without bound.
"""

from __future__ import annotations

import re
from typing import Final, final

from mypy_extensions import i64

from runtime.sip.regex_automaton import Automaton
from runtime.sip.regex_groups import Divider
from runtime.sip.regex_python import python_pattern
from runtime.sip.regex_syntax import LARGEST, Parsed, parse_regex
from runtime.sip.regex_syntax import BadRegex as BadRegex


@final
class Regex:
    """The compiled expression `pattern`; raises BadRegex.

    `newline` is REG_NEWLINE: `.` and `[^…]` leave line ends alone, `^` and `$` match at lines. `groups` is how many it has. One
    that refers back to a group (`refers_back`) has Python's `re` behind it, which some texts keep busy for long. `largest` bounds what
    its repetitions come to, where somebody else has written it.
    """

    def __init__(self, pattern: bytes, ignore_case: bool = False, newline: bool = True, largest: int = LARGEST) -> None:
        self.pattern: Final = pattern
        self.ignore_case: Final = ignore_case
        self.newline: Final = newline
        parsed: Parsed = parse_regex(pattern.decode("latin-1"), ignore_case, newline, largest)
        self.groups: Final = parsed.groups
        self.refers_back: Final = parsed.refers_back
        # With its repetitions written out.
        self.size: Final = parsed.node.size
        self._node: Final = parsed.node
        self._re: re.Pattern[bytes] | None = None
        self._anywhere: Automaton | None = None
        # For the place of a match; most expressions are only asked whether there is one.
        self._back: Automaton | None = None
        self._ahead: Automaton | None = None
        self._divider: Divider | None = None
        if parsed.refers_back:
            self._re = re.compile(python_pattern(parsed.node), re.IGNORECASE if ignore_case else 0)
        else:
            self._anywhere = Automaton(parsed.node, False, True)

    def search(self, text: bytes) -> bool:
        """True if the expression matches anywhere in `text`."""
        machine = self._anywhere
        if machine is not None:
            return machine.is_in(text, 0)
        assert self._re is not None
        return self._re.search(text) is not None

    def find(self, text: bytes, start: int = 0) -> Match | None:
        """The leftmost and then longest match at or after `start`; `^` and its like see what precedes `start`."""
        if start > len(text):
            return None
        if self._re is not None:
            one = self._re.search(text, start)
            return None if one is None else _of_python(self, text, one)
        machine = self._anywhere
        if machine is None or not machine.is_in(text, start):
            return None
        first: i64 = self._marks(text, start).find(1)
        return self._match(text, start + first)

    def find_all(self, text: bytes, start: int = 0) -> list[Match]:
        """All matches at or after `start`, from left to right, none inside another; also those of nothing."""
        found: list[Match] = []
        if self._re is not None:
            for one in self._re.finditer(text, start):
                found.append(_of_python(self, text, one))
            return found
        if start > len(text):
            return found
        marks = self._marks(text, start)
        at = marks.find(1)
        if self._ahead is None:
            self._ahead = Automaton(self._node, False, False)
        hopeless: set[int] = set()
        while at >= 0:
            match = Match(self, text, start + at, self._ahead.longest_of_many(text, start + at, hopeless), None)
            found.append(match)
            at = marks.find(1, match.end() - start + (1 if match.end() == match.start() else 0))
        return found

    def _marks(self, text: bytes, start: i64) -> bytearray:
        """1 wherever a match begins, `start` being the first position."""
        if self._back is None:
            self._back = Automaton(self._node, True, True)
        return self._back.mark(text, start, len(text))

    def _match(self, text: bytes, start: i64) -> Match:
        if self._ahead is None:
            self._ahead = Automaton(self._node, False, False)
        return Match(self, text, start, self._ahead.longest(text, start, len(text), None), None)

    def spans(self, text: bytes, start: i64, stop: i64) -> list[tuple[int, int]]:
        """Where the groups of a match are."""
        if self._divider is None:
            self._divider = Divider(self._node, self.groups)
        return self._divider.divide(text, start, stop)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Regex)
            and self.pattern == other.pattern
            and self.ignore_case == other.ignore_case
            and self.newline == other.newline
        )

    def __hash__(self) -> int:
        return hash(self.pattern)


@final
class Match:
    """Where an expression has matched. Groups are looked for when one is asked for."""

    def __init__(self, regex: Regex, text: bytes, start: i64, end: i64, spans: list[tuple[int, int]] | None) -> None:
        self._regex: Final = regex
        self._text: Final = text
        self._start: Final = start
        self._end: Final = end
        self._spans = spans

    def start(self) -> int:
        return int(self._start)

    def end(self) -> int:
        return int(self._end)

    def span(self, number: int) -> tuple[int, int]:
        """Start and end of a group, 0 the whole match; -1 for one that takes no part."""
        if number == 0:
            return int(self._start), int(self._end)
        if self._spans is None:
            self._spans = self._regex.spans(self._text, self._start, self._end)
        return self._spans[number - 1]

    def group(self, number: int) -> bytes:
        """The text of a group, 0 the whole match; b"" for one that takes no part."""
        start, end = self.span(number)
        return self._text[start:end] if start >= 0 else b""


def _of_python(regex: Regex, text: bytes, match: re.Match[bytes]) -> Match:
    spans = [match.span(number) for number in range(1, regex.groups + 1)]
    return Match(regex, text, match.start(), match.end(), spans)
