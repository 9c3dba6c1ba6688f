"""Commands of the server and of its modules: asked here, or in the workers by letters. Reference core, 7.3.

Nothing waits for an answer: it is given to the client when it comes, or when the time for it is over.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Final

from runtime.routing.command import EVERY, HERE, MASTER, Command, Inquiry
from runtime.routing.ports import L_ERR, L_WARN, Log
from runtime.server.control.framing import Request
from runtime.server.control.tracing import TraceSessions
from runtime.server.mail.letters import answer, log_level, new_program, run_command, watched
from runtime.server.mail.letters.answer import AnswerLetter
from runtime.server.mail.mailbox import LETTER_BYTES, Letter
from runtime.server.processes.workers import Workers
from runtime.server.worker.desk import mark_of
from runtime.server.worker.levels import obey
from runtime.server.worker.programs import Programs

# How long workers may take; they are busy with messages.
PATIENCE_MS: Final = 2000
# How long an answer may take that waits for something outside, a call's end: then it is lost, and its place is wanted.
LATE_PATIENCE_MS: Final = 3_600_000
# How often it is looked whether the workers of late answers still live.
_LOOK_MS: Final = 500
# Questions that wait for workers at a time; as many more whose answers come late, which so do not keep the others out.
QUESTIONS_MAX: Final = 1024

Give = Callable[[bytes], None]


class LocalInquiry(Inquiry):
    """A question that is answered in this very process."""

    def __init__(self, request: Request, by_fifo: bool, now_ms: int, give: Give) -> None:
        super().__init__(request.words, by_fifo, now_ms)
        self.is_cut = request.mistake != ""
        self._give: Final = give

    def answer(self, text: bytes) -> None:
        self._give(text)

    def tell(self, text: bytes) -> None:
        self._give(text)


class _Pending:
    """A question under way: to whom it went, and how often each of them had died by then."""

    def __init__(self, command: Command, give: Give, asked: dict[int, int], due_ms: int) -> None:
        self.command: Final = command
        self.give: Final = give
        self.due_ms: Final = due_ms
        self.waiting: Final = asked
        self.pieces: Final[dict[int, bytes]] = {}
        self.answers: Final[dict[int, bytes]] = {}


class Commands:
    """The commands that one kind of control process has, of the FIFO (`by_fifo`) or of the Unix socket: `core` and those of the
    modules, which the workers know by their places in `modules`."""

    def __init__(self, core: list[Command], modules: list[Command], by_fifo: bool, log: Log) -> None:
        self._by_fifo: Final = by_fifo
        self._log: Final = log
        self._core: Final = core
        self._places: dict[Command, int] = {}
        self._mark = 0
        self._by_name: dict[bytes, Command] = {}
        self.renew(modules)
        self._workers: Workers | None = None
        self._master = 0
        self._programs: Programs | None = None
        self._traces: TraceSessions | None = None
        self._pending: Final[dict[int, _Pending]] = {}
        self._late = 0
        self._number = 0
        self._look_ms: int | None = None

    def renew(self, modules: list[Command]) -> None:
        """From now on these are the modules' commands."""
        self._places = {command: place for place, command in enumerate(modules)}
        self._mark = mark_of(modules)
        self._by_name = {c.name.lower().encode(): c for c in [*modules, *self._core] if self._by_fifo or c.by_socket}

    def connect(
        self,
        workers: Workers,
        master: int = 0,
        programs: Programs | None = None,
        traces: TraceSessions | None = None,
    ) -> None:
        """Called once, in the process that asks. `master` is the pid of the master, `programs` takes letters about another program,
        `traces` those about calls that are watched."""
        self._workers = workers
        # What is answered to another process in the same place, which is dead, is no answer to this one.
        self._number = os.getpid() << 32
        self._master = master
        self._programs = programs
        self._traces = traces

    def find(self, name: bytes) -> Command | None:
        """None if there is no such command. `name` is in lower case."""
        return self._by_name.get(name)

    def pattern(self, name: bytes) -> str | None:
        """What the command reads; None if there is no such command. `name` is in lower case."""
        found = self._by_name.get(name)
        return None if found is None else found.pattern

    # --- questions -----------------------------------------------------------------------------------------------------

    def ask(self, command: Command, request: Request, give: Give, now_ms: int) -> None:
        """Have the command run; `give` gets its answer."""
        if command.where == HERE:
            self._ask_here(command, request, give, now_ms)
            return
        workers = self._workers
        assert workers is not None
        # The master knows its commands by their names.
        words = [command.name.encode(), *request.words] if command.where == MASTER else request.words
        if run_command.size_of(words) > LETTER_BYTES:
            give(b"500 request too long\n")
            return
        if (self._late if command.answers_late else len(self._pending) - self._late) >= QUESTIONS_MAX:
            give(b"500 too many commands at once\n")
            return
        if command.where == EVERY:
            to = workers.mailboxes
        elif command.where == MASTER:
            to = [workers.exchange.directory["master"][0]]
        else:
            assert command.call_id_of is not None
            to = [workers.owner_of(command.call_id_of(request.words))]
        self._number += 1
        due_ms = now_ms + (LATE_PATIENCE_MS if command.answers_late else PATIENCE_MS)
        asked = {number: workers.deaths(number) for number in to}
        self._pending[self._number] = _Pending(command, give, asked, due_ms)
        self._late += command.answers_late
        exchange = workers.exchange
        for number in to:
            run_command.put(
                exchange.post,
                number,
                exchange.number,
                self._number,
                self._places.get(command, 0),
                self._mark,
                self._by_fifo,
                words,
            )
        exchange.post.flush()
        if command.where == MASTER:
            # It waits for signals alone.
            os.kill(self._master, signal.SIGUSR2)

    def _ask_here(self, command: Command, request: Request, give: Give, now_ms: int) -> None:
        try:
            command.body(LocalInquiry(request, self._by_fifo, now_ms, give))
        except Exception as e:  # a bug in the module, which must not end the process
            self._log.write(L_ERR, f"BUG: command {command.name}: {type(e).__name__}: {e}")
            give(b"500 server error\n")

    # --- answers -------------------------------------------------------------------------------------------------------

    def receive(self, now_ms: int) -> None:
        """Take what is in the mailbox."""
        if self._workers is None:
            return
        letters: list[Letter] = []
        self._workers.exchange.mailbox.receive(letters)
        for letter in letters:
            if letter.kind == answer.KIND:
                self._take(answer.read(letter))
            elif letter.kind == new_program.KIND and self._programs is not None:
                self._programs.take(letter, now_ms)
            elif letter.kind == log_level.KIND and self._programs is not None:
                obey(log_level.read(letter), self._programs.engine)
            elif letter.kind == watched.KIND and self._traces is not None:
                self._traces.take(watched.read(letter), now_ms)
        self._workers.exchange.post.flush()

    def next_ms(self, now_ms: int) -> int | None:
        """When `look_over` has something to do; None if nothing is under way."""
        if not self._pending:
            self._look_ms = None
        elif self._look_ms is None:
            self._look_ms = now_ms + _LOOK_MS
        return self._look_ms

    def look_over(self, now_ms: int) -> None:
        """Answer what has waited too long, or for a worker that has died."""
        if self._look_ms is None or now_ms < self._look_ms:
            return
        self._look_ms = None
        for number, pending in list(self._pending.items()):
            for worker in self._dead(pending):
                self._miss(pending, worker, "has died")
            if now_ms >= pending.due_ms:
                for worker in list(pending.waiting):
                    self._miss(pending, worker, "does not answer")
            if not pending.waiting:
                self._finish(number, pending)

    def _dead(self, pending: _Pending) -> list[int]:
        assert self._workers is not None
        return [worker for worker, deaths in pending.waiting.items() if self._workers.deaths(worker) != deaths]

    def _miss(self, pending: _Pending, worker: int, what: str) -> None:
        del pending.waiting[worker]
        self._log.write(L_WARN, f"WARNING: {pending.command.name}: worker {worker} {what}")

    def _take(self, piece: AnswerLetter) -> None:
        number, worker = int(piece.question), int(piece.sender)
        pending = self._pending.get(number)
        # What comes after its time is nobody's any more.
        if pending is None or worker not in pending.waiting:
            return
        text = pending.pieces.pop(worker, b"") + piece.text
        if not piece.is_last:
            pending.pieces[worker] = text
            return
        if piece.is_interim:
            if pending.command.combine is None:
                pending.give(text)
            return
        pending.answers[worker] = text
        del pending.waiting[worker]
        if not pending.waiting:
            self._finish(number, pending)

    def _finish(self, number: int, pending: _Pending) -> None:
        del self._pending[number]
        self._late -= pending.command.answers_late
        answers = [pending.answers[worker] for worker in sorted(pending.answers)]
        combine = pending.command.combine
        if not answers:
            pending.give(b"500 no worker answers\n")
        elif combine is None:
            pending.give(answers[0])
        else:
            pending.give(combine(self._by_fifo, answers))
