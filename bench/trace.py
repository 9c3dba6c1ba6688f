"""What `serctl trace` costs: instructions of a call that nobody watches, beside others that are watched, and watched itself."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.instructions import SOCKET, count_each
from bench.measure import OURS
from bench.process import CannotMeasure
from bench.scenario import CALL

# Who is watched, and the words for serctl trace.
_WATCHED: Final[dict[str, tuple[str, ...]]] = {
    "nobody": (),
    "others": ("from=somebody-else",),
    "the call itself": ("method=INVITE", "-n", "1000"),
}
# The program with probes is compiled first, under callgrind.
_BEGIN_S: Final = 180.0


def trace_costs(ser: list[str], serctl: list[str], units: int, rate: int) -> dict[str, object]:
    """Instructions of a call by who is watched: those of the process that handles it, and those of all others of the server, of which one
    tells the client. Prints them. Raises CannotMeasure."""
    found: dict[str, object] = {}
    first = 0.0
    for who, words in _WATCHED.items():
        workers: set[int] = set()

        @contextmanager
        def beside(folder: str, words: tuple[str, ...] = words, workers: set[int] = workers) -> Iterator[None]:
            workers.update(_workers(serctl, folder))
            with _watching(serctl, folder, words):
                yield

        each = count_each(CALL, OURS, ser, units, rate, beside=beside)
        worker = sum(number for pid, number in each.items() if pid in workers)
        others = sum(each.values()) - worker
        first = first or worker
        print(
            f"{who} watched: {worker:,.0f} a call in the worker, {worker / first:.2f} times; {others:,.0f} in others",
            flush=True,
        )
        found[who] = {"worker": worker, "others": others}
    return found


def _workers(serctl: list[str], folder: str) -> list[int]:
    """The processes that handle calls."""
    command = [*serctl, "--socket", f"{folder}/{SOCKET}", "--timeout", str(_BEGIN_S), "--json", "ps"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise CannotMeasure(f"serctl ps: {done.stderr}")
    processes = json.loads(done.stdout)["ps"]
    return [process["pid"] for process in processes if process["description"].startswith("receiver")]


@contextmanager
def _watching(serctl: list[str], folder: str, words: tuple[str, ...]) -> Iterator[None]:
    if not words:
        yield
        return
    shown = Path(folder) / "trace"
    with shown.open("wb") as file:
        command = [*serctl, "--socket", f"{folder}/{SOCKET}", "--timeout", str(_BEGIN_S), "trace", *words]
        trace = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
    try:
        until = time.monotonic() + _BEGIN_S
        while "watching" not in shown.read_text():
            if trace.poll() is not None or time.monotonic() > until:
                raise CannotMeasure(f"serctl trace: {shown.read_text()}")
            time.sleep(0.1)
        yield
        if trace.poll() is not None:
            raise CannotMeasure(f"serctl trace has ended: {shown.read_text()[-500:]}")
    finally:
        trace.kill()
        trace.wait()
