"""What a dump of all contacts, the search for expired ones and their end do to the delay of requests that are looked up or registered
meanwhile."""

from __future__ import annotations

import os
import select
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench.measure import Load, load
from bench.process import CannotMeasure, free_port, running
from bench.scenario import LOOKUP, ser_command, ser_config

# An answer that does not come by then does not count.
PATIENCE_MS: Final = 60_000
# What an administrator asks for, by what it is called here.
TASKS: Final = {"dump": "ul_dump", "search": "ul_flush"}
# What is delayed.
MODES: Final = ("lookup", "register")
# Contacts end so long after the last of them has been registered, for a measurement without their end before it.
MARGIN_S: Final = 12


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
        os.unlink(self._pipe)


def told(folder: str, command: str) -> list[str]:
    """The lines of one command's answer."""
    pipe = f"{folder}/reply-once"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with open(f"{folder}/fifo", "wb", buffering=0) as fifo:
            fifo.write(f":{command}:reply-once\n\n".encode())
        waiting = select.poll()
        waiting.register(reading, select.POLLIN)
        if not waiting.poll(PATIENCE_MS):
            raise CannotMeasure(f"{command} was not answered")
        return os.read(reading, 65536).decode().splitlines()
    finally:
        os.close(reading)
        os.unlink(pipe)


class Beside:
    """Our server in `folder` with `users` users, which register in `fill_s` seconds, and a load of `rate` requests a second for `seconds`."""

    def __init__(
        self,
        ser: list[str],
        users: int,
        register_rate: float,
        rate: float,
        seconds: float,
        cores: tuple[int | None, int | None],
    ) -> None:
        self._ser = ser
        self.fill_s = users / register_rate
        self._users = users
        self._rate = rate
        self._seconds = seconds
        self._cores = cores
        self._port = free_port()
        self._callee_port = free_port()
        # By what was measured.
        self.found: dict[str, object] = {"users": users, "rate": rate}

    @contextmanager
    def server(self, parameters: str = "") -> Iterator[str]:
        """The folder of a server with all users registered."""
        with TemporaryDirectory(prefix="bench-") as folder:
            config = Path(folder) / "ser.cfg"
            text = ser_config(LOOKUP).replace("\nroute {", f"\n{parameters}\nroute {{", 1)
            config.write_text(f'fifo="{folder}/fifo"\nfifo_dir="{folder}/"\n{text}')
            command = ser_command(self._ser, str(config), self._port)
            # The server may use all cores: what is asked is whether a process hinders another.
            with running("ours", command, self._port, core=None, probe_port=self._callee_port):
                done = self._load("register", self._users / self.fill_s, self._users)["done"]
                if done < self._users:
                    raise CannotMeasure(f"{done} of {self._users} users were registered: --register-rate is too high")
                yield folder

    def _load(self, mode: str, rate: float, count: int) -> Load:
        return load(mode, rate, count, self._port, self._callee_port, core=self._cores[1], users=self._users)

    def measure(self, mode: str, beside: str) -> Load:
        """Delays under the load, printed."""
        found = self._load(mode, self._rate, max(1, int(self._rate * self._seconds)))
        print(
            f"{mode:8} {beside}: p50 {found['p50_us']:.0f} us, p99 {found['p99_us']:.0f} us, lost {found['lost']}",
            flush=True,
        )
        return found

    def compare(self, mode: str, beside: str, alone: list[Load], loaded: list[Load]) -> None:
        """The medians of rounds, in turn without and with what goes on beside."""
        before_us, after_us = (statistics.median([one["p99_us"] for one in all_]) for all_ in (alone, loaded))
        times = after_us / before_us if before_us else 1.0
        lost = sum(one["lost"] for one in loaded)
        self.found[f"{mode} {beside}"] = {
            "p99_us": after_us,
            "alone_p99_us": before_us,
            "p99_times": times,
            "lost": lost,
        }
        print(
            f"{mode} {beside}: p99 {after_us:.0f} us, alone {before_us:.0f} us: {times:.2f} times; lost {lost}",
            flush=True,
        )


def measure_beside(
    ser: list[str],
    users: int,
    register_rate: float,
    rate: float,
    seconds: float,
    rounds: int,
    cores: tuple[int | None, int | None],
) -> dict[str, object]:
    """p50 and p99 of lookups and REGISTERs alone and beside each task in turn; printed as they come, with the medians of the rounds.
    Raises CannotMeasure."""
    scene = Beside(ser, users, register_rate, rate, seconds, cores)
    print(f"{users} users, {rate:g} requests a second", flush=True)
    with scene.server() as folder:
        for mode in MODES:
            scene.measure(mode, "to warm up")
            alone: list[Load] = []
            loaded: dict[str, list[Load]] = {name: [] for name in TASKS}
            for _ in range(rounds):
                alone.append(scene.measure(mode, "alone"))
                for name, task in TASKS.items():
                    asking = Asking(folder, task)
                    try:
                        loaded[name].append(scene.measure(mode, f"beside {name}"))
                    finally:
                        asking.end()
                    print(f"         {task} was answered {asking.answers} times", flush=True)
            for name in TASKS:
                scene.compare(mode, f"beside {name}", alone, loaded[name])
    _measure_expiry(scene, seconds, rounds)
    return scene.found


def _measure_expiry(scene: Beside, seconds: float, rounds: int) -> None:
    """REGISTERs before, and while, all contacts end."""
    life_s = int(scene.fill_s + seconds + MARGIN_S)
    parameters = f'modparam("registrar", "max_expires", {life_s})\nmodparam("usrloc", "timer_interval", 1)'
    alone: list[Load] = []
    loaded: list[Load] = []
    for _ in range(rounds):
        began_s = time.monotonic()
        with scene.server(parameters) as folder:
            filled_s = time.monotonic()
            alone.append(scene.measure("register", "before the end"))
            # The load renews contacts: those of the first users.
            time.sleep(max(0.0, began_s + life_s + (filled_s - began_s - scene.fill_s) - time.monotonic()))
            loaded.append(scene.measure("register", "beside the end"))
            print(f"         ul_stats: {' '.join(told(folder, 'ul_stats'))}", flush=True)
    scene.compare("register", "beside the end", alone, loaded)
