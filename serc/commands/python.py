"""Another Python for work of ours. It may run in a folder of somebody else, and imports nothing that lies there."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def command(*arguments: str) -> list[str]:
    """`python ARGUMENTS`. `-P`: else `-m` puts the current folder before everything that is installed, and runs an argparse.py there."""
    return [sys.executable, "-P", *arguments]


def environment() -> dict[str, str]:
    """Ours, for such a Python: it finds what this one finds, in whatever folder it runs, and mypy does, too.

    Relative places of PYTHONPATH, and a checkout that nobody has installed, are named whole.
    """
    found = [os.path.abspath(place) for place in os.environ.get("PYTHONPATH", "").split(os.pathsep) if place]
    root = _checkout()
    if root:
        found = [root, *(place for place in found if place != root)]
    changes = {"PYTHONPATH": os.pathsep.join(found)} if found else {}
    return os.environ | changes | ({"MYPYPATH": root} if root else {})


def _checkout() -> str:
    """The folder that our packages lie in, "" where they are installed."""
    import runtime

    root = Path(runtime.__file__ or "").resolve().parents[1]
    return "" if root.name in ("site-packages", "dist-packages") else str(root)
