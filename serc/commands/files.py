"""Reading ser.cfg and writing results, the same way in every command."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from serc.reading.source import Source


class CannotRead(Exception):
    """`str()` is the sentence for standard error."""


def read_source(name: str) -> Source:
    """The file `name`, standard input for "-". Raises CannotRead."""
    try:
        if name == "-":
            return Source("<stdin>", sys.stdin.buffer.read().decode("latin-1"))
        return Source.read(Path(name))
    except OSError as e:
        raise CannotRead(f"cannot read {name}: {e.strerror or e}") from e


def write_whole(path: Path, text: str, encoding: str = "utf-8") -> None:
    """Replaces `path` in one step: whoever looks sees the old file or the new one, never a part. Raises OSError.

    Keeps the mode of a file that exists; a link is followed, not replaced.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        path.write_bytes(text.encode(encoding))  # a device or a pipe cannot be replaced
        return
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".new")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode(encoding))
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, path.stat().st_mode & 0o7777 if path.exists() else 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask


def complain(prog: str, sentence: str) -> None:
    print(f"{prog}: error: {sentence}", file=sys.stderr)
