"""The control protocol of the RTP proxy: a line there, a line back. Reference modules-main, chapter 13."""

from __future__ import annotations

import os
import socket
import time
from typing import Final, final

from runtime.routing.context import L_ERR, L_INFO, L_WARN
from runtime.routing.ports import Log
from runtime.spec.kinds_sip import LARGEST_PORT, host_mistake, is_ip

VERSION: Final = b"20040107"
PORT: Final = 22222
LINE_LIMIT: Final = 4096


@final
class Place:
    """Where an RTP proxy listens: `path` of a Unix socket, "" for UDP; `text` as the administrator wrote it."""

    def __init__(self, text: str, path: str, family: int, host: str, port: int) -> None:
        self.text: Final = text
        self.path: Final = path
        self.family: Final = family
        self.address: Final = (host, port)


def parse_place(text: str) -> Place:
    """The place `unix:PATH`, `udp:HOST[:PORT]`, `udp6:HOST[:PORT]`, or a path. Raises ValueError, one sentence.

    HOST is in brackets where it is an IPv6 address; without a port these may be missing.
    """
    kind, colon, rest = text.partition(":")
    if not colon or kind not in ("unix", "udp", "udp6"):
        kind, rest = "unix", text
    if kind == "unix":
        if not rest:
            raise ValueError("the path of the socket is missing")
        return Place(text, rest, socket.AF_UNIX, "", 0)
    host, colon, port = rest.rpartition(":")
    if not colon or rest.endswith("]") or is_ip(rest):
        host, port = rest, str(PORT)
    if not port.isdecimal() or not 0 < int(port) <= LARGEST_PORT:
        raise ValueError(f'"{port}" is not a port')
    mistake = host_mistake(host)
    if mistake:
        raise ValueError(mistake)
    return Place(text, "", socket.AF_INET6 if kind == "udp6" else socket.AF_INET, host.strip("[]"), int(port))


@final
class RtpProxy:
    """One process's line to the RTP proxy.

    Over UDP a command is sent up to `attempts` times, each copy `wait_s` seconds apart; the proxy finds out about copies by the
    number before the command. A proxy that does not answer is left alone for `rest_s` seconds, so that it delays few messages.
    Only `ask` waits.
    """

    def __init__(self, place: Place, log: Log, attempts: int, wait_s: int, rest_s: int) -> None:
        self._log: Final = log
        self._attempts: Final = max(attempts, 1)
        self._wait_s: Final = wait_s
        self._rest_s: Final = rest_s
        self._place: Final = place
        self._socket: socket.socket | None = None
        self._number = 0
        self._dead_until = 0.0
        self._found = False

    def ask(self, command: bytes) -> bytes:
        """The answer to a command without its line end; b"" when there is none, or while the proxy is left alone."""
        if not self._found and not self.find():
            return b""
        answer = self._exchange(command)
        if not answer:
            self._give_up("does not answer")
        return answer

    def find(self) -> bool:
        """Whether a proxy of the right version is there; asked at the start, and when a silent one has had its rest."""
        if time.monotonic() < self._dead_until:
            return False
        answer = self._exchange(b"V")
        if answer != VERSION:
            shown = answer.decode("latin-1")
            self._give_up(f"is of the version {shown}, not {VERSION.decode()}" if answer else "does not answer")
            return False
        self._found = True
        self._log.write(L_INFO, f"rtpp_test: RTP proxy {self._place.text} found, support for it enabled")
        return True

    def _give_up(self, why: str) -> None:
        self._found = False
        self._dead_until = time.monotonic() + self._rest_s
        self._log.write(
            L_WARN, f"WARNING: rtpp_test: RTP proxy {self._place.text} {why}, left alone for {self._rest_s} s"
        )

    def _exchange(self, command: bytes) -> bytes:
        try:
            return self._over_unix(command) if self._place.path else self._over_udp(command)
        except OSError as e:
            self._log.write(L_ERR, f"ERROR: rtpp: {self._place.text}: {e.strerror or e}")
            return b""

    def _over_unix(self, command: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(max(self._wait_s, 1))
            line.connect(self._place.path)
            line.sendall(command + b"\n")
            return line.recv(LINE_LIMIT).rstrip(b"\r\n")

    def _over_udp(self, command: bytes) -> bytes:
        line = self._socket
        if line is None:
            line = socket.socket(self._place.family, socket.SOCK_DGRAM)
            line.connect(self._place.address)
            self._socket = line
        self._number += 1
        cookie = b"%d_%d " % (os.getpid(), self._number)
        for _ in range(self._attempts):
            line.send(cookie + command)
            until = time.monotonic() + self._wait_s
            while True:
                line.settimeout(max(until - time.monotonic(), 0.001))
                try:
                    answer = line.recv(LINE_LIMIT)
                except TimeoutError:
                    break
                # Answers to earlier commands, and to copies of them, may come late.
                if answer.startswith(cookie):
                    return answer[len(cookie) :].rstrip(b"\r\n")
        return b""
