"""POSIX extended regular expressions, as ser.cfg writes them, as a tree. What regcomp of the GNU library refuses is refused here."""

from __future__ import annotations

from typing import Final, final

from runtime.sip.regex_tree import (
    ANY,
    BEGIN_LINE,
    BEGIN_TEXT,
    BEGIN_WORD,
    END_LINE,
    END_TEXT,
    END_WORD,
    LINE_END,
    NOT_WORD_EDGE,
    WORD,
    WORD_EDGE,
    Node,
    alternatives,
    assertion,
    back_reference,
    group,
    repeated,
    sequence,
    symbol,
)


class BadRegex(ValueError):
    """`str()` is one sentence in lower case, `offset` the character at fault, `hint` the way out or ""."""

    def __init__(self, sentence: str, offset: int, hint: str = "") -> None:
        super().__init__(sentence)
        self.offset = offset
        self.hint = hint


def _range(low: int, high: int) -> int:
    """The set of the bytes from `low` to `high`, inclusive, as a number with their bits set."""
    return (1 << (high + 1)) - (1 << low)


_UPPER: Final = _range(65, 90)
_LOWER: Final = _range(97, 122)
_DIGITS: Final = _range(48, 57)
_SPACE: Final = _range(9, 13) | 1 << 32
CLASSES: Final[dict[str, int]] = {
    "alpha": _UPPER | _LOWER,
    "digit": _DIGITS,
    "alnum": _UPPER | _LOWER | _DIGITS,
    "upper": _UPPER,
    "lower": _LOWER,
    "space": _SPACE,
    "blank": 1 << 32 | 1 << 9,
    "punct": _range(33, 47) | _range(58, 64) | _range(91, 96) | _range(123, 126),
    "print": _range(32, 126),
    "graph": _range(33, 126),
    "cntrl": _range(0, 31) | 1 << 127,
    "xdigit": _DIGITS | _range(65, 70) | _range(97, 102),
}
_MOST_REPETITIONS: Final = 32767
# Parentheses in parentheses; a regular expression that a person wrote has a handful.
_DEEPEST: Final = 100
# Who walks a tree calls itself for each node on the way down; parentheses, alternatives and repetitions take some nodes each.
_DEEPEST_TREE: Final = 400
# What a tree may hold once its repetitions are written out: `a{1000}` is a thousand.
LARGEST: Final = 20_000
# GNU's library, which SER used, knows these beyond POSIX.
_GNU_SETS: Final[dict[str, int]] = {"w": WORD, "W": ANY & ~WORD, "s": _SPACE, "S": ANY & ~_SPACE}
_GNU_ANCHORS: Final[dict[str, int]] = {
    "b": WORD_EDGE,
    "B": NOT_WORD_EDGE,
    "<": BEGIN_WORD,
    ">": END_WORD,
    "`": BEGIN_TEXT,
    "'": END_TEXT,
}


def parse_regex(text: str, ignore_case: bool = False, newline: bool = True, largest: int = LARGEST) -> Parsed:
    """The tree of a regular expression in Latin-1; raises BadRegex.

    With `newline` (REG_NEWLINE) `.` and negated brackets leave line ends alone and `^`, `$` match at lines. `largest`: what one
    repetition may hold once it is written out.
    """
    return _Parser(text, ignore_case, newline, largest).parsed()


@final
class Parsed:
    """The tree of an expression, how many groups it has, and whether one is referred to."""

    def __init__(self, node: Node, groups: int, refers_back: bool) -> None:
        self.node: Final = node
        self.groups: Final = groups
        self.refers_back: Final = refers_back


