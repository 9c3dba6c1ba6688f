"""What avpops' arguments name, taken apart once when routes.py is imported. Reference modules-main, chapter 17."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.modules.core.rewriting import set_host, set_uri, set_user
from runtime.modules.core.sending import append_branch
from runtime.routing.avps import Avp, AvpName, AvpValue
from runtime.routing.context import L_ERR, Context
from runtime.routing.prepared import Prepared, alias_target
from runtime.routing.world import World
from runtime.sip.regex import Regex
from runtime.sip.scan import BadMessage
from runtime.sip.uri import BadUri, SipUri, parse_uri

# --- values ----------------------------------------------------------------------------------------------------------


class Value:
    """What avp_write writes."""

    def of(self, ctx: Context) -> AvpValue | None:
        """The value for this message; None, and a line in the log, when the message has none."""
        raise NotImplementedError


@final
class Literal(Value):
    """A number or a text of ser.cfg."""

    def __init__(self, value: AvpValue) -> None:
        self.value: Final = value

    def of(self, ctx: Context) -> AvpValue | None:
        return self.value


@final
class SourceAddress(Value):
    """$src_ip: the text of the source address."""

    def of(self, ctx: Context) -> AvpValue | None:
        return ctx.source.text


@final
class UriValue(Value):
    """$from, $to or $ruri: the whole URI, its user (`username`) or its host (`domain`)."""

    def __init__(self, which: str, part: str) -> None:
        self.which: Final = which
        self.part: Final = part

    def of(self, ctx: Context) -> AvpValue | None:
        try:
            found = self._text(ctx)
        except (BadMessage, BadUri) as bad:
            ctx.log(L_ERR, f"ERROR: avpops: ${self.which}: {bad}")
            return None
        if len(found) == 0:
            ctx.log(L_ERR, f"ERROR: avpops: ${self.which} has no {self.part}")
            return None
        return found

    def _text(self, ctx: Context) -> bytes:
        if self.which == "from":
            text = ctx.from_uri()
        elif self.which == "to":
            text = ctx.to_uri()
        else:
            text = ctx.uri()
        if self.part == "":
            return text
        uri = with_user(ctx.parsed_uri() if self.which == "ruri" else parse_uri(text, 0, len(text)))
        return uri.user() if self.part == "username" else uri.host()


def with_user(uri: SipUri) -> SipUri:
    """`uri`, whose user or host counts. Raises BadUri where it has no user, as SER has it even for its host: rows of a whole domain
    have an empty user, and a caller without one must not get them as his own."""
    if len(uri.user()) == 0:
        raise BadUri("a uri without a user", 0)
    return uri


# --- names -----------------------------------------------------------------------------------------------------------


@final
class Selection(Prepared):
    """Which AVPs are meant.

    `kind`: "integer" with `number`, "string" with `text`, "alias" with its name in `text` until it is prepared, "all",
    "all integer" or "all string". `every`: all AVPs of the name, not the newest alone.
    """

    def __init__(self, kind: str, number: int, text: bytes, every: bool) -> None:
        self.kind: Final = kind
        self.number: i64 = number
        self.text = text
        self.every: Final = every or kind.startswith("all")

    def prepare(self, world: World) -> None:
        name = alias_target(world, self.text)
        self.number = name if isinstance(name, int) else 0
        self.text = name if isinstance(name, bytes) else b""

    def of(self, ctx: Context) -> list[Avp]:
        """The AVPs of this message that are meant, newest first."""
        found: list[Avp] = []
        for pair in ctx.avps.pairs():
            if self._is_meant(pair):
                found.append(pair)
                if not self.every:
                    break
        return found

    def _is_meant(self, pair: Avp) -> bool:
        if self.kind == "all":
            return True
        if self.kind == "all integer":
            return pair.number != 0
        if self.kind == "all string":
            return pair.number == 0
        return pair.is_named(self.number, self.text)


# --- destinations ----------------------------------------------------------------------------------------------------


class Destination:
    """Where avp_pushto puts values."""

    def push(self, ctx: Context, value: bytes, first: bool) -> bool:
        """Put one value there; `first` of those that this call pushes."""
        raise NotImplementedError


@final
class ToUri(Destination):
    """$ruri: the Request-URI, its user or its host. Each further value makes a branch of what was there."""

    def __init__(self, part: str) -> None:
        self.part: Final = part

    def push(self, ctx: Context, value: bytes, first: bool) -> bool:
        if not first and not append_branch(ctx):
            return False
        if self.part == "username":
            return set_user(ctx, value)
        return set_host(ctx, value) if self.part == "domain" else set_uri(ctx, value)


@final
class ToHeader(Destination):
    """A header line at the end of the request, or in the replies that are made here."""

    def __init__(self, name: bytes, in_reply: bool) -> None:
        self.name: Final = name
        self.in_reply: Final = in_reply

    def push(self, ctx: Context, value: bytes, first: bool) -> bool:
        if not self.in_reply:
            return ctx.append_value(self.name, value)
        line = ctx.line_of(self.name, value)
        if len(line) == 0:
            return False
        ctx.reply_headers.append(line)
        return True


# --- comparisons -----------------------------------------------------------------------------------------------------


class Comparison(Prepared):
    """What avp_check asks of the values of an AVP; `every`: of all, not of the newest alone."""

    def __init__(self, every: bool) -> None:
        self.every: Final = every

    def operands(self, ctx: Context) -> list[AvpValue]:
        """What this message's values are compared with; they need be equal to one of these only."""
        raise NotImplementedError

    def holds(self, value: AvpValue, operand: AvpValue) -> bool:
        raise NotImplementedError


