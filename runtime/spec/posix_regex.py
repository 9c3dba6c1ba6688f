"""POSIX extended regular expressions, as ser.cfg writes them, in the words of Python's `re`."""

from __future__ import annotations


class BadRegex(ValueError):
    """`str()` is one sentence in lower case, `offset` the character at fault, `hint` the way out or ""."""

    def __init__(self, sentence: str, offset: int, hint: str = "") -> None:
        super().__init__(sentence)
        self.offset = offset
        self.hint = hint


_CLASSES = {
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "alnum": "a-zA-Z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "space": r" \t\n\r\f\v",
    "blank": r" \t",
    "punct": r"!-/:-@\[-`{-~",
    "print": " -~",
    "graph": "!-~",
    "cntrl": r"\x00-\x1f\x7f",
    "xdigit": "0-9A-Fa-f",
}
_MOST_REPETITIONS = 32767
_LITERAL_IN_PYTHON = set("#&~- ")
# GNU's library, which SER used, knows these beyond POSIX.
_GNU_ESCAPES = {"w": r"[A-Za-z0-9_]", "W": r"[^A-Za-z0-9_]", "s": r"[ \t\n\r\f\v]", "S": r"[^ \t\n\r\f\v]"}
_GNU_ANCHORS = {"b": r"\b", "B": r"\B", "<": r"\b(?=\w)", ">": r"\b(?<=\w)", "`": r"\A", "'": r"\Z"}


def python_pattern(text: str, *, newline: bool = True) -> str:
    """`text` as a pattern for Python's `re` that matches the same strings.

    With `newline` (REG_NEWLINE) `.` and negated brackets leave line ends alone and `^`, `$` match at lines. Python
    takes the leftmost alternative that matches, POSIX the longest: where that matters the alternatives are put in
    order by the caller's own eyes, not here. Raises BadRegex for what regcomp of the GNU library refuses.
    """
    return _Translation(text, newline).pattern()


