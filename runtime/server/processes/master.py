"""The process table: the master forks the others, starts those anew that die, and ends all: at SIGTERM when what has begun is
done, at once at SIGINT or a second SIGTERM.

The master waits for signals with sigtimedwait(2), so nothing of its own ever runs inside a signal handler.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType, ModuleType
from typing import Final

from runtime.routing.ports import L_DBG, L_ERR, L_INFO, L_NOTICE
from runtime.server.host.accounts import Identity, become
from runtime.server.host.cures import of_processes
from runtime.server.host.errors import StartError
from runtime.server.host.process_table import ProcessTable
from runtime.server.log.server_log import ServerLog
from runtime.server.processes.ending import Ending
from runtime.server.processes.kind import Run
from runtime.server.processes.masters_mail import MastersMail
from runtime.server.processes.notify import Notifier, Watchdog
from runtime.server.processes.probing import Probing
from runtime.server.processes.reload import RELOAD, Reload
from runtime.server.processes.statistics import Statistics

START_S: Final = 60.0

_RESPAWN_FIRST_S: Final = 0.1
_RESPAWN_MAX_S: Final = 5.0
_STEADY_S: Final = 10.0

# How often it is looked whether the transactions are done, or all have told their statistics.
_LOOK_S: Final = 0.02

# The signals that the master takes, one at a time.
WAITED_FOR: Final = frozenset(
    (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
)

_PR_SET_PDEATHSIG: Final = 1

Prctl = Callable[[int, int, int, int, int], int]


class Process:
    """An entry of the process table. `job` makes ready what the process does for ever, and returns it."""

    def __init__(self, description: str, job: Callable[[], Run]) -> None:
        self.description: Final = description
        self.job: Final = job
        self.pid = 0
        self.started_s = 0.0
        self.due_s = 0.0
        self.deaths = 0


class Master:
    """Keeps `processes` running. Times are seconds of the monotonic clock. `table` has an entry for the master, and
    then one for each of the processes. `ending` knows what SIGTERM has to wait for, `statistics` is what SIGUSR1
    wants to know, `reload` what SIGHUP wants done, `probing` has the program compiled for who watches calls, `mail`
    who takes letters, `notifier` who is told how the server is. All run as `identity`.
    """

    def __init__(
        self,
        processes: list[Process],
        table: ProcessTable,
        log: ServerLog,
        prctl: Prctl,
        ending: Ending,
        statistics: Statistics,
        reload: Reload,
        probing: Probing,
        mail: MastersMail,
        notifier: Notifier,
        identity: Identity,
    ) -> None:
        self._processes: Final = processes
        self._table: Final = table
        self._log: Final = log
        self._prctl: Final = prctl
        self._ending: Final = ending
        self._statistics: Final = statistics
        self._reload: Final = reload
        self._probing: Final = probing
        self._mail: Final = mail
        self._notifier: Final = notifier
        self._identity: Final = identity
        self._watchdog: Final = Watchdog(notifier)
        self._ready: dict[int, Process] = {}
        self._pid = 0
        # No worker was forked.
        self._is_alone = False

    def start(self) -> bool:
        """Fork all and return when all serve; False if SIGTERM or SIGINT came before. Then, and when it raises StartError
        because one cannot serve, nothing is left running.

        The others give up their privileges before they do anything, the master when it cannot fail any more: until then it may have
        to remove what needed them.
        """
        hold_signals()
        self._pid = os.getpid()
        self._table.begin(0, self._pid)
        try:
            for p in self._processes:
                self._fork(p)
            if self._await_ready():
                become(self._identity)
                return True
        except (StartError, OSError) as e:
            self.stop()
            raise e if isinstance(e, StartError) else StartError(f"cannot start: {of_processes(e)}") from e
        self.stop()
        return False

    def _await_ready(self) -> bool:
        """False if a signal wants the end."""
        until = time.monotonic() + START_S
        while self._ready:
            for fd in self._with_words(50):
                self._take_word(fd)
            if signal.sigpending() & {signal.SIGTERM, signal.SIGINT}:
                return False
            if time.monotonic() > until:
                raise StartError(f"a process was not ready within {START_S:.0f} seconds")
        return True

    def _with_words(self, patience_ms: int) -> list[int]:
        """New processes that have something to say; descriptors over 1,023 are too large for select(2)."""
        poll = select.poll()
        for fd in self._ready:
            poll.register(fd, select.POLLIN)
        return [fd for fd, _ in poll.poll(patience_ms)]

    def _take_word(self, fd: int) -> None:
        """What a new process says of itself: "+", or "-" and the reason why not."""
        word = os.read(fd, 4096).decode()
        process = self._ready.pop(fd)
        os.close(fd)
        if word != "+":
            raise StartError(
                word[1:] or f"{process.description} died during its start: the log says why, or the kernel's"
            )

    def _fork(self, process: Process) -> None:
        """Raises OSError when there is no room for another process."""
        read_fd, write_fd = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        process.started_s = time.monotonic()
        process.due_s = 0.0
        try:
            pid = os.fork()
        except OSError:
            os.close(read_fd)
            os.close(write_fd)
            raise
        if pid == 0:
            os.close(read_fd)
            self._become(process, write_fd)
        os.close(write_fd)
        process.pid = pid
        self._table.begin(self._index(process), pid)
        self._ready[read_fd] = process

    def _index(self, process: Process) -> int:
        """Its place in the table."""
        return self._processes.index(process) + 1

    def _become(self, process: Process, write_fd: int) -> None:
        """The life of the new process; never returns."""
        status = 1
        said = False

        try:
            for fd in self._ready:
                os.close(fd)
            index = self._index(process)
            # The process may be quicker than its master.
            self._table.begin(index, os.getpid())
            self._log.become(index)
            _default_signals()
            # Before the master's end is asked for: a change of the user takes that back (prctl(2)).
            become(self._identity)
            self._end_with_master()
            run = process.job()
            said = True
            os.write(write_fd, b"+")
            os.close(write_fd)
            run()
            status = 0
        except Exception as e:
            self._log.write(L_ERR, f"ERROR: {process.description}: {e or type(e).__name__}")
            if not said:
                os.write(write_fd, f"-{e or type(e).__name__}".encode()[:4096])
        finally:
            os._exit(status)

    def _end_with_master(self) -> None:
        """Let the kernel kill this process when the master dies in whatever way (prctl(2), PR_SET_PDEATHSIG)."""
        self._prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != self._pid:
            os._exit(1)

    def run(self) -> None:
        """Returns after SIGTERM or SIGINT, when all other processes are gone."""
        while self.attend(self._patience_s()):
            pass
        self.stop()

    def attend_alone(self) -> bool:
        """`attend`, in a process that runs the program itself."""
        self._is_alone = True
        return self.attend(0)

    def attend(self, patience_s: float) -> bool:
        """Replace the dead and take a signal, if there is one within `patience_s`; False if it is time to stop."""
        now_s = time.monotonic()
        if self._watchdog.is_due(now_s):
            self._statistics.probe(now_s)
        if (
            self._ending.has_begun()
            or self._statistics.is_asking()
            or self._reload.is_busy()
            or self._probing.is_busy()
        ):
            patience_s = min(patience_s, _LOOK_S)
        patience_s = min(patience_s, self._watchdog.patience_s(now_s))
        if self._reload.holds_forks():
            patience_s = _LOOK_S
        elif not self._ending.has_begun():
            self._respawn()
        info = signal.sigtimedwait(WAITED_FOR, patience_s)
        if info is not None and not self._take_signal(info.si_signo):
            return False
        self._mail.read()
        if self._reload.is_busy():
            self._reload.look(time.monotonic())
        self._probing.look(time.monotonic())
        if self._statistics.is_asking() and self._statistics.look(time.monotonic()):
            self._watchdog.all_answered()
        return not self._ending.is_over(time.monotonic())

    def _take_signal(self, number: int) -> bool:
        """False if it wants the end at once."""
        if number in (signal.SIGTERM, signal.SIGINT):
            self._log.write(L_DBG, f"INFO: signal {number} received")
            if number == signal.SIGINT or self._ending.has_begun():
                return False
            self._notifier.tell("STOPPING=1")
            self._ending.begin(time.monotonic())
        elif number == signal.SIGUSR1:
            self._statistics.ask(time.monotonic())
        elif number == signal.SIGHUP:
            self._begin_reload()
        elif number not in (signal.SIGCHLD, signal.SIGUSR2):
            # SIGUSR2 says that there is mail.
            self._log.write(L_DBG, f"DEBUG: signal {number} ignored")
        # Several deaths can share one SIGCHLD.
        self._reap()
        return True

    def _begin_reload(self) -> None:
        if self._is_alone:
            self._log.write(L_NOTICE, "SIGHUP ignored: fork=no: restart the server to apply changes to ser.cfg")
            return
        try:
            self._reload.begin(RELOAD, None, time.monotonic())
        except StartError as e:
            self._log.write(L_ERR, f"ERROR: SIGHUP: {e}")

    def _patience_s(self) -> float:
        """Seconds until something is to be done without a signal."""
        waiting = [p.due_s for p in self._processes if not p.pid]
        if self._ready:
            return 0.05
        return max(0.0, min(waiting) - time.monotonic()) if waiting else 3600.0

    def _reap(self) -> None:
        if self._is_alone:
            # This process runs the program, too: its routes wait for the programs that they have started.
            for p in self._processes:
                pid, status = os.waitpid(p.pid, os.WNOHANG) if p.pid else (0, 0)
                if pid:
                    self._note_death(p, status)
            return
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for p in self._processes:
                if p.pid == pid:
                    self._note_death(p, status)

    def _note_death(self, process: Process, status: int) -> None:
        """At once a new one, then later and later, until it has lived for a while."""
        now_s = time.monotonic()
        if now_s - process.started_s > _STEADY_S:
            process.deaths = 0
        delay_s = min(_RESPAWN_MAX_S, _RESPAWN_FIRST_S * 2 ** (process.deaths - 1)) if process.deaths else 0.0
        how = (
            f"was killed by signal {os.WTERMSIG(status)}"
            if os.WIFSIGNALED(status)
            else f"ended with status {os.WEXITSTATUS(status)}"
        )
        again = f"restarting it in {delay_s:.1f} s" if delay_s else "restarting it"
        if self._ending.has_begun():
            again = "not restarting it: the server is shutting down"
        self._log.write(L_ERR, f"ERROR: {process.description} (pid {process.pid}) {how}, {again}")
        process.pid = 0
        self._table.end(self._index(process))
        process.deaths += 1
        process.due_s = now_s + delay_s

    def _respawn(self) -> None:
        """Fork what is due, and hear what those forked before have to say."""
        if self._ready:
            for fd in self._with_words(0):
                process = self._ready[fd]
                try:
                    self._take_word(fd)
                    self._log.write(L_INFO, f"INFO: {process.description} was restarted (pid {process.pid})")
                except StartError as e:
                    self._log.write(L_ERR, f"ERROR: {process.description} cannot start: {e}")
        for p in self._processes:
            if not p.pid and p.due_s <= time.monotonic():
                try:
                    self._fork(p)
                except OSError as e:
                    self._log.write(L_ERR, f"ERROR: cannot fork: {e.strerror}")
                    p.due_s = time.monotonic() + _RESPAWN_MAX_S

    def serves(self) -> None:
        """Tell whoever waits for it that all processes are ready."""
        pid = os.getpid()
        self._notifier.tell(
            "READY=1", f"MAINPID={pid}", f"STATUS={len(self._processes)} processes beside the master serve"
        )

    def stop(self) -> None:
        """End all others. They have nothing left to do, and would not hear anything gentler."""
        if not self._ending.has_begun():
            self._notifier.tell("STOPPING=1")
        self._reload.abandon()
        self._probing.abandon()
        for fd in self._ready:
            os.close(fd)
        self._ready.clear()
        for p in self._processes:
            if p.pid:
                os.kill(p.pid, signal.SIGKILL)
        for p in self._processes:
            if p.pid:
                os.waitpid(p.pid, 0)
                p.pid = 0


def hold_signals() -> None:
    """From now on signals wait until the master takes them."""
    signal.pthread_sigmask(signal.SIG_BLOCK, WAITED_FOR)


def _unmoved(number: int, frame: FrameType | None) -> None:
    """Nothing; compiled loops do not even call it."""


def _default_signals() -> None:
    """What a terminal or a service manager sends to the whole group is the master's business: it lets the others finish.

    SIGTERM has a handler, for a command that a route runs must not inherit that it is ignored (execve(2)).
    """
    signal.signal(signal.SIGTERM, _unmoved)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, WAITED_FOR)


def load_prctl(mmsg: ModuleType | None) -> Prctl:
    """prctl(2), from the extension module or from the C library. To be called while modules can be imported."""
    if mmsg is not None:
        native: Prctl = mmsg.prctl
        return native
    import ctypes

    return ctypes.CDLL(None).prctl
