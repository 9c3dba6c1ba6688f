"""What a program with probes tells while it runs: each statement of ser.cfg, with its outcome and what it did.

serc compiles such a program (serc/passes/place_probes.py has the numbers): for `serc trace` and, beside the one that runs, for the
calls that somebody watches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar, final

from mypy_extensions import i64

from runtime.routing.context import Context
from runtime.routing.look import UNREADABLE, Change, Look, changes
from runtime.routing.secrets import masked_text, shown
from runtime.sip.transport import Send

T = TypeVar("T")

# Kinds of places.
CALL: Final = "call"  # a function, an action or a route
TEST: Final = "test"  # a comparison
BRANCH: Final = "branch"  # the condition of an `if`
ACTION: Final = "action"  # break and the like

# What a place looks like on its way between processes.
PackedPlace = tuple[int, str, str, str, int, int, str, bool]
# A step on its way: number of the place, depth, left side, outcome, changes, messages with where they went, log lines with their levels.
PackedStep = tuple[
    int,
    int,
    str,
    bool | int | str | None,
    tuple[tuple[str, str, str], ...],
    tuple[tuple[str, bytes], ...],
    tuple[tuple[int, str], ...],
]


@final
class Place:
    """A place of ser.cfg whose running is told, under its number, the first of which is 1.

    `operand` is what a TEST looks at, as ser.cfg calls it. `code` is what ser.cfg has
    there, on one line. `is_opposite`: it is written as the opposite of what is told, as `a != b` is.
    """

    def __init__(
        self, number: int, kind: str, operand: str, file: str, line: int, column: int, code: str, is_opposite: bool
    ) -> None:
        self.number: Final = number
        self.kind: Final = kind
        self.operand: Final = operand
        self.file: Final = file
        self.line: Final = line
        self.column: Final = column
        self.code: Final = code
        self.is_opposite: Final = is_opposite

    def packed(self) -> PackedPlace:
        return self.number, self.kind, self.operand, self.file, self.line, self.column, self.code, self.is_opposite


def unpacked_place(plain: PackedPlace) -> Place:
    return Place(plain[0], plain[1], plain[2], plain[3], plain[4], plain[5], plain[6], plain[7])


@final
class Step:
    """Something of ser.cfg that ran. `depth` counts the routes around it, `outcome` is true, false, error or an int of SER, None while it
    runs, or when it never ended. `left` is what a TEST looked at. `sent` and `logged` came of it itself.
    """

    def __init__(self, place: Place, depth: int, left: str = "", outcome: bool | int | str | None = None) -> None:
        self.place: Final = place
        self.depth: Final = depth
        self.left: Final = left
        self.outcome = outcome
        # Most steps do nothing of this.
        self.changes: tuple[Change, ...] = ()
        self.sent: tuple[Send, ...] = ()
        self.logged: tuple[tuple[int, str], ...] = ()

    def packed(self) -> PackedStep:
        return (
            self.place.number,
            self.depth,
            self.left,
            self.outcome,
            tuple([(c.what, c.before, c.after) for c in self.changes]) if self.changes else (),
            tuple([(way_of(send), send.data) for send in self.sent]) if self.sent else (),
            self.logged,
        )


@final
class _Run:
    """The steps of one message that have not ended, and how it looked last."""

    def __init__(self, ctx: Context) -> None:
        self.ctx: Final = ctx
        self.open: Final[list[Step]] = []
        self.last: Step | None = None
        self.look = Look(ctx)


@final
class Recorder:
    """What the program calls. Remembers everything, in `steps`. `logged` is what has been logged, (level, line), by who records it.
    `left_side` tells what a test with that operand looks at.

    Each method gives back what it was given, so that it can stand in an expression.
    """

    def __init__(
        self, places: list[Place], logged: list[tuple[int, str]], left_side: Callable[[Context, str], str]
    ) -> None:
        self._places: Final = places
        self._left_side: Final = left_side
        self._log: Final = logged
        self.steps: list[Step] = []
        # By the identity of the Context, which is kept so that no other gets the same.
        self._runs: Final[dict[int, _Run]] = {}
        self._sent = 0
        self._logged = 0

    def begin(self, sent: int = 0) -> None:
        """Something new happens: what was logged so far belongs to no step, nor what stands in the outbox, `sent` messages."""
        self._sent = sent
        self._logged = len(self._log)

    def end(self) -> None:
        """All that came of it is there: what the last steps did is told."""
        for run in self._runs.values():
            self._settle(run, run.last)

    def end_of(self, ctx: Context) -> None:
        """The same for the message of `ctx`, of which nothing more is told."""
        run = self._runs.pop(id(ctx), None)
        if run is not None:
            self._settle(run, run.last)

    def pause(self, ctx: Context) -> None:
        """The run of this message waits: what others do meanwhile is not its doing."""
        run = self._runs.get(id(ctx))
        if run is not None:
            self._settle(run, run.last)

    def at(self, ctx: Context, number: int) -> int:
        """A call, or an action that does nothing but leave, is about to run."""
        run = self._run(ctx)
        self._note(run.last)
        place = self._places[number - 1]
        step = Step(place, len(run.open))
        self.steps.append(step)
        run.last = step
        if place.kind == CALL:
            run.open.append(step)
        return number

    def gave(self, ctx: Context, number: int, value: T) -> T:
        """A call has ended and gave this: a bool, or SER's int."""
        run = self._run(ctx)
        while run.open:
            step = run.open.pop()
            if step.place.number == number:
                self._settle(run, step)
                step.outcome = value if isinstance(value, (bool, int)) else None
                run.last = step
                break
        return value

    def told(self, ctx: Context, number: int, asked: bool, value: bool) -> bool:
        """A test that was asked for being exactly true (else: exactly false) says so, or not."""
        run = self._run(ctx)
        outcome: bool | str = value if asked else not value
        last = self.steps[-1] if self.steps else None
        if last is not None and last is run.last and last.place.number == number:
            # Asked again, the other way round: what is neither true nor false is an error.
            last.outcome = "error" if last.outcome != outcome else outcome
            return value
        self._note(run.last)
        place = self._places[number - 1]
        left = self._left_side(ctx, place.operand)
        if left.startswith(UNREADABLE):
            outcome = "error"
        step = Step(place, len(run.open), left, outcome)
        self.steps.append(step)
        run.last = step
        return value

    def took(self, ctx: Context, number: int, value: bool) -> bool:
        """Whether the body of an `if` runs."""
        run = self._run(ctx)
        self._note(run.last)
        step = Step(self._places[number - 1], len(run.open), "", value)
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
        ctx = run.ctx
        outbox = ctx.world.outbox
        count: i64 = len(outbox)
        if count < self._sent:
            self._sent = 0
        if count > self._sent and step is not None:
            step.sent += tuple(outbox[self._sent :])
        self._sent = int(count)
        self._note(step)
        if not run.look.is_of(ctx):
            look = Look(ctx)
            if step is not None:
                step.changes += tuple(changes(ctx, run.look, look))
            run.look = look

    def _note(self, step: Step | None) -> None:
        """What has been logged since belongs to `step`. Between the end of one statement and the beginning of the next nothing else happens."""
        logged = len(self._log)
        if logged != self._logged:
            if logged > self._logged and step is not None:
                step.logged += tuple(self._log[self._logged :])
            self._logged = logged


