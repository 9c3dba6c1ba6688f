"""The C programs beside this file, compiled when first wanted."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
FLAGS: Final = ("-O2", "-Wall", "-Wextra", "-Werror")


def program(name: str) -> Path:
    """The executable of bench/NAME.c, kept in the user's cache under the hash of its source.

    Raises FileNotFoundError without a C compiler and CalledProcessError if the source does not compile.
    """
    return _made(name, FLAGS)


def library(name: str) -> Path:
    """The same as a library, for LD_PRELOAD."""
    return _made(name, (*FLAGS, "-shared", "-fPIC"))


def _made(name: str, flags: tuple[str, ...]) -> Path:
    source = HERE / f"{name}.c"
    digest = hashlib.sha256(source.read_bytes() + " ".join(flags).encode()).hexdigest()[:16]
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sip-express-router" / "bench"
    target = folder / f"{name}-{digest}"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        fresh = folder / f"{target.name}.{os.getpid()}"
        subprocess.run([os.environ.get("CC", "cc"), *flags, "-o", fresh, source, "-lm"], check=True)
        fresh.replace(target)
    return target
