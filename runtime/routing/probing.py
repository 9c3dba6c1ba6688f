"""What a program with probes tells while it runs: each statement of ser.cfg, with its outcome and what it did.

serc compiles such a program (serc/passes/place_probes.py has the numbers): for `serc trace` and, beside the one that runs, for the
calls that somebody watches. Who runs it only writes down what happens, on a tape; who reads makes steps of it (`playing.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar, final

from runtime.routing.context import Context
from runtime.routing.look import UNREADABLE, Look, changes
from runtime.sip.transport import ListenSocket, Send

T = TypeVar("T")

# Kinds of places.
CALL: Final = "call"  # a function, an action or a route
TEST: Final = "test"  # a comparison
BRANCH: Final = "branch"  # the condition of an `if`
ACTION: Final = "action"  # break and the like

# What a place looks like on its way between processes.
PackedPlace = tuple[int, str, str, str, int, int, str, bool, int, str]
# Where a message comes from or goes to: protocol, address as text, port. Who shows it makes words of it (`shown_way`).
Way = tuple[str, bytes, int]
# What has happened, one thing after the other:
#   number of a place    a call or an action begins; of a TEST: then its outcome and the left side, of a BRANCH: whether its body runs
#   - number, value      a call has ended
#   0, Effects           what the last step did
#   None, number         a run of this number is at work from here on
Tape = list[object]
# Changes (what, before, after), messages with where they went, log lines with their levels.
Effects = tuple[
    tuple[tuple[str, str, str], ...],
    tuple[tuple[Way, bytes], ...],
    tuple[tuple[int, str], ...],
]


@final
class Place:
    """A place of ser.cfg whose running is told, under its number, the first of which is 1.

    `operand` is what a TEST looks at, as ser.cfg calls it. `code` is what ser.cfg has
    there, on one line. `is_opposite`: it is written as the opposite of what is told, as `a != b` is. `branch` is the number of the `if`
    that this place decides alone and that tells nothing itself: its body runs if what this one gave is `branch_if` (`playing.py`).
    """

    def __init__(
        self,
        number: int,
        kind: str,
        operand: str,
        file: str,
        line: int,
        column: int,
        code: str,
        is_opposite: bool,
        branch: int = 0,
        branch_if: str = "",
    ) -> None:
        self.number: Final = number
        self.kind: Final = kind
        self.operand: Final = operand
        self.file: Final = file
        self.line: Final = line
        self.column: Final = column
        self.code: Final = code
        self.is_opposite: Final = is_opposite
        self.branch: Final = branch
        self.branch_if: Final = branch_if

    def packed(self) -> PackedPlace:
        return (
            self.number,
            self.kind,
            self.operand,
            self.file,
            self.line,
            self.column,
            self.code,
            self.is_opposite,
            self.branch,
            self.branch_if,
        )


def unpacked_place(plain: PackedPlace) -> Place:
    number, kind, operand, file, line, column, code, is_opposite, branch, branch_if = plain
    return Place(number, kind, operand, file, line, column, code, is_opposite, branch, branch_if)


@final
class _Run:
    """A message whose routes run: its number on the tape, and how it looked last."""

    def __init__(self, number: int, ctx: Context) -> None:
        self.number: Final = number
        self.ctx: Final = ctx
        self.look = Look(ctx)


@final
class Recorder:
    """What the program calls. Writes everything on `tape`; `sent` are the messages on it. `logged` is what has been logged, (level, line),
    by who records it. `left_side` tells what a test with that operand looks at.

    Each method gives back what it was given, so that it can stand in an expression. A watched call pays for each of them: they
    write down what they are given, and look for what has changed.
    """

    def __init__(
        self, places: list[Place], logged: list[tuple[int, str]], left_side: Callable[[Context, str], str]
    ) -> None:
        self._operands: Final = ["", *[place.operand for place in places]]
        self._left_side: Final = left_side
        self._log: Final = logged
        self.tape: Tape = []
        self.sent: list[Send] = []
        # By the identity of the Context, which is kept so that no other gets the same.
        self._runs: Final[dict[int, _Run]] = {}
        self._count = 0
        # The one that is at work.
        self._run: _Run | None = None
        self._ctx: Context | None = None
        self._look: Look | None = None
        self._outbox: list[Send] = []
        self._sent = 0
        self._logged = 0

    def begin(self, sent: int = 0) -> None:
        """Something new happens: what was logged so far belongs to no step, nor what stands in the outbox, `sent` messages."""
        self._ctx = None
        self._sent = sent
        self._logged = len(self._log)

    def take(self) -> Tape:
        """The tape so far; a new one is put in."""
        tape, self.tape = self.tape, []
        self.sent = []
        return tape

    def end(self) -> None:
        """All that came of it is there: what the last steps did is told."""
        for run in list(self._runs.values()):
            self.pause(run.ctx)

    def end_of(self, ctx: Context) -> None:
        """The same for the message of `ctx`, of which nothing more is told."""
        self.pause(ctx)
        self._runs.pop(id(ctx), None)
        self._ctx = None

    def pause(self, ctx: Context) -> None:
        """The run of this message waits: what others do meanwhile is not its doing."""
        if id(ctx) not in self._runs:
            return
        self._turn_to(ctx)
        look = self._look
        assert look is not None
        is_same = look.is_of(ctx)
        if not is_same or len(self._outbox) != self._sent or len(self._log) != self._logged:
            self._settle(ctx, is_same)

    def at(self, ctx: Context, number: int) -> int:
        """A call, or an action that does nothing but leave, is about to run."""
        if ctx is not self._ctx:
            self._turn_to(ctx)
        if len(self._log) != self._logged:
            self._note()
        self.tape.append(number)
        return number

    def gave(self, ctx: Context, number: int, value: T) -> T:
        """A call has ended and gave this: a bool, or SER's int."""
        if ctx is not self._ctx:
            self._turn_to(ctx)
        tape = self.tape
        tape.append(-number)
        tape.append(value if isinstance(value, int) else None)
        look = self._look
        assert look is not None
        is_same = look.is_of(ctx)
        if not is_same or len(self._outbox) != self._sent or len(self._log) != self._logged:
            self._settle(ctx, is_same)
        return value

    def told(self, ctx: Context, number: int, asked: bool, value: bool) -> bool:
        """A test that was asked for being exactly true (else: exactly false) says so, or not."""
        if ctx is not self._ctx:
            self._turn_to(ctx)
        if len(self._log) != self._logged:
            self._note()
        left = self._left_side(ctx, self._operands[number])
        tape = self.tape
        tape.append(number)
        tape.append("error" if left.startswith(UNREADABLE) else asked is value)
        tape.append(left)
        return value

    def took(self, ctx: Context, number: int, value: bool) -> bool:
        """Whether the body of an `if` runs."""
        if ctx is not self._ctx:
            self._turn_to(ctx)
        if len(self._log) != self._logged:
            self._note()
        tape = self.tape
        tape.append(number)
        tape.append(value)
        return value

    def _turn_to(self, ctx: Context) -> None:
        run = self._runs.get(id(ctx))
        if run is None:
            self._count += 1
            run = self._runs[id(ctx)] = _Run(self._count, ctx)
        self._run = run
        self._ctx = ctx
        self._look = run.look
        self._outbox = ctx.world.outbox
        self.tape.append(None)
        self.tape.append(run.number)

    def _settle(self, ctx: Context, is_same: bool) -> None:
        """What has happened since the last look was done by the last step. `is_same`: the message looks as it did."""
        run, before = self._run, self._look
        assert run is not None and before is not None
        outbox = self._outbox
        count = len(outbox)
        sent = outbox[self._sent if count >= self._sent else 0 :] if count != self._sent else []
        self._sent = count
        changed: tuple[tuple[str, str, str], ...] = ()
        if not is_same:
            self._look = run.look = Look(ctx)
            changed = tuple([(c.what, c.before, c.after) for c in changes(ctx, before, run.look)])
        logged = tuple(self._log[self._logged :])
        self._logged = len(self._log)
        if changed or sent or logged:
            self.sent.extend(sent)
            self._done((changed, tuple([(destination_of(send), send.data) for send in sent]), logged))

    def _note(self) -> None:
        """What has been logged since belongs to the last step. Between the end of one statement and the beginning of the next nothing else
        happens."""
        logged = tuple(self._log[self._logged :])
        self._logged = len(self._log)
        if logged:
            self._done(((), (), logged))

    def _done(self, effects: Effects) -> None:
        self.tape.append(0)
        self.tape.append(effects)


def destination_of(send: Send) -> Way:
    """Where it goes."""
    return send.socket.proto_name, send.destination.text, int(send.destination.port)


def own_way(socket: ListenSocket) -> Way:
    """The address of a socket of ours."""
    return socket.proto_name, socket.address.text, int(socket.address.port)


def way_of(send: Send) -> str:
    """Where it goes: PROTO:HOST:PORT."""
    return shown_way(destination_of(send))


def shown_way(way: Way) -> str:
    """PROTO:HOST:PORT."""
    proto, text, port = way
    host = text.decode("ascii")
    return f"{proto}:{f'[{host}]' if ':' in host else host}:{port}"
