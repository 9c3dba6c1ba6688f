"""What people and editors do to a ser.cfg by accident: one change at a time, each with the place where it was made."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final, NamedTuple

from serc.diagnostics.report import Report
from serc.reading import tree
from serc.reading.lex import Token, lex
from serc.reading.source import Source
from serc.reading.structure import parse_file


class Changed(NamedTuple):
    """The whole text after one change. `what` tells of it in a few words, `start` is its first offset."""

    text: str
    what: str
    start: int


class Config:
    """A ser.cfg in the parts that can be changed."""

    def __init__(self, text: str) -> None:
        source = Source("ser.cfg", text)
        report = Report()
        lexed = lex(source, report)
        self.text: Final = text
        self.tokens: Final = [token for token in lexed.tokens if token.text]
        self.items: Final = parse_file(source, report, lexed).items
        self.routes: Final = [item for item in self.items if isinstance(item, tree.Route)]
        below = [node for route in self.routes for node in route.body.below]
        self.statements: Final = [
            node for node in below if isinstance(node, (tree.Call, tree.If)) and self._is_whole(node)
        ]
        self.modparams: Final = [item for item in self.items if isinstance(item, tree.ModParam)]
        self.loads: Final = [item for item in self.items if isinstance(item, tree.LoadModule)]
        self.globals: Final = [item for item in self.items if isinstance(item, tree.Assignment)]

    def _is_whole(self, node: tree.Call | tree.If) -> bool:
        """A statement, and not a call in a condition: it begins its line."""
        return not self.text[: node.span.start].rpartition("\n")[2].strip()

    def of(self, span: tree.Span) -> str:
        return self.text[span.start : span.end]

    def ended(self, node: tree.Call | tree.If) -> tree.Span:
        """The statement with its semicolon."""
        end = node.span.end
        return tree.Span(node.span.start, end + (self.text[end : end + 1] == ";"))

    def with_(self, start: int, end: int, text: str) -> str:
        return self.text[:start] + text + self.text[end:]


Change = Callable[[Config, random.Random], Changed | None]

# Values that stand where others are expected.
_NUMBERS: Final = (
    "0",
    "1",
    "-1",
    "3",
    "20",
    "33",
    "100",
    "300",
    "5060",
    "65536",
    "99999",
    "2147483648",
    "010",
    "0x1F",
    "1.5",
    "yes",
)
_STRINGS: Final = (
    '"0"',
    '"1"',
    '""',
    '"no"',
    '"x"',
    '"sip:x@y"',
    '"/nowhere/file"',
    '"nowhere.list"',
    '"mysql://a:b@localhost/ser"',
    '"$x"',
    '"a|b"',
)
_SIGNS: Final = (
    "{",
    "}",
    "(",
    ")",
    ";",
    ",",
    "=",
    "==",
    "=~",
    "!=",
    "!",
    "&&",
    "||",
    '"',
    "'",
    "#",
    "/*",
    "*/",
    "%",
    "$",
    "\\",
    "[",
    "]",
)
_MODULES: Final = (
    "tm",
    "sl",
    "rr",
    "textops",
    "registrar",
    "usrloc",
    "auth",
    "auth_db",
    "acc",
    "xlog",
    "nathelper",
    "dispatcher",
    "lcr",
    "pa",
    "jabber",
)


# --- tokens ----------------------------------------------------------------------------------------------------------


def drop_token(config: Config, chance: random.Random) -> Changed | None:
    token = chance.choice(config.tokens)
    return Changed(config.with_(token.start, token.end, ""), f"without {token.text!r}", token.start)


def double_token(config: Config, chance: random.Random) -> Changed | None:
    token = chance.choice(config.tokens)
    return Changed(config.with_(token.end, token.end, f" {token.text}"), f"{token.text!r} twice", token.start)


def swap_tokens(config: Config, chance: random.Random) -> Changed | None:
    place = chance.randrange(len(config.tokens) - 1)
    one, two = config.tokens[place : place + 2]
    text = config.with_(one.start, two.end, two.text + config.text[one.end : two.start] + one.text)
    return Changed(text, f"{one.text!r} and {two.text!r} swapped", one.start)


def other_token(config: Config, chance: random.Random) -> Changed | None:
    """Another token of the same kind, from elsewhere in the file."""
    token = chance.choice(config.tokens)
    others = [each.text for each in config.tokens if each.kind == token.kind and each.text != token.text]
    return _written(config, token, chance.choice(others)) if others else None


def strange_token(config: Config, chance: random.Random) -> Changed | None:
    token = chance.choice(config.tokens)
    sign = chance.choice(_SIGNS)
    return Changed(config.with_(token.start, token.start, sign), f"{sign} before {token.text!r}", token.start)


def misspelt(config: Config, chance: random.Random) -> Changed | None:
    words = [each for each in config.tokens if each.kind in ("word", "string") and len(each.text) > 3]
    if not words:
        return None
    token = chance.choice(words)
    at = chance.randrange(1, len(token.text) - 1)
    text = token.text
    changed = chance.choice(
        (
            text[:at] + text[at + 1 :],
            text[:at] + text[at] + text[at:],
            text[:at] + text[at + 1] + text[at] + text[at + 2 :],
            text.swapcase(),
        )
    )
    return _written(config, token, changed) if changed != text else None


def other_number(config: Config, chance: random.Random) -> Changed | None:
    numbers = [each for each in config.tokens if each.kind == "number"]
    return _written(config, chance.choice(numbers), chance.choice(_NUMBERS + _STRINGS)) if numbers else None


def other_string(config: Config, chance: random.Random) -> Changed | None:
    strings = [each for each in config.tokens if each.kind == "string"]
    return _written(config, chance.choice(strings), chance.choice(_STRINGS + _NUMBERS)) if strings else None


def garbled_string(config: Config, chance: random.Random) -> Changed | None:
    strings = [each for each in config.tokens if each.kind == "string" and len(each.text) > 2]
    if not strings:
        return None
    token = chance.choice(strings)
    at = chance.randrange(1, len(token.text))
    sign = chance.choice("()[]{}*+?|\\^$%/:;,.@ =0x")
    return _written(config, token, token.text[:at] + sign + token.text[at:])


def _written(config: Config, token: Token, text: str) -> Changed:
    return Changed(config.with_(token.start, token.end, text), f"{text} for {token.text!r}", token.start)


# --- statements ------------------------------------------------------------------------------------------------------


def drop_statement(config: Config, chance: random.Random) -> Changed | None:
    return _without(config, config.ended(chance.choice(config.statements))) if config.statements else None


def double_statement(config: Config, chance: random.Random) -> Changed | None:
    if not config.statements:
        return None
    span = config.ended(chance.choice(config.statements))
    again = f"\n    {config.of(span)}" + ("" if config.of(span).endswith(";") else ";")
    return Changed(config.with_(span.end, span.end, again), f"twice: {_short(config.of(span))}", span.start)


def swap_statements(config: Config, chance: random.Random) -> Changed | None:
    if len(config.statements) < 2:
        return None
    one, two = sorted(config.ended(each) for each in chance.sample(config.statements, 2))
    if one.end > two.start:
        return None
    text = config.with_(one.start, two.end, config.of(two) + config.text[one.end : two.start] + config.of(one))
    return Changed(text, f"swapped: {_short(config.of(one))}, {_short(config.of(two))}", one.start)


def moved_statement(config: Config, chance: random.Random) -> Changed | None:
    """A statement that comes to stand before another one."""
    if len(config.statements) < 2:
        return None
    moved, place = (config.ended(each) for each in chance.sample(config.statements, 2))
    if moved.start <= place.start < moved.end:
        return None
    text = config.of(moved) + ("" if config.of(moved).endswith(";") else ";")
    what = f"{_short(text)} before {_short(config.of(place))}"
    if moved.start < place.start:
        text = (
            config.text[: moved.start]
            + config.text[moved.end : place.start]
            + f"{text}\n    "
            + config.text[place.start :]
        )
    else:
        text = (
            config.text[: place.start]
            + f"{text}\n    "
            + config.text[place.start : moved.start]
            + config.text[moved.end :]
        )
    return Changed(text, what, min(moved.start, place.start))


# --- items -----------------------------------------------------------------------------------------------------------


def drop_item(config: Config, chance: random.Random) -> Changed | None:
    return _without(config, chance.choice(config.items).span)


def double_item(config: Config, chance: random.Random) -> Changed | None:
    span = chance.choice(config.items).span
    return Changed(
        config.with_(span.end, span.end, f"\n{config.of(span)}"), f"twice: {_short(config.of(span))}", span.start
    )


def drop_module(config: Config, chance: random.Random) -> Changed | None:
    return _without(config, chance.choice(config.loads).span) if config.loads else None


def more_modules(config: Config, chance: random.Random) -> Changed | None:
    name = chance.choice(_MODULES)
    place = config.loads[-1].span.end if config.loads else 0
    return Changed(config.with_(place, place, f'\nloadmodule "{name}.so"\n'), f"loads {name}", place)


def moved_item(config: Config, chance: random.Random) -> Changed | None:
    """An item that comes to stand at the beginning, or at the end."""
    span = chance.choice(config.items).span
    text, rest = config.of(span), config.with_(span.start, span.end, "")
    if chance.random() < 0.5:
        return Changed(f"{text}\n{rest}", f"first: {_short(text)}", 0)
    return Changed(f"{rest}\n{text}\n", f"last: {_short(text)}", span.start)


def other_modparam(config: Config, chance: random.Random) -> Changed | None:
    """The parameter of one module with the value of another's, or with a value of another kind."""
    if not config.modparams:
        return None
    item = chance.choice(config.modparams)
    others = [config.of(each.value.span) for each in config.modparams] + list(_STRINGS + _NUMBERS)
    value = chance.choice(others)
    return Changed(config.with_(*item.value.span, value), f"{_short(config.of(item.span))} is {value}", item.span.start)


