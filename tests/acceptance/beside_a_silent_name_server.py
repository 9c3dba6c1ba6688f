"""Run by test_silent_name_server.py in name spaces of its own: `beside_a_silent_name_server.py SECONDS ROUNDS CONFIG FLAGS…`.

The name server takes questions and says nothing. Requests go through a proxy to a callee, in turn without and with others for hosts
that nobody knows; prints as JSON what they took, and what became of those others.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable

from runtime.build import NATIVE

# Messages a second, which each build answers also beside other work.
RATE = 300 if NATIVE else 100
UNKNOWN_RATE = 50
PATIENCE_S = 30.0
PORT, CALLER, CALLEE, STRANGER = 5060, 5071, 5072, 5073


def bound(host: str, port: int) -> socket.socket:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((host, port))
    return s


def request(method: str, uri: str, port: int, call: str) -> bytes:
    return (
        f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{call}\r\nMax-Forwards: 70\r\n"
        f"From: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:b@127.0.0.1>\r\nCall-ID: {call}\r\nCSeq: 1 {method}\r\n"
        "Content-Length: 0\r\n\r\n"
    ).encode()


def call_of(data: bytes) -> bytes:
    return data.partition(b"\r\nCall-ID: ")[2].partition(b"\r\n")[0]


def answer_all(callee: socket.socket) -> None:
    while True:
        data, sender = callee.recvfrom(65536)
        head = data.partition(b"\r\n")[2]
        callee.sendto(b"SIP/2.0 200 OK\r\n" + head, sender)


def count_finals(stranger: socket.socket, finals: dict[bytes, set[bytes]]) -> None:
    """The calls of each status; final replies get their ACK."""
    while True:
        data = stranger.recv(65536)
        if data[8:9] != b"1":
            call = call_of(data)
            finals.setdefault(data[8:11], set()).add(call)
            uri = f"sip:b@{call.decode()}.nowhere.test"
            ack = request("ACK", uri, STRANGER, call.decode())
            tag = data.partition(b"\r\nTo: ")[2].partition(b"\r\n")[0]
            stranger.sendto(ack.replace(b"<sip:b@127.0.0.1>", tag), ("127.0.0.1", PORT))


def call_strangers(stranger: socket.socket, over: threading.Event, called: list[str]) -> None:
    while not over.wait(1 / UNKNOWN_RATE):
        call = f"u{len(called)}"
        called.append(call)
        stranger.sendto(request("INVITE", f"sip:b@{call}.nowhere.test", STRANGER, call), ("127.0.0.1", PORT))


def wait_until(is_so: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    """Or for so long that it will not be."""
    give_up = time.monotonic() + patience_s
    while not is_so() and time.monotonic() < give_up:
        time.sleep(0.05)


def measure(
    caller: socket.socket, seconds: float, name: str, patience_s: float = PATIENCE_S
) -> tuple[list[float], int]:
    """Seconds from each request to its answer, upwards, and how many were not answered."""
    sent: dict[bytes, float] = {}
    took: list[float] = []
    over = threading.Event()

    def listen() -> None:
        while not over.is_set():
            try:
                data = caller.recv(65536)
            except TimeoutError:
                continue
            began = sent.pop(call_of(data), None)
            if began is not None:
                took.append(time.monotonic() - began)

    caller.settimeout(0.1)
    listener = threading.Thread(target=listen)
    listener.start()
    start = time.monotonic()
    for i in range(int(seconds * RATE)):
        time.sleep(max(0.0, start + i / RATE - time.monotonic()))
        call = f"{name}-{i}"
        sent[call.encode()] = time.monotonic()
        caller.sendto(request("MESSAGE", f"sip:b@127.0.0.1:{CALLEE}", CALLER, call), ("127.0.0.1", PORT))
    wait_until(lambda: not sent, patience_s)
    over.set()
    listener.join()
    return sorted(took), len(sent)


def main() -> None:
    seconds, rounds, config, flags = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:]
    silent = bound("127.0.0.53", 53)
    caller, callee, stranger = bound("127.0.0.1", CALLER), bound("127.0.0.1", CALLEE), bound("127.0.0.1", STRANGER)
    finals: dict[bytes, set[bytes]] = {}
    called: list[str] = []
    threading.Thread(target=answer_all, args=(callee,), daemon=True).start()
    threading.Thread(target=count_finals, args=(stranger, finals), daemon=True).start()
    command = [
        sys.executable,
        "-m",
        "serc.commands.ser",
        "-f",
        config,
        # Other work on the machine is no overload.
        "--queue",
        "0",
        "-D",
        "-E",
        "-l",
        f"udp:127.0.0.1:{PORT}",
        *flags,
    ]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while not measure(caller, 0.02, f"ready{time.monotonic_ns()}", 0.3)[0]:
            assert server.poll() is None and time.monotonic() < until
        measure(caller, 0.5, "warm")
        p99_ms: dict[bool, list[float]] = {False: [], True: []}
        lost = 0
        for i in range(2 * rounds):
            is_disturbed = i % 2 == 1
            over = threading.Event()
            others = threading.Thread(target=call_strangers, args=(stranger, over, called))
            if is_disturbed:
                others.start()
                # By now the first of them are being given up.
                time.sleep(2.5)
            took, missing = measure(caller, seconds, f"m{i}")
            lost += missing
            p99_ms[is_disturbed].append(took[int(len(took) * 0.99)] * 1000)
            over.set()
            if is_disturbed:
                others.join()
                wait_until(lambda: sum(map(len, finals.values())) == len(called))
    finally:
        server.terminate()
        server.wait()
    silent.close()
    answered = {status.decode(): len(calls) for status, calls in finals.items()}
    facts = {"quiet_ms": p99_ms[False], "disturbed_ms": p99_ms[True], "lost": lost, "called": len(called)}
    print(json.dumps({**facts, "answered": answered, "cpus": os.cpu_count()}))


if __name__ == "__main__":
    main()