class _Translation:
    def __init__(self, text: str, newline: bool) -> None:
        self._text = text
        self._newline = newline
        self._at = 0
        self._groups = 0
        self._complete: set[int] = set()
        self._depth = 0

    def pattern(self) -> str:
        body = self._alternatives()
        return f"(?m:{body})" if self._newline else body

    def _alternatives(self) -> str:
        branches = [self._branch()]
        while self._at < len(self._text) and self._text[self._at] == "|":
            self._at += 1
            branches.append(self._branch())
        return "|".join(branches)

    def _branch(self) -> str:
        out: list[str] = []
        while self._at < len(self._text):
            c = self._text[self._at]
            if c == "|" or c == ")" and self._depth:
                break
            if not out:
                self._something_to_repeat()
            start = self._at
            atom = self._atom()
            if c in "^$" or c == "\\" and self._text[start + 1] in _GNU_ANCHORS:
                self._something_to_repeat()
            out.append(self._repeated(atom))
        return "".join(out)

    def _something_to_repeat(self) -> None:
        """Nothing can be repeated at the beginning of a branch or after an anchor."""
        c = self._text[self._at : self._at + 1]
        if c and c in "*+?{":
            raise BadRegex(f'nothing before "{c}" to repeat', self._at, rf"write \{c} for the character itself")

    def _repeated(self, atom: str) -> str:
        """`atom` with the repetitions that follow it; several in a row are legal in POSIX, not in Python."""
        repetitions = 0
        while self._at < len(self._text) and self._text[self._at] in "*+?{":
            sign = self._text[self._at]
            if sign == "{":
                sign = self._bounds()
            else:
                self._at += 1
            atom = f"(?:{atom}){sign}" if repetitions else atom + sign
            repetitions += 1
        return atom

    def _bounds(self) -> str:
        """`{m,n}` at the present place; GNU also takes `{,n}`."""
        end = self._text.find("}", self._at)
        if end < 0:
            raise BadRegex('"{" is never closed', self._at, r"write \{ for the character itself")
        inner = self._text[self._at + 1 : end]
        low, comma, high = inner.partition(",")
        if not (low or comma and high) or not all(part.isdecimal() for part in (low, high) if part):
            hint = r"write {n} or {n,m}, or \{ for the character itself"
            raise BadRegex(f"{{{inner}}} is no repetition", self._at, hint)
        low = low or "0"
        if int(low) > int(high or low) or int(low) > _MOST_REPETITIONS or int(high or low) > _MOST_REPETITIONS:
            raise BadRegex(f"bad repetition {{{inner}}}", self._at)
        self._at = end + 1
        return f"{{{low}{comma}{high}}}"

    def _atom(self) -> str:
        c = self._text[self._at]
        start = self._at
        self._at += 1
        if c == "(":
            self._groups += 1
            group = self._groups
            self._depth += 1
            inner = self._alternatives()
            if self._at >= len(self._text):
                raise BadRegex('"(" is never closed', start, r"write \( for the character itself")
            self._at += 1
            self._depth -= 1
            self._complete.add(group)
            return f"({inner})"
        if c == "[":
            return self._bracket(start)
        if c == ".":
            return r"[^\n]" if self._newline else r"[\s\S]"
        if c == "^":
            return "^" if self._newline else r"\A"
        if c == "$":
            return r"(?=\n|\Z)" if self._newline else r"\Z"
        if c == "\\":
            return self._escape(start)
        if c in r"{})]":
            return "\\" + c
        return c if c.isalnum() or c in "_/\"'<>=!:,;@%`" or c in _LITERAL_IN_PYTHON else _escaped(c)

    def _escape(self, start: int) -> str:
        if self._at >= len(self._text):
            raise BadRegex("a backslash at the end escapes nothing", start)
        c = self._text[self._at]
        self._at += 1
        if c.isdigit() and c != "0":
            if int(c) not in self._complete:
                raise BadRegex(f"there is no group {c} before this reference", start)
            return f"(?:\\{c})"
        if c in _GNU_ESCAPES:
            return _GNU_ESCAPES[c]
        if c in _GNU_ANCHORS:
            return _GNU_ANCHORS[c]
        return _escaped(c)

    def _bracket(self, start: int) -> str:
        negated = self._text.startswith("^", self._at)
        if negated:
            self._at += 1
        out: list[str] = []
        first = True
        while True:
            if self._at >= len(self._text):
                raise BadRegex('"[" is never closed', start, r"write \[ for the character itself")
            c = self._text[self._at]
            if c == "]" and not first:
                self._at += 1
                break
            first = False
            low, is_class = self._bracket_item()
            dash = self._text.startswith("-", self._at) and not self._text.startswith("-]", self._at)
            if dash and not is_class and self._at + 1 < len(self._text):
                self._at += 1
                high, is_class = self._bracket_item()
                if is_class or high < low:
                    raise BadRegex("a range in brackets runs backwards", self._at - 1)
                out.append(f"{_in_bracket(low)}-{_in_bracket(high)}")
            else:
                out.append(low if is_class else _in_bracket(low))
        if negated:
            return "[^" + "".join(out) + (r"\n]" if self._newline else "]")
        return "[" + "".join(out) + "]"

    def _bracket_item(self) -> tuple[str, bool]:
        """The next member: a character, or the inside of a class and True."""
        for opening, closing in (("[:", ":]"), ("[=", "=]"), ("[.", ".]")):
            if self._text.startswith(opening, self._at):
                end = self._text.find(closing, self._at + 2)
                if end < 0:
                    raise BadRegex(f'"{opening}" is never closed', self._at)
                name = self._text[self._at + 2 : end]
                at = self._at
                self._at = end + 2
                if opening != "[:":
                    if len(name) != 1:
                        raise BadRegex(f"unknown collating element {name!r}", at)
                    return name, False
                if name not in _CLASSES:
                    raise BadRegex(f"unknown character class [:{name}:]", at, "classes: " + ", ".join(sorted(_CLASSES)))
                return _CLASSES[name], True
        c = self._text[self._at]
        self._at += 1
        return c, False


def _escaped(c: str) -> str:
    if c.isalnum():
        return c
    return f"\\x{ord(c):02x}" if ord(c) < 32 or ord(c) > 126 else "\\" + c


def _in_bracket(c: str) -> str:
    if c.isalnum() or c == "_":
        return c
    return f"\\x{ord(c):02x}" if ord(c) < 32 or ord(c) > 126 else "\\" + c
