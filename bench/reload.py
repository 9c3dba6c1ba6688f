"""How long a reload takes, and how long a message waits meanwhile, with many workers and many transactions that are pending."""

from __future__ import annotations

import re
import socket
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Final

from bench.process import CannotMeasure, free_port, running
from bench.scenario import ser_command

CONFIG: Final = """
debug=0
log_stderror=yes
unix_sock="{folder}/socket"
loadmodule "sl.so"
loadmodule "tm.so"
route {{
    if (method == "OPTIONS") {{ sl_send_reply("200", "{answer}"); break; }}
    rewritehostport("127.0.0.1:{silent}");
    t_relay();
}}
"""
_BATCH: Final = 50
_PING_S: Final = 0.002
_TIMES: Final = re.compile(r"compiled in (\d+) ms, all ready in (\d+) ms, all switched in (\d+) ms")


def reload_times(ser: list[str], workers: int, pending: int, rounds: int) -> dict[str, object]:
    """Prints the parts of each reload, and the longest wait of a message without one and with it. Raises CannotMeasure."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent,
    ):
        silent.bind(("127.0.0.1", 0))
        port, path = free_port(), Path(folder) / "ser.cfg"

        def write(number: int) -> None:
            path.write_text(CONFIG.format(folder=folder, answer=f"version {number}", silent=silent.getsockname()[1]))

        write(1)
        command = ser_command(ser, str(path), port, workers)
        with running("ser", command, port, environment={"XDG_CACHE_HOME": f"{folder}/cache"}):
            _open(port, pending)
            usual_ms = _waits(port, lambda: time.sleep(3.0))
            found: list[tuple[int, int, int, float]] = []
            for number in range(2, rounds + 2):
                write(number)
                told: list[str] = []
                longest_ms = _waits(port, lambda: told.append(_ask(f"{folder}/socket", ":reload:\n\n")))
                times = _TIMES.search(told[0])
                if times is None:
                    raise CannotMeasure(f"reload: {told[0]}")
                found.append((int(times[1]), int(times[2]), int(times[3]), longest_ms))
                print(
                    f"round {number - 1}: compiled {times[1]} ms, ready {times[2]} ms, switched {times[3]} ms; "
                    f"a message waited for {longest_ms:.1f} ms at most",
                    flush=True,
                )
    compiled, ready, switched, waited = (statistics.median(column) for column in zip(*found))
    print(
        f"{workers} workers, {pending} pending transactions, median: compiled {compiled:g} ms, ready {ready:g} ms, "
        f"switched {switched:g} ms, longest wait {waited:.1f} ms (without a reload {usual_ms:.1f} ms)"
    )
    return {
        "compiled_ms": compiled,
        "ready_ms": ready,
        "switched_ms": switched,
        "longest_ms": waited,
        "usual_ms": usual_ms,
    }


def _message(method: str, call_id: str, port: int) -> bytes:
    return (
        f"{method} sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{call_id}\r\n"
        f"From: <sip:alice@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\nCall-ID: {call_id}\r\nCSeq: 1 {method}\r\n"
        "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def _open(port: int, count: int) -> None:
    """So many calls that nobody answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller:
        caller.bind(("127.0.0.1", 0))
        caller.settimeout(10)
        own = caller.getsockname()[1]
        for first in range(0, count, _BATCH):
            for number in range(first, first + _BATCH):
                caller.sendto(_message("INVITE", f"pending-{number}", own), ("127.0.0.1", port))
            for _ in range(_BATCH):
                caller.recv(4096)  # 100 trying


def _waits(port: int, do: object) -> float:
    """The longest time that a message has waited for its answer while `do` was done, in milliseconds."""
    assert callable(do)
    over = threading.Event()
    longest = 0.0

    def ping() -> None:
        nonlocal longest
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
            phone.bind(("127.0.0.1", 0))
            phone.settimeout(10)
            number = 0
            while not over.is_set():
                number += 1
                began = time.monotonic()
                phone.sendto(_message("OPTIONS", f"ping-{number}", phone.getsockname()[1]), ("127.0.0.1", port))
                phone.recv(4096)
                longest = max(longest, (time.monotonic() - began) * 1000)
                time.sleep(_PING_S)

    thread = threading.Thread(target=ping)
    thread.start()
    try:
        do()
    finally:
        over.set()
        thread.join()
    return longest


def _ask(path: str, text: str) -> str:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        client.bind("")
        client.settimeout(120)
        client.sendto(text.encode(), path)
        return client.recv(65536).decode()
