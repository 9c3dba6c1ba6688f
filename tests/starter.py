"""Programs of this project, started by a process that has imported them once and forks: a tenth of the processor time of a start.

A program gets what a start of its own gives it: its words, environment, folder, umask, three files, a session if it is asked for. For
tests that are not about the start; those that are, and those of what ps(1) shows, start a Python of their own.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Any, Final

import runtime.modules

# An order: words and environment of one program.
_ORDER_MAX: Final = 1 << 18
_FILES: Final = 3


def environment() -> dict[str, str]:
    """For a child that runs the same build as the tests."""
    return {**os.environ, "PYTHONPATH": str(Path(runtime.__file__).parent.parent), "PYTHONDONTWRITEBYTECODE": "1"}


class Started:
    """A program that runs, with the part of subprocess.Popen that tests need. `files`: its three, or descriptors of files."""

    def __init__(
        self,
        module: str,
        words: list[str],
        files: tuple[int | IO[Any], int | IO[Any], int | IO[Any]],
        env: dict[str, str],
        cwd: Path | None = None,
        start_new_session: bool = False,
    ) -> None:
        self.args: Final = [module, *words]
        self.returncode: int | None = None
        order = {
            "module": module,
            "words": words,
            "env": env,
            "cwd": str(cwd or Path.cwd()),
            "new_session": start_new_session,
            "umask": _umask(),
        }
        self._keeper, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        numbers = [file if isinstance(file, int) else file.fileno() for file in files]
        with theirs:
            socket.send_fds(_parent(), [json.dumps(order).encode()], [theirs.fileno(), *numbers])
        self.pid: Final = int(self._keeper.recv(32))

    def poll(self) -> int | None:
        """Its exit status, negative for a signal, or None while it runs."""
        if self.returncode is None and _has_word(self._keeper, 0):
            self.returncode = int(self._keeper.recv(32))
            # Until now it was a zombie, as a child is until somebody takes note of its end.
            self._keeper.send(b"noted")
            self._keeper.recv(32)
            self._keeper.close()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None and not _has_word(self._keeper, timeout):
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        status = self.poll()
        assert status is not None
        return status

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def run(
    module: str,
    *words: str,
    env: dict[str, str],
    cwd: Path | None = None,
    text: str = "",
    timeout: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """What a program that reads `text` has printed, when it has ended."""
    with tempfile.TemporaryFile() as read, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        read.write(text.encode())
        read.seek(0)
        started = Started(module, list(words), (read, out, err), env, cwd)
        try:
            status = started.wait(timeout)
        finally:
            started.kill()
            started.wait()
        printed = []
        for file in (out, err):
            file.seek(0)
            printed.append(file.read().decode())
        return subprocess.CompletedProcess(started.args, status, *printed)


def _has_word(keeper: socket.socket, timeout_s: float | None) -> bool:
    """Something has come. (A process with over a thousand files cannot ask by select.)"""
    poll = select.poll()
    poll.register(keeper, select.POLLIN)
    return bool(poll.poll(None if timeout_s is None else timeout_s * 1000))


def _umask() -> int:
    """That of this process; umask(2) would have to change it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("Umask:")).split()[1], 8)


@functools.cache
def _parent() -> socket.socket:
    """What takes orders. It ends with this process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-P", __file__, str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=environment(),
            pass_fds=[theirs.fileno()],
        )

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


# --- in the process that forks ---------------------------------------------------------------------------------------


# What programs import only when they need it, and most of the processor time of most tests: the compiler, the databases.
_LATE: Final = (
    *("serc.compiler", "serc.diagnostics.render", "runtime.storage.drivers", "runtime.storage.sql"),
    *(
        "sqlalchemy.dialects.mysql.pymysql",
        "sqlalchemy.dialects.postgresql.psycopg",
        "sqlalchemy.dialects.sqlite.pysqlite",
    ),
    *("lmdb", "psycopg", "pymysql"),
)


@functools.cache
def _import_late_ones() -> None:
    for name in _LATE:
        importlib.import_module(name)
    for found in pkgutil.walk_packages(runtime.modules.__path__, "runtime.modules."):
        importlib.import_module(found.name)
    # No collection in a child has to look at all that.
    gc.collect()
    gc.freeze()


def _serve(orders: socket.socket) -> int:
    """Take orders until nobody gives any. It returns in each child as well, with the status of the program."""
    # Keepers are nobody's business when they have ended; an interrupt of a terminal is for the programs.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        data, received, _, _ = socket.recv_fds(orders, _ORDER_MAX, 1 + _FILES)
        if not data:
            return 0
        order = json.loads(data)
        _import_late_ones()
        importlib.import_module(order["module"])
        if os.fork() == 0:
            orders.close()
            return _keep(order, socket.socket(fileno=received[0]), received[1:])
        for fd in received:
            os.close(fd)


def _keep(order: dict[str, Any], client: socket.socket, files: list[int]) -> int:
    """The parent of one program: tell the test its pid and its end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        return _become(order, files)
    for fd in files:
        os.close(fd)
    client.send(b"%d" % pid)
    ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert ended is not None
    status = ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
    try:
        client.send(b"%d" % status)
        client.recv(32)
    except OSError:
        # Whoever started it has gone.
        pass
    os.waitpid(pid, 0)
    os._exit(0)


def _become(order: dict[str, Any], files: list[int]) -> int:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, fd in enumerate(files):
        os.dup2(fd, number)
    os.closerange(_FILES, os.sysconf("SC_OPEN_MAX"))
    if order["new_session"]:
        os.setsid()
    os.umask(order["umask"])
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    time.tzset()
    module = importlib.import_module(order["module"])
    sys.argv = [str(module.__file__), *order["words"]]
    status: int = module.main()
    return status


if __name__ == "__main__":
    sys.exit(_serve(socket.socket(fileno=int(sys.argv[1]))))
