"""The program is exchanged while the server runs: compiled and tried first, then made ready in every process, then switched to.

A failure anywhere before the switch changes nothing. Nothing here waits: the master looks in again and again.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import signal
import time
from collections.abc import Callable
from typing import Final

from runtime.routing.config import Config
from runtime.routing.engine import Engine, ProgramError, Ready
from runtime.routing.ports import L_ERR, L_NOTICE, L_WARN, Log
from runtime.server.host.errors import StartError
from runtime.server.mail.board import Board
from runtime.server.mail.letters import new_program
from runtime.server.mail.letters.new_program import DISCARD, MAKE_READY, SWITCH
from runtime.server.mail.letters.program_done import ProgramDoneLetter
from runtime.server.processes.errand import Errand
from runtime.server.processes.notify import Notifier
from runtime.server.processes.workers import Workers
from runtime.server.start.namespaces import Namespaces
from runtime.server.start.source import Compiled, Source, packed, unpacked
from runtime.spec.watching import CANNOT_BE_RELOADED

# How long the compiler may take, the processes to get ready, and to switch; then who has not is killed, and replaced.
COMPILE_S: Final = 60.0
# Of a file that is wrong all over the log has no more lines; who has asked gets all.
_LOGGED_LINES_MAX: Final = 100
READY_S: Final = 20.0
SWITCH_S: Final = 10.0
# A letter may be lost in a full mailbox: it is written again after so long.
_AGAIN_S: Final = 0.5

# Phases.
_IDLE: Final = 0
_COMPILING: Final = 1
_GETTING_READY: Final = 2
_SWITCHING: Final = 3

# What is wanted.
RELOAD: Final = "reload"
CHECK: Final = "check"
DIFF: Final = "diff"
ROLLBACK: Final = "rollback"
TEST: Final = "test"  # a reload if the tests of ser.cfg hold
# What is said to have failed.
_ATTEMPTS: Final = {RELOAD: "reload", CHECK: "check", DIFF: "diff", ROLLBACK: "rollback", TEST: "reload"}

Tell = Callable[[bytes], None]


class Version:
    """A program that has been in force: its code, and what it was made of."""

    def __init__(self, number: int, code: bytes, text: str, since_s: float) -> None:
        self.number: Final = number
        self.code: Final = code
        self.text: Final = text
        self.since_s: Final = since_s

    def shown(self) -> str:
        digest = hashlib.sha256(self.text.encode("utf-8", "surrogateescape")).hexdigest()[:12]
        return (
            f"version {self.number} ({digest}) since {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(self.since_s))}"
        )


class Reload:
    """`source` is where the program comes from, `first` what it was at the start (None: nobody knows, and there is no way back to it).
    `effective` applies the command line. `workers` are all other processes that have the program."""

    def __init__(
        self,
        engine: Engine,
        source: Source,
        first: Compiled | None,
        effective: Callable[[Config], Config],
        workers: Workers,
        board: Board,
        notifier: Notifier,
        log: Log,
    ) -> None:
        self._engine: Final = engine
        self._source: Final = source
        self._effective: Final = effective
        self._workers: Final = workers
        self._board: Final = board
        self._notifier: Final = notifier
        self._log: Final = log
        self._phase = _IDLE
        self._wanted = ""
        self._tell: Tell | None = None
        self._until_s = 0.0
        self._again_s = 0.0
        self._errand: Errand | None = None
        # When each part of it began.
        self._times_s: list[float] = []
        self._missing: dict[int, int] = {}
        self._namespaces: Final = Namespaces(engine.world.kept.all)
        self._ready: Ready | None = None
        self._count = 1
        text = "" if first is None else first.text
        self._first: Final = first
        self._current = Version(1, b"", text, time.time())
        self._before: Version | None = None
        self._next: Version | None = None
        self._said = ""
        self._last = "the program is that of the start"

    # --- what is asked -------------------------------------------------------------------------------------------------

    def is_busy(self) -> bool:
        return self._phase != _IDLE

    def running(self) -> tuple[int, str]:
        """The version that runs, and what an administrator has written for it."""
        return self._current.number, self._current.text

    def holds_forks(self) -> bool:
        """A process that is forked now would have neither the one program nor the other for sure."""
        return self._phase in (_GETTING_READY, _SWITCHING)

    def status(self) -> str:
        """A line each: what runs, what it can be rolled back to, how the last attempt went."""
        before = "none" if self._before is None else self._before.shown()
        doing = "a reload is under way\n" if self.is_busy() else ""
        return f"running: {self._current.shown()}\nbefore: {before}\nlast: {self._last}\n{doing}"

    def begin(self, wanted: str, tell: Tell | None, now_s: float) -> None:
        """`tell` hears how it went, once; None: the log alone does. Raises StartError if it cannot begin."""
        if self.is_busy():
            raise StartError("a reload is under way already: ask again when it is done (reload status)")
        if wanted == ROLLBACK and self._before is None:
            raise StartError("there is no version to roll back to")
        self._wanted = wanted
        self._tell = tell
        self._errand = Errand(self._tried, now_s + COMPILE_S, f"the compiler was not done within {COMPILE_S:.0f} s")
        self._phase = _COMPILING
        self._times_s = [now_s]
        if wanted in (RELOAD, ROLLBACK, TEST):
            self._notifier.tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def abandon(self) -> None:
        """The server ends: nobody compiles for it any more."""
        if self._errand is not None:
            self._errand.abandon()
            self._errand = None
            self._phase = _IDLE

    # --- in a process of its own: compile, and start on trial ----------------------------------------------------------

    def _tried(self) -> tuple[int, str, str]:
        """Size of the code, which is shown on the board; text; what the compiler says. Raises StartError and ProgramError.

        A difference is shown also of what cannot be reloaded: then the size is 0, and the reason is what is said.
        """
        try:
            return self._compiled_and_tried()
        except (StartError, ProgramError) as e:
            if self._wanted != DIFF:
                raise
            return 0, self._source.text(), f"{e}\n"

    def _compiled_and_tried(self) -> tuple[int, str, str]:
        if self._wanted == ROLLBACK:
            assert self._before is not None
            compiled, code = Compiled("", self._before.text), self._before.code
            if not code:
                assert self._first is not None
                code = packed(self._first)
        else:
            compiled = self._source.read()
            code = packed(compiled)
        self._board.show(code)
        program = unpacked(code)
        self._engine.ready(program, self._effective(program.config))
        if self._wanted == TEST:
            self._source.test(compiled.text)
        return len(code), compiled.text, compiled.messages

    # --- in the master -------------------------------------------------------------------------------------------------

    def look(self, now_s: float) -> None:
        """Go on, if there is something to go on with."""
        if self._phase == _COMPILING:
            errand = self._errand
            if errand is not None and errand.look(now_s):
                self._errand = None
                self._is_compiled(errand, now_s)
        elif self._phase == _GETTING_READY:
            self._look_at_the_dead()
            if not self._missing and self._phase == _GETTING_READY:
                self._switch(now_s)
            elif now_s >= self._until_s and self._phase == _GETTING_READY:
                self._give_up(f"{self._names()} did not get ready within {READY_S:.0f} s")
            else:
                self._write_again(MAKE_READY, now_s)
        elif self._phase == _SWITCHING:
            for mailbox in self._dead():
                # The one in its place begins with the new program.
                del self._missing[mailbox]
            if now_s >= self._until_s:
                self._kill_the_rest()
            if not self._missing:
                self._finish(now_s)
            else:
                self._write_again(SWITCH, now_s)

    def _is_compiled(self, errand: Errand, now_s: float) -> None:
        if errand.result is None:
            self._give_up(errand.why)
            return
        size, text, self._said = errand.result
        if self._wanted == CHECK:
            self._end(True, "can be reloaded")
            return
        if self._wanted == DIFF:
            self._show_difference(text, size > 0)
            return
        code = self._board.read(size)
        self._next = Version(self._count + 1, code, text, time.time())
        try:
            program = unpacked(code, self._namespaces)
            self._ready = self._engine.ready(program, self._effective(program.config))
        except (StartError, ProgramError) as e:
            self._give_up(str(e))
            return
        self._phase = _GETTING_READY
        self._times_s.append(now_s)
        self._until_s = now_s + READY_S
        self._ask(MAKE_READY, now_s)

    def _show_difference(self, text: str, can_be_reloaded: bool) -> None:
        lines = difflib.unified_diff(
            self._current.text.splitlines(), text.splitlines(), "running", self._source.name, lineterm=""
        )
        difference = "\n".join(lines) or "no difference"
        if can_be_reloaded:
            self._last = "a difference was shown, which can be reloaded"
            self._answer("200 ok", difference)
        else:
            self._last = f"a difference was shown, which cannot be reloaded: {_first_line(self._said)}"
            self._answer(f"{CANNOT_BE_RELOADED} it cannot be reloaded", difference)

    def _ask(self, what: int, now_s: float) -> None:
        workers = self._workers
        self._missing = {m: workers.deaths(m) for m in workers.mailboxes if workers.pid(m)}
        self._again_s = now_s
        self._write_again(what, now_s)

    def _write_again(self, what: int, now_s: float) -> None:
        if now_s >= self._again_s:
            self._again_s = now_s + _AGAIN_S
            self._write(what, list(self._missing))

    def _write(self, what: int, to: list[int]) -> None:
        assert self._next is not None
        exchange = self._workers.exchange
        for mailbox in to:
            new_program.put(exchange.post, mailbox, exchange.number, what, self._next.number, len(self._next.code))
        exchange.post.flush()

    def take(self, done: ProgramDoneLetter) -> None:
        """A process tells."""
        expected = {_GETTING_READY: MAKE_READY, _SWITCHING: SWITCH}.get(self._phase, 0)
        if self._next is None or done.version != self._next.number or done.what != expected:
            return
        sender = int(done.sender)
        if done.why and self._phase == _GETTING_READY:
            self._give_up(f"{self._workers.name(sender)}: {done.why}")
        elif sender in self._missing:
            del self._missing[sender]

    def _dead(self) -> list[int]:
        workers = self._workers
        return [m for m, deaths in self._missing.items() if workers.deaths(m) != deaths or not workers.pid(m)]

    def _look_at_the_dead(self) -> None:
        dead = self._dead()
        if dead:
            self._give_up(f"{self._workers.name(dead[0])} died while it made itself ready")

    def _names(self) -> str:
        return ", ".join(self._workers.name(m) for m in self._missing)

    def _switch(self, now_s: float) -> None:
        """From here on there is no way back: all have what they need."""
        assert self._ready is not None
        self._engine.switch(self._ready)
        self._ready = None
        self._phase = _SWITCHING
        self._times_s.append(now_s)
        self._until_s = now_s + SWITCH_S
        self._ask(SWITCH, now_s)

    def _kill_the_rest(self) -> None:
        for mailbox in self._missing:
            self._log.write(
                L_ERR,
                f"ERROR: reload: {self._workers.name(mailbox)} did not switch to the new program in time and is restarted",
            )
            pid = self._workers.pid(mailbox)
            if pid:
                os.kill(pid, signal.SIGKILL)
        self._missing.clear()

    def _finish(self, now_s: float) -> None:
        assert self._next is not None
        self._count = self._board.version = self._next.number
        replaced, self._current, self._next = self._current, self._next, None
        # Who reloads twice has still the way back to what was before both.
        if replaced.text != self._current.text:
            self._before = None if replaced.number == 1 and self._first is None else replaced
        what = "rolled back to what was before" if self._wanted == ROLLBACK else "reloaded"
        compiled, ready, switched = (
            round((end - begin) * 1000) for begin, end in zip(self._times_s, [*self._times_s[1:], now_s])
        )
        took = f"compiled in {compiled} ms, all ready in {ready} ms, all switched in {switched} ms"
        self._end(True, f"{what}: version {self._count} ({took})")

    def _give_up(self, why: str) -> None:
        """Everything is as it was."""
        if self._phase == _GETTING_READY:
            self._write(DISCARD, self._workers.mailboxes)
            # A number is never used again: a late letter must not be taken for one about another version.
            assert self._next is not None
            self._count = self._next.number
        if self._ready is not None:
            self._engine.discard(self._ready)
            self._ready = None
        self._next = None
        self._end(False, why)

    def _end(self, is_good: bool, text: str) -> None:
        if self._wanted in (RELOAD, ROLLBACK, TEST):
            self._notifier.tell("READY=1", f"STATUS={_first_line(text)}")
        if is_good:
            self._last = _first_line(text)
            if self._wanted != CHECK:
                self._log.write(L_NOTICE, f"NOTICE: {self._last}")
            self._answer("200 ok", text)
            return
        head = f"{_ATTEMPTS[self._wanted]} failed, nothing has changed"
        self._last = f"{head}: {_first_line(text)}"
        self._log.write(L_WARN if self._wanted == CHECK else L_ERR, f"ERROR: {self._last}")
        lines = text.splitlines()[1:]
        for line in lines[:_LOGGED_LINES_MAX]:
            self._log.write(L_ERR, f"ERROR: {line}")
        if len(lines) > _LOGGED_LINES_MAX:
            more = len(lines) - _LOGGED_LINES_MAX
            self._log.write(L_ERR, f"ERROR: {more} more lines like these; serctl reload --check shows them")
        self._answer(f"500 {head}", text)

    def _answer(self, head: str, text: str) -> None:
        """It is over: who has asked hears of it."""
        self._phase = _IDLE
        self._namespaces.look()
        body = self._said + text
        self._said = ""
        tell, self._tell = self._tell, None
        if tell is not None:
            tell(f"{head}\n{body}{'' if body.endswith(chr(10)) else chr(10)}".encode("utf-8", "surrogateescape"))


def _first_line(text: str) -> str:
    return text.splitlines()[0] if text else ""
