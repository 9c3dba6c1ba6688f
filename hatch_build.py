"""Build hook: the wheel carries the hot path as native code where a C compiler is, and the same source without one.

Takes the place of hatch-mypyc, which knows no build without a compiler, moves pyproject.toml away while it works and
leaves its libraries in the source tree. Environment:

SER_PURE=1      no native code, even where a compiler is.
SER_BUILD_DIR   keep the intermediate files here: only what has changed is then compiled again.
SER_OPT=0       optimization level of the C compiler, 2 if not set; with 0 a build takes half the time.
SER_PROGRESS    the file for lines that say how far the build is, the terminal if not set.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any, Final

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# hatchling loads this file by its path, and the folder with it is no place that Python imports from.
sys.path.insert(0, str(Path(__file__).parent))
from hatch_native import say

# A declaration with this in it is of a module with a run-time part; of the others no message ever meets anything.
RUNS: Final = 'implementation="runtime.modules.'

# The floors that handle messages. Patterns of files, relative to the project.
COMPILED: Final = (
    "runtime/sip/*.py",
    "runtime/tx/*.py",
    "runtime/routing/*.py",
    "runtime/storage/answer.py",
    "runtime/storage/connection.py",
    "runtime/storage/database.py",
    "runtime/storage/errors.py",
    "runtime/storage/glances.py",
    "runtime/storage/sql.py",
    "runtime/storage/statement.py",
    "runtime/storage/telling.py",
    "runtime/storage/values.py",
    "runtime/server/helpers/db/pool.py",
    "runtime/server/helpers/db/service.py",
    "runtime/server/host/batch.py",
    "runtime/server/mail/exchange.py",
    "runtime/server/mail/letters/*.py",
    "runtime/server/mail/mailbox.py",
    "runtime/server/streams/channel.py",
    "runtime/server/streams/channels.py",
    "runtime/server/streams/connection.py",
    "runtime/server/streams/limits.py",
    "runtime/server/streams/opening.py",
    "runtime/server/streams/outcomes.py",
    "runtime/server/streams/streams.py",
    "runtime/server/streams/table.py",
    "runtime/server/worker/admission.py",
    "runtime/server/worker/batch.py",
    "runtime/server/worker/collecting.py",
    "runtime/server/worker/complaints.py",
    "runtime/server/worker/connections.py",
    "runtime/server/worker/counting.py",
    "runtime/server/worker/desk.py",
    "runtime/server/worker/handler.py",
    "runtime/server/worker/handlers.py",
    "runtime/server/worker/levels.py",
    "runtime/server/worker/loop.py",
    "runtime/server/worker/outgoing.py",
    "runtime/server/worker/overload.py",
    "runtime/server/worker/programs.py",
    "runtime/server/worker/sifting.py",
    "runtime/server/worker/tracing.py",
    "runtime/server/worker/udp/addresses.py",
    "runtime/server/worker/udp/datagrams.py",
    "runtime/server/worker/udp/sieve.py",
    "runtime/server/worker/waiting.py",
    "runtime/server/worker/watching.py",
)

# Files under COMPILED that stay interpreted, each with its reason.
INTERPRETED: Final[dict[str, str]] = {
    f"runtime/modules/{driver}/__init__.py": "subclasses an interpreted class; a message waits for the database, not for this"
    for driver in ("dbtext", "flatstore", "mysql", "postgres", "sqlite")
}

PARSER: Final = "serc/reading/_parser.py"


class NativeBuildHook(BuildHookInterface[BuilderConfig]):
    """Adds to a wheel what is made while building: native code and the parser that TatSu generates."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it collects the files. Raises where a build step fails."""
        if version == "editable":
            self._notice("an editable install runs the source as it stands: the pure-Python build")
            return
        self._stage = _stage_of(Path(self.root))
        made = [make_parser(self._stage)]
        reason = why_pure()
        if reason:
            self._notice(f"{reason}: building without native code. It does the same, fifteen to twenty times slower.")
        else:
            made += make_native(self._stage)
            build_data["pure_python"] = False
            build_data["infer_tag"] = True
        for path in made:
            build_data["force_include"][str(path)] = str(path.relative_to(self._stage))

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Called by hatchling when the wheel is written."""
        if version != "editable" and "SER_BUILD_DIR" not in os.environ:
            shutil.rmtree(self._stage)

    def _notice(self, text: str) -> None:
        self.app.display_warning(f"sip-express-router: {text}")
        say(text)


def why_pure() -> str:
    """The reason to build without native code, "" if there is none."""
    if os.environ.get("SER_PURE", "") not in ("", "0"):
        return "SER_PURE is set"
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    if shutil.which(compiler[0]) is None:
        return f"no C compiler ({compiler[0]})"
    header = Path(sysconfig.get_path("include"), "Python.h")
    if not header.exists():
        return f"no {header} (Debian: package python3-dev)"
    return ""


def _stage_of(root: Path) -> Path:
    """A directory with a copy of the packages, where the build can leave what it likes."""
    kept = os.environ.get("SER_BUILD_DIR")
    stage = Path(kept).resolve() if kept else Path(tempfile.mkdtemp(prefix="ser-build-"))
    for package in ("serc", "runtime"):
        shutil.rmtree(stage / package, ignore_errors=True)
        shutil.copytree(root / package, stage / package, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    # mypyc reads [tool.mypy] from it.
    shutil.copy2(root / "pyproject.toml", stage)
    return stage


def make_parser(stage: Path) -> Path:
    """Generate serc/reading/_parser.py from the grammar."""
    _run(stage, "-m", "serc.reading.parse", "--generate")
    return stage / PARSER


def make_native(stage: Path) -> list[Path]:
    """Compile what COMPILED names and the system call extension; the shared libraries that came of it.

    Each step is a process of its own: mypyc ends the one that it runs in when it finds an error.
    """
    _run(stage, str(Path(__file__).with_name("hatch_native.py").resolve()), *compiled_files(stage))
    return sorted(path for path in stage.glob("runtime/**/*.so"))


def running_modules(root: Path) -> list[str]:
    """Packages of the core and of the modules that can run, sorted: their declarations say so."""
    declared = [path for path in root.glob("runtime/modules/*/__init__.py") if RUNS in path.read_text(encoding="utf-8")]
    return sorted(("core", *(path.parent.name for path in declared)))


def compiled_patterns(root: Path) -> tuple[str, ...]:
    """COMPILED, and the packages of the modules that run."""
    return (*COMPILED, *(f"runtime/modules/{module}/*.py" for module in running_modules(root)))


def compiled_files(root: Path) -> list[str]:
    """The files that become native code, relative to `root`, sorted. Empty ones have nothing to compile."""
    found = {path for pattern in compiled_patterns(root) for path in root.glob(pattern) if path.stat().st_size}
    return sorted(str(path.relative_to(root)) for path in found if str(path.relative_to(root)) not in INTERPRETED)


def _run(stage: Path, *arguments: str) -> None:
    # pip puts the build's own environment into PYTHONPATH; the copy of the packages goes before it.
    path = os.pathsep.join(filter(None, [str(stage), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=stage, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{shlex.join(command)} failed:\n{done.stdout}{done.stderr}")
