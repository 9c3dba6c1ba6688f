"""What a dump of all contacts, and the search for expired ones, do to the delay of requests that are looked up and relayed meanwhile."""

from __future__ import annotations

import os
import select
import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench.measure import Load, load
from bench.process import CannotMeasure, free_port, running
from bench.scenario import LOOKUP, ser_command, ser_config

# An answer that does not come by then does not count.
PATIENCE_MS: Final = 60_000
# What an administrator asks for, by what it is called here.
TASKS: Final = {"dump": "ul_dump", "expiry": "ul_flush"}


class Asking:
    """Gives one command after the other, each when the answer to the one before is there. `answers` counts them."""

    def __init__(self, folder: str, command: str) -> None:
        self._fifo = f"{folder}/fifo"
        self._name = f"reply-{command}"
        self._pipe = f"{folder}/{self._name}"
        self._command = command
        self._ends = threading.Event()
        self.answers = 0
        os.mkfifo(self._pipe)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._ends.is_set():
            reading = os.open(self._pipe, os.O_RDONLY | os.O_NONBLOCK)
            with open(self._fifo, "wb", buffering=0) as fifo:
                fifo.write(f":{self._command}:{self._name}\n\n".encode())
            self.answers += self._read(reading).startswith(b"200 ")
            os.close(reading)

    def _read(self, reading: int) -> bytes:
        """The beginning of the answer, of which there is no more then."""
        waiting = select.poll()
        waiting.register(reading, select.POLLIN)
        beginning = b""
        while True:
            if not waiting.poll(PATIENCE_MS):
                return beginning
            data = os.read(reading, 1 << 20)
            if not data:
                return beginning
            beginning = beginning or data

    def end(self) -> None:
        self._ends.set()
        self._thread.join()


def measure_beside(
    ser: list[str], users: int, rate: float, seconds: float, cores: tuple[int | None, int | None]
) -> dict[str, object]:
    """p50 and p99 of lookups alone and beside each task, and how often that was done; printed as they come. Raises CannotMeasure."""
    port, callee_port = free_port(), free_port()
    result: dict[str, object] = {"users": users, "rate": rate}
    with TemporaryDirectory(prefix="bench-") as folder:
        config = Path(folder) / "ser.cfg"
        config.write_text(f'fifo="{folder}/fifo"\nfifo_dir="{folder}/"\n{ser_config(LOOKUP)}')
        command = ser_command(ser, str(config), port)
        # The server may use all cores: what is asked is whether a process hinders another.
        with running("ours", command, port, core=None, probe_port=callee_port):
            done = load("register", rate, users, port, callee_port, core=cores[1], users=users)["done"]
            if done < users:
                raise CannotMeasure(f"{done} of {users} users were registered")

            def lookups() -> Load:
                return load("lookup", rate, max(1, int(rate * seconds)), port, callee_port, core=cores[1], users=users)

            lookups()
            alone = lookups()
            result["alone"] = alone
            print(
                f"{users} users, {rate:g} lookups a second: p50 {alone['p50_us']:.0f} us, p99 {alone['p99_us']:.0f} us",
                flush=True,
            )
            for name, task in TASKS.items():
                asking = Asking(folder, task)
                try:
                    found = lookups()
                finally:
                    asking.end()
                times = found["p99_us"] / alone["p99_us"] if alone["p99_us"] else 0.0
                result[name] = {**found, "answers": asking.answers, "p99_times": times}
                print(
                    f"beside {asking.answers} times {task}: p50 {found['p50_us']:.0f} us, p99 {found['p99_us']:.0f} us "
                    f"({times:.2f} times), lost {found['lost']}",
                    flush=True,
                )
    return result
