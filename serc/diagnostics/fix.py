"""Cures of diagnostics: changes of the text, for `serc check --fix` and for editors.

A cure is safe if nobody has to look at it: the file cannot be compiled as it is and nothing else can have been meant, or the file does
the same afterwards. One that changes what a working ser.cfg does, or that is a guess, is never safe, however likely it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from serc.diagnostics.suggest import is_slip, nearest
from serc.reading.tree import Span, String


@dataclass(frozen=True, order=True)
class Edit:
    """`text` takes the place of `span`."""

    span: Span
    text: str


@dataclass(frozen=True)
class Fix:
    """All edits together are the cure; they do not overlap. `title` says what it does, such as `write ==`."""

    title: str
    edits: tuple[Edit, ...]
    is_safe: bool = True


def write(span: Span, text: str, *, safe: bool = True) -> Fix:
    """`text` in the place of what is there."""
    return Fix(f"write {text}", (Edit(span, text),), safe)


def insert(offset: int, text: str, *, safe: bool = True) -> Fix:
    """`text` before the character at `offset`. In the title it has no line ends."""
    return Fix(f"add {text.strip()}", (Edit(Span(offset, offset), text),), safe)


def remove(span: Span, what: str, *, safe: bool = True) -> Fix:
    return Fix(f"remove {what}", (Edit(span, ""),), safe)


def misspelt(span: Span, word: str, candidates: Iterable[str], *, safe: bool = True) -> Fix | None:
    """The nearest of `candidates` in the place of `word`, which stands at `span`; None if none is near. It is safe where
    one slip makes it that word and no other.
    """
    known = set(candidates)
    meant = nearest(word, known)
    if meant is None:
        return None
    return Fix(f"write {meant}", (Edit(span, meant),), safe and is_slip(word, meant, known))


def inside(string: String) -> Span | None:
    """The place between the quotes; None if there are escapes, so that places in the value are others in the text."""
    if string.span.end - string.span.start != len(string.value) + 2:
        return None
    return Span(string.span.start + 1, string.span.end - 1)


def in_quotes(string: String, value: str) -> str:
    """How a string of this value is written in the quotes of `string`."""
    if string.quote == "'":
        return f"'{value}'"
    return quoted(value)


def quoted(value: str) -> str:
    """A string of ser.cfg with this value."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