def modparam_of_another(config: Config, chance: random.Random) -> Changed | None:
    if not config.modparams:
        return None
    item, other = chance.choice(config.modparams), chance.choice(_MODULES)
    return Changed(
        config.with_(*item.module.span, f'"{other}"'), f"{_short(config.of(item.span))} of {other}", item.span.start
    )


def other_global(config: Config, chance: random.Random) -> Changed | None:
    if not config.globals:
        return None
    item = chance.choice(config.globals)
    value = chance.choice(_STRINGS + _NUMBERS + ("yes", "no", "127.0.0.1", "localhost", "udp:127.0.0.1", "LOG_LOCAL0"))
    text = config.with_(item.values[0].span.start, item.span.end, f"{value}\n")
    return Changed(text, f"{item.name.name} is {value}", item.span.start)


def _without(config: Config, span: tree.Span) -> Changed:
    return Changed(config.with_(*span, ""), f"without {_short(config.of(span))}", span.start)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:57]}…"


CHANGES: Final[tuple[Change, ...]] = (
    *(
        drop_token,
        double_token,
        swap_tokens,
        other_token,
        strange_token,
        misspelt,
        other_number,
        other_string,
        garbled_string,
    ),
    *(drop_statement, double_statement, swap_statements, moved_statement),
    *(drop_item, double_item, drop_module, more_modules, moved_item, other_modparam, modparam_of_another, other_global),
)


def changed(text: str, chance: random.Random) -> Changed:
    """One of the changes, whichever can be made to this config."""
    config = Config(text)
    while True:
        found = chance.choice(CHANGES)(config, chance)
        if found is not None and found.text != text:
            return found