class Compare(Comparison):
    """eq, lt or gt with a literal. A number and a text are never equal, nor is one less than the other."""

    def __init__(self, operator: str, operand: AvpValue, every: bool, ignore_case: bool) -> None:
        super().__init__(every)
        self.operator: Final = operator
        self.operand: Final = operand
        self.ignore_case: Final = ignore_case

    def operands(self, ctx: Context) -> list[AvpValue]:
        return [self.operand]

    def holds(self, value: AvpValue, operand: AvpValue) -> bool:
        if isinstance(value, int):
            return isinstance(operand, int) and self._numbers(value, operand)
        return isinstance(operand, bytes) and self._texts(value, operand)

    def _numbers(self, value: int, operand: int) -> bool:
        if self.operator == "eq":
            return value == operand
        return value < operand if self.operator == "lt" else value > operand

    def _texts(self, value: bytes, operand: bytes) -> bool:
        if self.operator == "eq":
            return value == operand or self.ignore_case and value.lower() == operand.lower()
        return value.lower() < operand.lower() if self.operator == "lt" else value.lower() > operand.lower()


@final
class CompareWith(Compare):
    """The same with a part of the message, or with every value of the AVP that an alias stands for."""

    def __init__(self, operator: str, name: bytes, every: bool, ignore_case: bool) -> None:
        super().__init__(operator, b"", every, ignore_case)
        self.name: Final = name
        self._target: AvpName = b""
        which, _, part = name.decode("latin-1").partition("/")
        self._part_of_message: Value | None = None
        if which.lower() == "src_ip":
            self._part_of_message = SourceAddress()
        elif which.lower() in ("from", "to", "ruri"):
            self._part_of_message = UriValue(which.lower(), part)

    def prepare(self, world: World) -> None:
        self._target = alias_target(world, self.name)

    def operands(self, ctx: Context) -> list[AvpValue]:
        if self._part_of_message is None:
            return ctx.avps.all(self._target)
        value = self._part_of_message.of(ctx)
        return [] if value is None else [value]


@final
class Match(Comparison):
    """re: the text matches; a number never does."""

    def __init__(self, pattern: bytes, every: bool) -> None:
        super().__init__(every)
        self._regex: Final = Regex(pattern, True)

    def operands(self, ctx: Context) -> list[AvpValue]:
        return [b""]

    def holds(self, value: AvpValue, operand: AvpValue) -> bool:
        return isinstance(value, bytes) and self._regex.search(value)


def any_holds(avps: list[AvpValue], comparison: Comparison, operands: list[AvpValue]) -> bool:
    """True if the comparison holds for the newest value, or for one of all, with one of the operands."""
    for value in avps:
        for operand in operands:
            if comparison.holds(value, operand):
                return True
        if not comparison.every:
            return False
    return False
