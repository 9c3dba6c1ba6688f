"""The tokens of ser.cfg, and its text with the comments blanked out. Reference core, chapter 2."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from serc.diagnostics.codes import FOREIGN_COMMENT, UNCLOSED_COMMENT, UNCLOSED_STRING
from serc.diagnostics.fix import insert, remove, write
from serc.diagnostics.report import Related, Report
from serc.reading.keywords import SIGNED
from serc.reading.source import Source
from serc.reading.tree import Span

Kind = Literal["word", "number", "string", "address", "sign", "bad", "bad number", "broken string", "end"]


class Token(NamedTuple):
    """`start` and `end` are offsets. "broken string" was reported already, the other bad kinds were not."""

    kind: Kind
    start: int
    end: int
    text: str

    @property
    def span(self) -> Span:
        return Span(self.start, self.end)


@dataclass(frozen=True)
class Lexed:
    """`blanked` is the text with comments replaced by blanks: same length, same offsets.

    `cut_off` tells that a comment swallowed the end of the file, so that nothing can be said of what is missing there.
    `line_comments` are those that begin with `#`, `block_comments` the others.
    """

    tokens: list[Token]
    blanked: str
    cut_off: bool
    line_comments: list[Span]
    block_comments: list[Span]


_HEX: Final = "[0-9A-Fa-f]{1,4}"
# As cfg.lex lists it: eight groups, or fewer with one "::".
_IPV6: Final = "|".join(
    [
        rf"(?:{_HEX}:){{7}}{_HEX}",
        *(rf"(?:{_HEX}:){{{n}}}(?::{_HEX}){{1,{7 - n}}}" for n in range(6, 0, -1)),
        rf"(?:{_HEX}:){{1,7}}:",
        rf"::(?:{_HEX}(?::{_HEX}){{0,6}})?",
    ]
)
_SIGNED: Final = "|".join(map(re.escape, SIGNED))
_TOKEN: Final = re.compile(
    rf"""
    (?:
      (?P<space> (?: [ \t\b\r\n\f\v] | \\\r?\n )+ )
    | (?P<line_comment> \#[^\n]* )
    | (?P<open_comment> /\* )
    | (?P<foreign_comment> //[^\n]* | (?:(?<=\n)|(?<=[ \t]))--[^\n]* | \*/ )
    | (?P<string> "(?:[^"\\]|\\.)*" | '[^']*' )
    | (?P<address> (?=[0-9A-Fa-f]{{0,4}}:[0-9A-Fa-f:]) (?: {_IPV6} )(?![0-9A-Za-z_:]) )
    | (?P<word> (?:{_SIGNED})(?![A-Za-z0-9_]) | [A-Za-z][A-Za-z0-9_]* )
    | (?P<number> (?: 0x[0-9A-Fa-f]+ | 0[0-7]* | [1-9][0-9]* )(?![A-Za-z0-9_]) )
    | (?P<bad_number> [0-9][A-Za-z0-9_]* )
    | (?P<sign> == | != | =~ | >= | <= | && | \|\| | [=<>!&|+\-,;:*./(){{}}\[\]] )
    | (?P<open_string> ["'] )
    | (?P<bad> . )
    )
    (?: [ \t\b\r\n\f\v] | \\\r?\n )*
    """,
    re.VERBOSE | re.DOTALL,
)
# That of UTF-8, as Latin-1. Editors write it where it means nothing.
_BYTE_ORDER_MARK: Final = "\xef\xbb\xbf"
_COMMENT_PART: Final = re.compile(r"/\*|\*/")
_KINDS: Final[dict[str, Kind]] = {
    "string": "string",
    "address": "address",
    "word": "word",
    "number": "number",
    "bad_number": "bad number",
    "sign": "sign",
    "bad": "bad",
}
# What follows the end of a call on its line: the string before it was meant to end there.
_CALL_END: Final = re.compile(r"[ \t]*(?:\)[ \t)]*(?:;[ \t]*\}?|\{)?|;)[ \t]*(?:\#[^\n]*)?\Z")
# What may follow a string that was closed.
_AFTER_STRING: Final = re.compile(r"\s*(?:[,)&|{]|(?:and|or)\b|\Z)")
# Where other programs write two slashes: udp://192.0.2.1.
_PROTOCOL_BEFORE: Final = re.compile(r"\b(?:udp|tcp|tls):\Z", re.IGNORECASE)
_LONGEST_PROTOCOL: Final = len("\nudp:")
_CODE_LINE: Final = re.compile(r"[;{}][ \t\r]*$", re.MULTILINE)


def lex(source: Source, report: Report) -> Lexed:
    """Reports strings and comments that are never closed; the other bad tokens are left to the parser to report."""
    return _Lexer(source, report).run()


class _Lexer:
    def __init__(self, source: Source, report: Report) -> None:
        self._source = source
        self._text = source.text
        self._report = report
        self._tokens: list[Token] = []
        self._blanked: list[str] = []
        self._copied = 0
        self._cut_off = False
        self._line_comments: list[Span] = []
        self._block_comments: list[Span] = []

    def run(self) -> Lexed:
        text, tokens, at = self._text, self._tokens, 0
        if text.startswith(_BYTE_ORDER_MARK):
            at = len(_BYTE_ORDER_MARK)
            self._blank(0, at)
        match_at, new = _TOKEN.match, tuple.__new__
        while at < len(text):
            match = match_at(text, at)
            assert match is not None and match.lastgroup is not None
            name = match.lastgroup
            end, after = match.end(name), match.end()
            if name in _KINDS:
                written = match[name]
                if name == "string" and "\n" in written and self._runs_away(written, end):
                    after = self._broken_string(at)
                else:
                    # As Token(…) does it, in half the time.
                    tokens.append(new(Token, (_KINDS[name], at, end, written)))
            elif name == "line_comment":
                self._line_comments.append(Span(at, end))
                self._blank(at, end)
            elif name == "open_comment":
                end = after = self._comment(at)
                self._block_comments.append(Span(at, end))
                self._blank(at, end)
            elif name == "foreign_comment":
                self._foreign_comment(at)
                self._blank(at, end)
            elif name == "open_string":
                after = self._broken_string(at)
            at = after
        self._blanked.append(text[self._copied :])
        tokens.append(Token("end", len(text), len(text), ""))
        return Lexed(tokens, "".join(self._blanked), self._cut_off, self._line_comments, self._block_comments)

    def _blank(self, start: int, end: int) -> None:
        self._blanked.append(self._text[self._copied : start])
        self._blanked.append(re.sub(r"[^\n]", " ", self._text[start:end]))
        self._copied = end

    def _foreign_comment(self, start: int) -> None:
        sign = self._text[start : start + 2]
        span = Span(start, start + 2)
        message, hint, fix = f'"{sign}" does not begin a comment', "write # instead", write(span, "#")
        proto = _PROTOCOL_BEFORE.search(self._text, max(0, start - _LONGEST_PROTOCOL), start)
        if sign == "//" and proto is not None:
            message = f'"//" cannot stand here: behind {proto[0]} comes the address'
            hint, fix = f"write {proto[0]}ADDRESS", remove(span, "//")
        if sign == "*/":
            message, hint = '"*/" ends no comment: none is open here', "write /* where it begins, or remove it"
            fix = remove(span, "*/", safe=False)
        self._report.add(FOREIGN_COMMENT, span, message, hint=hint, fix=fix)

    def _comment(self, start: int) -> int:
        """The end of the comment at `start`; comments nest."""
        depth, at = 1, start + 2
        while depth:
            part = _COMMENT_PART.search(self._text, at)
            if part is None:
                self._unclosed_comment(start)
                return len(self._text)
            depth += 1 if part.group() == "/*" else -1
            at = part.end()
        return at

    def _unclosed_comment(self, start: int) -> None:
        self._cut_off = True
        inner = self._text.find("/*", start + 2)
        related = (Related(Span(inner, inner + 2), "comments nest: this one needs its own end"),) if inner >= 0 else ()
        closed = "*/" in self._text[start + 2 :]
        self._report.add(
            UNCLOSED_COMMENT,
            Span(start, start + 2),
            "this comment is never closed: it swallows the rest of the file",
            hint='comments nest: write one "*/" for every "/*"' if closed else 'write "*/" where it ends',
            related=related if closed else (),
        )

    def _runs_away(self, text: str, end: int) -> bool:
        """Is this string over several lines one that was not closed, ended by the opening quote of the next?

        A string may contain line ends. What gives a runaway away: right after its end goes on what can only be the
        text of a string; or something other than the rest of a call or condition, and its own first line ended a call.
        """
        after = self._text[end : end + 1]
        if after.isalnum() or after and after in "_./%$@^<>\\":
            return True
        if _AFTER_STRING.match(self._text, end):
            return False
        first, _, rest = text.partition("\n")
        return bool(_CALL_END.search(first)) and bool(_CODE_LINE.search(rest))

    def _is_path(self, start: int) -> bool:
        """Does the string stand behind loadmodule, where its line has nothing but a path?"""
        return self._text[self._text.rfind("\n", 0, start) + 1 : start].strip() == "loadmodule"

    def _broken_string(self, start: int) -> int:
        """Reports the string at `start` and ends it on its line, before what looks like the end of the call."""
        line_end = self._text.find("\n", start)
        line_end = len(self._text) if line_end < 0 else line_end
        line = self._text[start:line_end].rstrip("\r")
        tail = _CALL_END.search(line, 1)
        end = start + (tail.start() if tail else len(line.rstrip()))
        end = max(end, start + 1)
        self._tokens.append(Token("broken string", start, end, self._text[start:end]))
        self._report.add(
            UNCLOSED_STRING,
            Span(start, end),
            "this string is never closed",
            hint=f"write {self._text[start]} at its end" + _of_escaped_quote(self._text[start:end]),
            fix=insert(end, self._text[start], safe=tail is not None or self._is_path(start)),
        )
        self._blank(start, end)
        return end


def _of_escaped_quote(text: str) -> str:
    """For a string whose last quote belongs to its text."""
    if not text.endswith('\\"'):
        return ""
    return r", or \\ for a backslash: \" is a quote within the text"
