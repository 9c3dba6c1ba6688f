"""Compiled modules by the content of their ser.cfg, so that a second start compiles nothing.

What is read from here is run, perhaps by root: nothing is trusted that somebody else could have written.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from pathlib import Path
from typing import Final

from runtime.modules.installed import folders
from runtime.version import VERSION

_NAME: Final = "sip-express-router"
_KEPT: Final = 32
# What the result depends on besides ser.cfg, as folders of this project.
_INPUTS: Final = ("serc", "templates", "runtime/spec", "runtime/modules", "runtime/routing")


def cache_directory() -> Path | None:
    """Our folder in $XDG_CACHE_HOME or ~/.cache, made if need be; None where there is no place that is ours alone."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):  # the XDG specification: relative paths are to be ignored
        home = os.path.expanduser("~")
        if not os.path.isabs(home):
            return None
        base = os.path.join(home, ".cache")
    path = Path(os.path.realpath(base), _NAME)
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path if all(_ours(p, p == path) for p in (path, *path.parents)) else None
    except OSError:
        return None


def _ours(path: Path, alone: bool) -> bool:
    """True if nobody but root and we can put something else in the place of `path`."""
    found = path.lstat()
    if found.st_uid != os.geteuid() and (alone or found.st_uid != 0):
        return False
    others_write = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    # In a sticky folder such as /tmp others cannot replace what is ours.
    return not others_write or (not alone and bool(found.st_mode & stat.S_ISVTX))


def key_of(config: bytes, name: str) -> str:
    """What identifies the compiled form of `config`, which is called `name` in it."""
    digest = hashlib.sha256(f"{VERSION}\0{sys.version}\0{name}\0{_fingerprint()}\0".encode("utf-8", "surrogateescape"))
    digest.update(config)
    return digest.hexdigest()[:40]


def _fingerprint() -> str:
    """Changes when a file of the compiler or a declaration does: sizes and times of all of them."""
    root = Path(__file__).resolve().parents[2]
    parts: list[str] = []
    waiting = [str(root / folder) for folder in _INPUTS]
    waiting += folders()
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.name == "__pycache__" or entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                    continue
                found = entry.stat()
                parts.append(f"{entry.path}:{found.st_size}:{found.st_mtime_ns}")
    return "\n".join(sorted(parts))


def lookup(directory: Path, key: str) -> tuple[Path, str] | None:
    """The compiled module and what the compiler said of its ser.cfg; None when it is not here or not to be trusted."""
    path, said = directory / f"{key}.py", directory / f"{key}.txt"
    try:
        if not (_ours(path, True) and path.is_file() and _ours(said, True)):
            return None
        messages = said.read_text(encoding="utf-8")
        os.utime(path)  # what is used is kept
    except OSError:
        return None
    return path, messages


def store(directory: Path, key: str, text: str, messages: str) -> Path:
    """Keep a compiled module; the module comes last, so that one without the messages is never found. Raises OSError."""
    for suffix, content in (("txt", messages), ("py", text)):
        target = directory / f"{key}.{suffix}"
        temporary = directory / f".{key}.{os.getpid()}.{suffix}"
        temporary.unlink(missing_ok=True)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
        os.replace(temporary, target)
    _prune(directory)
    return directory / f"{key}.py"


def _prune(directory: Path) -> None:
    """Only the modules used last stay."""
    modules = sorted(directory.glob("*.py"), key=lambda p: p.stat().st_mtime, reverse=True)
    for old in modules[_KEPT:]:
        old.unlink(missing_ok=True)
        old.with_suffix(".txt").unlink(missing_ok=True)
