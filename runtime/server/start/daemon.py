"""Manners of a daemon: detaching, root and working directory, pid files, limits. Reference core, 1.4, 1.6."""

from __future__ import annotations

import errno
import os
import resource
from typing import Final

from runtime.routing.config import Config
from runtime.routing.ports import L_WARN, Log
from runtime.server.host.cures import of_directory, of_path
from runtime.server.host.errors import PathError, StartError
from runtime.server.host.places import may_write
from runtime.server.log.server_log import report


def enter(chroot: str, workdir: str) -> None:
    """Raises StartError."""
    try:
        if chroot:
            os.chroot(chroot)
            os.chdir("/")
    except OSError as e:
        raise StartError(f"cannot chroot to {chroot}: {of_directory(e, chroot, '-t or chroot=')}") from e
    try:
        if workdir:
            os.chdir(workdir)
    except OSError as e:
        raise PathError(
            f"cannot change to the directory {workdir}: {of_directory(e, workdir, '-w or workdir=')}"
        ) from e


def set_limits(config: Config, log: Log) -> None:
    """Core dumps and open files. Failing to raise the number of files is fatal, as in SER: StartError."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    try:
        if config.disable_core_dump:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        elif soft != resource.RLIM_INFINITY:
            resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    except (OSError, ValueError) as e:
        log.write(L_WARN, f"WARNING: cannot set the limit of core dumps: {e}")
    wanted = config.open_files_limit
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if wanted > soft:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(wanted, hard)))
        except (OSError, ValueError) as e:
            raise StartError(
                f"open_files_limit: cannot raise the limit from {soft} to {wanted}: {e}: "
                "lower it, or allow more before the start (ulimit -Hn, LimitNOFILE= of systemd)"
            ) from e


# What the daemon tells its launcher.
_SERVES: Final = b"+"
_FAILED: Final = b"-"


class Launch:
    """The thread between a daemon and the command that started it, which waits to learn how the start went."""

    def __init__(self, fd: int) -> None:
        self._fd: Final = fd
        # Opened now: after a change of the root directory there may be none.
        self._null: Final = os.open(os.devnull, os.O_RDWR)
        self._left = False

    def leave(self, keep_stderr: bool) -> None:
        """Let go of the terminal and of the launcher, without a word to it; once is enough for later children too."""
        if self._left:
            return
        self._left = True
        for fd in (0, 1) if keep_stderr else (0, 1, 2):
            os.dup2(self._null, fd)
        os.close(self._null)
        os.close(self._fd)

    def succeeded(self, keep_stderr: bool) -> None:
        """Called in the master when the server serves: the launcher ends with 0."""
        os.write(self._fd, _SERVES)
        self.leave(keep_stderr)

    def failed(self) -> None:
        """It cannot serve, and has said why: the launcher ends with 1 and says no more."""
        os.write(self._fd, _FAILED)


def detach(prog: str) -> Launch:
    """Go on as a daemon in a session of its own; the calling process ends here, with 0 once the daemon serves, else 1.

    `prog` is how it calls itself where the daemon dies without a word. Until `Launch.succeeded` the daemon keeps the terminal, so
    that whoever started it reads why it could not start.
    """
    read_fd, write_fd = os.pipe()
    child = os.fork()
    if child:
        os.close(write_fd)
        word = os.read(read_fd, 1)
        os.waitpid(child, 0)
        if not word:
            report(prog, "the daemon ended before it served: its log says why, or start it with -D -E and look on")
        os._exit(0 if word == _SERVES else 1)
    os.close(read_fd)
    os.setsid()
    if os.fork():
        # A session's leader could get a controlling terminal again; its child cannot.
        os._exit(0)
    _close_inherited(write_fd)
    return Launch(write_fd)


def _close_inherited(keep: int) -> None:
    """Descriptors that the caller has left open would stay so for as long as the daemon lives."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) != keep:
            try:
                os.close(int(name))
            except OSError:
                continue  # that was the one of the listing itself


class PidFile:
    """A file with a process number and a line end, which is removed when it is still ours."""

    def __init__(self, path: str, number: int, refuse_living: bool) -> None:
        """Raises StartError: not writable, or with `refuse_living` a running process stands in it already."""
        self._path: Final = path
        self._text: Final = f"{number}\n".encode()
        try:
            if refuse_living:
                _refuse_living(path)
            self._fd: Final = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
            os.ftruncate(self._fd, 0)
            os.write(self._fd, self._text)
        except OSError as e:
            raise PathError(
                f"cannot write the pid file {path}: {of_path(e, path, '-P' if refuse_living else '-G')}"
            ) from e

    def close(self) -> None:
        """In processes that have nothing to do with it."""
        os.close(self._fd)

    def remove(self) -> None:
        """Where the privilege to remove it is gone, an empty file is left, which the next start takes for none."""
        if os.pread(self._fd, 64, 0) != self._text:
            return
        try:
            same = os.stat(self._path).st_ino == os.fstat(self._fd).st_ino
            if same:
                os.unlink(self._path)
        except OSError:
            os.ftruncate(self._fd, 0)


def check_pid_file(path: str, option: str) -> None:
    """Returns if a pid file could be written there, after the server that it may belong to has ended. Raises StartError."""
    try:
        may_write(path)
        if option == "-P":
            _number_in(path)
    except OSError as e:
        raise PathError(f"cannot write the pid file {path}: {of_path(e, path, option)}") from e


def _number_in(path: str) -> int:
    """The process that stands in the file; 0 where there is no file, or nothing in it. Raises StartError, or OSError when an
    existing file cannot be read."""
    try:
        with open(path, "rb") as file:
            text = file.read(64).strip()
    except FileNotFoundError:
        return 0
    if text and not text.isdigit():
        raise StartError(_no_pid(path))
    return int(text or b"0")


def _no_pid(path: str) -> str:
    return (
        f"pid file {path} exists, but doesn't contain a valid pid number: "
        "remove it if it is of no use, or give another path with -P"
    )


def _refuse_living(path: str) -> None:
    """Raises StartError, or OSError when an existing file cannot be read."""
    number = _number_in(path)
    if not number:
        return
    try:
        os.kill(number, 0)
    except OverflowError as e:
        raise StartError(_no_pid(path)) from e
    except OSError as e:
        if e.errno == errno.ESRCH:
            return
    if _is_zombie(number):
        return
    raise StartError(
        f"running process found in the pid file {path}: {number}: "
        f"stop it if it is this server (ps {number} tells), else remove the file"
    )


def _is_zombie(pid: int) -> bool:
    """Whether it has died, and nobody has taken note: in a container it may stay so for ever (proc_pid_stat(5))."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] in (b"Z", b"X")
    except OSError:
        return False
