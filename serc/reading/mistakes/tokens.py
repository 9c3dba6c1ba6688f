"""Characters, numbers and brackets that cannot be right wherever they stand."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from serc.diagnostics import codes
from serc.diagnostics.fix import remove, write
from serc.reading import dialects
from serc.reading.lex import Token
from serc.reading.mistakes.reporter import Reporter, short
from serc.reading.source import readable
from serc.reading.tree import Span

_QUOTES: Final = "\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb\u2032\u2033"
_DASHES: Final = tuple("\u2010\u2011\u2012\u2013\u2014\u2212")
# Behind these a statement begins.
_ENDS: Final = (";", "{", "}")
_BYTE_ORDER_MARK: Final = "\ufeff"


class TokenMistakes:
    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._tokens = reporter.tokens
        self._source = reporter.source

    def bad_token(self, end: int, at: int) -> None:
        """A character or number that is no token, at `at`, in a piece that ends before `end`."""
        token = self._tokens[at]
        if token.kind == "bad number":
            self._bad_number(token)
            return
        last = at
        while self._tokens[last + 1].kind == "bad" and self._reporter.adjacent(last + 1):
            last += 1
        text = readable(self._source.text_of(Span(token.start, self._tokens[last].end)))
        if any(c in _QUOTES for c in text):
            self._typographic_quote(text, token.start, self._tokens[max(last, self._last_bad(at, end))].end)
        elif not self._bad_operator(at, last):
            self._strange_character(text, token, last)

    def _last_bad(self, at: int, end: int) -> int:
        return max(i for i in range(at, max(end, at + 1)) if self._tokens[i].kind == "bad")

    def _typographic_quote(self, text: str, start: int, end: int) -> None:
        quote = next(c for c in text if c in _QUOTES)
        message = f"the typographic quote {quote} does not begin a string"
        span = Span(start, end)
        plain = re.sub(f"[{_QUOTES}]", '"', readable(self._source.text_of(span)))
        edit = plain.encode("utf-8").decode("latin-1")
        fix = write(span, edit, safe=plain.count('"') == 2 and plain[0] + plain[-1] == '""')
        hint = 'write the plain quote " instead'
        self._reporter.add(codes.TYPOGRAPHIC_QUOTE, span, message, hint=hint, fix=fix)

    def _strange_character(self, text: str, token: Token, last: int) -> None:
        following = self._tokens[last + 1]
        word = following.text if following.kind == "word" and self._reporter.adjacent(last + 1) else ""
        if text.isprintable() and text.isascii():
            message = f'"{text}{word}" has no meaning here' if word else f'the character "{text}" has no meaning here'
        else:
            message = f"{_named(text[0])} has no meaning here"
        span = Span(token.start, following.end if word else self._tokens[last].end)
        hint = _character_hint(text, word, self._source.text[token.start - 1 : token.start].isalnum())
        plain = _plain(text)
        fix = None if plain is None else write(Span(token.start, self._tokens[last].end), plain)
        self._reporter.add(codes.STRANGE_CHARACTER, span, message, hint=hint, fix=fix)

    def _bad_operator(self, at: int, last: int) -> bool:
        """`~=`, `!~`, `!=~` and `=~~`: the matching operator, misspelt."""
        first = at - 1 if self._reporter.adjacent(at) else at
        beyond = last + 1 if self._reporter.adjacent(last + 1) else last
        first = first if self._tokens[first].text in ("=", "!", "!=", "==", "=~") else at
        beyond = beyond if self._tokens[beyond].text in ("=", "==") else last
        span = Span(self._tokens[first].start, self._tokens[beyond].end)
        text = self._source.text_of(span)
        if "~" not in text or text.strip("=!~"):
            return False
        hint = "to negate a match write !(… =~ …)" if "!" in text else "write =~ to match a regular expression"
        fix = None if "!" in text else write(span, "=~")
        self._reporter.add(codes.BAD_OPERATOR, span, f'there is no operator "{text}"', hint=hint, fix=fix)
        return True

    def _bad_number(self, token: Token) -> None:
        if re.fullmatch(r"0[0-9]+", token.text):
            value = token.text.lstrip("0") or "0"
            message = f"{token.text} is not a number: a leading zero means octal, and octal digits end at 7"
            self._reporter.add(
                codes.BAD_NUMBER, token.span, message, hint=f"write {value}", fix=write(token.span, value)
            )
        elif token.text[:2] in ("0x", "0X"):
            message = f'"{short(token.text)}" is not a hexadecimal number'
            hint = "write 0x and then digits and the letters a to f"
            self._reporter.add(codes.BAD_NUMBER, token.span, message, hint=hint)
        elif re.search(r"[A-Za-z]", token.text) and self._source.text[token.end : token.end + 1] in (".", "-"):
            message = f'a part of a host name cannot begin with a digit here: "{short(token.text)}"'
            fix = self._reporter.quoted_host(token.start)
            self._reporter.add(codes.UNQUOTED_HOST, token.span, message, hint="quote the host name", fix=fix)
        else:
            message = f'"{short(token.text)}" is neither a number nor a name'
            self._reporter.add(codes.BAD_NUMBER, token.span, message, hint="quote it if it is a text")

    def bad_octet(self, start: int, end: int, octet: Span) -> None:
        """An IPv4 address in tokens[start:end] with the part `octet` above 255."""
        first = next(i for i in range(start, end) if self._tokens[i].end == octet.end)
        last = first
        while self._tokens[first - 1].text == "." and first - 2 >= start:
            first -= 2
        while self._tokens[last + 1].text == "." and last + 2 < end:
            last += 2
        span = Span(self._tokens[first].start, self._tokens[last].end)
        message = f"{self._source.text_of(span)} is not an IP address: {self._source.text_of(octet)} is over 255"
        self._reporter.add(codes.BAD_ADDRESS, span, message)

    def unpaired(self, at: int) -> None:
        """A parenthesis without its partner in the piece."""
        token = self._tokens[at]
        if token.text in (")", "]"):
            self.stray_bracket(at)
            return
        if self._semicolon_in_arguments(at) or self._bracket_for_brace(at):
            return
        closing = ")" if token.text == "(" else "]"
        message = f'this "{token.text}" is never closed'
        self._reporter.add(codes.UNCLOSED_PARENTHESIS, token.span, message, hint=f'write "{closing}" where it ends')

    def _semicolon_in_arguments(self, at: int) -> bool:
        """`f("a"; "b")`."""
        end = at + 1
        while self._tokens[end].kind in ("string", "number", "word", "address") or self._tokens[end].text == ",":
            end += 1
        here, behind = self._tokens[end], self._tokens[end + 1 : end + 3]
        if here.text != ";" or [t.kind for t in behind] != ["string", "sign"] or behind[1].text not in (")", ","):
            return False
        message = 'arguments are separated by ",", found ";"'
        self._reporter.add(codes.UNEXPECTED, here.span, message, hint='write ","', fix=write(here.span, ","))
        return True

    def _bracket_for_brace(self, at: int) -> bool:
        """`if (…) (` or `if (…) [` at the end of a line."""
        token, before = self._tokens[at], self._tokens[at - 1]
        if before.text != ")" or not self._reporter.begins_line(at + 1):
            return False
        message = f'a block begins with "{{", found "{token.text}"'
        fix = write(token.span, "{", safe=False)
        self._reporter.add(codes.UNEXPECTED, token.span, message, hint='write "{"', fix=fix)
        return True

    def _without_opening(self, at: int) -> bool:
        """`f "a", "b")` and `if method == INVITE) {`: the closing one is at `at`."""
        first = at
        while first > 0 and self._tokens[first - 1].text not in _ENDS and not self._reporter.begins_line(first):
            first -= 1
        name, following = self._tokens[first], self._tokens[first + 1]
        if self._tokens[at].text != ")" or first + 1 >= at or name.kind != "word":
            return False
        if following.kind not in ("string", "number", "word", "address") and not (
            name.text == "if" and following.text == "!"
        ):
            return False
        message = f'"(" is missing after {name.text}'
        span = Span(name.end, name.end)
        fix = write(Span(name.end, following.start), " (" if name.text == "if" else "(")
        self._reporter.add(codes.STRAY_BRACKET, span, message, hint='write "("', fix=fix)
        return True

    def stray_bracket(self, at: int) -> None:
        if self._without_opening(at):
            return
        token = self._tokens[at]
        fix = remove(token.span, token.text)
        self._reporter.add(
            codes.STRAY_BRACKET, token.span, f'this "{token.text}" closes nothing', hint="remove it", fix=fix
        )

    def too_deep(self, at: int) -> None:
        span = self._tokens[at].span
        self._reporter.add(codes.TOO_DEEP, span, "this is nested too deep", hint="split it in two")


def _named(character: str) -> str:
    name = unicodedata.name(character, "")
    shown = f' "{character}"' if character.isprintable() and not character.isspace() else ""
    return f"the character{shown} U+{ord(character):04X}{f' ({name.lower()})' if name else ''}"


def _plain(text: str) -> str | None:
    """What was meant by characters that look like others, or like none at all; None for others."""
    found = []
    for character in text:
        plain = "-" if character in _DASHES else unicodedata.normalize("NFKC", character)
        if unicodedata.category(character) in ("Zs", "Cf", "Cc") or character == _BYTE_ORDER_MARK:
            plain = " "
        if not plain.isascii() or plain == character:
            return None
        found.append(plain)
    return "".join(found)


def _character_hint(text: str, word: str, joined: bool) -> str:
    """`joined`: it follows what is before it without a blank."""
    if text == "$" and word:
        ours = dialects.OPERANDS.get(word, "")
        instead = f": write {ours}" if ours else "; 0.9 has none in the script"
        return f"pseudo-variables such as ${word} are of SER 2.0, OpenSER and Kamailio{instead}"
    if text == "@" and word and joined:
        return "put the URI in quotes"
    if text == "@" and word:
        return f"selects such as @{word} are of SER 2.0; 0.9 has none"
    if text == "\\":
        return "a backslash may stand only at the very end of a line, or in a string: put texts in quotes"
    if _BYTE_ORDER_MARK in text:
        return "save the file without a byte order mark"
    if text and unicodedata.category(text[0]) in ("Zs", "Cf", "Cc"):
        return "it cannot be seen: write a plain blank instead, or nothing"
    plain = "-" if text[:1] in _DASHES else unicodedata.normalize("NFKC", text[:1])
    if plain != text[:1] and plain.isascii() and plain.isprintable():
        return f'write the plain "{plain}" instead'
    return "quote it if it belongs to a text"
