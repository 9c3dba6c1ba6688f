"""The arguments of a function of ser.cfg: how they are written, how they are read, and the types that its body gets."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic

from runtime.spec.values import Constant, Doubt, Named, T_co, Value


def no_doubt(_: object) -> Doubt | None:
    """Of most kinds and parameters, every legal value makes sense."""
    return None


class Written(enum.Enum):
    """The forms in which ser.cfg writes an argument. Functions of modules take strings alone."""

    STRING = enum.auto()
    NUMBER = enum.auto()
    HOST = enum.auto()  # a name without quotes
    ADDRESS = enum.auto()  # an IP address without quotes
    SOCKET = enum.auto()  # proto:host:port
    WORD = enum.auto()  # uri:host, uri:port


STRINGS: Final = frozenset((Written.STRING,))


def not_misread(_form: Written, _text: str) -> Doubt | None:
    """An argument in another form than it should have needs no words of its own."""
    return None


@dataclass(frozen=True)
class ArgumentKind(Generic[T_co]):
    """How the text of an argument is read while compiling, and what type the body gets: a T, or a Constant or Named that is one.

    `expects` completes "NAME wants …" in a diagnostic. `parse` takes the text and returns its value for routes.py or
    raises BadArgument. `doubt` takes a text that parses, and says when SER accepts it without doing what it seems to say.
    `is_text`: people read it, in a log or in a message. `written` are the forms that it takes; `misread` says what is
    wrong with another one, sentence and way out, the sentence "" for the usual one. `at_most` names a parameter of the
    module over which the number may not be, where that is not 0.
    """

    name: str
    expects: str
    parse: Callable[[str], T_co | Constant[T_co] | Named[T_co]]
    doubt: Callable[[str], Doubt | None] = no_doubt
    is_text: bool = False
    written: frozenset[Written] = STRINGS
    misread: Callable[[Written, str], Doubt | None] = not_misread
    at_most: str = ""

    def value(self, text: str) -> Value:
        """What `text` becomes in routes.py; raises BadArgument."""
        value = self.parse(text)
        assert isinstance(value, (int, bytes, Constant, Named))
        return value


@dataclass(frozen=True)
class Arg(Generic[T_co]):
    """One argument of a function: what it is called in the documentation, how it is read, and its type in the body."""

    name: str
    kind: ArgumentKind[T_co]


@dataclass(frozen=True)
class Given(Generic[T_co]):
    """What a body gets whatever ser.cfg says, in place of `words` that stand there and mean no more than this."""

    value: int | Named[T_co]
    words: tuple[Arg[object], ...] = ()


@dataclass(frozen=True)
class Joined(Generic[T_co]):
    """What a body gets as one, of two arguments in ser.cfg; `second` None: of the first alone."""

    first: Arg[bytes]
    second: Arg[int] | None
    join: Callable[[bytes, int], Constant[T_co]]
