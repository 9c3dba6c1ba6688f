"""Steps of ser.cfg, made of the tape that a program with probes has written (`probing.py`), as data for people and programs."""

from __future__ import annotations

from typing import Any, Final, final

from runtime.routing.probing import ACTION, BRANCH, CALL, TEST, Effects, Place, Tape, Way, shown_way
from runtime.routing.secrets import masked_text, shown

Outcome = bool | int | str | None

# What a place has to give for the body of the `if` that it decides alone.
IF_TRUE: Final = "true"
IF_FALSE: Final = "false"
IF_ABOVE: Final = "> 0"
IF_NOT_BELOW: Final = ">= 0"
IF_BELOW: Final = "< 0"


@final
class Step:
    """Something of ser.cfg that ran. `depth` counts the routes around it, `outcome` is true, false, error or an int of SER, None while it
    runs, or when it never ended. `left` is what a TEST looked at. `changes`, `sent` and `logged` came of it itself.
    """

    def __init__(self, place: Place, depth: int, left: str = "", outcome: Outcome = None) -> None:
        self.place: Final = place
        self.depth: Final = depth
        self.left: Final = left
        self.outcome = outcome
        self.changes: Final[list[tuple[str, str, str]]] = []
        self.sent: Final[list[tuple[Way, bytes]]] = []
        self.logged: Final[list[tuple[int, str]]] = []
        # It began on a tape before, whose end is told by now: when it ends it is a step again.
        self.is_resumed = False


@final
class _Run:
    """The steps of a message that have not ended, and the last one."""

    def __init__(self) -> None:
        self.open: list[Step] = []
        self.last: Step | None = None


@final
class Player:
    """Plays tapes, one after the other. `open_` are the places of calls that have begun on a tape before, of the first run that is met."""

    def __init__(self, places: list[Place], open_: list[int]) -> None:
        self._places: Final = places
        self._runs: Final[dict[int, _Run]] = {}
        self._run = _Run()
        for number in open_:
            step = Step(places[number - 1], len(self._run.open))
            step.is_resumed = True
            self._run.open.append(step)
        self._steps: list[Step] = []

    def open_places(self) -> list[int]:
        """Those of the calls that have not ended, of the last run."""
        return [step.place.number for step in self._run.open]

    def play(self, tape: Tape) -> list[Step]:
        """The steps on it. A step of a tape before may have its outcome now."""
        self._steps = []
        at = 0
        while at < len(tape):
            at += self._play(tape, at)
        return self._steps

    def _play(self, tape: Any, at: int) -> int:
        """How many items of the tape have been played."""
        head = tape[at]
        if head is None:
            number = tape[at + 1]
            if number not in self._runs:
                # The first run is the one whose calls are open.
                self._runs[number] = _Run() if self._runs else self._run
            self._run = self._runs[number]
            return 2
        if head < 0:
            self._end(-head, tape[at + 1])
            return 2
        if head == 0:
            self._did(tape[at + 1])
            return 2
        place = self._places[head - 1]
        if place.kind == TEST:
            self._test(place, tape[at + 1], tape[at + 2])
            return 3
        if place.kind == BRANCH:
            self._add(Step(place, len(self._run.open), "", tape[at + 1]))
            return 2
        step = Step(place, len(self._run.open))
        self._add(step)
        if place.kind == CALL:
            self._run.open.append(step)
        return 1

    def _add(self, step: Step) -> None:
        self._steps.append(step)
        self._run.last = step

    def _test(self, place: Place, outcome: bool | str, left: str) -> None:
        last = self._steps[-1] if self._steps else None
        if last is not None and last is self._run.last and last.place is place:
            # Asked again, the other way round: what is neither true nor false is an error.
            last.outcome = "error" if last.outcome != outcome else outcome
            return
        self._add(Step(place, len(self._run.open), left, outcome))
        self._branch(place, outcome)

    def _end(self, number: int, value: Outcome) -> None:
        run = self._run
        while run.open:
            step = run.open.pop()
            if step.place.number == number:
                step.outcome = value
                run.last = step
                if step.is_resumed:
                    self._steps.append(step)
                self._branch(step.place, value)
                return

    def _branch(self, place: Place, value: Outcome) -> None:
        """The `if` that the place decides alone."""
        if place.branch:
            step = Step(self._places[place.branch - 1], len(self._run.open), "", _holds(place.branch_if, value))
            self._steps.append(step)

    def _did(self, effects: Effects) -> None:
        step = self._run.last
        if step is not None:
            changes, sent, logged = effects
            step.changes.extend(changes)
            step.sent.extend(sent)
            step.logged.extend(logged)


def _holds(wanted: str, value: Outcome) -> bool:
    if isinstance(value, str) or value is None:
        return False
    if wanted in (IF_TRUE, IF_FALSE):
        return value == (wanted == IF_TRUE)
    return value > 0 if wanted == IF_ABOVE else value >= 0 if wanted == IF_NOT_BELOW else value < 0


def step_data(step: Step) -> dict[str, object]:
    """A step for people and programs, without anybody's secrets."""
    place = step.place
    return {
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "depth": step.depth,
        "kind": place.kind,
        "code": place.code,
        "outcome": _outcome(place, step.outcome),
        "value": step.outcome,
        "left": masked_text(step.left),
        "changes": [{"what": w, "before": masked_text(b), "after": masked_text(a)} for w, b, a in step.changes],
        "sent": [{"to": shown_way(to), "message": shown(data)} for to, data in step.sent],
        "log": [{"level": level, "line": masked_text(line)} for level, line in step.logged],
    }


def _outcome(place: Place, value: Outcome) -> str:
    """true, false, error; what SER's ints of functions mean."""
    if place.kind == BRANCH:
        return "yes" if value else "no"
    if place.kind == ACTION:
        return ""
    if isinstance(value, str):
        return value
    if value is None:
        return "not done yet"
    if isinstance(value, bool):
        return "true" if value is not place.is_opposite else "false"
    return "true" if value > 0 else "false" if value < 0 else "ends the route"
