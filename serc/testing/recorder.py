"""What a probed program tells while it runs. serc/passes/place_probes.py has the numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

from runtime.routing.context import Context
from runtime.sip.transport import Send
from serc.passes import Probe as Place
from serc.passes import ProbeKind
from serc.testing.log import Lines
from serc.testing.look import UNREADABLE, Change, Look, changes, left_side

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


@dataclass
class Step:
    """Something of ser.cfg that ran. `depth` counts the routes around it, `outcome` is true, false, error or an int of SER, None while it
    runs, or when it never ended. `left` is what a TEST looked at. `sent` and `logged` came of it itself.
    """

    place: Place
    depth: int
    now_ms: int
    message: bytes
    left: str = ""
    outcome: bool | int | str | None = None
    changes: list[Change] = field(default_factory=list)
    sent: list[Send] = field(default_factory=list)
    logged: list[tuple[int, str]] = field(default_factory=list)


class _Run:
    """The steps of one message that have not ended, and how it looked last."""

    def __init__(self, ctx: Context) -> None:
        self.ctx: Final = ctx
        self.open: Final[list[Step]] = []
        self.last: Step | None = None
        self.look = Look.of(ctx)


class Recorder:
    """Remembers everything, in `steps`. `log` is that of the server."""

    def __init__(self, places: tuple[Place, ...], log: Lines) -> None:
        self._places: Final = places
        self._log: Final = log
        self.steps: Final[list[Step]] = []
        # By the identity of the Context, which is kept so that no other gets the same.
        self._runs: Final[dict[int, _Run]] = {}
        self._sent = 0
        self._logged = 0

    def begin(self) -> None:
        """Something new happens to the server: what was sent and logged so far belongs to no step."""
        self._sent = 0
        self._logged = len(self._log.records)

    def end(self) -> None:
        """All that came of it is there: what the last steps did is told."""
        for run in self._runs.values():
            self._settle(run, run.last)

    def at(self, ctx: Context, number: int) -> int:
        run = self._run(ctx)
        self._settle(run, run.last)
        place = self._places[number - 1]
        step = Step(place, len(run.open), int(ctx.now_ms), ctx.message.buf)
        self.steps.append(step)
        run.last = step
        if place.kind is ProbeKind.CALL:
            run.open.append(step)
        return number

    def gave(self, ctx: Context, number: int, value: T) -> T:
        run = self._run(ctx)
        while run.open:
            step = run.open.pop()
            if step.place.number == number:
                self._settle(run, step)
                step.outcome = value if isinstance(value, bool | int) else None
                run.last = step
                break
        return value

    def told(self, ctx: Context, number: int, asked: bool, value: bool) -> bool:
        run = self._run(ctx)
        outcome: bool | str = value if asked else not value
        last = self.steps[-1] if self.steps else None
        if last is not None and last is run.last and last.place.number == number:
            # Asked again, the other way round: what is neither true nor false is an error.
            last.outcome = "error" if last.outcome != outcome else outcome
            return value
        self._settle(run, run.last)
        place = self._places[number - 1]
        left = left_side(ctx, place.operand)
        if left.startswith(UNREADABLE):
            outcome = "error"
        step = Step(place, len(run.open), int(ctx.now_ms), ctx.message.buf, left, outcome)
        self.steps.append(step)
        run.last = step
        return value

    def took(self, ctx: Context, number: int, value: bool) -> bool:
        run = self._run(ctx)
        self._settle(run, run.last)
        step = Step(self._places[number - 1], len(run.open), int(ctx.now_ms), ctx.message.buf, "", value)
        self.steps.append(step)
        run.last = step
        return value

    def _run(self, ctx: Context) -> _Run:
        run = self._runs.get(id(ctx))
        if run is None:
            run = self._runs[id(ctx)] = _Run(ctx)
        return run

    def _settle(self, run: _Run, step: Step | None) -> None:
        """What has happened since the last look was done by `step`."""
        outbox = run.ctx.world.outbox
        if len(outbox) < self._sent:
            self._sent = 0
        look = Look.of(run.ctx)
        if step is not None:
            step.changes += changes(run.look, look)
            step.sent += outbox[self._sent :]
            step.logged += self._log.records[self._logged :]
        run.look = look
        self._sent = len(outbox)
        self._logged = len(self._log.records)
