"""`serctl start`, `stop` and `restart`. Reference modules-more, C.1."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from serc.commands.ctl.client import FAILED, CannotAsk

_LOOK_AGAIN_S: Final = 0.05
# Where ser looks for its ser.cfg unless it is told.
DEFAULT_CONFIG: Final = "/etc/ser/ser.cfg"
# What a server is called in its command line.
_NAMES: Final = frozenset(("ser", "ser-runtime", "serc.commands.ser", "runtime.server.main", "ser.py", "main.py"))


@dataclass(frozen=True)
class Running:
    """A server that runs, and what its command line had behind the name of the program."""

    pid: int
    arguments: list[str]

    def config(self) -> Path:
        """Where its ser.cfg is, or was."""
        words = self.arguments
        return Path(words[words.index("-f") + 1] if "-f" in words[:-1] else DEFAULT_CONFIG)

    def of(self, config: Path) -> list[str]:
        """The arguments with another ser.cfg."""
        words = list(self.arguments)
        if "-f" in words[:-1]:
            words[words.index("-f") + 1] = str(config)
            return words
        return ["-f", str(config), *words]


class Daemon:
    """The server of a pid file. `program` "": the `ser` beside serctl, or the one in PATH."""

    def __init__(self, pid_file: str, program: str, arguments: list[str]) -> None:
        self._pid_file: Final = Path(pid_file)
        self._program: Final = program
        self._arguments: Final = arguments

    def start(self) -> int:
        """Returns when it serves: `ser` itself waits for that. The pid. Raises CannotAsk."""
        pid = self._pid()
        if pid and _is_alive(pid):
            raise CannotAsk(FAILED, f"PID file exists! ({self._pid_file}) already running?")
        command = [self._found_program(), "-P", str(self._pid_file), *self._arguments]
        status = _run(command, None).returncode
        pid = self._pid()
        if status != 0 or not pid:
            raise CannotAsk(FAILED, f"{command[0]} could not start (exit status {status})")
        return pid

    def check(self) -> None:
        """Returns if `start` would find a good configuration. Raises CannotAsk."""
        program = self._found_program()
        done = _run([program, "-c", *self._arguments], subprocess.PIPE)
        if done.returncode != 0:
            raise CannotAsk(FAILED, f"the configuration is bad: not restarted\n{done.stderr.rstrip()}")

    def running(self) -> Running | None:
        """How the server of the pid file was started; None where that cannot be told."""
        pid = self._pid()
        if not pid or not _is_alive(pid) or not _looks_like_ser(pid):
            return None
        words = _words_of(pid)
        programs = [at for at, word in enumerate(words) if os.path.basename(word) in _NAMES]
        return Running(pid, words[programs[0] + 1 :])

    def bring_back(self, old: Running, text: str) -> tuple[int, Path | None]:
        """Starts what ran before with what it ran with: its pid, and where its ser.cfg is now, if it had to be written again.

        `text`: what its ser.cfg was; "" where nobody knows, and then it is what the file is now. Raises CannotAsk.
        """
        arguments, written = old.arguments, None
        if text and not _has_text(old.config(), text):
            written = Path(f"{self._pid_file}.cfg")
            try:
                _write_privately(written, text.encode("latin-1"))
            except (OSError, UnicodeEncodeError) as e:
                raise CannotAsk(FAILED, f"the old ser.cfg cannot be written to {written}: {e}") from e
            arguments = old.of(written)
        command = [self._found_program(), *arguments]
        status = _run(command, None).returncode
        pid = self._pid()
        if status != 0 or not pid:
            raise CannotAsk(FAILED, f"the old one does not start again, either (exit status {status})")
        return pid, written

    def stop(self, patience_s: float) -> int:
        """Returns when it is gone: running transactions may finish first. The pid. Raises CannotAsk."""
        pid = self._pid()
        if not pid or not _is_alive(pid):
            raise CannotAsk(FAILED, "No PID file found! SER probably not running")
        if not _looks_like_ser(pid):
            raise CannotAsk(FAILED, f"process {pid} of {self._pid_file} is no SER: not stopped")
        try:
            os.kill(pid, signal.SIGTERM)
        except OSError as e:
            raise CannotAsk(FAILED, f"cannot stop process {pid}: {e.strerror}") from e
        until = time.monotonic() + patience_s
        while _is_alive(pid):
            if time.monotonic() > until:
                raise CannotAsk(FAILED, f"process {pid} still runs after {patience_s:g} seconds")
            time.sleep(_LOOK_AGAIN_S)
        return pid

    def _pid(self) -> int:
        """0 where there is none."""
        try:
            text = self._pid_file.read_text().strip()
        except FileNotFoundError:
            return 0
        except OSError as e:
            raise CannotAsk(FAILED, f"cannot read {self._pid_file}: {e.strerror}") from e
        return int(text) if text.isascii() and text.isdecimal() else 0

    def _found_program(self) -> str:
        if self._program:
            return self._program
        beside = Path(sys.argv[0]).resolve().parent / "ser"
        found = str(beside) if os.access(beside, os.X_OK) else shutil.which("ser")
        if found is None:
            raise CannotAsk(FAILED, "there is no ser beside serctl and none in PATH: set SERBIN")
        return found


def _run(command: list[str], stderr: int | None) -> subprocess.CompletedProcess[str]:
    """Raises CannotAsk."""
    try:
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr, text=True, errors="replace"
        )
    except OSError as e:
        raise CannotAsk(FAILED, f"cannot run {command[0]}: {e.strerror}") from e


def _words_of(pid: int) -> list[str]:
    """Its command line; nothing where there is none."""
    try:
        return [os.fsdecode(word) for word in Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")]
    except OSError:
        return []


def _has_text(path: Path, text: str) -> bool:
    try:
        return path.read_bytes().decode("latin-1") == text
    except OSError:
        return False


def _write_privately(path: Path, content: bytes) -> None:
    """There may be passwords in it, and there may be a link of somebody else. Raises OSError."""
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)


def _is_alive(pid: int) -> bool:
    """A process that has only not been waited for counts as gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _looks_like_ser(pid: int) -> bool:
    """The number of a server that has died may be another program's by now."""
    return bool({os.path.basename(word) for word in _words_of(pid)} & _NAMES)
