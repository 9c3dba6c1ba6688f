"""The longest time that a worker works between two receives, under load, with many contacts and transactions in memory."""

from __future__ import annotations

import struct
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench.measure import Load, load
from bench.native import library
from bench.process import CannotMeasure, free_port, running
from bench.scenario import LOOKUP, ser_command, ser_config

# What gap.c keeps for each process.
NUMBERS: Final = struct.Struct("8q")
# Transactions are kept for five seconds: when the load has gone on for longer, as many are there as there will be.
FILL_S: Final = 7.0
# A million contacts need more than the shared memory of a small server.
SHARED_MB: Final = 2048


def measure_gaps(
    ser: list[str], users: int, register_rate: float, rate: float, seconds: float, cores: tuple[int | None, int | None]
) -> dict[str, object]:
    """Gaps of the worker while `rate` lookups a second are relayed, in the time after their transactions have filled the memory; printed.

    Raises CannotMeasure.
    """
    port, callee_port = free_port(), free_port()
    with TemporaryDirectory(prefix="bench-") as folder:
        config = Path(folder) / "ser.cfg"
        config.write_text(ser_config(LOOKUP))
        gaps = Path(folder) / "gaps"
        gaps.mkdir()
        environment = {"LD_PRELOAD": str(library("gap")), "GAP_FOLDER": str(gaps)}
        command = [*ser_command(ser, str(config), port), "-m", str(SHARED_MB)]
        with running("ours", command, port, core=cores[0], probe_port=callee_port, environment=environment):
            done = load("register", register_rate, users, port, callee_port, core=cores[1], users=users)["done"]
            if done < users:
                raise CannotMeasure(f"{done} of {users} users were registered: --register-rate is too high")

            def lookups(for_s: float) -> Load:
                return load("lookup", rate, max(1, int(rate * for_s)), port, callee_port, core=cores[1], users=users)

            lookups(FILL_S)
            for path in gaps.iterdir():
                _clear(path)
            began_ns = time.monotonic_ns()
            found = lookups(seconds)
            figures = [_figures(path, began_ns) for path in gaps.iterdir()]
    if not figures:
        raise CannotMeasure("no process has called recvmmsg: only the native build does")
    print(
        f"{users} users, {rate:g} lookups a second for {seconds:g} s, {5 * rate:.0f} transactions in memory: lost {found['lost']}, "
        f"p99 {found['p99_us'] / 1000:.1f} ms"
    )
    for one in figures:
        print(
            f"  {one['gaps']} gaps, the longest {one['longest_ms']:.1f} ms after {one['after_s']:.1f} s, {one['its_cpu_ms']:.1f} ms of that "
            f"on a processor, {one['its_datagrams']} datagrams; {one['long']} above 5 ms; most time on a processor "
            f"{one['most_cpu_ms']:.1f} ms, {one['busy']} above 5 ms",
            flush=True,
        )
    return {"users": users, "rate": rate, "seconds": seconds, "load": found, "workers": figures}


def _clear(path: Path) -> None:
    """Begin anew. In place: the process has the file in its memory."""
    with path.open("r+b", buffering=0) as file:
        file.write(bytes(NUMBERS.size))


def _figures(path: Path, began_ns: int) -> dict[str, float]:
    gaps, longest, its_cpu, its_datagrams, its_end, long, most_cpu, busy = NUMBERS.unpack(path.read_bytes())
    return {
        "gaps": gaps,
        "longest_ms": longest / 1e6,
        "its_cpu_ms": its_cpu / 1e6,
        "its_datagrams": its_datagrams,
        "after_s": (its_end - began_ns) / 1e9,
        "long": long,
        "most_cpu_ms": most_cpu / 1e6,
        "busy": busy,
    }
