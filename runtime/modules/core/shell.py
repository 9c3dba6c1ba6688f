"""Shell commands that routes wait for. No worker stands still meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import Any, Final, final

from mypy_extensions import i64

from runtime.routing.asking import LATE, NEVER, Asking, Kind, Question
from runtime.routing.context import Context
from runtime.routing.ports import L_WARN, Log, StandIn, Watched, Watches

# Commands that run at the same time, of each kind and process.
RUNNING_MAX: Final = 256

_READ_BYTES: Final = 65536
# What a command may write: more than any URIs or headers of a message. One that goes on is killed.
OUTPUT_MAX: Final = 65536


@final
class Outcome:
    """How a command ended. `failure` is "" if its exit status was 0, else one sentence; `output` what it wrote.

    `is_answer`: it came to its end, so another exit status than 0 is what it has to say and nothing went wrong.
    """

    def __init__(self, failure: str, output: bytes, is_answer: bool) -> None:
        self.failure: Final = failure
        self.output: Final = output
        self.is_answer: Final = is_answer


# Of a script, whose text may fill the command, as much as a line of the log needs.
_SHOWN_MAX: Final = 60


def shown(command: str) -> str:
    """The command, short enough to be named in a sentence."""
    text = " ".join(command.split())
    return text if len(text) <= _SHOWN_MAX else text[:_SHOWN_MAX] + "..."


def commands_of(asking: Asking, module: str, limit_s: int) -> Kind:
    """The kind of question that a module's commands are; each may run for `limit_s` seconds, 0: without a limit."""
    return asking.kind(f"{module}_commands", limit_s * 1000 if limit_s else NEVER, RUNNING_MAX)


def run(
    ctx: Context, kind: Kind, command: str, data: bytes | None, wants_output: bool, variables: dict[bytes, bytes] | None
) -> Outcome:
    """Run `command` in a shell and wait until it ends, or for the deadline of `kind`, after which it is killed.

    It reads `data`; None: nothing. Its output comes back, or is that of the server. `variables` are its environment, None: the
    server's.
    """
    watches = ctx.world.asking.watches
    assert watches is not None, "processes that run routes have watches"
    asking = ctx.world.asking
    stand_in = ctx.world.stand_in
    question: Question[Outcome]
    if stand_in is None:
        question = _Execution(kind, asking, watches, ctx.world.log, command, data, wants_output, variables)
    else:
        question = _Pretence(kind, asking, stand_in, command, data)
    outcome = ctx.wait(question)
    if outcome is not None:
        return outcome
    name = shown(command)
    if question.fate == LATE:
        return Outcome(f"{name} ran over {kind.deadline_ms // 1000} s, killed", b"", False)
    return Outcome(f"cannot run {name}: {kind.limit} commands are running", b"", False)


