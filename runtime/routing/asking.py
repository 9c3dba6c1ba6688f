"""Questions to the outside, and the runs that wait for their answers: a name, a row, a program, an RTP proxy.

`Context.wait(question)` parks the run of a route, at any depth of calls, and lets its process go on with other messages. The
run goes on where it was when the answer comes, or the question's deadline, or a CANCEL. What is parked is a greenlet: a stack
of its own, frames of compiled code included. A message whose route does not wait never meets one.

Who calls the engine does so in a greenlet that has a parent: a worker's loop has its hub (runtime.server.worker.loop), which
lets another loop go on; `Engine.receive` makes one for each call. Nothing here reads a clock: time comes with every event.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar, final

import greenlet
from mypy_extensions import i64, mypyc_attr

from runtime.routing.bugs import Bugs
from runtime.routing.deferred import Deferrals
from runtime.routing.histogram import Histogram
from runtime.routing.onlooker import Onlooker
from runtime.routing.ports import L_WARN, Log, Watches
from runtime.tx.timers import NEVER as NEVER

# What has become of a question.
NOT_ASKED: Final = 0
ASKED: Final = 1
ANSWERED: Final = 2
LATE: Final = 3  # no answer within the deadline
REFUSED: Final = 4  # too many of its kind were waiting already, or nobody can wait here

T = TypeVar("T")


class Cancelled(BaseException):
    """The request whose route waits has been cancelled: nothing more of the route runs. No module catches this."""


@final
class Kind:
    """A kind of question. `name` is how log and statistics call it. It is made once in a process, by the module that asks: what
    waits is kept here.

    An answer is waited for `deadline_ms` (NEVER: as long as it takes), by `limit` runs of a process at the same time. `waited`,
    `late` and `refused` count questions.
    """

    def __init__(self, name: str, deadline_ms: i64, limit: i64) -> None:
        self.name: Final = name
        self.deadline_ms: Final[i64] = deadline_ms
        self.limit: Final[i64] = limit
        self.waited: i64 = 0
        self.late: i64 = 0
        self.refused: i64 = 0
        self.took: Final = Histogram()
        # Those that wait, by number: so in the order of their deadlines.
        self.pending: Final[dict[int, Question[Any]]] = {}

    def take_over(self, other: Kind) -> None:
        """What `other` has counted counts here from now on."""
        self.waited += other.waited
        self.late += other.late
        self.refused += other.refused
        other.waited = other.late = other.refused = 0
        self.took.take_over(other.took)


@mypyc_attr(allow_interpreted_subclasses=True)
class Question(Generic[T]):
    """Something that a run waits for. A subclass says how it is asked; `number` is what the answer must come back with.

    `fate` tells afterwards what has become of it, `answer` what the answer was.
    """

    def __init__(self, kind: Kind) -> None:
        self.kind: Final = kind
        self.number = 0
        self.fate: i64 = NOT_ASKED
        self.answer: T | None = None
        self.until_ms: i64 = NEVER
        self.since_ms: i64 = 0
        # The greenlet of the run that waits; None: nobody is parked, `go_on` is called.
        self.run: Any = None
        # The answer comes of what the batch has deferred: that need not be finished before it is asked.
        self.is_deferred = False

    def asks(self) -> str:
        """What is asked, for people who watch: without anybody's secrets."""
        return ""

    def tells(self) -> str:
        """The answer, for the same people."""
        return ""

    def ask(self, now_ms: i64) -> None:
        """Send the question off. The answer comes through `Asking.take` with `number`, later or even now. An exception is the caller's
        of `Context.wait`."""
        raise NotImplementedError

    def give_up(self) -> None:
        """Nobody waits for the answer any more, since it is late or the run has been cancelled."""

    def go_on(self, now_ms: i64) -> None:
        """The question was asked with `Asking.begin`, so that no run waits: it has its answer, or is late. Called once."""


