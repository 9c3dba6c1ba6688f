"""The kinds of arguments that script functions take, each with the reading of its text.

A kind is a function from the argument's name to an Arg: `integer("count")`. Modules may define kinds of their own
beside their bodies; what several modules use is here, and in kinds_words, kinds_sip, kinds_avp.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Final

from runtime.sip.regex import Regex
from runtime.sip.regex_syntax import CLASSES
from runtime.spec.declare import Arg, ArgumentKind, no_doubt
from runtime.spec.posix_regex import BadRegex, read_regex
from runtime.spec.values import BadArgument, Constant, Doubt, Named

_DECIMAL: Final = re.compile(r"-?[0-9]+\Z")
# What routes.py calls them. Reference core, chapter 9.
_LEVELS: Final = {
    -3: "L_ALERT",
    -2: "L_CRIT",
    -1: "L_ERR",
    1: "L_WARN",
    2: "L_NOTICE",
    3: "L_INFO",
    4: "L_DBG",
}
# What says in answers of these codes which credentials are wanted. RFC 3261 20.27, 20.44.
_CHALLENGES: Final = {
    "401": ("WWW-Authenticate", "www_challenge of module auth"),
    "407": ("Proxy-Authenticate", "proxy_challenge of module auth"),
}
_TOKEN: Final = re.compile(r"[-A-Za-z0-9.!%*_+`'~]+\Z")
# What xlog writes something else for, and what later servers do.
SPECIFIER: Final = re.compile(
    r"%(?:ci|cs|ct|ds|fu|ft|is|mf|mi|ml|pp|rm|rr|rs|ru|rU|fU|tU|si|tt|tu|Tf|Ts|ua)\b|\$(?:ru|fu|tu|rm|ci|si|du|rU|fU|tU)\b"
)
# There is one of each, or the server's own are counted.
_OWN_HEADERS: Final = frozenset(
    ("call-id", "content-length", "cseq", "from", "i", "l", "max-forwards", "record-route", "t", "to", "v", "via", "f")
)
# What a shell has in itself, so that no path leads to it, and programs that every PATH leads to.
_SHELL_WORDS: Final = frozenset(
    ": . [ break case cd command echo eval exec exit export false for if kill printf"
    " pwd read set shift test trap true umask until wait while"
    " awk bash cat cp cut date dirname env grep head hostname ls mkdir mv perl printenv rm sed sh sleep sort tail tee touch tr"
    " uniq wc".split()
)


def wire(text: str) -> bytes:
    """Text of ser.cfg as the bytes that go on the wire: files are read as Latin-1, so this is lossless."""
    return text.encode("latin-1")


def parse_integer(text: str, low: int | None = None, high: int | None = None) -> int:
    """The number in `text`; raises BadArgument outside of low..high (inclusive) or for anything but decimal digits."""
    if not _DECIMAL.match(text):
        raise BadArgument(f'"{text}" is not a number')
    value = int(text)
    if low is not None and value < low or high is not None and value > high:
        raise BadArgument(f"{value} is out of range", f"write {_bounds(low, high)}")
    return value


def level_named(level: int) -> int | Named[int]:
    """A level of the log, by its name if it has one."""
    name = _LEVELS.get(level)
    return level if name is None else Named(name, level)


def _bounds(low: int | None, high: int | None) -> str:
    if low is None:
        return "a number" if high is None else f"a number of at most {high}"
    return f"a number of at least {low}" if high is None else f"a number from {low} to {high}"


def _code(text: str) -> int:
    try:
        value = parse_integer(text)
    except BadArgument:
        raise BadArgument(f'"{text}" is not a SIP status code', "write three digits such as 404") from None
    if not 100 <= value <= 999:
        raise BadArgument(f"{value} is not a SIP status code", "codes are 100 to 699 (RFC 3261 7.2)")
    return value


def _code_doubt(text: str) -> Doubt | None:
    """SER sends whatever has three digits."""
    if text.strip() in _CHALLENGES:
        header, function = _CHALLENGES[text.strip()]
        return Doubt(
            f"{text.strip()} without {header}: nobody knows which credentials to send", f"{function} writes it"
        )
    if int(text) <= 699:
        return None
    return Doubt(f"{text.strip()} is outside of the range of SIP status codes", "codes are 100 to 699 (RFC 3261 7.2)")


def _reason(text: str) -> bytes:
    """SER sends line ends in it, and so a reply that ends after its first line."""
    return wire(" ".join(text.split("\n")).replace("\r", "").strip(" "))


def specifier_doubt(text: str) -> Doubt | None:
    """About a text that goes into a message as it stands."""
    found = SPECIFIER.search(text)
    if found is None:
        return None
    return Doubt(f"{found[0]} is sent as it stands: nothing is put in here", "specifiers are of xlog alone")


def _reason_doubt(text: str) -> Doubt | None:
    if (specifier := specifier_doubt(text)) is not None:
        return specifier
    if "\r" in text or "\n" in text:
        return Doubt("a reason phrase is one line: its line ends are left out", "remove \\r and \\n")
    return None


def _header_name(text: str) -> bytes:
    if not _TOKEN.match(text):
        hint = "write the name without the colon" if text.endswith(":") else ""
        raise BadArgument(f'"{text}" cannot be the name of a header', hint)
    return wire(text)


def _header_line_doubt(text: str) -> Doubt | None:
    if (specifier := specifier_doubt(text)) is not None:
        return specifier
    if ":" not in text and text.strip():
        return Doubt("this is no header line: it has no colon", "write NAME: VALUE")
    if re.search(r"\n\r?\n", text):
        return Doubt(
            "an empty line ends the header: what follows is taken for the body", "end the line with one \\r\\n"
        )
    name = re.match(r"\s*([^\s:]+)\s*:", text)
    if name is not None and name[1].lower() in _OWN_HEADERS:
        return Doubt(f"{name[1]} is written by the server: the message gets a second one", "remove this")
    if re.match(r"[^:]*[^\s:]\s+[^\s:]", text):
        return Doubt("the name of a header has no blank in it", "write NAME: VALUE")
    if text.endswith("\n") and not text.endswith("\r\n"):
        return Doubt("a header line ends in a carriage return and a line feed, not in this alone", "end it with \\r\\n")
    if text.endswith("\n"):
        return None
    return Doubt("this header line is never ended: the next header becomes a part of it", "end it with \\r\\n")


def checked_regex(text: str) -> bytes:
    """A POSIX extended regex that the engine takes, as bytes; raises BadArgument."""
    try:
        read_regex(text)
    except BadRegex as e:
        raise BadArgument(f"bad regular expression: {e}", e.hint) from None
    return wire(text)


def regex_constant(text: str) -> Constant[Regex]:
    """A POSIX extended, case-insensitive regex with REG_NEWLINE, as SER compiles it."""
    return Constant(Regex, (checked_regex(text), True), "REGEX", names=("ignore_case",))


def _regex(text: str) -> Constant[Regex]:
    return regex_constant(text)


def _header_begin_doubt(text: str) -> Doubt | None:
    return specifier_doubt(text) or (None if ":" in text else _header_line_doubt(f"{text}\r\n"))


def _header_end_doubt(text: str) -> Doubt | None:
    return specifier_doubt(text) or _header_line_doubt(f"x:{text}")


@lru_cache(maxsize=2048)  # an editor asks after each keystroke
def regex_doubt(text: str) -> Doubt | None:
    """Perl's words in a POSIX regex: legal, and something else. `\\d` is the letter d, `.*?` an optional `.*`."""
    at = 0
    while at < len(text) - 1:
        pair = text[at : at + 2]
        if pair in (r"\d", r"\D"):
            meant = "[0-9]" if pair == r"\d" else "[^0-9]"
            return Doubt(f"{pair} is the letter {pair[1]} in a POSIX regular expression", f"write {meant}")
        if pair in ("*?", "+?") and at > 0:
            return Doubt(
                f'"{pair}" is not lazy in a POSIX regular expression, the longest match is taken',
                "write a negated bracket such as [^@]*",
            )
        at += 2 if pair[0] == "\\" else 1
    return _unmatched_parenthesis(text) or _misunderstood(text) or _slow(text)


