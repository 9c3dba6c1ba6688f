"""The text of a ser.cfg and where things are in it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

from serc.reading.tree import Span


@dataclass(frozen=True, order=True)
class Position:
    """Line and column as people count: from 1."""

    line: int
    column: int


class Source:
    """A file's text, read as Latin-1, so that every byte is one character and nothing is lost.

    `name` is what messages call the file. Lines end at LF; a CR before it is not part of the line.
    """

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self._starts = [0]
        at = text.find("\n")
        while at >= 0:
            self._starts.append(at + 1)
            at = text.find("\n", at + 1)

    @classmethod
    def read(cls, path: Path) -> Source:
        """Raises OSError."""
        return cls(str(path), path.read_bytes().decode("latin-1"))

    @property
    def line_count(self) -> int:
        return len(self._starts)

    def line_of(self, offset: int) -> int:
        return bisect_right(self._starts, offset)

    def line_start(self, line: int) -> int:
        return self._starts[line - 1]

    def line_text(self, line: int) -> str:
        """The line without its end, as Latin-1."""
        end = self._starts[line] - 1 if line < len(self._starts) else len(self.text)
        return self.text[self._starts[line - 1] : end].rstrip("\r")

    def readable_line(self, line: int) -> str:
        """The line as people see it: UTF-8 decoded where it is UTF-8."""
        return readable(self.line_text(line))

    def position(self, offset: int) -> Position:
        """Columns count characters; UTF-8 sequences are one character each, a tab is one."""
        line = self.line_of(offset)
        before = self.text[self._starts[line - 1] : offset]
        return Position(line, len(readable(before)) + 1)

    def text_of(self, span: Span) -> str:
        return self.text[span.start : span.end]


def readable(text: str) -> str:
    """Latin-1 text of a file as the UTF-8 that it most likely is; unchanged if it is none."""
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text
