"""Lines of a test file as words with their places."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from serc.diagnostics import codes
from serc.diagnostics.report import Report
from serc.reading.source import Source
from serc.reading.tree import Span

_BLOCK: Final = '"""'
# That of UTF-8, as Latin-1, which some editors write.
_BYTE_ORDER_MARK: Final = "\xef\xbb\xbf"
_TOKEN: Final = re.compile(r'\s+|#.*|"(?P<string>(?:[^"\\\n]|\\.)*)"|(?P<open>"[^\n]*)|(?P<word>[^\s"]+)')
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_COLUMN: Final = re.compile(r"<([A-Za-z_][\w-]*)>")


class Word(NamedTuple):
    """A word, or a text in quotes (`quoted`), whose escapes are resolved."""

    text: str
    span: Span
    quoted: bool = False


class Line(NamedTuple):
    """A line that says something. `cells` is a row of a table, and then there are no words."""

    words: tuple[Word, ...]
    span: Span
    cells: tuple[Word, ...] | None = None


def read_lines(source: Source, report: Report, comments: list[Span]) -> list[Line]:
    """All lines but blank ones; where a comment is goes into `comments`. A text in three double quotes may go over several lines."""
    lines: list[Line] = []
    number = 1
    while number <= source.line_count:
        text = source.line_text(number)
        if number == 1 and text.startswith(_BYTE_ORDER_MARK):
            text = " " * len(_BYTE_ORDER_MARK) + text[len(_BYTE_ORDER_MARK) :]
        start = source.line_start(number)
        number += 1
        if text.lstrip().startswith("|"):
            lines.append(Line((), _trimmed(text, start), _cells(text, start)))
            continue
        words: list[Word] = []
        opening = text.find(_BLOCK)
        if opening >= 0:
            begin = start + opening
            end = source.text.find(_BLOCK, begin + 3)
            if end < 0:
                span = Span(begin, begin + 3)
                report.add(codes.TEST_SYNTAX, span, "this text is never closed", hint=f"end it with {_BLOCK}")
                return lines
            words = _words(text[:opening], start, report, comments)
            words.append(Word(_block(source.text[begin + 3 : end]), Span(begin, begin + 3), True))
            number = source.line_of(end + 3)
            text, start = source.line_text(number)[end + 3 - source.line_start(number) :], end + 3
            number += 1
        words += _words(text, start, report, comments)
        if words:
            lines.append(Line(tuple(words), Span(words[0].span.start, words[-1].span.end)))
    return lines


def _block(text: str) -> str:
    """Without the line ends around it, and without the margin that all its lines have."""
    rows = text.strip("\n").rstrip().split("\n")
    margin = min((len(row) - len(row.lstrip()) for row in rows if row.strip()), default=0)
    return "\n".join(row[margin:] for row in rows) + "\n"


def _words(text: str, start: int, report: Report, comments: list[Span]) -> list[Word]:
    words = []
    for found in _TOKEN.finditer(text):
        kind = found.lastgroup
        span = Span(start + found.start(), start + found.end())
        if kind is None:
            if found[0].startswith("#"):
                comments.append(span)
            continue
        if kind == "word":
            words.append(Word(found[0], span))
        elif kind == "string":
            words.append(Word(_unescaped(found["string"]), span, True))
        else:
            report.add(codes.TEST_SYNTAX, span, "this text is never closed", hint='end it with "')
            words.append(Word(found["open"][1:], span, True))
    return words


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[0]), text) if "\\" in text else text


def _trimmed(text: str, start: int) -> Span:
    return Span(start + len(text) - len(text.lstrip()), start + len(text.rstrip()))


def _cells(text: str, start: int) -> tuple[Word, ...]:
    row = re.sub(r"\|\s*#[^|]*$", "|", text.strip())
    at = start + text.index("|") + 1
    cells = []
    for cell in row[1:].removesuffix("|").split("|"):
        bare = cell.strip()
        first = at + len(cell) - len(cell.lstrip()) if bare else at
        cells.append(Word(bare.strip('"'), Span(first, first + max(1, len(bare))), bare.startswith('"')))
        at += len(cell) + 1
    return tuple(cells)


def columns_in(line: Line) -> list[tuple[str, Span]]:
    """The columns that a line asks for."""
    words = [word for word in line.words if "<" in word.text]
    return [(found[1], word.span) for word in words for found in _COLUMN.finditer(word.text)]


def filled(line: Line, row: Mapping[str, str]) -> Line:
    """The line with the values of a row in the place of columns."""
    words = []
    for word in line.words:
        if "<" not in word.text:
            words.append(word)
            continue
        text = _COLUMN.sub(lambda m: row.get(m[1], m[0]), word.text)
        if text or word.quoted:
            words.append(Word(text, word.span, word.quoted))
    return Line(tuple(words), line.span, line.cells)
