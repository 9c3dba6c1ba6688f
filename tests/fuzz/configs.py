"""Configs with mistakes in them: what `serc check` says of each is what `ser -c` and a start make of it, and nothing ends in a traceback.

    PYTHONPATH=.:tests .venv/bin/python -m fuzz.configs --configs 10000 [--seed N] [--started 0.02] [FOLDER…]

changes examples and the configs of the folders until so many have been checked, or something that must always hold does not. That config is
written into tests/fuzz/configs_found, where the tests replay it for ever, and the exit status is 1. `--started` is the share that is started.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from patience import eventually
from ports import free_port
from starter import Started, environment, run

from fuzz.config_changes import Changed, changed
from runtime.modules import catalogue
from serc.commands.check import idle_modules
from serc.compiler import compile_tree
from serc.diagnostics.render import render_text
from serc.diagnostics.render_json import render_json
from serc.diagnostics.report import Diagnostic, Severity
from serc.frontend import analyse
from serc.reading.source import Source

ROOT: Final = Path(__file__).parents[2]
FINDINGS: Final = Path(__file__).parent / "configs_found"
# One change is one mistake, or two that are swapped, and what it takes with it should not hide that. (Without a module several things are missing.)
MOST_AT_ONCE: Final = 8
_PATIENCE_S: Final = 60.0


class Broken(Exception):
    """Something that must always hold does not."""


def seeds(folders: list[Path]) -> list[str]:
    """Configs to begin with: those of the examples, of the tests, and of the folders."""
    files = [*sorted((ROOT / "examples/cfg").glob("*.cfg")), ROOT / "tests/serc/seeded/proxy.cfg"]
    files += [file for folder in folders for file in sorted(folder.glob("*.cfg"))]
    return [Source.read(file).text for file in files]


_GLOBAL: Final = re.compile(
    r"^[ \t]*(listen|port|user|group|uid|gid|workdir|wdir|chroot|fifo|fifo_dir|unix_sock|advertised_address|advertised_port|mhomed)[ \t]*=.*$",
    re.M,
)


@dataclass(frozen=True)
class Home:
    """A place of its own where servers start: a folder and a port."""

    folder: Path
    port: int

    def moved(self, text: str) -> str:
        """The config with everything in it that only its own machine has taken out or made ours."""
        text = _GLOBAL.sub("", text)
        text = re.sub(r'"(?:my)?sql://[^"]*"', f'"sqlite://{self.folder}/ser.db"', text).replace(
            "mysql.so", "sqlite.so"
        )
        return f'listen=127.0.0.1\nport={self.port}\nfifo="{self.folder}/fifo"\n{text}'

    def write(self, text: str) -> Path:
        path = self.folder / "ser.cfg"
        path.write_text(text, encoding="latin-1")
        return path

    def environment(self) -> dict[str, str]:
        return {**environment(), "XDG_CACHE_HOME": str(self.folder / "cache")}

    def tested(self, text: str) -> subprocess.CompletedProcess[str]:
        """What `ser -c` says of it."""
        self.write(text)
        return run(
            "serc.commands.ser", "-c", "-f", "ser.cfg", env=self.environment(), cwd=self.folder, timeout=_PATIENCE_S
        )

    def started(self, text: str) -> str:
        """Starts a server in the foreground and ends it as soon as it serves: "" if it did, or what it said. Raises Broken if it does neither."""
        self.write(text)
        log = self.folder / "log"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
            # The server tells who asks that it serves, as it tells systemd.
            name = self.folder / "ready"
            name.unlink(missing_ok=True)
            ready.bind(str(name))
            ready.setblocking(False)
            told = self.environment() | {"NOTIFY_SOCKET": str(name)}
            with open(log, "wb") as out, open(os.devnull, "rb") as nothing:
                process = Started(
                    "serc.commands.ser", ["-DE", "-f", "ser.cfg"], (nothing, out, out), told, self.folder, True
                )
            try:
                if not eventually(lambda: _serves(ready) or process.poll() is not None, _PATIENCE_S):
                    raise Broken(f"neither serves nor ends: {log.read_text(errors='replace')}")
                if process.poll() is not None:
                    return log.read_text(errors="replace") or f"exit status {process.returncode}"
                process.terminate()
                status = process.wait(_PATIENCE_S)
                if status != 0:
                    raise Broken(f"ends with {status}: {log.read_text(errors='replace')}")
                return ""
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait(_PATIENCE_S)


def _serves(ready: socket.socket) -> bool:
    try:
        return b"READY=1" in ready.recv(4096)
    except BlockingIOError:
        return False


# --- what must hold --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Checked:
    """What `serc check` finds in a config: `is_accepted` means that the server is to start with it."""

    source: Source
    diagnostics: list[Diagnostic]
    is_accepted: bool


def checked(text: str) -> Checked:
    """Raises Broken for a diagnostic without a place or a cure, for a module that is none, and for any exception."""
    source = Source("ser.cfg", text)
    what = "checking"
    try:
        bound, report = analyse(source, catalogue, {})
        what = "printing"
        render_text(source, report)
        render_json(source, report)
        what = "compiling"
        if bound is not None:
            ast.parse(compile_tree(bound, source, is_read=False).text)
    except Exception as e:
        raise Broken(f"{what}: {e!r}") from e
    for diagnostic in report.diagnostics:
        _check_place(source, diagnostic)
    is_accepted = bound is not None and not idle_modules(bound)
    return Checked(source, report.in_order(), is_accepted)


def _check_place(source: Source, diagnostic: Diagnostic) -> None:
    start, end = diagnostic.span
    if not 0 <= start <= end <= len(source.text):
        raise Broken(f"{diagnostic.code.name} is at {start} to {end} of {len(source.text)}")
    place = source.position(start)
    if not 1 <= place.line <= source.text.count("\n") + 1 or place.column < 1:
        raise Broken(f"{diagnostic.code.name} is at {place}")
    if not diagnostic.message.strip():
        raise Broken(f"{diagnostic.code.name} says nothing")


def new_ones(before: Checked, after: Checked) -> list[Diagnostic]:
    """Diagnostics that the change has brought, notes apart."""
    left = Counter((d.code.name, d.message) for d in before.diagnostics)
    found = []
    for diagnostic in after.diagnostics:
        key = (diagnostic.code.name, diagnostic.message)
        left[key] -= 1
        if left[key] < 0 and diagnostic.severity is not Severity.NOTE:
            found.append(diagnostic)
    return found


# Why a server does not start although nothing is wrong with its config: what the config names is not on this machine.
_OF_THIS_MACHINE: Final = re.compile(
    "No such file or directory|cannot listen on|cannot resolve|Permission denied|Is a directory|Not a directory|Connection refused"
    "|no such (user|group)|not listening on|cannot connect|Cannot assign|serctl db create|environment variable"
)


# What is listened on by others is found out by who listens.
_IN_USE: Final = re.compile("Address already in use")


def compare(home: Home, text: str, is_accepted: bool, is_started: bool) -> str:
    """Raises Broken where `serc check`, `ser -c` and a start do not agree. What `ser -c` said."""
    tested = home.tested(text)
    said = tested.stderr
    if "Traceback" in said or tested.returncode not in (0, 1):
        raise Broken(f"ser -c ends with {tested.returncode}: {said}")
    last = said.rstrip().rpartition("\n")[2]
    if is_accepted and tested.returncode != 0 and not _OF_THIS_MACHINE.search(last):
        raise Broken(f"serc check accepts what ser -c refuses: {last}")
    if not is_accepted and tested.returncode == 0:
        raise Broken(f"ser -c accepts what serc check refuses: {last}")
    if is_started:
        why = home.started(text)
        if "Traceback" in why or not _IN_USE.search(why) and bool(why) != (tested.returncode != 0):
            raise Broken(f"ser -c ends with {tested.returncode} and a start says: {why}")
    return said


# --- a run -----------------------------------------------------------------------------------------------------------


class Fuzzer:
    """`texts` are configs to change; each is checked once as it is."""

    def __init__(self, texts: list[str], home: Home, started: float) -> None:
        self._texts: Final = texts
        self._home: Final = home
        self._started: Final = started
        self._before: Final[dict[str, Checked]] = {}

    def fuzz(self, seed: int) -> None:
        """One config. Raises Broken, with the config in `args`."""
        chance = random.Random(seed)
        text = self._home.moved(chance.choice(self._texts))
        one = changed(text, chance)
        try:
            self._check(text, one, chance.random() < self._started, chance.random() < 0.3)
        except Broken as e:
            raise Broken(f"{one.what}: {e}", one.text) from e

    def _check(self, text: str, one: Changed, is_tested: bool, is_started: bool) -> None:
        if text not in self._before:
            self._before[text] = checked(text)
        after = checked(one.text)
        found = new_ones(self._before[text], after)
        if len(found) > MOST_AT_ONCE:
            told = "\n".join(f"{after.source.line_of(d.span.start)} {d.code.name} {d.message}" for d in found)
            raise Broken(f"{len(found)} diagnostics of one change\n{told}")
        if is_tested:
            compare(self._home, one.text, after.is_accepted, is_started)


def replay(home: Home, text: str) -> None:
    """Raises Broken if it still is."""
    text = home.moved(text)
    compare(home, text, checked(text).is_accepted, is_started=False)


def main() -> int:
    options = argparse.ArgumentParser(description="Compare serc check with what servers do, for configs with mistakes.")
    options.add_argument("--configs", type=int, default=1000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument(
        "--tested", type=float, default=0.1, help="the share that ser -c is asked about, and a third of it started"
    )
    options.add_argument("--go-on", action="store_true", help="tell everything that is found, and keep nothing")
    options.add_argument("folders", type=Path, nargs="*", metavar="FOLDER", help="more configs to change")
    given = options.parse_args()
    findings = 0
    with tempfile.TemporaryDirectory() as folder:
        fuzzer = Fuzzer(seeds(given.folders), Home(Path(folder), free_port()), given.tested)
        for seed in range(given.seed, given.seed + given.configs):
            try:
                fuzzer.fuzz(seed)
            except Broken as e:
                findings += 1
                print(f"seed {seed}: {e.args[0]}", flush=True)
                if not given.go_on:
                    place = FINDINGS / f"seed-{seed}.cfg"
                    place.write_text(e.args[1].replace(folder, "/tmp"), encoding="latin-1")
                    print(f"kept in {place}")
                    return 1
    print(
        f"{given.configs} configs, seeds {given.seed} to {given.seed + given.configs - 1}: {findings or 'nothing'} found"
    )
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
