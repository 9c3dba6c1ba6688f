"""The folder of the store: in memory, private, and gone when the server is."""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import tempfile
import time
from typing import Final

_PREFIX: Final = "ser-locations-"
_LOCK: Final = "lock"
# Until then a folder without a lock may be one that is being made.
_YOUNG_S: Final = 60

# The locks that this process has taken, by their folders.
_locks: Final[dict[str, int]] = {}


def make_private_folder(owner: tuple[int, int]) -> str:
    """A new folder in memory, which is removed when this process ends. `owner` gets it (-1: nobody). Raises OSError.

    Folders of servers that were killed are removed, too.
    """
    parent = parent_folder()
    _sweep(parent)
    path = tempfile.mkdtemp(prefix=_PREFIX, dir=parent)
    new = os.path.join(path, _LOCK + ".new")
    # Held by all processes of the server, and so for as long as one of them lives.
    lock = os.open(new, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    _locks[path] = lock
    os.rename(new, os.path.join(path, _LOCK))
    give(path, owner)
    atexit.register(_remove, path, os.getpid())
    return path


def remove_private_folder(path: str) -> None:
    """Remove a folder before this process ends, which has made it and goes on without it. Nobody may use it any more."""
    lock = _locks.pop(path, -1)
    if lock >= 0:
        os.close(lock)
    shutil.rmtree(path, ignore_errors=True)


def parent_folder() -> str:
    """A folder in memory, where there is one that we may write to."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK | os.X_OK) else tempfile.gettempdir()


def give(path: str, owner: tuple[int, int]) -> None:
    """The folder with its files becomes `owner`'s. Raises OSError."""
    if owner == (-1, -1):
        return
    for name in os.listdir(path):
        os.chown(os.path.join(path, name), *owner)
    os.chown(path, *owner)


def _remove(path: str, pid: int) -> None:
    # Processes that were forked have nothing to remove.
    if os.getpid() == pid:
        shutil.rmtree(path, ignore_errors=True)


def _sweep(parent: str) -> None:
    for name in os.listdir(parent):
        path = os.path.join(parent, name)
        if name.startswith(_PREFIX) and _is_abandoned(path):
            shutil.rmtree(path, ignore_errors=True)


def _is_abandoned(path: str) -> bool:
    """True if it is ours, and no process holds its lock."""
    try:
        if os.lstat(path).st_uid != os.geteuid():
            return False
        lock = os.open(os.path.join(path, _LOCK), os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return _age_s(path) > _YOUNG_S
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(lock)


def _age_s(path: str) -> float:
    try:
        return time.time() - os.lstat(path).st_mtime
    except FileNotFoundError:
        return 0.0
