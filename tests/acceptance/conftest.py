"""A server as `ser` starts it, with the clients that people test servers with."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from server.conftest import alive as alive
from starter import Started

import runtime
from runtime.build import NATIVE

PROJECT = Path(__file__).parent.parent.parent
START_CFG = PROJECT / "examples" / "cfg" / "start.cfg"


def four_digit_port() -> int:
    """A port below 10,000, free over UDP and TCP: sipsak 0.9.8 cuts the fifth digit off."""
    while True:
        port = random.randrange(2000, 10_000)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s, socket.socket() as t:
            try:
                s.bind(("127.0.0.1", port))
                t.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def tool(name: str) -> str:
    """The path of a program; skips the test where it is not installed."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def options(port: int, from_port: int) -> bytes:
    return (
        f"OPTIONS sip:127.0.0.1:{port} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 127.0.0.1:{from_port};branch=z9hG4bKready\r\n"
        f"From: <sip:test@127.0.0.1>;tag=1\r\nTo: <sip:127.0.0.1:{port}>\r\n"
        "Call-ID: ready\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n\r\n"
    ).encode()


class Ser:
    """`ser -f CONFIG -D -E -l udp:127.0.0.1:PORT`, of the build under test. `{port}` in further arguments stands for PORT."""

    def __init__(self, folder: Path, config: Path, *arguments: str) -> None:
        self.port = four_digit_port()
        self.log = folder / "ser.log"
        words = ["-f", str(config), "-D", "-E"]
        if not NATIVE:
            # The loads of these tests are an overload for it on a busy machine.
            words += ["--queue", "0"]
        words += ["-l", f"udp:127.0.0.1:{self.port}", *(word.format(port=self.port) for word in arguments)]
        paths = {"PYTHONPATH": str(Path(runtime.__file__).parent.parent), "XDG_CACHE_HOME": str(folder / "cache")}
        with self.log.open("wb") as log, open(os.devnull, "rb") as nothing:
            self.process = Started(
                "serc.commands.ser", words, (nothing, log, log), {**os.environ, **paths}, folder, start_new_session=True
            )

    def wait_ready(self, within_s: float = 30.0) -> None:
        """Return when it has answered an OPTIONS."""
        until = time.monotonic() + within_s
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.1", 0))
            s.settimeout(0.02)
            while time.monotonic() < until:
                assert self.process.poll() is None, self.log.read_text()
                s.sendto(options(self.port, s.getsockname()[1]), ("127.0.0.1", self.port))
                try:
                    assert s.recv(65536).startswith(b"SIP/2.0 200 "), self.log.read_text()
                    return
                except TimeoutError:
                    continue
        raise AssertionError(f"no answer within {within_s} s: {self.log.read_text()}")

    def processes(self) -> set[int]:
        """The master and all that descend from it."""
        found = [self.process.pid]
        for pid in found:
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                found.extend(int(child) for child in children.read_text().split())
        return set(found)

    def terminate(self, within_s: float = 20.0) -> int:
        """SIGTERM; the exit status."""
        self.process.terminate()
        return self.process.wait(within_s)

    def kill(self) -> None:
        """End it whatever state it is in."""
        for pid in self.processes() if self.process.poll() is None else ():
            os.kill(pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def ser(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Ser]:
    """A server with examples/cfg/start.cfg that answers; parametrize it indirectly with further arguments."""
    server = Ser(tmp_path, START_CFG, *getattr(request, "param", ()))
    try:
        server.wait_ready()
        yield server
    finally:
        server.kill()
