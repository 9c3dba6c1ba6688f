"""A regular expression in the words of Python's `re`, for those that refer back to a group: no machine can match them in one pass."""

from __future__ import annotations

from typing import Final

from runtime.sip.regex_tree import (
    ALTERNATIVES,
    ANY,
    ASSERTION,
    BACK_REFERENCE,
    BEGIN_LINE,
    BEGIN_TEXT,
    BEGIN_WORD,
    END_LINE,
    END_TEXT,
    END_WORD,
    GROUP,
    NOT_WORD_EDGE,
    OPTIONAL,
    SEQUENCE,
    STAR,
    WORD_EDGE,
    Node,
)

_WORD: Final = rb"[A-Za-z0-9_]"
_ASSERTIONS: Final[dict[int, bytes]] = {
    BEGIN_LINE: rb"(?:\A|(?<=\n))",
    END_LINE: rb"(?=\n|\Z)",
    BEGIN_TEXT: rb"\A",
    END_TEXT: rb"\Z",
    WORD_EDGE: rb"\b",
    NOT_WORD_EDGE: rb"\B",
    BEGIN_WORD: rb"\b(?=" + _WORD + rb")",
    END_WORD: rb"\b(?<=" + _WORD + rb")",
}


def python_pattern(node: Node) -> bytes:
    """A pattern that matches the same texts; sets have their letters in both cases already.

    Python takes the first alternative that leads to a match, POSIX the longest.
    """
    kind = node.kind
    if kind == SEQUENCE:
        return b"".join([python_pattern(item) for item in node.items])
    if kind == ALTERNATIVES:
        return b"(?:" + b"|".join([python_pattern(item) for item in node.items]) + b")"
    if kind == STAR:
        return b"(?:" + python_pattern(node.items[0]) + b")*"
    if kind == OPTIONAL:
        return b"(?:" + python_pattern(node.items[0]) + b")?"
    if kind == GROUP:
        return b"(" + python_pattern(node.items[0]) + b")"
    if kind == ASSERTION:
        return _ASSERTIONS[node.number]
    if kind == BACK_REFERENCE:
        return rb"(?:\%d)" % node.number
    return _bracket(node.number)


def _bracket(members: int) -> bytes:
    if members == ANY:
        return rb"[\x00-\xff]"
    if members == 0:
        return rb"(?!)"
    return b"[" + b"".join([rb"\x%02x" % byte for byte in range(256) if members >> byte & 1]) + b"]"
