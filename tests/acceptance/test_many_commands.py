"""The FIFO under load: clients who ask right, with garbage among them, beside UDP requests.

SER_ACCEPTANCE_COMMANDS sets how many they ask; a release is tried with 100,000.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import re
import select
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from patience import let_pass, rest

from acceptance.conftest import Ser, options

COMMANDS: Final = int(os.environ.get("SER_ACCEPTANCE_COMMANDS", "10000"))
CLIENTS: Final = 8
GARBAGE_SHARE: Final = 0.01

CONFIG = """
fifo="{folder}/fifo"
fifo_dir="{folder}/"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "gflags.so"
route {{
    if (method == "OPTIONS") {{ sl_send_reply("200", "OK"); break; }}
    t_relay();
}}
"""

# What is asked, and what the whole answer looks like.
QUESTIONS: Final = (
    ("version", (), r"200 ok\nServer: .*\r\n"),
    ("uptime", (), r"200 ok\nNow: .*\nUp Since: .*\nUp time: \d+ \[sec\]\n"),
    ("which", (), r"200 ok\n(\w+\n)+"),
    ("pwd", (), r"200 ok\n/.*\n"),
    ("arg", (), r"200 ok\n.*\n(.*\n)+"),
    ("ps", (), r"200 ok\n(\d+\t\d+\t.*\n){4,}"),
    ("sl_stats", (), r"200 ok\n(.*: \d+ .*\n){7}"),
    ("t_stats", (), r"200 ok\nCurrent: .*\nReplied .*\nCompletion .*\n"),
    ("is_gflag", ("7",), r"200 OK\nFALSE\n"),
    ("t_uac_cancel", ("nosuch@call", "1"), r"481 fifo_uac_cancel: no such transaction\n?"),
)

# What no client should write. `missing` and the others are reply pipes that nobody gets an answer through.
GARBAGE: Final = (
    b"\n",
    b"garbage\n",
    b"garbage without an end",
    b":\n:version\n\n",
    b":version:missing\n",
    b":version:missing\nsurplus\nmore surplus\n\n",
    b":version:missing",
    b":nosuch:missing\nparameter\nother\n\n",
    b":version:link\n\n",
    b":version:file\n\n",
    b":version:twice\n\n",
    b":version:stranger\n\n",
    b":version:nobody_reads\n\n",
    b":version:../../etc/passwd\n\n",
    b":version:/etc/passwd\n\n",
    b":" + b"v" * 600 + b":missing\n\n",
    b"x" * 100_000,
    b"\0\xff\n" * 1000 + b"\n",
)


class Asker:
    """One client with a reply pipe of its own; `wrong` counts answers that are not what they should be."""

    def __init__(self, folder: Path, number: int) -> None:
        self._fifo = os.open(folder / "fifo", os.O_WRONLY)
        self._random = random.Random(number)
        self._number = number
        self._name = f"reply{number}"
        self._path = folder / self._name
        os.mkfifo(self._path)
        self.wrong: list[str] = []

    def run(self, requests: int) -> None:
        for count in range(requests):
            if self._random.random() < GARBAGE_SHARE:
                self._write(self._random.choice(GARBAGE))
            command, lines, expected = self._random.choice(QUESTIONS)
            if count % 3 == 0:
                text = f"{self._number} {count}"
                command, lines, expected = "print", (text,), f"200 ok\n{text}\n"
            answer = self._ask("\n".join([f":{command}:{self._name}", *lines, "", ""]).encode())
            if not re.fullmatch(expected, answer):
                self.wrong.append(f"{command}: {answer[:200]!r}")

    def _write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._fifo, data) :]

    def _ask(self, request: bytes) -> str:
        pipe = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            self._write(request)
            waiting = select.poll()
            waiting.register(pipe, select.POLLIN)
            answer = b""
            while waiting.poll(60_000):
                piece = os.read(pipe, 65536)
                if not piece:
                    return answer.decode()
                answer += piece
            return f"no end after {answer!r}"
        finally:
            os.close(pipe)


def _client(folder: Path, number: int, requests: int, wrong: multiprocessing.Queue[list[str]]) -> None:
    os.nice(19)  # what is measured is the server, not how the machine shares its processors
    asker = Asker(folder, number)
    asker.run(requests)
    wrong.put(asker.wrong)


def make_traps(folder: Path) -> None:
    """What hostile clients name as their reply pipes."""
    (folder / "file").write_text("precious")
    os.mkfifo(folder / "target")
    (folder / "link").symlink_to(folder / "target")
    os.mkfifo(folder / "twice")
    os.link(folder / "twice", folder / "again")
    for name in ("stranger", "nobody_reads"):
        os.mkfifo(folder / name)
    if os.geteuid() == 0:
        os.chown(folder / "stranger", 12345, 12345)


class Probe:
    """How long requests over UDP take, in seconds."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.connect(("127.0.0.1", port))
        self._socket.settimeout(30)
        self._request = options(port, self._socket.getsockname()[1])

    def p99(self, goes_on: Callable[[int], bool]) -> float:
        """100 requests a second as long as `goes_on` says so, which is told how many there were."""
        took: list[float] = []
        while goes_on(len(took)):
            began = time.monotonic()
            self._socket.send(self._request)
            assert self._socket.recv(65536).startswith(b"SIP/2.0 200")
            took.append(time.monotonic() - began)
            rest()
        return statistics.quantiles(took, n=100)[98]

    def close(self) -> None:
        self._socket.close()


