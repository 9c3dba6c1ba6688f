"""What the operator has written above the statements of ser.cfg, for who reads what these become."""

from __future__ import annotations

from bisect import bisect_left

from serc.diagnostics.report import Report
from serc.reading.lex import lex
from serc.reading.source import Source, readable


def remarks(source: Source) -> dict[int, tuple[str, ...]]:
    """The lines of comments that have lines of their own, by the line of the code that follows; without signs and blanks around them."""
    lexed = lex(source, Report())
    starts = [token.start for token in lexed.tokens]
    found: dict[int, list[str]] = {}
    for span in sorted(lexed.line_comments + lexed.block_comments):
        line = source.line_of(span.start)
        if source.text[source.line_start(line) : span.start].strip():
            continue
        following = source.line_of(starts[bisect_left(starts, span.end)])
        if following > source.line_of(span.end - 1):
            found.setdefault(following, []).extend(_lines(source.text_of(span).rstrip("\n")))
    return {line: tuple(texts) for line, texts in found.items() if texts}


def _lines(comment: str) -> list[str]:
    inner = comment[2:].removesuffix("*/") if comment.startswith("/*") else comment.lstrip("#")
    lines = [line.strip().removeprefix("* ").rstrip() for line in readable(inner).splitlines()]
    return [line for line in lines if line.strip("-=*#_ ")]
