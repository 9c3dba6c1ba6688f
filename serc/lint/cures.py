"""Changes of routes that cure what a check has found. They change what ser.cfg does, so none of them is safe."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Final

from serc.diagnostics.fix import Edit, Fix
from serc.reading import tree
from serc.reading.source import Source
from serc.reading.tree import Span
from serc.reading.walk import below, routes

_REST: Final = re.compile(r"\s*;")


class Cures:
    """Of one file."""

    def __init__(self, source: Source, file: tree.File) -> None:
        self._source: Final = source
        self._file: Final = file

    @cached_property
    def _statements(self) -> list[tuple[Span, bool]]:
        """All of them, and whether they stand among others in braces."""
        found = [
            (statement.span, node.braced)
            for route in routes(self._file)
            for node in below(route.body)
            if isinstance(node, tree.Block)
            for statement in node.statements
        ]
        return sorted(found, key=lambda each: each[0].end - each[0].start)

    def _around(self, span: Span) -> tuple[Span, bool] | None:
        """The smallest statement that has `span` in it, in its condition maybe."""
        return next((s for s in self._statements if s[0].start <= span.start and span.end <= s[0].end), None)

    def is_left(self, span: Span, later: Span) -> bool:
        """Does `later` stand behind the block in which `span` is, in the same route? An `if` does what `span` says, and does not end there."""
        block = self._block_of(span)
        return (
            block is not None
            and block.end <= later.start
            and any(route.span.start <= span.start and later.end <= route.span.end for route in routes(self._file))
        )

    def is_sibling(self, span: Span, later: Span) -> bool:
        """Does the statement that begins with `later` follow the one that begins with `span` in the same block?"""
        return later.start > span.start and self._block_of(span) == self._block_of(later)

    def _block_of(self, span: Span) -> Span | None:
        """The smallest one that `span` is in."""
        around = [b for b in self._blocks if b.start <= span.start and span.end <= b.end]
        return min(around, key=lambda b: b.end - b.start) if around else None

    @cached_property
    def _blocks(self) -> list[Span]:
        nodes = (node for route in routes(self._file) for node in below(route.body))
        return [node.span for node in nodes if isinstance(node, tree.Block)]

    def before(self, span: Span, text: str) -> Fix | None:
        """A statement before the one that `span` is in."""
        found = self._around(span)
        if found is None:
            return None
        statement, is_braced = found
        title = f"add {text}"
        if is_braced:
            return Fix(title, (_at(statement.start, f"{text}{self._break_before(statement.start)}"),), False)
        return Fix(title, (_at(statement.start, f"{{ {text} "), _at(self._end(statement), " }")), False)

    def after(self, span: Span, text: str) -> Fix | None:
        """A statement behind the one that `span` is."""
        found = self._around(span)
        if found is None or found[0] != span:
            return None
        title, end = f"add {text}", self._end(span)
        if found[1]:
            return Fix(title, (_at(end, f"{self._break_before(span.start)}{text}"),), False)
        return Fix(title, (_at(span.start, "{ "), _at(end, f" {text} }}")), False)

    def tested(self, span: Span, head: str, tail: str) -> Fix | None:
        """`head`, the call that is at `span`, and `tail`, in the place of the call and its semicolon."""
        found = self._around(span)
        if found is None or found[0] != span:
            return None
        edits = (_at(span.start, head), Edit(Span(span.end, self._end(span)), tail))
        return Fix(f"write {head}…{tail}", edits, False)

    def only_if(self, span: Span, condition: str) -> Fix | None:
        """The statement at `span` under a condition."""
        found = self._around(span)
        if found is None or found[0] != span:
            return None
        edits = (_at(span.start, f"if ({condition}) {{ "), _at(self._end(span), " }"))
        return Fix(f"write if ({condition}) before it", edits, False)

    def at_start(self, block: tree.Block, text: str) -> Fix:
        """A statement before all others of a block in braces."""
        first = block.statements[0].span.start if block.statements else block.span.end
        return Fix(f"add {text}", (_at(first, f"{text}{self._break_before(first)}"),), False)

    def _end(self, span: Span) -> int:
        """Behind the semicolon of a statement."""
        rest = _REST.match(self._source.text, span.end)
        return span.end if rest is None else rest.end()

    def _break_before(self, offset: int) -> str:
        """What stands between two statements there: the indentation of a new line, or a blank."""
        start = self._source.line_start(self._source.line_of(offset))
        indentation = self._source.text[start:offset]
        return " " if indentation.strip() else f"\n{indentation}"


def _at(offset: int, text: str) -> Edit:
    return Edit(Span(offset, offset), text)