@final
class _Execution(Question[Outcome]):
    """A command that runs. The answer comes when its output ends, if that is wanted, and it has ended itself."""

    def __init__(
        self,
        kind: Kind,
        asking: Asking,
        watches: Watches,
        log: Log,
        command: str,
        data: bytes | None,
        wants_output: bool,
        variables: dict[bytes, bytes] | None,
    ) -> None:
        super().__init__(kind)
        self._asking: Final = asking
        self._watches: Final = watches
        self._log: Final = log
        self._command: Final = command
        self._data: Final = data
        self._wants_output: Final = wants_output
        self._variables: Final = variables
        # Any, not bytes: what is not read is None, whatever typeshed says, and compiled code insists on types.
        self._process: subprocess.Popen[Any] | None = None
        self._output: _Output | None = None
        self._pieces: Final[list[bytes]] = []
        self._size = 0

    def asks(self) -> str:
        return shown(self._command)

    def tells(self) -> str:
        return "" if self.answer is None else self.answer.failure or "exit status 0"

    def ask(self, now_ms: i64) -> None:
        try:
            process = self._start()
        except OSError as error:
            failure = f"cannot run {shown(self._command)}: {error.strerror}"
            self._asking.take(self.number, Outcome(failure, b"", False), now_ms)
            return
        self._process = process
        if process.stdout is None:
            self._watches.watch(_End(self, process))
        else:
            os.set_blocking(process.stdout.fileno(), False)
            self._output = _Output(self, process.stdout.fileno())
            self._watches.watch(self._output)

    def _start(self) -> subprocess.Popen[Any]:
        # A file in memory takes as much as a message may be, at once; a pipe need not.
        data = self._data
        source = subprocess.DEVNULL if data is None else os.memfd_create("message")
        try:
            if data is not None:
                os.write(source, data)
                os.lseek(source, 0, os.SEEK_SET)
            return subprocess.Popen(
                ["/bin/sh", "-c", self._command.encode("latin-1")],
                stdin=source,
                stdout=subprocess.PIPE if self._wants_output else None,
                env=self._variables,
                start_new_session=True,
            )
        finally:
            if source >= 0:
                os.close(source)

    def give_up(self) -> None:
        process = self._process
        if process is not None:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except PermissionError:
                # It has become somebody else, as passwd(1) does: it ends when it likes.
                self._log.write(L_WARN, f"WARNING: exec: {shown(self._command)} cannot be killed")
            self._close_output()

    def read(self) -> None:
        """Take what the command has written; at the end of it only its own end is missing."""
        process = self._process
        output = self._output
        assert process is not None and output is not None
        try:
            piece = os.read(output.fd, _READ_BYTES)
        except BlockingIOError:
            return
        if not piece:
            self._close_output()
            return
        self._size += len(piece)
        if self._size <= OUTPUT_MAX:
            self._pieces.append(piece)
        else:
            self._pieces.clear()
            self.give_up()

    def _close_output(self) -> None:
        """Also a command that is killed has to be waited for, or stays as a zombie."""
        process = self._process
        output = self._output
        if process is not None and output is not None:
            self._output = None
            self._watches.forget(output)
            assert process.stdout is not None
            process.stdout.close()
            self._watches.watch(_End(self, process))

    def end(self, end: _End, status: int, now_ms: i64) -> None:
        """The command has ended, which was watched for by `end`."""
        self._watches.forget(end)
        os.close(end.fd)
        if self._size > OUTPUT_MAX:
            outcome = Outcome(f"{shown(self._command)} wrote over {OUTPUT_MAX} bytes", b"", False)
        else:
            outcome = _outcome(self._command, status, b"".join(self._pieces))
        self._asking.take(self.number, outcome, now_ms)


def _outcome(command: str, status: int, output: bytes) -> Outcome:
    name = shown(command)
    if status < 0:
        return Outcome(f"{name} was killed by signal {-status}", output, False)
    return Outcome(f"exit status {status} of {name}" if status else "", output, True)


@final
class _Pretence(Question[Outcome]):
    """A command that does not run: somebody else says how it ends."""

    def __init__(self, kind: Kind, asking: Asking, stand_in: StandIn, command: str, data: bytes | None) -> None:
        super().__init__(kind)
        self._asking: Final = asking
        self._stand_in: Final = stand_in
        self._command: Final = command
        self._data: Final = data

    def ask(self, now_ms: i64) -> None:
        ended = self._stand_in.command(self._command, self._data)
        if ended is not None:
            self._asking.take(self.number, _outcome(self._command, ended[0], ended[1]), now_ms)


@final
class _Output(Watched):
    def __init__(self, execution: _Execution, fd: int) -> None:
        super().__init__(fd)
        self._execution: Final = execution

    def is_ready(self, now_ms: i64) -> None:
        self._execution.read()


@final
class _End(Watched):
    """The end of a process, as a descriptor."""

    def __init__(self, execution: _Execution, process: subprocess.Popen[Any]) -> None:
        super().__init__(os.pidfd_open(process.pid))
        self._execution: Final = execution
        self._process: Final = process

    def is_ready(self, now_ms: i64) -> None:
        self._execution.end(self, self._process.wait(), now_ms)