@final
class _Parser:
    def __init__(self, text: str, ignore_case: bool, newline: bool, largest: int) -> None:
        self._text: Final = text
        self._largest: Final = largest
        self._ignore_case: Final = ignore_case
        self._newline: Final = newline
        self._at = 0
        self._groups = 0
        self._complete: Final[set[int]] = set()
        self._depth = 0
        self._refers_back = False

    def parsed(self) -> Parsed:
        node = self._alternatives()
        return Parsed(node, self._groups, self._refers_back)

    def _alternatives(self) -> Node:
        branches = [self._branch()]
        while self._at < len(self._text) and self._text[self._at] == "|":
            self._at += 1
            branches.append(self._branch())
        return alternatives(branches)

    def _branch(self) -> Node:
        items: list[Node] = []
        empty = True
        while self._at < len(self._text):
            c = self._text[self._at]
            if c == "|" or c == ")" and self._depth:
                break
            if empty:
                self._something_to_repeat()
            empty = False
            start = self._at
            atom = self._atom()
            if c in "^$" or c == "\\" and self._text[start + 1] in _GNU_ANCHORS:
                self._something_to_repeat()
            items.append(self._repeated(atom, start))
        return sequence(items)

    def _something_to_repeat(self) -> None:
        """Nothing can be repeated at the beginning of a branch or after an anchor."""
        c = self._text[self._at : self._at + 1]
        if c and c in "*+?{":
            anything = "write .* for any text, or " if c == "*" else "write "
            raise BadRegex(f'nothing before "{c}" to repeat', self._at, rf"{anything}\{c} for the character itself")

    def _repeated(self, atom: Node, start: int) -> Node:
        """`atom` with the repetitions that follow it, which may be several."""
        while self._at < len(self._text) and self._text[self._at] in "*+?{":
            sign = self._text[self._at]
            low, high = 0, -1
            if sign == "{":
                low, high = self._bounds()
            else:
                self._at += 1
                low = 1 if sign == "+" else 0
                high = 1 if sign == "?" else -1
            if atom.size * max(low, high, 1) > self._largest:
                raise BadRegex("this repetition makes the regular expression too large", start, "repeat less often")
            atom = repeated(atom, low, high)
            if atom.depth > _DEEPEST_TREE:
                raise BadRegex("repetitions are nested too deep", start, "write it in a simpler way")
        return atom

    def _bounds(self) -> tuple[int, int]:
        """`{m,n}` at the present place, n -1 for no limit; GNU also takes `{,n}`."""
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
        if not comma:
            return int(low), int(low)
        return int(low), int(high) if high else -1

    def _atom(self) -> Node:
        c = self._text[self._at]
        start = self._at
        self._at += 1
        if c == "(":
            return self._group(start)
        if c == "[":
            return symbol(self._bracket(start))
        if c == ".":
            return symbol(ANY & ~LINE_END if self._newline else ANY)
        if c == "^":
            return assertion(BEGIN_LINE if self._newline else BEGIN_TEXT)
        if c == "$":
            return assertion(END_LINE if self._newline else END_TEXT)
        if c == "\\":
            return self._escape(start)
        return symbol(self._folded(1 << ord(c)))

    def _group(self, start: int) -> Node:
        self._groups += 1
        number = self._groups
        self._depth += 1
        if self._depth > _DEEPEST:
            raise BadRegex(f"parentheses are nested more than {_DEEPEST} deep", start, "write it in a simpler way")
        inner = self._alternatives()
        if self._at >= len(self._text):
            raise BadRegex('"(" is never closed', start, r'write ")" where it ends, or \( for the character itself')
        self._at += 1
        self._depth -= 1
        self._complete.add(number)
        return group(number, inner)

    def _folded(self, members: int) -> int:
        """With REG_ICASE a letter is also its other case."""
        if not self._ignore_case:
            return members
        return members | (members & _UPPER) << 32 | (members & _LOWER) >> 32

    def _escape(self, start: int) -> Node:
        if self._at >= len(self._text):
            raise BadRegex("a backslash at the end escapes nothing", start)
        c = self._text[self._at]
        self._at += 1
        # Not isdigit(): that is true of superscripts, too, which are no numbers.
        if c in "123456789":
            if int(c) not in self._complete:
                raise BadRegex(f"there is no group {c} before this reference", start)
            self._refers_back = True
            return back_reference(int(c))
        if c in _GNU_SETS:
            return symbol(_GNU_SETS[c])
        if c in _GNU_ANCHORS:
            return assertion(_GNU_ANCHORS[c])
        return symbol(self._folded(1 << ord(c)))

    def _bracket(self, start: int) -> int:
        negated = self._text.startswith("^", self._at)
        if negated:
            self._at += 1
        members = 0
        first = True
        while True:
            if self._at >= len(self._text):
                raise BadRegex('"[" is never closed', start, r'write "]" where it ends, or \[ for the character itself')
            if self._text[self._at] == "]" and not first:
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
                members |= _range(low, high)
            else:
                members |= low if is_class else 1 << low
        members = self._folded(members)
        if not negated:
            return members
        return ANY & ~members & ~LINE_END if self._newline else ANY & ~members

    def _bracket_item(self) -> tuple[int, bool]:
        """The next member: the number of a character, or the set that is a class and True."""
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
                    return ord(name), False
                if name not in CLASSES:
                    raise BadRegex(f"unknown character class [:{name}:]", at, "classes: " + ", ".join(sorted(CLASSES)))
                return CLASSES[name], True
        c = self._text[self._at]
        self._at += 1
        return ord(c), False
