"""Instructions per unit of work, counted by callgrind: what does not depend on what else the machine does.

The system calls themselves are not counted, only what leads to them. A unit is what the difference of two loads, one three times
the other, costs: start, idling and dumping cancel out. After each load all transactions end, so that forgetting them counts as well.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Final

from bench.measure import KAMAILIO, OURS, command_of, load, register_users
from bench.process import CannotMeasure, Process, free_port, running
from bench.scenario import Scenario

# Under callgrind a server is some fifty times slower. It should wait for every single datagram, or for every burst.
RATE: Final = 25
USERS: Final = 50
WARM_UP: Final = 100

# Both forget a transaction after five seconds.
FORGOTTEN_S: Final = 7.0

# Name of our server's Unix socket in its folder.
SOCKET: Final = "socket"

TOTALS: Final = re.compile(r"^totals: (\d+)", re.MULTILINE)


def count_instructions(
    scenarios: Sequence[Scenario], servers: Sequence[str], ser: list[str], units: int, rate: int, burst: int = 1
) -> dict[str, object]:
    """Instructions per unit by scenario and server, `burst` of them sent back to back; prints them, and the ratio. Raises CannotMeasure."""
    for tool in ("valgrind", "vgdb"):
        if not shutil.which(tool):
            raise CannotMeasure(f"{tool} is not installed (Debian package valgrind)")
    result: dict[str, object] = {}
    for scenario in scenarios:
        counts = {server: sum(count_each(scenario, server, ser, units, rate, burst).values()) for server in servers}
        text = ", ".join(f"{server} {count:,.0f}" for server, count in counts.items())
        if OURS in counts and KAMAILIO in counts:
            text += f", ours/kamailio {counts[OURS] / counts[KAMAILIO]:.2f}"
        print(f"instructions per {scenario.unit}: {text}", flush=True)
        result[scenario.name] = counts
    return result


def count_each(
    scenario: Scenario,
    server: str,
    ser: list[str],
    units: int,
    rate: int,
    burst: int = 1,
    beside: Callable[[str], AbstractContextManager[object]] = nullcontext,
) -> dict[int, float]:
    """Instructions per unit of each process, by its number. `beside` is what goes on meanwhile; it is told the folder, where `ser` has its Unix socket: SOCKET.
    Raises CannotMeasure."""
    port, callee_port = free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        command = command_of(scenario, server, folder, port, callee_port, ser, 1)
        if server == OURS:
            command += ["-x", f"{folder}/{SOCKET}"]
        # Once without callgrind, which makes the compiler of ser.cfg slow.
        with running(server, command, port, probe_port=callee_port):
            pass
        words = ["valgrind", "--tool=callgrind", "--trace-children=yes", "--instr-atstart=no"]
        words += [f"--callgrind-out-file={folder}/callgrind.%p", *command]
        with running(server, words, port, probe_port=callee_port) as process:
            register_users(scenario, USERS, rate, port, callee_port, None)
            with beside(folder):
                _tell(process, "instrumentation", "on")
                _run(scenario, WARM_UP, rate, burst, port, callee_port)
                _dumped(process, folder)
                totals = []
                for number in (units, 3 * units):
                    _run(scenario, number, rate, burst, port, callee_port)
                    time.sleep(FORGOTTEN_S)
                    totals.append(_dumped(process, folder))
    less, more = totals
    return {pid: (more[pid] - less.get(pid, 0)) / (2 * units) for pid in more}


def _run(scenario: Scenario, count: int, rate: int, burst: int, port: int, callee_port: int) -> None:
    done = load(scenario.mode, rate, count, port, callee_port, burst=burst, users=USERS)["done"]
    if done < count:
        raise CannotMeasure(f"{scenario.name}: {done} of {count} came through; --rate is too high for this machine")


def _tell(process: Process, *words: str) -> None:
    """A command for the callgrind of each process; those that have none are helpers of valgrind."""
    for pid in process.tree():
        subprocess.run(["vgdb", f"--pid={pid}", *words], capture_output=True, timeout=30)


def _dumped(process: Process, folder: str) -> dict[int, int]:
    """Instructions of each process since the last dump."""
    before = set(Path(folder).glob("callgrind.*"))
    _tell(process, "dump")
    found: dict[int, int] = {}
    for path in set(Path(folder).glob("callgrind.*")) - before:
        pid = int(path.name.split(".")[1])
        found[pid] = found.get(pid, 0) + _total(path)
    return found


def _total(path: Path) -> int:
    found = TOTALS.search(path.read_text())
    return int(found[1]) if found else 0
