"""A server with a ser.cfg that can be written anew, and people who call each other through it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from patience import eventually, readable
from ports import free_port
from starter import Started, run

from server.conftest import environment

# Nobody waits longer, on a busy machine either.
PATIENCE_S: Final = 60.0
_AGAIN_S: Final = 0.5


class LiveServer:
    """`ser` with two workers and both ways of control."""

    def __init__(self, folder: Path, cfg: str, *arguments: str, children: int = 2) -> None:
        self.folder = folder
        self.cfg = folder / "ser.cfg"
        self.port = free_port()
        self.log = folder / "log"
        self.socket = folder / "socket"
        self.fifo = folder / "fifo"
        self.head = f'fifo="{self.fifo}"\nfifo_dir="{folder}/"\nunix_sock="{self.socket}"\n'
        self.write(cfg)
        usual = ["-DE", "-f", "ser.cfg", "-l", f"udp:127.0.0.1:{self.port}", "-n", str(children)]
        self.environment = {**environment(), "XDG_CACHE_HOME": str(folder / "cache"), "SER_FIFO_DIR": f"{folder}/"}
        with open(self.log, "wb") as out, open(os.devnull, "rb") as nothing:
            files = (nothing, out, out)
            self.process = Started("serc.commands.ser", [*usual, *arguments], files, self.environment, folder)

    def write(self, cfg: str) -> None:
        self.cfg.write_text(self.head + cfg)

    def wait_ready(self) -> None:
        # The FIFO is there before those who serve it; an answer comes from all of them.
        assert eventually(lambda: self.serctl("uptime").returncode == 0, PATIENCE_S), self.log.read_text()

    def serctl(self, *words: str, by: str = "socket") -> subprocess.CompletedProcess[str]:
        return run("serc.commands.serctl", *self._way(by), *words, env=self.environment, timeout=2 * PATIENCE_S)

    def trace(self, *words: str, by: str = "socket") -> Trace:
        """`serctl trace`, which watches by now."""
        return Trace([*self._way(by), "trace", *words], self)

    def _way(self, by: str) -> list[str]:
        return ["--socket", str(self.socket)] if by == "socket" else ["--fifo", str(self.fifo)]

    def logs(self, text: str) -> bool:
        return eventually(lambda: text in self.log.read_text(), PATIENCE_S)

    def workers(self) -> list[int]:
        """Their pids."""
        lines = self.serctl("ps").stdout.splitlines()
        return [int(line.split("\t")[1]) for line in lines if "receiver child=" in line]

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


class Trace:
    """A client that watches; what it prints, line by line."""

    def __init__(self, words: list[str], server: LiveServer) -> None:
        read, write = os.pipe()
        with open(os.devnull, "r+b") as nothing:
            self.process = Started("serc.commands.serctl", words, (nothing, write, nothing), server.environment)
        os.close(write)
        self._printed = open(read, encoding="utf-8")
        self.lines: list[str] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        assert eventually(lambda: bool(self.lines) or self.process.poll() is not None, PATIENCE_S)

    def _read(self) -> None:
        with self._printed:
            for line in self._printed:
                self.lines.append(line.rstrip("\n"))

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def events(self) -> list[dict[str, Any]]:
        """With --json."""
        return [json.loads(line) for line in self.lines]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == kind]

    def shows(self, text: str) -> bool:
        """Whether it prints this, or will soon."""
        return eventually(lambda: text in self.text, PATIENCE_S)

    def wait(self) -> int:
        """Its exit status, when all has been read."""
        assert eventually(lambda: self.process.poll() is not None, PATIENCE_S), self.text
        status = self.process.wait()
        self._thread.join(PATIENCE_S)
        return status

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.wait()

    def kill(self) -> None:
        self.process.kill()
        self.wait()


@contextmanager
def serving(folder: Path, cfg: str, *arguments: str, children: int = 2) -> Iterator[LiveServer]:
    server = LiveServer(folder, cfg, *arguments, children=children)
    try:
        server.wait_ready()
        yield server
    finally:
        server.end()


class Call:
    """How a call goes: the final status of its INVITE, and whether it has come to its end."""

    def __init__(self, call_id: str) -> None:
        self.call_id = call_id
        self.status = 0
        self.is_over = False
        self.is_wrong = ""
        self.sent = b""
        self.sent_s = 0.0
        self.to = ""
        self.routes: list[str] = []


class People:
    """Alice, who calls, and Bob at `bob_port`, who answers with `busy` or after having rung; all in one thread of their own.

    Messages that get no answer are repeated, as phones do.
    """

    def __init__(self, port: int, callee: str = "bob", busy: bool = False) -> None:
        self._server = ("127.0.0.1", port)
        self._callee = callee
        self._busy = busy
        self.alice = _bound()
        self.bob = _bound()
        self.bob_port: int = self.bob.getsockname()[1]
        self.alice_port: int = self.alice.getsockname()[1]
        self.calls: dict[str, Call] = {}
        self.texts_of_bob: list[str] = []
        self._wanted: list[Call] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def call(self, name: str = "") -> Call:
        """Begin a call."""
        call = Call(name or f"{len(self.calls) + 1}-{time.time_ns()}@alice")
        self.calls[call.call_id] = call
        self._wanted.append(call)
        return call

    def talk(self, name: str = "") -> Call:
        """A call from its beginning to its end."""
        call = self.call(name)
        assert eventually(lambda: call.is_over, PATIENCE_S), (call.status, call.is_wrong)
        return call

    def end(self) -> None:
        self._over.set()
        self._thread.join()
        self.alice.close()
        self.bob.close()

    # --- in the thread -------------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        while not self._over.is_set():
            while self._wanted:
                call = self._wanted.pop(0)
                self._request(call, "INVITE", 1)
            ready = readable([self.alice, self.bob], 0.005)
            for own in ready:
                self._read(own)
            now_s = time.monotonic()
            for call in list(self.calls.values()):
                if not call.is_over and call.sent and now_s - call.sent_s > _AGAIN_S:
                    call.sent_s = now_s
                    self.alice.sendto(call.sent, self._server)

    def _read(self, own: socket.socket) -> None:
        for _ in range(100):
            try:
                text = own.recv(65536).decode()
            except BlockingIOError:
                return
            if own is self.bob:
                self._answer(text)
            else:
                self._take(text)

    def _answer(self, text: str) -> None:
        """Bob."""
        method = text.partition(" ")[0]
        if method == "SIP/2.0" or method == "ACK":
            return
        self.texts_of_bob.append(text)
        if method == "INVITE":
            self.bob.sendto(_reply(text, "180 Ringing"), self._server)
        busy = method == "INVITE" and self._busy
        self.bob.sendto(_reply(text, "486 Busy Here" if busy else "200 OK", self.bob_port), self._server)

    def _take(self, text: str) -> None:
        """Alice."""
        call = self.calls.get(_header(text, "Call-ID"))
        status = int(text.split(" ")[1])
        if call is None or call.is_over or status < 200:
            return
        method = _header(text, "CSeq").split()[1]
        if method == "BYE":
            call.is_over = True
            call.is_wrong = "" if status == 200 else f"BYE: {status}"
            return
        call.to = _header(text, "To")
        again = call.status != 0
        call.status = status
        if status < 300:
            call.routes = _headers(text, "Record-Route")
        self._send(call, "ACK", 1)
        if again:
            return
        if status < 300:
            self._request(call, "BYE", 2)
        else:
            call.is_over = True

    def _request(self, call: Call, method: str, number: int) -> None:
        call.sent = self._send(call, method, number)
        call.sent_s = time.monotonic()

    def _send(self, call: Call, method: str, number: int) -> bytes:
        uri = f"sip:bob@127.0.0.1:{self.bob_port}" if call.routes else f"sip:{self._callee}@example.com"
        branch = f"z9hG4bK{call.call_id}{method if call.status < 300 else ''}".replace("@", "")
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.alice_port};branch={branch}",
            *[f"Route: {route}" for route in call.routes],
            "From: <sip:alice@example.com>;tag=1",
            f"To: {call.to or f'<sip:{self._callee}@example.com>'}",
            f"Call-ID: {call.call_id}",
            f"CSeq: {number} {method}",
            f"Contact: <sip:alice@127.0.0.1:{self.alice_port}>",
            "Max-Forwards: 70",
            'Authorization: Digest username="alice", realm="x", response="5ec5e7"',
            "Content-Length: 0",
        ]
        data = ("\r\n".join(lines) + "\r\n\r\n").encode()
        self.alice.sendto(data, self._server)
        return data


def _bound() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    made.bind(("127.0.0.1", 0))
    made.setblocking(False)
    return made


def _headers(text: str, name: str) -> list[str]:
    lines = text.partition("\r\n\r\n")[0].split("\r\n")[1:]
    return [line.partition(":")[2].strip() for line in lines if line.partition(":")[0] == name]


def _header(text: str, name: str) -> str:
    return next(iter(_headers(text, name)), "")


def _reply(text: str, status: str, port: int = 0) -> bytes:
    kept = [
        f"{name}: {value}"
        for name in ("Via", "Record-Route", "From", "Call-ID", "CSeq")
        for value in _headers(text, name)
    ]
    to = _header(text, "To")
    lines = [f"SIP/2.0 {status}", *kept, f"To: {to}{'' if 'tag=' in to else ';tag=b'}"]
    if port:
        lines.append(f"Contact: <sip:bob@127.0.0.1:{port}>")
    return ("\r\n".join([*lines, "Content-Length: 0"]) + "\r\n\r\n").encode()


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
