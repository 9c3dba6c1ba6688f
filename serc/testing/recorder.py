"""What a program with probes tells while it runs: runtime/routing/probing.py remembers it, here it is counted."""

from __future__ import annotations

from typing import Final, Protocol, TypeVar

from runtime.modules.showing import is_number
from runtime.routing.context import Context
from runtime.routing.probing import TEST, Place
from serc.passes import Probe as Probed
from serc.reading.source import Source

T = TypeVar("T")


class Probe(Protocol):
    """What the module calls. Each gives back what it was given, so that it can stand in an expression."""

    def at(self, ctx: Context, number: int) -> int:
        """A call, or an action that does nothing but leave, is about to run."""

    def gave(self, ctx: Context, number: int, value: T) -> T:
        """A call has ended and gave this: a bool, or SER's int."""

    def told(self, ctx: Context, number: int, asked: bool, value: bool) -> bool:
        """A test that was asked for being exactly true (else: exactly false) says so, or not."""

    def took(self, ctx: Context, number: int, value: bool) -> bool:
        """Whether the body of an `if` runs."""


class Hits:
    """How often each place ran, and with which outcome. `false` of a CALL counts what is not above 0."""

    def __init__(self, count: int) -> None:
        self.ran: Final = [0] * (count + 1)
        self.true: Final = [0] * (count + 1)
        self.false: Final = [0] * (count + 1)

    def at(self, ctx: Context, number: int) -> int:
        self.ran[number] += 1
        return number

    def gave(self, ctx: Context, number: int, value: T) -> T:
        return value

    def told(self, ctx: Context, number: int, asked: bool, value: bool) -> bool:
        self.ran[number] += 1
        if value:
            (self.true if asked else self.false)[number] += 1
        else:
            (self.false if asked else self.true)[number] += 1
        return value

    def took(self, ctx: Context, number: int, value: bool) -> bool:
        self.ran[number] += 1
        (self.true if value else self.false)[number] += 1
        return value


def places(probes: tuple[Probed, ...], source: Source) -> list[Place]:
    """What the numbers stand for in ser.cfg."""
    return [_place(probe, source) for probe in probes]


def _place(probe: Probed, source: Source) -> Place:
    at = source.position(probe.span.start)
    code = " ".join(source.text_of(probe.span).split())
    kind = probe.kind.value
    return Place(
        probe.number,
        kind,
        probe.operand,
        source.name,
        at.line,
        at.column,
        code,
        kind == TEST and _is_written_negated(code, probe.operand),
    )


def _is_written_negated(code: str, operand: str) -> bool:
    """`a != b` runs as the opposite of `a == b`, unless its sides are numbers."""
    head = code.partition('"')[0].partition("'")[0]
    return "!=" in head and not is_number(operand)
