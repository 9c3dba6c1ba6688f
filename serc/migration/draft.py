"""A config on its way from one dialect to another. No step but the last ones changes how many lines there are before a place."""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from serc.diagnostics.fix import Edit
from serc.diagnostics.report import Report
from serc.fixing import applied
from serc.reading.brackets import pairs
from serc.reading.lex import Lexed, Token, lex
from serc.reading.source import Source
from serc.reading.tree import Span


class Fate(enum.IntEnum):
    """What has become of a part of the old config: nothing of it is in the new one; something else is there; nothing is, and nothing has to be."""

    LOST = 0
    CHANGED = 1
    NEEDLESS = 2


@dataclass(frozen=True, order=True)
class Remark:
    """What is to be said of a line of the old config."""

    line: int
    text: str
    fate: Fate = Fate.LOST

    @property
    def is_lost(self) -> bool:
        return self.fate is Fate.LOST


class Draft:
    """The text as it is now, as tokens, and what is to be said of it. `origin`: whose config it is. `kept_loops`: lines of loops that are not
    carried over.
    """

    def __init__(self, source: Source, origin: str = "", kept_loops: Collection[int] = ()) -> None:
        self.source = source
        self.origin: Final = origin
        self.kept_loops: Final = kept_loops
        self.remarks: Final[list[Remark]] = []
        # First and last line of loops that are carried over, and of which nothing may be lost.
        self.loops: Final[list[tuple[int, int]]] = []
        # Lines of the text now that stood elsewhere: the first and the last of them, and the old one of the first.
        self._moved: Final[list[tuple[int, int, int]]] = []
        self._edits: list[Edit] = []
        self._appended = ""
        self.lexed: Lexed = lex(source, Report())
        self.partner: dict[int, int] = pairs(self.lexed.tokens)

    @property
    def tokens(self) -> list[Token]:
        return self.lexed.tokens

    def text_at(self, at: int) -> str:
        """The text of a token; "" behind the last."""
        return self.tokens[at].text if 0 <= at < len(self.tokens) else ""

    def is_sign(self, at: int, text: str) -> bool:
        return 0 <= at < len(self.tokens) and self.tokens[at].kind == "sign" and self.tokens[at].text == text

    def line(self, at: int) -> int:
        """Of a token, in the old config."""
        return self.old_line(self.source.line_of(self.tokens[at].start))

    def old_line(self, line: int) -> int:
        """Where a line of the text as it is now has come from."""
        for first, last, old in reversed(self._moved):
            if first <= line <= last:
                return self.old_line(old + line - first)
        return line

    def between(self, first: int, last: int) -> Span:
        """From one token to the end of another."""
        return Span(self.tokens[first].start, self.tokens[last].end)

    def in_one_line(self, first: int, last: int) -> str:
        """The tokens without comments and ends of lines: whoever puts them elsewhere moves no line."""
        written = []
        for at in range(first, last + 1):
            is_apart = at > first and self.tokens[at - 1].end < self.tokens[at].start
            written.append(" " * is_apart + self.text_at(at))
        return "".join(written)

    def closing(self, opening: int) -> int:
        """The partner of a bracket; the last token of the file if it has none."""
        return self.partner.get(opening, len(self.tokens) - 2)

    # --- changing ----------------------------------------------------------------------------------------------------

    def replace(self, span: Span, text: str) -> None:
        """Takes effect with the end of the step; of two changes of one place the first one counts."""
        if not any(
            edit.span.start < span.end and span.start < edit.span.end or edit.span == span for edit in self._edits
        ):
            self._edits.append(Edit(span, text))

    def leave_out(self, span: Span, why: str, fate: Fate = Fate.LOST) -> None:
        """As a comment."""
        line = self.old_line(self.source.line_of(span.start))
        self.remarks.append(Remark(line, why, fate))
        self.replace(span, left_out(self.source.text_of(span)))

    def append_route(self, text: str, places: Iterable[tuple[int, int, int]]) -> None:
        """A route behind all others, in the text that the step makes. `places`: a line of `text`, from 0, how many lines are meant, and where the
        first of them stands in the text as it is now.
        """
        first = self.source.text.rstrip().count("\n") + self._appended.count("\n") + 2
        self._appended += f"\n{text}"
        self._moved.extend((first + at, first + at + count - 1, old) for at, count, old in places)

    def remark(self, at: int, text: str) -> None:
        """Of what is near to it."""
        self.say(at, text, Fate.CHANGED)

    def say(self, at: int, text: str, fate: Fate) -> None:
        self.remarks.append(Remark(self.line(at), text, fate))

    def step(self, do: Callable[[Draft], None]) -> None:
        """Let `do` look at the tokens, and make its changes."""
        do(self)
        text = applied(self.source.text, sorted(self._edits))
        self.set_text(f"{text.rstrip()}{self._appended}\n" if self._appended else text)

    def set_text(self, text: str) -> None:
        self._edits = []
        self._appended = ""
        self.source = Source(self.source.name, text)
        self.lexed = lex(self.source, Report())
        self.partner = pairs(self.lexed.tokens)

    def behind_module(self, name: str, text: str) -> bool:
        """Puts the text behind the loadmodule of a module; False where there is none."""
        for at, token in enumerate(self.tokens):
            path = self.text_at(at + 1).strip("\"'")
            if token.text == "loadmodule" and path.rpartition("/")[2].removesuffix(".so") == name:
                whole = self.between(at, at + 1)
                self.replace(whole, f"{self.source.text_of(whole)} {text}")
                return True
        return False

    # --- looking -----------------------------------------------------------------------------------------------------

    def calls(self) -> Iterator[tuple[int, int, list[tuple[int, int]]]]:
        """Each NAME(…): its index, that of `)`, and the first and last token of each argument."""
        for at, token in enumerate(self.tokens):
            if token.kind != "word" or not self.is_sign(at + 1, "(") or at + 1 not in self.partner:
                continue
            end = self.partner[at + 1]
            yield at, end, list(self._arguments(at + 2, end))

    def _arguments(self, at: int, end: int) -> Iterator[tuple[int, int]]:
        first = at
        while at < end:
            if self.is_sign(at, "("):
                at = self.closing(at)
            elif self.is_sign(at, ","):
                yield first, at - 1
                first = at + 1
            at += 1
        if first < end:
            yield first, end - 1

    def blocks(self) -> Iterator[tuple[int, int, int]]:
        """Each block at the top of the file: its first token, `{` and `}`."""
        at = 0
        start = 0
        while at < len(self.tokens) - 1:
            if self.is_sign(at, "{"):
                end = self.closing(at)
                yield start, at, end
                at = end
                start = at + 1
            elif self.tokens[at].kind == "word" and (self.is_sign(at + 1, "{") or self.is_sign(at + 1, "[")):
                start = at
            at += 1


def left_out(text: str) -> str:
    """The text as a comment; those within it nest."""
    opened = text.count("/*") - text.count("*/")
    return f"/* {text} */" if opened == 0 else f"/* {text.replace('/*', '/ *').replace('*/', '* /')} */"
