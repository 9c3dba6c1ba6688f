"""A config on its way from one dialect to another. No step but the last ones changes how many lines there are before a place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from serc.diagnostics.fix import Edit
from serc.diagnostics.report import Report
from serc.fixing import applied
from serc.reading.brackets import pairs
from serc.reading.lex import Lexed, Token, lex
from serc.reading.source import Source
from serc.reading.tree import Span


@dataclass(frozen=True, order=True)
class Remark:
    """What somebody has to look at, in a line of the old config. `is_lost`: nothing of it is in the new one."""

    line: int
    text: str
    is_lost: bool = True


class Draft:
    """The text as it is now, as tokens, and what is to be said of it."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.remarks: Final[list[Remark]] = []
        self._edits: list[Edit] = []
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
        return self.source.line_of(self.tokens[at].start)

    def between(self, first: int, last: int) -> Span:
        """From one token to the end of another."""
        return Span(self.tokens[first].start, self.tokens[last].end)

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

    def leave_out(self, span: Span, why: str) -> None:
        """As a comment."""
        line = self.source.line_of(span.start)
        self.remarks.append(Remark(line, why))
        self.replace(span, left_out(self.source.text_of(span)))

    def remark(self, at: int, text: str) -> None:
        """Of what is near to it."""
        self.remarks.append(Remark(self.line(at), text, False))

    def remark_lost(self, at: int, text: str) -> None:
        """Of a part that is not carried over, of something that is."""
        self.remarks.append(Remark(self.line(at), text))

    def step(self, do: Callable[[Draft], None]) -> None:
        """Let `do` look at the tokens, and make its changes."""
        do(self)
        self.set_text(applied(self.source.text, sorted(self._edits)))

    def set_text(self, text: str) -> None:
        self._edits = []
        self.source = Source(self.source.name, text)
        self.lexed = lex(self.source, Report())
        self.partner = pairs(self.lexed.tokens)

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
