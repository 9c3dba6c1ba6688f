"""`--native`: the compiled routes as machine code, by mypyc."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from serc.codegen import Generated
from serc.commands import python
from serc.commands.files import complain, write_whole
from serc.commands.mypy_check import has_mypy
from serc.commands.progress import progress

_SETUP: Final = """\
from mypyc.build import mypycify
from setuptools import setup

setup(name="routes", ext_modules=mypycify(["--strict", "routes.py"], opt_level="3"))
"""


def build(generated: Generated, folder: Path) -> int:
    """Writes `folder`/routes.py and the extension module beside it; the exit status. Raises OSError."""
    if not has_mypy():
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="serc-") as work:
        Path(work, "routes.py").write_text(generated.text, encoding="utf-8")
        Path(work, "setup.py").write_text(_SETUP, encoding="utf-8")
        command = python.command("setup.py", "--quiet", "build_ext", "--inplace")
        with progress("mypyc and the C compiler make machine code; that takes about a minute"):
            done = subprocess.run(command, cwd=work, capture_output=True, text=True, env=python.environment())
        built = sorted(Path(work).glob("routes.*.so"))
        if done.returncode != 0 or not built:
            complain("serc", f"mypyc cannot compile the routes:\n{(done.stdout + done.stderr).strip()}")
            return 1
        # A library that is in use must not be written over: the new file takes its name.
        target = folder / built[0].name
        temporary = folder / f".{target.name}.{os.getpid()}"
        shutil.copyfile(built[0], temporary)
        os.chmod(temporary, 0o755)
        os.replace(temporary, target)
    write_whole(folder / "routes.py", generated.text)
    return 0
