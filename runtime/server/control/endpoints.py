"""The FIFO and the Unix socket as files: made before privileges are given up, removed at the end. Reference core, 7.1 and 7.4."""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Callable
from typing import Final

from runtime.routing.config import Config
from runtime.routing.ports import L_WARN, Log
from runtime.server.host.accounts import Owner
from runtime.server.host.cures import of_path
from runtime.server.host.errors import PathError, StartError
from runtime.server.host.places import may_make

_FIFO_OPTION: Final = "-i or fifo="
_SOCKET_OPTION: Final = "-x or unix_sock="
_OWNER_CURE: Final = "who is not root can give files to groups of his own only (sock_user=, sock_group=)"
# sun_path of <sys/un.h> with its NUL.
_SOCKET_NAME_BYTES: Final = 107


class ControlFile:
    """A file that this server has made and removes again if it still is the one."""

    def __init__(self, path: str) -> None:
        self._path: Final = path
        self._identity: Final = _identity(os.lstat(path))

    def remove(self, log: Log) -> None:
        """Where the right to do so went with the privileges, a warning is all."""
        try:
            if _identity(os.lstat(self._path)) == self._identity:
                os.unlink(self._path)
        except FileNotFoundError:
            return
        except OSError as e:
            log.write(L_WARN, f"WARNING: cannot remove {self._path}: {e.strerror}")


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


class Fifo(ControlFile):
    """The FIFO, open for reading and writing, so that there is no end when its last writer goes."""

    def __init__(self, path: str, mode: int, owner: Owner) -> None:
        """Raises StartError."""
        try:
            _clear(path, stat.S_ISFIFO, _is_read)
            os.mkfifo(path, 0o600)
            super().__init__(path)
        except OSError as e:
            raise PathError(f"cannot make the FIFO {path}: {of_path(e, path, _FIFO_OPTION)}") from e
        try:
            self.fd: Final = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
            os.fchown(self.fd, owner.uid, owner.gid)
            os.fchmod(self.fd, mode)
        except OSError as e:
            os.unlink(path)
            raise StartError(f"cannot set up the FIFO {path}: {e.strerror}: {_OWNER_CURE}") from e

    def close(self) -> None:
        os.close(self.fd)


class UnixSocket(ControlFile):
    """The datagram socket, bound."""

    def __init__(self, path: str, mode: int, owner: Owner) -> None:
        """Raises StartError. A mode of 0 leaves what the umask gives, as in SER."""
        _refuse_long_name(path)
        self.socket: Final = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        try:
            _clear(path, stat.S_ISSOCK, _is_bound)
            before = os.umask(0o177) if mode else None
            try:
                self.socket.bind(path)
            finally:
                if before is not None:
                    os.umask(before)
            super().__init__(path)
        except OSError as e:
            self.socket.close()
            raise PathError(f"cannot make the Unix socket {path}: {of_path(e, path, _SOCKET_OPTION)}") from e
        try:
            os.chown(path, owner.uid, owner.gid, follow_symlinks=False)
            if mode:
                os.chmod(path, mode)
        except OSError as e:
            self.socket.close()
            os.unlink(path)
            raise StartError(f"cannot set up the Unix socket {path}: {e.strerror}: {_OWNER_CURE}") from e

    def close(self) -> None:
        self.socket.close()


def check_endpoints(config: Config) -> None:
    """Returns if the files of the control interface could be made, once the server that may have them has ended. Raises
    StartError."""
    for name, what, option, is_expected in (
        (config.fifo, "FIFO", _FIFO_OPTION, stat.S_ISFIFO),
        (config.unix_sock, "Unix socket", _SOCKET_OPTION, stat.S_ISSOCK),
    ):
        if not name:
            continue
        try:
            if os.path.lexists(name) and not is_expected(os.lstat(name).st_mode):
                raise OSError(errno.EEXIST, "something else is there")
            may_make(name)
        except OSError as e:
            raise PathError(f"cannot make the {what} {name}: {of_path(e, name, option)}") from e
    _refuse_long_name(config.unix_sock)


def _refuse_long_name(path: str) -> None:
    if len(os.fsencode(path)) > _SOCKET_NAME_BYTES:
        raise StartError(
            f"the Unix socket's name is longer than {_SOCKET_NAME_BYTES} characters: give a shorter one than {path}"
        )


def _clear(path: str, is_expected: Callable[[int], bool], is_served: Callable[[str], bool]) -> None:
    """Remove what an earlier server has left. Raises OSError, also for what a running one has, or is no such file."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not is_expected(found.st_mode):
        raise OSError(errno.EEXIST, "something else is there")
    if is_served(path):
        raise OSError(errno.EADDRINUSE, "a running server has it")
    os.unlink(path)


def _is_read(path: str) -> bool:
    """True if a process has the FIFO open for reading."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW))
    except OSError as e:
        if e.errno == errno.ENXIO:
            return False
        raise
    return True


def _is_bound(path: str) -> bool:
    """True if a process has the socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        try:
            s.connect(path)
        except ConnectionRefusedError:
            return False
        except OSError:
            # Of another kind, for example a stream: nobody's business of ours.
            return True
    return True