def holdings(ser: Ser) -> dict[int, tuple[int, int]]:
    """Open descriptors and resident kB of each of the server's processes."""
    found = {}
    for pid in ser.processes():
        status = Path(f"/proc/{pid}/status").read_text()
        resident = re.search(r"VmRSS:\s+(\d+)", status)
        assert resident is not None
        found[pid] = len(os.listdir(f"/proc/{pid}/fd")), int(resident[1])
    return found


@pytest.fixture
def ser(tmp_path: Path) -> Iterator[Ser]:
    config = tmp_path / "ser.cfg"
    config.write_text(CONFIG.format(folder=tmp_path))
    server = Ser(tmp_path, config, "-n", "2")
    try:
        server.wait_ready()
        yield server
    finally:
        server.kill()


def ask_all(folder: Path, first: int, requests: int, port: int) -> tuple[list[str], float]:
    """Have CLIENTS clients, numbered from `first`, ask `requests` questions together: wrong answers, and p99 over UDP meanwhile."""
    context = multiprocessing.get_context("fork")
    wrong: multiprocessing.Queue[list[str]] = context.Queue()
    numbers = range(first, first + CLIENTS)
    clients = [context.Process(target=_client, args=(folder, n, requests // CLIENTS, wrong)) for n in numbers]
    for client in clients:
        client.start()
    probe = Probe(port)
    p99 = probe.p99(lambda count: count < 100 or any(client.is_alive() for client in clients))
    probe.close()
    return [line for _ in clients for line in wrong.get(timeout=10)], p99


def test_all_get_their_answers_and_nothing_grows(ser: Ser, tmp_path: Path) -> None:
    make_traps(tmp_path)
    probe = Probe(ser.port)
    quiet = probe.p99(lambda count: count < 300)
    probe.close()
    assert ask_all(tmp_path, 0, 2000, ser.port)[0] == []
    before = holdings(ser)
    began = time.monotonic()
    wrong, loaded = ask_all(tmp_path, CLIENTS, COMMANDS, ser.port)
    took_s = time.monotonic() - began
    let_pass(0.5, "whoever does not read his answer is given up, which nobody tells")
    after = holdings(ser)
    figures = f"{COMMANDS / took_s:.0f} commands/s, UDP p99 {quiet * 1e3:.2f} ms, under load {loaded * 1e3:.2f} ms, {before}, {after}"
    assert wrong == [], ser.log.read_text()[-3000:]
    assert (tmp_path / "file").read_text() == "precious"
    assert after.keys() == before.keys(), ser.log.read_text()[-3000:]
    for pid, (descriptors, resident_kb) in after.items():
        assert descriptors == before[pid][0], figures
        assert resident_kb - before[pid][1] < 1024, figures
    # The FIFO's process has the processors in common with the workers: this holds only what a stop of theirs would break.
    assert loaded < max(10 * quiet, 2.0), figures
