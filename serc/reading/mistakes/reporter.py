"""Where all syntax mistakes go through: drops the echoes of a mistake that was reported already."""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from typing import Final

from serc.diagnostics.codes import FOREIGN_COMMENT
from serc.diagnostics.fix import Fix, write
from serc.diagnostics.report import Code, Related, Report
from serc.reading.lex import Token
from serc.reading.source import Source, readable
from serc.reading.tree import Span

# So many tokens behind a mistake another one is taken for its echo.
_ECHO: Final = 3
_LONGEST: Final = 40
# Lines.
_LONGEST_COMMENT: Final = 20
_HOST_HEAD: Final = re.compile(r"[\w.-]*\Z")
_HOST_TAIL: Final = re.compile(r"[\w.-]*")
_HOST_MAX: Final = 300


class Reporter:
    """Syntax mistakes of one file; places are indices of `tokens`."""

    def __init__(self, source: Source, tokens: list[Token], report: Report) -> None:
        self.source = source
        self.tokens = tokens
        self._report = report
        self._spoiled_lines = {source.line_of(d.span.start) for d in report.diagnostics}
        self._last_offset = -1
        # Where comments end that begin nowhere: what is refused before that is text of one.
        self._comment_ends = sorted(
            d.span.start for d in report.diagnostics if source.text_of(d.span) == "*/" and d.code is FOREIGN_COMMENT
        )
        self._starts: list[int] = []  # of the first diagnostics of the report, in order

    def add(
        self,
        code: Code,
        span: Span,
        message: str,
        *,
        hint: str = "",
        related: tuple[Related, ...] = (),
        fix: Fix | None = None,
    ) -> None:
        """Reports, unless this is most likely an echo: on the line of an earlier mistake, or a few tokens behind it."""
        line = self.source.line_of(span.start)
        if line in self._spoiled_lines or self._close_behind(span.start) or self._in_comment(span.start):
            return
        self._spoiled_lines.add(line)
        self._last_offset = span.start
        self._report.add(code, span, message, hint=hint, related=related, fix=fix)

    def _in_comment(self, offset: int) -> bool:
        found = bisect_left(self._comment_ends, offset)
        if found == len(self._comment_ends):
            return False
        text = self.source.text[offset : self._comment_ends[found]]
        return text.count("\n") <= _LONGEST_COMMENT and "{" not in text and "}" not in text

    def _close_behind(self, offset: int) -> bool:
        if self._last_offset < 0 or offset < self._last_offset:
            return False
        first = bisect_left(self.tokens, self._last_offset, key=lambda token: token.start)
        return bisect_left(self.tokens, offset, key=lambda token: token.start) - first <= _ECHO

    def any_between(self, start: int, end: int) -> bool:
        """Has something been reported in this range of offsets?"""
        for diagnostic in self._report.diagnostics[len(self._starts) :]:
            insort(self._starts, diagnostic.span.start)
        first = bisect_left(self._starts, start)
        return first < len(self._starts) and self._starts[first] <= end

    def after(self, at: int) -> Span:
        """The place just behind the token before `at`: where something is missing."""
        end = self.tokens[at - 1].end if at else 0
        return Span(end, end)

    def found(self, at: int) -> str:
        """The token in words, for "found …"."""
        token = self.tokens[at]
        if token.kind == "end":
            return "the end of the file"
        return f"the string {short(token.text)}" if token.kind == "string" else f'"{short(token.text)}"'

    def quoted_host(self, offset: int) -> Fix:
        """Quotes around the host name of which there is a part at `offset`."""
        text = self.source.text
        head, tail = _HOST_HEAD.search(text[max(0, offset - _HOST_MAX) : offset]), _HOST_TAIL.match(text, offset)
        assert head is not None and tail is not None, "both match nothing, too"
        start, end = offset - len(head[0]), tail.end()
        return write(Span(start, end), f'"{text[start:end]}"')

    def begins_line(self, at: int) -> bool:
        """Has the token nothing but blanks before it on its line?"""
        start = self.tokens[at].start
        return not self.source.text[self.source.line_start(self.source.line_of(start)) : start].strip()

    def dashed(self, at: int) -> Span | None:
        """Words joined by `-` without blanks, of which the one at `at` is the first; None if it stands alone."""
        last = at
        while self.tokens[last + 1].text == "-" and self.adjacent(last + 1) and self.adjacent(last + 2):
            if self.tokens[last + 2].kind != "word":
                break
            last += 2
        return Span(self.tokens[at].start, self.tokens[last].end) if last > at else None

    def adjacent(self, at: int) -> bool:
        """Does the token follow the one before it without a blank?"""
        return at > 0 and self.tokens[at].start == self.tokens[at - 1].end


def short(text: str) -> str:
    """For use in a sentence: the first line, not too long."""
    text = readable(text).split("\n")[0]
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