def _slow(text: str) -> Doubt | None:
    """The one kind that no engine matches in a time that grows with the text only."""
    try:
        if not read_regex(text).refers_back:
            return None
    except BadRegex:
        return None
    return Doubt(
        "a reference back to a group makes this expression slow: a long text can keep a worker busy",
        "write it without the reference",
    )


def _misunderstood(text: str) -> Doubt | None:
    if not text:
        return Doubt("an empty regular expression matches everything")
    if re.fullmatch(r"/.*/[gimsx]*", text, re.DOTALL):
        return Doubt("the slashes belong to the regular expression: there are none around it", "remove them")
    if (doubt := _signs_doubt(text)) is not None:
        return doubt
    star = re.fullmatch(r"((?:[^\\*+?()\[\]{}|]|\\.)*)([0-9])\*", text, re.DOTALL)
    if star is not None:
        sentence = f'"*" repeats the "{star[2]}" before it, or leaves it away: this is the same as "{star[1]}"'
        return Doubt(sentence, f'write "{star[1]}{star[2]}" for what begins so')
    plus = re.search(r"(?:sips?|tel):\+(?=[0-9\[])", text)
    if plus is not None:
        return Doubt('"+" repeats the ":" before it, it is not the plus of a number', r"write \+ for the plus")
    return _brackets_doubt(text)


