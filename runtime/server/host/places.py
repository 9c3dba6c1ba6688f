"""Whether a file could be made or entered, for a check that makes nothing."""

from __future__ import annotations

import errno
import os
import stat


def may_make(path: str) -> None:
    """Returns if a new file could be made at `path`; raises the OSError that making it would raise."""
    folder = os.path.dirname(path) or "."
    if not stat.S_ISDIR(os.stat(folder).st_mode):
        raise _error(errno.ENOTDIR)
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        raise _error(errno.EROFS)
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
        raise _error(errno.EACCES)


def may_write(path: str) -> None:
    """Returns if the file at `path` could be written or made anew; raises OSError, for a symbolic link as well."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        may_make(path)
        return
    if stat.S_ISLNK(found.st_mode):
        raise _error(errno.ELOOP)
    if stat.S_ISDIR(found.st_mode):
        raise _error(errno.EISDIR)
    if not os.access(path, os.W_OK, effective_ids=True):
        raise _error(errno.EACCES)


def _error(code: int) -> OSError:
    return OSError(code, os.strerror(code))
