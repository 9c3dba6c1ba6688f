"""Files that nobody can name, to take turns by: the kernel ends a lock of one with the process that has it."""

from __future__ import annotations

import io
import os


def lock_file(name: str) -> io.FileIO:
    """For `fcntl.lockf`, by all processes that are forked later. It needs no folder: a full disk and another root do not matter to it.

    `name` is what /proc shows. Raises OSError if there are too many open files.
    """
    return io.FileIO(os.memfd_create(name, os.MFD_CLOEXEC), "r+")
