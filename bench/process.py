"""A server under measurement: started on one core, asked for its CPU time, ended with all its children."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

READY_S: Final = 60.0
PROBE_EVERY_S: Final = 0.005
END_S: Final = 5.0
NICE: Final = -15


def free_port() -> int:
    """A UDP port of 127.0.0.1 that nobody has now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        assert isinstance(port, int)
        return port


def on_core(core: int | None) -> list[str]:
    """The words before a command that pin it to a core, None for any, and, for root, put it before other work."""
    pin = [] if core is None else ["taskset", "-c", str(core)]
    return pin + (["nice", "-n", str(NICE)] if os.geteuid() == 0 else [])


def put_before_others(pid: int, nice: int = NICE) -> None:
    """For root: the session of a process comes before other work. Where the kernel shares time out among sessions (autogroup), what
    nice(1) says counts only within each."""
    group = Path(f"/proc/{pid}/autogroup")
    if os.geteuid() != 0 or not group.exists():
        return
    try:
        group.write_text(str(nice))
    except PermissionError:
        # Root of a container; then the others count as much.
        return


@contextmanager
def before_others() -> Iterator[None]:
    """Our own session comes before other work until this is left: it is that of the terminal, which goes on."""
    group = Path("/proc/self/autogroup")
    nice = int(group.read_text().split()[-1]) if group.exists() else 0
    put_before_others(os.getpid())
    try:
        yield
    finally:
        put_before_others(os.getpid(), nice)


class CannotMeasure(Exception):
    """A program that is missing, ended or never answered; the text says which, with what it wrote."""


class Process:
    """A server and all its children."""

    def __init__(
        self, name: str, command: Sequence[str], core: int | None, output: Path, environment: Mapping[str, str]
    ) -> None:
        self.name: Final = name
        self._output: Final = output
        with output.open("wb") as file:
            self._popen: Final = subprocess.Popen(
                [*on_core(core), *command],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, **environment},
            )

        put_before_others(self._popen.pid)

    def tree(self) -> list[int]:
        """Process ids of the server and its descendants."""
        parents: dict[int, list[int]] = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                after_name = (entry / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            parents.setdefault(int(after_name[1]), []).append(int(entry.name))
        found = [self._popen.pid]
        for pid in found:
            found.extend(parents.get(pid, []))
        return found

    def cpu_ns(self) -> int:
        """Time on a CPU, user and system, of all threads of all its processes that live.

        From schedstat, in ns; utime and stime of /proc/PID/stat have a resolution of 10 ms and the same sum.
        """
        total = 0
        for pid in self.tree():
            for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
                total += int(thread.read_text().split()[0])
        return total

    def wait_ready(self, port: int, probe_port: int) -> None:
        """Return once a request from `probe_port`, 0 for any, to `port` was answered or came through. Raises CannotMeasure."""
        give_up = time.monotonic() + READY_S
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", probe_port))
            probe.settimeout(PROBE_EVERY_S)
            request = probe_request(probe.getsockname()[1])
            while time.monotonic() < give_up:
                if self._popen.poll() is not None:
                    raise CannotMeasure(f"{self.name} ended with status {self._popen.returncode}:\n{self.output()}")
                try:
                    probe.sendto(request, ("127.0.0.1", port))
                    probe.recv(4096)
                    return
                except TimeoutError:
                    continue
        raise CannotMeasure(f"{self.name} did not answer within {READY_S:.0f} s:\n{self.output()}")

    def output(self) -> str:
        """The end of what it wrote."""
        return self._output.read_text(errors="replace")[-2000:]

    def end(self) -> list[int]:
        """SIGTERM, then SIGKILL; the processes that outlived SIGTERM."""
        pids = self.tree()
        self._popen.terminate()
        deadline = time.monotonic() + END_S
        while (left := [pid for pid in pids if self._lives(pid)]) and time.monotonic() < deadline:
            time.sleep(0.01)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        self._popen.wait()
        return left

    def _lives(self, pid: int) -> bool:
        self._popen.poll()
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except (FileNotFoundError, ProcessLookupError):
            return False


def probe_request(port: int) -> bytes:
    """An OPTIONS from 127.0.0.1:`port` that a proxy which forwards sends to the same place."""
    here = f"127.0.0.1:{port}"
    return (
        f"OPTIONS sip:probe@{here} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {here};branch=z9hG4bK-probe-{time.monotonic_ns()}\r\n"
        f"From: <sip:probe@{here}>;tag=probe\r\n"
        f"To: <sip:probe@{here}>\r\n"
        f"Call-ID: probe-{time.monotonic_ns()}@{here}\r\n"
        "CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    ).encode()


@contextmanager
def running(
    name: str,
    command: Sequence[str],
    port: int,
    *,
    core: int | None = None,
    probe_port: int = 0,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Process]:
    """A server that answers on `port`; ended when the block is left. Raises CannotMeasure.

    `environment` is added to ours; `probe_port` is where a server that only forwards finds the sender of the probe.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        process = Process(name, command, core, Path(folder) / "output", environment or {})
        try:
            process.wait_ready(port, probe_port)
            yield process
        finally:
            process.end()
