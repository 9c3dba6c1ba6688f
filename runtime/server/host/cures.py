"""What an administrator can do about a start that failed: the second half of the sentence that says why."""

from __future__ import annotations

import errno
import os
from typing import Final

_ROOT_NEEDED: Final = (errno.EACCES, errno.EPERM)
_NO_FILES: Final = (errno.EMFILE, errno.ENFILE)


def of_path(e: OSError, path: str, option: str) -> str:
    """What went wrong with a file that was to be made at `path`, and the way out; `option` is how another path is given."""
    folder = os.path.dirname(path) or "."
    code = e.errno
    if code == errno.ENOENT:
        first = f"make the directory {folder} first, or "
    elif code == errno.ENOTDIR:
        first = f"{folder} is no directory; "
    elif code in _ROOT_NEEDED:
        first = f"uid {os.geteuid()} may not do that; start as root, or "
    elif code == errno.EEXIST:
        first = "remove it if it is of no use, or "
    elif code == errno.EADDRINUSE:
        first = "stop that one, or "
    elif code == errno.ELOOP:
        first = "remove the symbolic link, or "
    elif code == errno.ENOSPC:
        first = "make room, or "
    else:
        first = ""
    return f"{_said(e)}: {first}give another path with {option}"


def of_directory(e: OSError, path: str, option: str) -> str:
    """The same of a directory that was to be entered."""
    code = e.errno
    if code == errno.ENOENT:
        return f"{_said(e)}: make {path} first, or give another directory with {option}"
    if code in _ROOT_NEEDED:
        return f"{_said(e)}: uid {os.geteuid()} may not do that; start as root, or without {option}"
    return f"{_said(e)}: give another directory with {option}"


def of_address(e: OSError, tcp: bool) -> str:
    """The same of an address that was to be listened on."""
    code = e.errno
    if code == errno.EADDRINUSE:
        letter = "t" if tcp else "u"
        cure = (
            f"stop the program that has it (ss -{letter}lnp names it), or choose another address (-l, listen=, port=)"
        )
    elif code == errno.EADDRNOTAVAIL:
        cure = "this machine has no such address (ip address lists those it has)"
    elif code in _ROOT_NEEDED:
        cure = "ports below 1024 are root's; start as root with -u USER, or choose a higher port"
    else:
        cure = _of_resources(e) or "choose another address (-l, listen=)"
    return f"{_said(e)}: {cure}"


def of_processes(e: OSError) -> str:
    """The same of processes that were to be started, and of what they need."""
    return f"{_said(e)}: {_of_resources(e) or 'start fewer processes (-n, -N)'}"


def _of_resources(e: OSError) -> str:
    if e.errno in _NO_FILES:
        return "allow more open files (open_files_limit=, ulimit -n, LimitNOFILE= of systemd), or start fewer (-n, -N)"
    if e.errno == errno.EAGAIN:
        return "allow more processes (ulimit -u, TasksMax= of systemd), or start fewer (-n, -N)"
    return ""


def _said(e: OSError) -> str:
    return e.strerror or str(e)
