"""A declaration of what ser.cfg can compare: the left sides of its conditions. Reference core, 3 and 5.3."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from runtime.routing.context import Context
from runtime.sip.address import Network
from runtime.sip.regex import Regex
from runtime.spec.values import Doubt, Named

F_co = TypeVar("F_co", covariant=True)

Alone = Callable[[Context], bool]
OfText = Callable[[Context, bytes], bool]
OfRegex = Callable[[Context, Regex], bool]
OfNetwork = Callable[[Context, Network], bool]


class Tells(enum.Enum):
    """What a comparison tells of a request, as far as checks of the flow ask. There is no default: a declaration says it."""

    NOTHING = "nothing that matters"
    METHOD = "its method: one at a time"
    DESTINATION = "where it goes; compared with myself, whether that is here"
    PARTY = "who sends it, or whom it is for, unless it is compared with myself"
    SENDER = "from where it comes, also where it is compared with myself"


class Messages(enum.Enum):
    """The messages in which there is something to look at."""

    ALL = enum.auto()
    REQUESTS = enum.auto()
    REPLIES = enum.auto()


@dataclass(frozen=True)
class Body(Generic[F_co]):
    """The function that tells whether a comparison is true.

    With an `opposite` it can fail, and a comparison that fails is neither true nor false (reference core, 5.2): `body` tells
    whether it is exactly true, `opposite` whether it is exactly false, and both are False where it fails.
    """

    body: F_co
    opposite: F_co | None = None


@dataclass(frozen=True)
class Form:
    """How a text always looks: `pattern`, from its beginning. `why` says it in a sentence.

    `beginning` is what a part of it can be, as far as that is known, None if nobody asks. `left_out`: what people forget to write
    at its beginning.
    """

    pattern: re.Pattern[str]
    why: str
    beginning: re.Pattern[str] | None = None
    left_out: str = ""


@dataclass(frozen=True)
class Numbered:
    """Words that the engine knows by a number, `ctx.attribute`: for each, and for all `others`, there is `owner.WORD`."""

    attribute: str
    owner: str
    words: tuple[str, ...]
    others: str


@dataclass(frozen=True, kw_only=True)
class Operand:
    """What the kinds of operands have in common. `shown` is its value, for people; it may raise BadMessage.

    `also` are names that other languages, or nobody, have for it. `spelling_of`: it is another spelling of that operand.
    """

    name: str
    tells: Tells
    shown: Callable[[Context], str]
    summary: str
    of: Messages = Messages.ALL
    also: tuple[str, ...] = ()
    spelling_of: str = ""

    @property
    def subject(self) -> str:
        """The name that all spellings have in common."""
        return self.spelling_of or self.name


@dataclass(frozen=True, kw_only=True)
class TextOperand(Operand):
    """A text. `forms` are how it can look, the first being the usual one.."""

    equals: Body[OfText]
    matches: Body[OfRegex]
    is_myself: Body[Alone] | None = None
    forms: tuple[Form, ...] = ()
    numbered: Numbered | None = None

    @property
    def is_word(self) -> bool:
        """It may be compared with a word without quotes, and with no host."""
        return self.numbered is not None


@dataclass(frozen=True, kw_only=True)
class AddressOperand(Operand):
    """An IP address. `port` is the operand that has the port beside it."""

    lies_in: Body[OfNetwork]
    is_host: Body[OfText]
    matches: Body[OfRegex]
    is_myself: Body[Alone]
    port: str


def any_number(_value: int, _text: str) -> Doubt | None:
    """There is no number that makes no sense."""
    return None


@dataclass(frozen=True, kw_only=True)
class NumberOperand(Operand):
    """A number: `ctx.attribute`, compared as it is.

    `wants` completes "NAME is compared with …". `words` stand for numbers; without `takes_numbers` they are all that there is. `check`
    takes a number and its text and raises OutOfRange; its Doubt says that it is never this one.
    """

    attribute: str
    is_what: str = "a number"
    wants: str = "a number"
    words: Mapping[str, int | Named[int]]
    takes_numbers: bool = True
    check: Callable[[int, str], Doubt | None] = any_number


@dataclass(frozen=True, kw_only=True)
class ServerOperand(Operand):
    """This server itself, which stands on either side of a comparison with an operand that has an `is_myself`."""
