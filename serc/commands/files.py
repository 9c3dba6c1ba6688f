"""Reading ser.cfg and writing results, the same way in every command."""

from __future__ import annotations

import difflib
import os
import stat
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from serc.diagnostics.printable import printable
from serc.reading.source import Source


class CannotRead(Exception):
    """`str()` is the sentence for standard error."""


def read_source(name: str) -> Source:
    """The ser.cfg `name`, standard input for "-". Raises CannotRead."""
    if name.endswith(".sertest"):
        raise CannotRead(f"{name} has the tests of a ser.cfg and is none: serc test {name} runs them")
    try:
        if name == "-":
            return Source("<stdin>", sys.stdin.buffer.read().decode("latin-1"))
        return Source.read(Path(name))
    except OSError as e:
        raise CannotRead(f"cannot read {name}: {e.strerror or e}") from e


def tests_of(config: Path) -> list[Path]:
    """The test files of a ser.cfg: the one of its name, and those beside it that name it. Raises OSError."""
    beside = sorted(config.parent.glob("*.sertest"))
    return [test for test in beside if test.stem == config.stem or _names(test, config.name)]


def _names(test: Path, config: str) -> bool:
    lines = [line.split() for line in test.read_text(errors="replace").splitlines()]
    return any(words[:1] == ["config"] and words[1:2] in ([config], [f'"{config}"']) for words in lines)


def write_whole(path: Path, text: str, encoding: str = "utf-8") -> None:
    """`write_bytes` for text."""
    write_bytes(path, text.encode(encoding))


def write_bytes(path: Path, content: bytes) -> None:
    """Replaces `path` in one step: whoever looks sees the old file or the new one, never a part. Raises OSError.

    Keeps the mode of a file that exists; a link is followed, not replaced.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        path.write_bytes(content)  # a device or a pipe cannot be replaced
        return
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".new")
    except OSError as e:
        raise OSError(e.errno, e.strerror, str(path)) from e
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, path.stat().st_mode & 0o7777 if path.exists() else 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def refuse_to_overwrite(target: Path, config: str, is_ours: Callable[[bytes], bool], force: bool) -> bool:
    """True, and said why, where writing `target` would destroy something: ser.cfg itself, or a file that `is_ours` does not
    know by its first bytes. What is no plain file, such as /dev/null or a pipe, is written to.
    """
    try:
        there = os.stat(target)
        read = os.fstat(0) if config == "-" else os.stat(config)
    except OSError:
        return False  # not there, or the attempt to write says why not
    if not stat.S_ISREG(there.st_mode):
        return False  # it is not even opened: a pipe would wait for somebody who writes
    if os.path.samestat(there, read):
        complain("serc", f"{target} is ser.cfg itself: name another file with -o")
        return True
    if force:
        return False
    try:
        with open(target, "rb") as file:
            start = file.read(1024)
    except OSError as e:
        complain(
            "serc",
            f"{target} is there already, and cannot be read: {e.strerror or e}; name another file, or add --force",
        )
        return True
    if not start or is_ours(start):
        return False
    complain("serc", f"{target} is there already, and serc did not write it: name another file, or add --force")
    return True


def _umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask


def print_diff(source: Source, text: str, what: str) -> None:
    """What `text`, read as Latin-1, changes; it is called `what` there."""
    old, new = (t.encode("latin-1").decode("utf-8", "replace").splitlines(True) for t in (source.text, text))
    sys.stdout.writelines(
        line if line.endswith("\n") else line + "\n\\ No newline at end of file\n"
        for line in difflib.unified_diff(old, new, source.name, f"{source.name} ({what})")
    )


def complain(prog: str, sentence: str) -> None:
    print(f"{prog}: error: {printable(sentence)}", file=sys.stderr)
