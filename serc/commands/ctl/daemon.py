"""`serctl start`, `stop` and `restart`. Reference modules-more, C.1."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runtime.server.start.options import UsageError, split
from serc.commands.ctl.client import FAILED, CannotAsk

_LOOK_AGAIN_S: Final = 0.05
# Where ser looks for its ser.cfg unless it is told.
DEFAULT_CONFIG: Final = "/etc/ser/ser.cfg"
# What a server is called in its command line.
_NAMES: Final = frozenset(("ser", "ser-runtime", "serc.commands.ser", "runtime.server.main", "ser.py", "main.py"))
_RUNTIMES: Final = frozenset(("ser-runtime", "runtime.server.main", "main.py"))


class NoPidFile(CannotAsk):
    """There is no pid file, so nobody knows which process is meant."""


@dataclass(frozen=True)
class Running:
    """A server that runs: its program ("ser" or "ser-runtime"), where it was started, and the options of its command line."""

    pid: int
    program: str
    folder: str
    pairs: list[tuple[str, str]]

    def config(self) -> Path:
        """Where its ser.cfg is, or was."""
        return Path(self.folder, dict(self.pairs).get("-f", DEFAULT_CONFIG))

    def is_in_foreground(self) -> bool:
        return "-D" in dict(self.pairs)

    def arguments(self, config: str | None = None) -> list[str]:
        """Those that start it again as a daemon, with another ser.cfg if one is given; without its pid file."""
        dropped = ("-D", "-P") if config is None else ("-D", "-P", "-f")
        words = [] if config is None else ["-f", config]
        for name, value in self.pairs:
            if name in dropped:
                continue
            if name.startswith("--"):
                words.append(f"{name}={value}" if value else name)
            else:
                words += [name, value] if value else [name]
        return words


@dataclass(frozen=True)
class Launch:
    """What a server is started with, and in which folder."""

    arguments: list[str]
    program: str
    folder: str

    def names_config(self) -> bool:
        try:
            return any(name == "-f" for name, _ in split(self.arguments, self.program)[0])
        except UsageError:
            return True  # the program itself says what is wrong


class Daemon:
    """The server of a pid file. `program` "": the `ser` beside serctl, or the one in PATH."""

    def __init__(self, pid_file: str, program: str) -> None:
        self.pid_file: Final = Path(pid_file).absolute()
        self._program: Final = program

    def start(self, launch: Launch) -> int:
        """Returns when it serves: `ser` itself waits for that. The pid. Raises CannotAsk."""
        pid = self._pid()
        if pid and _is_alive(pid):
            raise CannotAsk(FAILED, f"PID file exists! ({self.pid_file}) already running?")
        command = self._command(launch, "-P", str(self.pid_file))
        status = _run(command, None, launch.folder).returncode
        pid = self._pid()
        if status != 0 or not pid:
            raise CannotAsk(FAILED, f"{shlex.join(command)} could not start (exit status {status})")
        return pid

    def check(self, launch: Launch) -> None:
        """Returns if `start` would find a good configuration. Raises CannotAsk."""
        command = self._command(launch, "-c")
        done = _run(command, subprocess.PIPE, launch.folder)
        if done.returncode != 0:
            asked = f"{shlex.join(command)} says:\n{done.stderr.rstrip()}"
            raise CannotAsk(FAILED, f"not restarted, it would not start again: {asked}")

    def running(self) -> Running:
        """How the server of the pid file was started. Raises CannotAsk where there is none."""
        pid = self._pid_to_stop()
        words = _words_of(pid)
        at = next(at for at, word in enumerate(words) if os.path.basename(word) in _NAMES)
        program = "ser-runtime" if os.path.basename(words[at]) in _RUNTIMES else "ser"
        try:
            pairs, _ = split(words[at + 1 :], program)
        except UsageError as e:
            raise CannotAsk(FAILED, f"process {pid} of {self.pid_file} is no SER: {e}") from e
        return Running(pid, program, _folder_of(pid), pairs)

    def bring_back(self, old: Running, text: str) -> tuple[int, Path | None]:
        """Starts what ran before with what it ran with: its pid, and where its ser.cfg is now, if it had to be written again.

        `text`: what its ser.cfg was; "" where nobody knows, and then it is what the file is now. Raises CannotAsk.
        """
        launch, written = Launch(old.arguments(), old.program, old.folder), None
        if text and not _has_text(old.config(), text):
            written = Path(f"{self.pid_file}.cfg")
            try:
                _write_privately(written, text.encode("latin-1"))
            except (OSError, UnicodeEncodeError) as e:
                raise CannotAsk(FAILED, f"the old ser.cfg cannot be written to {written}: {e}") from e
            launch = Launch(old.arguments(str(written)), old.program, old.folder)
        try:
            return self.start(launch), written
        except CannotAsk as e:
            raise CannotAsk(FAILED, f"the old one does not start again, either: {e}") from e

    def stop(self, patience_s: float) -> int:
        """Returns when it is gone: running transactions may finish first. The pid. Raises CannotAsk."""
        pid = self._pid_to_stop()
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

    def _pid_to_stop(self) -> int:
        """Raises CannotAsk if the pid file does not tell of a server that runs."""
        pid = self._pid()
        if not pid:
            raise NoPidFile(
                FAILED,
                f"No PID file found! SER probably not running: {self.pid_file} is missing; PID_FILE names another",
            )
        if not _is_alive(pid):
            raise CannotAsk(FAILED, f"SER is not running: process {pid} of {self.pid_file} is gone")
        if not _looks_like_ser(pid):
            raise CannotAsk(FAILED, f"process {pid} of {self.pid_file} is no SER: not stopped")
        return pid

    def _pid(self) -> int:
        """0 where there is none."""
        try:
            text = self.pid_file.read_text().strip()
        except FileNotFoundError:
            return 0
        except OSError as e:
            raise CannotAsk(FAILED, f"cannot read {self.pid_file}: {e.strerror}") from e
        return int(text) if text.isascii() and text.isdecimal() else 0

    def _command(self, launch: Launch, *more: str) -> list[str]:
        """Raises CannotAsk where there is no such program, or no ser.cfg for it."""
        if self._program:
            return [self._program, *more, *launch.arguments]
        beside = Path(sys.argv[0]).resolve().parent / launch.program
        found = str(beside) if os.access(beside, os.X_OK) else shutil.which(launch.program)
        if found is None:
            raise CannotAsk(FAILED, f"there is no {launch.program} beside serctl and none in PATH: set SERBIN")
        if launch.program == "ser" and not launch.names_config() and not os.path.exists(DEFAULT_CONFIG):
            cure = "name your ser.cfg with --config SER.CFG, or all options of ser in STARTOPTIONS"
            raise CannotAsk(FAILED, f"there is no {DEFAULT_CONFIG}: {cure}")
        return [found, *more, *launch.arguments]


def _run(command: list[str], stderr: int | None, folder: str) -> subprocess.CompletedProcess[str]:
    """Raises CannotAsk."""
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            cwd=folder,
            text=True,
            errors="replace",
        )
    except OSError as e:
        raise CannotAsk(FAILED, f"cannot run {command[0]}: {e.strerror}") from e


def _folder_of(pid: int) -> str:
    """Where it was started: it may have gone elsewhere since. Its shell has told it."""
    try:
        for word in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            if word.startswith(b"PWD=/") and os.path.isdir(word[4:]):
                return os.fsdecode(word[4:])
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return os.getcwd()


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