@final
class Asking:
    """The questions of one process. `count` are pending, `runs` of them with a run that waits.

    `now_ms` is the time of the event that lets a run go on. `switches` changes whenever a run is parked: who sees it change
    during a call of its own may have been away meanwhile.
    """

    def __init__(self, log: Log, bugs: Bugs) -> None:
        self._log: Final = log
        self._bugs: Final = bugs
        # What has to be finished before anybody outside is asked for anything.
        self.deferrals: Final = Deferrals()
        # What a question may have watched; None in a process that watches nothing.
        self.watches: Watches | None = None
        # None where nobody watches.
        self.onlooker: Onlooker | None = None
        self._kinds: Final[dict[str, Kind]] = {}
        self._pending: Final[dict[int, Question[Any]]] = {}
        # All kinds that were ever asked, for the statistics.
        self.kinds: Final[list[Kind]] = []
        self._last_number = 0
        self.count: i64 = 0
        self.runs: i64 = 0
        self.switches: i64 = 0
        self.now_ms: i64 = 0

    def number_for(self, pid: int) -> None:
        """Questions are those of this process from now on: what was asked by another one in the same place, which is dead, may still be
        answered, and is no answer to any of them."""
        self._last_number = pid << 32

    def kind(self, name: str, deadline_ms: i64, limit: i64) -> Kind:
        """The kind of this name, made when first asked for: for who has no place to keep it."""
        found = self._kinds.get(name)
        if found is None:
            found = self._kinds[name] = Kind(name, deadline_ms, limit)
        return found

    # --- asking ------------------------------------------------------------------------------------------------------

    def wait(self, question: Question[T], now_ms: i64) -> T | None:
        """Park the run that calls this until the answer comes; None if none comes (`question.fate` tells why).

        `Context.wait` is what routes call: it brings back what belongs to the run. Raises Cancelled.
        """
        me: Any = greenlet.getcurrent()
        self.now_ms = now_ms
        if not self._admit(question, now_ms):
            return None
        if self.deferrals.count > 0 and not question.is_deferred:
            self.deferrals.finish(now_ms)
        if me.parent is None:
            return self._stand_still(question, now_ms)
        self._ask(question, me, now_ms)
        # An answer that was there at once needs no switch.
        if question.fate == ASKED:
            about = self._log.about
            if self.onlooker is not None:
                self.onlooker.asked(question, about)
            self.switches += 1
            self._log.about = None
            me.parent.switch()
            if self.onlooker is not None:
                self.onlooker.answered(question, about)
        return question.answer

    def _ask(self, question: Question[Any], run: Any, now_ms: i64) -> None:
        question.run = run
        if run is not None:
            self.runs += 1
        try:
            question.ask(now_ms)
        except Exception:
            # It cannot be asked: the caller hears why.
            if question.fate == ASKED:
                self._remove(question, REFUSED)
                if run is not None:
                    self.runs -= 1
                question.run = None
            raise

    def _stand_still(self, question: Question[T], now_ms: i64) -> T | None:
        """On a stack behind which nobody could go on, as at the start of a process: wait for what is watched, and for nothing else."""
        self._ask(question, None, now_ms)
        self.deferrals.finish(now_ms)
        left_ms = question.kind.deadline_ms
        watches = self.watches
        while question.fate == ASKED and watches is not None and watches.count > 0 and left_ms != 0:
            passed_ms = watches.wait(left_ms)
            if left_ms > 0:
                left_ms = left_ms - passed_ms if passed_ms < left_ms else 0
        if question.fate == ASKED:
            question.give_up()
            self._remove(question, LATE if left_ms == 0 else REFUSED)
        return question.answer

    def apart(self, body: Callable[..., object], *arguments: object) -> None:
        """Call `body` as a run of its own; return when it has ended, or waits. An exception in it is reported as a bug.

        For what is not a message of its own and may come to run a route: a timer, an answer. Its caller may then be in the middle
        of something.
        """
        about = self._log.about
        greenlet.greenlet(self._guarded).switch(body, arguments)
        self._log.about = about

    def _guarded(self, body: Callable[..., object], arguments: tuple[object, ...]) -> None:
        try:
            body(*arguments)
        except Exception as e:
            self._bugs.report(e, None)

    def begin(self, question: Question[Any], now_ms: i64) -> bool:
        """Ask without waiting: `question.go_on` is called when the answer has come or is late. False if it is refused."""
        if not self._admit(question, now_ms):
            return False
        self._ask(question, None, now_ms)
        if self.onlooker is not None and question.fate == ASKED:
            self.onlooker.asked(question, self._log.about)
        return True

    def _admit(self, question: Question[Any], now_ms: i64) -> bool:
        kind = question.kind
        if kind not in self.kinds:
            self._join(kind)
        if len(kind.pending) >= kind.limit:
            kind.refused += 1
            question.fate = REFUSED
            self._log.write(L_WARN, f"WARNING: {kind.limit} messages already wait for {kind.name}: refusing more")
            return False
        kind.waited += 1
        self._last_number += 1
        number = self._last_number
        question.number = number
        question.fate = ASKED
        question.since_ms = now_ms
        question.until_ms = NEVER if kind.deadline_ms < 0 else now_ms + kind.deadline_ms
        kind.pending[number] = question
        self._pending[number] = question
        self.count = len(self._pending)
        return True

    def note(self, kind: Kind) -> int:
        """A question of this kind was answered by who asked it, here and now: it counts. Returns its number."""
        if kind not in self.kinds:
            self._join(kind)
        kind.waited += 1
        kind.took.add(0)
        self._last_number += 1
        return self._last_number

    def _join(self, kind: Kind) -> None:
        """One that is asked for the first time. It may come with a new program, in place of one of the same name, and goes on counting."""
        for old in self.kinds[:]:
            if old.name == kind.name and len(old.pending) == 0:
                kind.take_over(old)
                self.kinds.remove(old)
        self.kinds.append(kind)

    # --- answers -----------------------------------------------------------------------------------------------------

    def is_pending(self, number: int) -> bool:
        return number in self._pending

    def take(self, number: int, answer: object, now_ms: i64) -> None:
        """The answer to question `number` has come: who waits for it goes on, before this returns.

        An answer to a question that nobody asks any more is late, and forgotten.
        """
        question = self._pending.get(number)
        if question is not None:
            question.answer = answer
            self._end(question, ANSWERED, now_ms)

    def next_ms(self, now_ms: i64) -> i64:
        """Milliseconds until the next deadline, NEVER if there is none."""
        soonest: i64 = NEVER
        for kind in self.kinds:
            if kind.deadline_ms < 0 or len(kind.pending) == 0:
                continue
            until_ms = kind.pending[next(iter(kind.pending))].until_ms
            left: i64 = until_ms - now_ms if until_ms > now_ms else 0
            if soonest < 0 or left < soonest:
                soonest = left
        return soonest

    def tick(self, now_ms: i64) -> None:
        """Let go on whose deadline has come."""
        for kind in self.kinds:
            while kind.deadline_ms >= 0 and len(kind.pending) > 0:
                question = kind.pending[next(iter(kind.pending))]
                if question.until_ms > now_ms:
                    break
                kind.late += 1
                question.give_up()
                self._end(question, LATE, now_ms)

    def _end(self, question: Question[Any], fate: i64, now_ms: i64) -> None:
        """It is pending no more; whoever waits goes on."""
        self._remove(question, fate)
        question.kind.took.add((now_ms - question.since_ms) * 1000)
        self.now_ms = now_ms
        run = question.run
        if run is None:
            if self.onlooker is not None:
                self.onlooker.answered(question, None)
            self.apart(question.go_on, now_ms)
            return
        self.runs -= 1
        question.run = None
        if run is not greenlet.getcurrent():
            self._switch(run, None)

    def cancel(self, question: Question[Any]) -> None:
        """Nobody wants to know any more. A run that waits ends with Cancelled."""
        if question.number not in self._pending:
            return
        question.give_up()
        self._remove(question, LATE)
        run = question.run
        if run is not None:
            self.runs -= 1
            question.run = None
            self._switch(run, Cancelled())

    def _remove(self, question: Question[Any], fate: i64) -> None:
        del self._pending[question.number]
        del question.kind.pending[question.number]
        self.count = len(self._pending)
        question.fate = fate

    def _switch(self, run: Any, error: BaseException | None) -> None:
        """Let a run go on until it ends or waits again: then the caller, its parent meanwhile, goes on."""
        about = self._log.about
        run.parent = greenlet.getcurrent()
        if error is None:
            run.switch()
        else:
            run.throw(error)
        self._log.about = about