# --- as data ---------------------------------------------------------------------------------------------------------


def way_of(send: Send) -> str:
    """PROTO:HOST:PORT."""
    host, port = send.destination.pair()
    return f"{send.socket.proto_name}:{f'[{host}]' if ':' in host else host}:{port}"


def step_data(step: PackedStep, places: list[Place]) -> dict[str, object]:
    """A step for people and programs, without anybody's secrets."""
    number, depth, left, outcome, changed, sent, logged = step
    place = places[number - 1]
    return {
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "depth": depth,
        "kind": place.kind,
        "code": place.code,
        "outcome": _outcome(place, outcome),
        "value": outcome,
        "left": masked_text(left),
        "changes": [{"what": w, "before": masked_text(b), "after": masked_text(a)} for w, b, a in changed],
        "sent": [{"to": to, "message": shown(data)} for to, data in sent],
        "log": [{"level": level, "line": masked_text(line)} for level, line in logged],
    }


def _outcome(place: Place, value: bool | int | str | None) -> str:
    """true, false, error; what SER's ints of functions mean."""
    if place.kind == BRANCH:
        return "yes" if value else "no"
    if place.kind == ACTION:
        return ""
    if isinstance(value, str):
        return value
    if value is None:
        return "did not end"
    if isinstance(value, bool):
        return "true" if value is not place.is_opposite else "false"
    return "true" if value > 0 else "false" if value < 0 else "ends the route"
