"""ser.cfg in one style: indentation by four blanks, one blank where words and operators meet, comments kept.

Nothing moves to another line: log records, compiled modules and version control speak of lines. So the compiled module
stays the same, byte for byte.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from serc.diagnostics.report import Report
from serc.reading import tree
from serc.reading.lex import Token, lex
from serc.reading.source import Source
from serc.reading.structure import parse_file

_INDENT: Final = "    "
_SPACED: Final = frozenset(("==", "!=", "=~", "<", ">", "<=", ">=", "&&", "||", "&", "|", "+"))
_TIGHT: Final = frozenset((".", "-", ":", "/"))
_BEFORE_PARENTHESIS: Final = frozenset(("if", "and", "or", "not", "else"))
_ROUTES: Final = frozenset(("route", "failure_route", "onreply_route"))
_WORDS: Final = frozenset(("word", "number", "string", "address"))
_COMMENT: Final = re.compile(r"#[^\n]*|/\*|\*/")


@dataclass(frozen=True)
class _Piece:
    """A token or a comment. `lines_before`: line ends between it and what stands before; `blank`: anything at all."""

    kind: Literal["token", "line comment", "comment"]
    text: str
    start: int
    lines_before: int
    blank: bool
    token: Token | None = None


def styled(source: Source) -> tuple[str | None, Report]:
    """The text in the one style, None where the file has syntax errors: then it is not clear what belongs together."""
    report = Report()
    lexed = lex(source, report)
    file = parse_file(source, report, lexed)
    if report.has_errors:
        return None, report
    starts = {item.span.start for item in file.items} | {
        item.body.span.start for item in file.items if isinstance(item, tree.Route)
    }
    text = _Styler(starts).text(_pieces(source.text, lexed.tokens))
    again = lex(Source(source.name, text), Report()).tokens
    assert [(t.kind, t.text) for t in again] == [
        (t.kind, t.text) for t in lexed.tokens
    ], "the style changed the program"
    return text, report


def _pieces(text: str, tokens: list[Token]) -> list[_Piece]:
    """Tokens and the comments between them, in order; the last piece is the end of the file."""
    pieces: list[_Piece] = []
    at = 0
    for token in tokens:
        for start, end in _comments(text, at, token.start):
            kind: Literal["line comment", "comment"] = "line comment" if text[start] == "#" else "comment"
            pieces.append(_piece(kind, text, at, start, end, None))
            at = end
        pieces.append(_piece("token", text, at, token.start, token.end, token))
        at = token.end
    return pieces


def _piece(
    kind: Literal["token", "line comment", "comment"], text: str, before: int, start: int, end: int, token: Token | None
) -> _Piece:
    return _Piece(kind, text[start:end], start, text.count("\n", before, start), start > before, token)


def _comments(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """The comments in a stretch without tokens; those with slash and star nest."""
    found: list[tuple[int, int]] = []
    opened = depth = 0
    at = start
    while True:
        part = _COMMENT.search(text, at, end)
        if part is None:
            return found
        at = part.end()
        if part.group() == "/*":
            opened = opened if depth else part.start()
            depth += 1
        elif part.group() == "*/":
            depth -= 1
            if depth == 0:
                found.append((opened, at))
        elif depth == 0:
            found.append((part.start(), at))
        else:
            at = part.start() + 1  # a "#" inside of a comment is text


class _Styler:
    """Writes pieces out. `starts` are the offsets at which items and bodies of routes begin."""

    def __init__(self, starts: set[int]) -> None:
        self._starts = starts
        self._out: list[str] = []
        self._braces = 0
        self._parentheses = 0
        self._before: Token | None = None
        self._unfinished = False  # a statement has begun and goes on

    def text(self, pieces: list[_Piece]) -> str:
        previous: _Piece | None = None
        for piece in pieces:
            if piece.token is not None and piece.token.kind == "end":
                break
            if previous is None or piece.lines_before:
                self._out.append("\n" * piece.lines_before + _INDENT * self._depth(piece))
            else:
                self._out.append(self._gap(previous, piece))
            self._out.append(piece.text.rstrip() if piece.kind != "token" else piece.text)
            if piece.token is not None:
                self._take(piece.token)
            previous = piece
        return "".join(self._out) + "\n"

    def _depth(self, piece: _Piece) -> int:
        """Levels of indentation of a line that begins with `piece`."""
        if piece.text == "}":
            return self._braces - 1
        if self._braces == 0:
            new = piece.kind != "token" or piece.start in self._starts or piece.text == "{"
            return 0 if new else 1
        goes_on = self._unfinished and piece.text not in ("{", "else")
        return self._braces + (1 if goes_on or self._parentheses else 0)

    def _take(self, token: Token) -> None:
        self._before = token
        if token.kind != "sign":
            self._unfinished = True
            return
        if token.text in "{}":
            self._braces += 1 if token.text == "{" else -1
        elif token.text in "()":
            self._parentheses += 1 if token.text == "(" else -1
        self._unfinished = token.text not in (";", "{", "}")

    def _gap(self, previous: _Piece, piece: _Piece) -> str:
        """What stands between two pieces of a line."""
        if piece.kind == "line comment":
            return "  "
        if piece.kind == "comment" or previous.kind != "token":
            return " "
        assert previous.token is not None and piece.token is not None
        return " " if _spaced(previous.token, piece.token, piece.blank, self._braces) else ""


def _spaced(a: Token, b: Token, blank: bool, braces: int) -> bool:
    """Whether a blank belongs between two tokens; `blank` tells whether there is something now."""
    left = a.text if a.kind == "sign" else ""
    right = b.text if b.kind == "sign" else ""
    if "{" in (left, right) or left == "}" and right != ";":
        return True
    if right == "}":
        return left != "{" or blank
    if right in (",", ";", ")", "]") or left in ("(", "[", "!"):
        return False
    if left in (",", ";") or left in _SPACED or right in _SPACED:
        return True
    if "=" in (left, right):
        return False
    if right == "(":
        return a.text in _BEFORE_PARENTHESIS or left == ")"
    if right == "[":
        return a.text not in _ROUTES and (blank or left == "]")
    if left in _TIGHT or right in _TIGHT:
        return False
    if a.kind in _WORDS and (b.kind in _WORDS or right == "!") or left in (")", "]"):
        return True
    return blank