def _signs_doubt(text: str) -> Doubt | None:
    """Signs where they do not do what they are there for."""
    named = re.search(r"(?<!\[)(?<!\[\^)\[(:[a-z]+:)\](?!\])", text)
    if named is not None and named[1].strip(":") in CLASSES:
        sentence = f"{named[0]} is one of these letters: the name of a class stands in brackets of its own"
        return Doubt(sentence, f"write [{named[0]}]")
    braces = re.search(r"\\\{([0-9]+(?:,[0-9]*)?)\\\}", text)
    if braces is not None:
        return Doubt(f"{braces[0]} is these characters, and repeats nothing", f"write {{{braces[1]}}}")
    bare = re.sub(r"\\.|\[\^?\]?(?:\[:[a-z]+:\]|[^]])*\]", "x", text, flags=re.DOTALL)
    if re.search(r"\A\||\|\||\|\Z", bare):
        return Doubt('nothing stands on one side of a "|": this matches everything', 'remove the "|"')
    return None


def _brackets_doubt(text: str) -> Doubt | None:
    """Brackets stand for one character: who writes alternatives or numbers into them means something else."""
    for found in re.finditer(r"\\.|\[\^?(\]?(?:\[:[a-z]+:\]|[^]])*)\]", text, re.DOTALL):
        inner = found[1] or ""
        if re.fullmatch(r"[A-Za-z0-9]+([|,][A-Za-z0-9]+)+", inner):
            sign = "|" if "|" in inner else ","
            parts = re.split("[|,]", inner)
            better = f"[{''.join(parts)}]" if all(len(part) == 1 for part in parts) else f"({'|'.join(parts)})"
            return Doubt(f'"{sign}" in brackets is a character like the others: {found[0]}', f'write "{better}"')
        if re.fullmatch(r"[0-9]+[1-9]-[0-9]{2,}|[0-9]{2,}-[0-9]{2,}", inner):
            sentence = f"brackets stand for one character: {found[0]} is not a range of numbers"
            return Doubt(sentence, "write the alternatives: (1[0-9]|2[0-4])")
    return None


def _unmatched_parenthesis(text: str) -> Doubt | None:
    """A ")" that closes nothing is legal, and the character itself."""
    depth = 0
    for c in re.findall(r"\\.|\[\^?\]?[^]]*\]|[()]", text, re.DOTALL):
        depth += (c == "(") - (c == ")")
        if depth < 0:
            sentence = 'this regular expression has a ")" that closes nothing: it is taken as the character itself'
            return Doubt(sentence, r"write \) for the character itself, or remove it")
    return None


def _message_doubt(text: str) -> Doubt | None:
    """It is matched against all of the message, where `^` and `$` are at line feeds (REG_NEWLINE)."""
    bare = re.sub(r"\[\^?\]?[^\]]*\]", "x", text)
    if re.search(r"(?<![\\rn*+?.)])\$(?=\Z|[|)])", bare):
        sentence = "this looks at the whole message, whose lines end in \\r\\n: $ stands behind the \\r, and this never matches"
        return Doubt(sentence, "leave $ away, or write [[:space:]]*$")
    return regex_doubt(text)


