"""The control protocol of the RTP proxy: a line there, a line back. Reference modules-main, chapter 13."""

from __future__ import annotations

import os
import socket
import time
from typing import Final, final

from runtime.routing.context import L_ERR, L_INFO, L_WARN
from runtime.routing.ports import Log

VERSION: Final = b"20040107"
PORT: Final = 22222
LINE_LIMIT: Final = 4096


@final
class RtpProxy:
    """One process's line to the RTP proxy at `unix:PATH`, `udp:HOST[:PORT]`, `udp6:HOST[:PORT]` or a path.

    Over UDP a command is sent up to `attempts` times, each copy `wait_s` seconds apart; the proxy finds out about copies by the
    number before the command. A proxy that does not answer is left alone for `rest_s` seconds, so that it delays few messages.
    Only `ask` waits.
    """

    def __init__(self, place: str, log: Log, attempts: int, wait_s: int, rest_s: int) -> None:
        kind, colon, rest = place.partition(":")
        self._path = place if not colon or kind not in ("unix", "udp", "udp6") else rest if kind == "unix" else ""
        self._address = ("", 0) if self._path else _host_port(rest)
        self._family: Final = socket.AF_INET6 if kind == "udp6" and not self._path else socket.AF_INET
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
        self._log.write(L_INFO, f"rtpp_test: RTP proxy {self._place} found, support for it enabled")
        return True

    def _give_up(self, why: str) -> None:
        self._found = False
        self._dead_until = time.monotonic() + self._rest_s
        self._log.write(L_WARN, f"WARNING: rtpp_test: RTP proxy {self._place} {why}, left alone for {self._rest_s} s")

    def _exchange(self, command: bytes) -> bytes:
        try:
            return self._over_unix(command) if self._path else self._over_udp(command)
        except OSError as e:
            self._log.write(L_ERR, f"ERROR: rtpp: {self._place}: {e.strerror or e}")
            return b""

    def _over_unix(self, command: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(max(self._wait_s, 1))
            line.connect(self._path)
            line.sendall(command + b"\n")
            return line.recv(LINE_LIMIT).rstrip(b"\r\n")

    def _over_udp(self, command: bytes) -> bytes:
        line = self._socket
        if line is None:
            line = socket.socket(self._family, socket.SOCK_DGRAM)
            line.connect(self._address)
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


def _host_port(text: str) -> tuple[str, int]:
    """`host`, `host:port`, `[ipv6]` or `[ipv6]:port`; an IPv6 address without brackets has no port."""
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        return host, int(port[1:] or PORT)
    host, _, port = text.partition(":")
    return (text, PORT) if ":" in port else (host, int(port or PORT))
