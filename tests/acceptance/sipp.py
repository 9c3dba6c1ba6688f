"""sipp as a party of calls, its counters, a network that loses datagrams, and one that cuts streams into bytes."""

from __future__ import annotations

import csv
import random
import selectors
import socket
import subprocess
import threading
from pathlib import Path

from ports import free_port

from acceptance.conftest import tool

FOLDER = Path(__file__).parent
NOTHING_ELSE = {"FailedCall": 0, "Retransmissions": 0, "OutOfCallMsgs": 0, "DeadCallMsgs": 0}


class Sipp:
    """A running sipp that ends by itself after `calls` calls. `arguments` say which scenario it plays."""

    def __init__(self, folder: Path, name: str, calls: int, within_s: float, *arguments: str) -> None:
        self.port = free_port()
        self._statistics = folder / f"{name}.csv"
        self._output = folder / f"{name}.log"
        self._within_s = within_s
        # No media port is wanted, but sipp takes two; any free one does for a start of its search.
        words = ["-i", "127.0.0.1", "-p", self.port, "-mp", free_port() & ~1, "-m", calls, "-nostdin"]
        words += ["-trace_err", "-trace_stat", "-stf", self._statistics, "-fd", 1, "-timeout", int(within_s)]
        command = [tool("sipp"), *arguments, *(str(word) for word in words)]
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder)

    def wait(self) -> int:
        """Its exit status when it has ended: 0 if no call failed."""
        return self.process.wait(self._within_s + 10)

    def text(self) -> str:
        """What it has shown, for the message of a failed test."""
        return self._output.read_text(errors="replace")[-3000:]

    def totals(self) -> dict[str, int]:
        """The counters that it wrote last."""
        with self._statistics.open(newline="") as file:
            *_, last = csv.DictReader(file, delimiter=";")
        return {name: int(last[f"{name}(C)"]) for name in ("SuccessfulCall", *NOTHING_ELSE)}

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class LossyLink:
    """A relay on `port`: what comes goes on to the target, the answers go back to who sent last; `loss` of all is dropped.

    `dropped` and `passed` count datagrams.
    """

    def __init__(self, target: int, loss: float, seed: int) -> None:
        self._chance = random.Random(seed)
        self._loss = loss
        self._target = ("127.0.0.1", target)
        self._near = _socket()
        self._far = _socket()
        self._end, self._ended = socket.socketpair()
        self.port: int = self._near.getsockname()[1]
        self.dropped = 0
        self.passed = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        client: tuple[str, int] | None = None
        with selectors.DefaultSelector() as selector:
            for one in (self._near, self._far, self._ended):
                selector.register(one, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if self._ended in ready:
                    return
                if self._near in ready:
                    data, client = self._near.recvfrom(65536)
                    self._pass(self._far, data, self._target)
                if self._far in ready:
                    self._pass(self._near, self._far.recv(65536), client)

    def _pass(self, out: socket.socket, data: bytes, to: tuple[str, int] | None) -> None:
        if to is None or self._chance.random() < self._loss:
            self.dropped += 1
            return
        out.sendto(data, to)
        self.passed += 1

    def close(self) -> None:
        self._end.close()
        self._thread.join()
        for one in (self._near, self._far, self._ended):
            one.close()


class Cutter:
    """A relay on `port`: what comes over a TCP connection goes on to the target, and back, one byte at a time."""

    def __init__(self, target: int) -> None:
        self._target = ("127.0.0.1", target)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1000)
        self.port: int = self._listener.getsockname()[1]
        self.passed_bytes = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(self._target)
            for a, b in ((near, far), (far, near)):
                a.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._pass, args=(a, b), daemon=True).start()

    def _pass(self, a: socket.socket, b: socket.socket) -> None:
        try:
            while data := a.recv(65536):
                for i in range(len(data)):
                    b.send(data[i : i + 1])
                self.passed_bytes += len(data)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            # One side has ended: so does the other.
            a.close()
            b.close()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def _socket() -> socket.socket:
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind(("127.0.0.1", 0))
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    return one
