"""`--mypy`: the generated module under mypy --strict, its messages at their place in ser.cfg."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from serc.codegen import Generated
from serc.commands import python
from serc.commands.cache import cache_directory
from serc.commands.files import complain
from serc.commands.progress import progress

_MESSAGE: Final = re.compile(r"[^:]*routes\.py:(?P<line>\d+): (?P<what>(?:error|note): .*)")


def verify(generated: Generated, source: str) -> bool:
    """True if mypy finds nothing; else its messages are on standard error."""
    if not has_mypy():
        return False
    with tempfile.TemporaryDirectory(prefix="serc-") as folder:
        path = Path(folder, "routes.py")
        path.write_text(generated.text, encoding="utf-8")
        with progress("mypy verifies the module; the first time it reads the whole server, which takes a minute"):
            # In a folder of its own: mypy also takes what lies in the current one for the packages that the module imports.
            done = subprocess.run(_command(path), cwd=folder, capture_output=True, text=True, env=python.environment())
    if done.returncode == 0:
        return True
    if done.returncode != 1 or not done.stdout:
        complain("serc", f"mypy does not run: {(done.stderr or done.stdout).strip()}")
        return False
    text = generated.text.splitlines()
    for message in done.stdout.splitlines():
        found = _MESSAGE.match(message)
        if found is None:
            print(message, file=sys.stderr)
            continue
        line = int(found["line"])
        origin = generated.lines.get(line)
        place = f"{source}:{origin}" if origin else f"routes.py:{line}"
        print(f"{place}: {found['what']}\n    {text[line - 1].strip()}", file=sys.stderr)
    return False


def has_mypy() -> bool:
    """A server does without it, so it may not be installed: then what to do about it is on standard error."""
    if importlib.util.find_spec("mypy") is not None:
        return True
    complain("serc", "mypy is not installed: pip install '.[verify]' in the folder of this project's source")
    return False


def _command(path: Path) -> list[str]:
    cache = cache_directory()
    # No configuration but --strict: what lies about in the current folder is none of our business.
    return [
        *python.command("-m", "mypy", "--strict", "--config-file=", "--no-error-summary", "--no-pretty"),
        # What the module imports is read and not reported: it was verified elsewhere, with its own settings.
        "--follow-imports=silent",
        *("--cache-dir", str(cache / "mypy") if cache is not None else os.devnull, str(path)),
    ]