STRING: Final = ArgumentKind[bytes]("string", "a string", wire)
TEXT: Final = ArgumentKind[bytes]("string", "a string", wire, is_text=True)
HEADER_LINE: Final = ArgumentKind[bytes]("string", "a string", wire, _header_line_doubt, True)
REASON: Final = ArgumentKind[bytes]("reason", "a reason phrase", _reason, _reason_doubt, True)
INTEGER: Final = ArgumentKind[int]("integer", "a number in quotes", parse_integer)
CODE: Final = ArgumentKind[int]("code", "a SIP status code in quotes", _code, _code_doubt)
HEADER_NAME: Final = ArgumentKind[bytes]("header name", "the name of a header", _header_name)
REGEX: Final = ArgumentKind[Regex]("regex", "a POSIX extended regular expression", _regex, regex_doubt)
MESSAGE_REGEX: Final = replace(REGEX, doubt=_message_doubt)


def some_text(
    name: str, what: str, doubt: Callable[[str], Doubt | None] = no_doubt, check: Callable[[str], str] | None = None
) -> ArgumentKind[bytes]:
    """The kind of a text that may not be empty: `what` with its article; `check` says what else is wrong with it."""

    def parse(text: str) -> bytes:
        if not text.strip():
            raise BadArgument(f"{what} is missing")
        wrong = check(text) if check else ""
        if wrong:
            raise BadArgument(wrong)
        return wire(text)

    return ArgumentKind(name, what, parse, doubt)


def _command_doubt(text: str) -> Doubt | None:
    """A program by its name alone is looked for where PATH says, and the PATH of a server is not that of a login."""
    words = text.split()
    while len(words) > 1 and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*=.*", words[0]):
        words.pop(0)
    program = words[0] if words else ""
    if program.startswith(("./", "../")) or "/" in program and program[0].isalnum():
        sentence = f"{program} depends on the working directory of the server"
    elif program in _SHELL_WORDS or not re.fullmatch(r"[A-Za-z0-9_][-A-Za-z0-9_.+]*", program):
        return None
    else:
        sentence = f"{program} is looked for along the PATH with which the server was started"
    return Doubt(sentence, f"write its path, beginning with /: /usr/local/bin/{program.rpartition('/')[2]}")


TABLE = some_text("table", "the name of a database table")
LOCATION = some_text("location table", "the name of a location table")
COMMAND = some_text("command", "a shell command", _command_doubt)
FILE = some_text("file", "the name of a file")


def string(name: str) -> Arg[bytes]:
    return Arg(name, STRING)


def header_begin(name: str = "before") -> Arg[bytes]:
    """What a header line begins with."""
    return Arg(name, replace(TEXT, doubt=_header_begin_doubt))


def header_end(name: str = "after") -> Arg[bytes]:
    """What a header line ends with."""
    return Arg(name, replace(TEXT, doubt=_header_end_doubt))


def sent_text(name: str) -> Arg[bytes]:
    """A text that goes into a message as it stands."""
    return Arg(name, TEXT)


def header_line(name: str = "text") -> Arg[bytes]:
    return Arg(name, HEADER_LINE)


def table(name: str = "table") -> Arg[bytes]:
    return Arg(name, TABLE)


def location(name: str = "table") -> Arg[bytes]:
    """Name of one of usrloc's tables, such as "location"."""
    return Arg(name, LOCATION)


def command(name: str = "command") -> Arg[bytes]:
    return Arg(name, COMMAND)


def file(name: str = "file") -> Arg[bytes]:
    return Arg(name, FILE)


def integer(name: str, low: int | None = None, high: int | None = None) -> Arg[int]:
    """A decimal number, `low` to `high` inclusive."""
    if low is None and high is None:
        return Arg(name, INTEGER)
    return Arg(name, ArgumentKind("integer", _bounds(low, high), lambda t: parse_integer(t, low, high)))


def code(name: str = "code") -> Arg[int]:
    return Arg(name, CODE)


def reason(name: str = "reason") -> Arg[bytes]:
    return Arg(name, REASON)


def header_name(name: str = "name") -> Arg[bytes]:
    return Arg(name, HEADER_NAME)


def regex(name: str = "regex") -> Arg[Regex]:
    return Arg(name, REGEX)


def message_regex(name: str = "regex") -> Arg[Regex]:
    """A regular expression that is matched against a whole message."""
    return Arg(name, MESSAGE_REGEX)
