"""Work that takes long, or may fail in any way: a process of its own does it, and the master looks in again and again."""

from __future__ import annotations

import marshal
import os
import select
import signal
from collections.abc import Callable
from typing import Any, Final

from runtime.routing.engine import ProgramError
from runtime.server.host.errors import StartError


class Errand:
    """`work` is done as the process is forked: it gives what marshal can write, or raises. After `until_s` it is killed.

    When `look` has said that it is over, `result` is what it gave, None if it failed: then `why` says so. Raises StartError where
    nobody can be sent.
    """

    def __init__(self, work: Callable[[], tuple[Any, ...]], until_s: float, late: str) -> None:
        self._until_s: Final = until_s
        self._late: Final = late
        self._heard = b""
        self.result: tuple[Any, ...] | None = None
        self.why = ""
        read_fd, write_fd = os.pipe()
        try:
            pid = os.fork()
        except OSError as e:
            os.close(read_fd)
            os.close(write_fd)
            raise StartError(f"cannot fork: {e.strerror}") from e
        if pid == 0:
            os.close(read_fd)
            _do(work, write_fd)
        os.close(write_fd)
        self._pid = pid
        self._pipe = read_fd

    def look(self, now_s: float) -> bool:
        """True when it is over, once."""
        poll = select.poll()
        poll.register(self._pipe, select.POLLIN)
        while poll.poll(0):
            data = os.read(self._pipe, 1 << 16)
            if not data:
                self._forget()
                self._read()
                return True
            self._heard += data
        if now_s >= self._until_s:
            self.abandon()
            self.why = self._late
            return True
        return False

    def abandon(self) -> None:
        """Nobody wants to know any more."""
        try:
            os.kill(self._pid, signal.SIGKILL)
        except ProcessLookupError:
            # The master has taken note of its end already.
            self.why = "it has ended"
        self._forget()

    def _read(self) -> None:
        try:
            is_good, what = marshal.loads(self._heard)
        except (EOFError, ValueError, TypeError):
            self.why = "the process that compiles died: the log says why, or the kernel's"
            return
        if is_good:
            self.result = what
        else:
            self.why = what

    def _forget(self) -> None:
        os.close(self._pipe)
        try:
            os.waitpid(self._pid, 0)
        except ChildProcessError:
            # The master has taken note of its end already.
            return


def _do(work: Callable[[], tuple[Any, ...]], fd: int) -> None:
    """In the process; never returns."""
    status = 1
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        try:
            result = marshal.dumps((True, work()))
        except Exception as e:
            known = isinstance(e, (StartError, ProgramError))
            result = marshal.dumps((False, str(e) if known else f"{type(e).__name__}: {e}"))
        at = 0
        while at < len(result):
            at += os.write(fd, result[at:])
        status = 0
    finally:
        os._exit(status)
