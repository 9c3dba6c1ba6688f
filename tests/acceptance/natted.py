"""Phones that do one thing at a time, also behind routers that they know nothing of, and the proxy for their sound."""

from __future__ import annotations

import re
import socket
import threading
from types import TracebackType
from typing import Self

# What keeps a router's memory of a phone fresh.
PING = bytes(4)
SDP = "v=0\r\no=u 1 1 IN IP4 10.1.2.3\r\ns=-\r\nc=IN IP4 10.1.2.3\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"


class RtpProxy:
    """Answers every command of its protocol with the same place; `asked` are the commands."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.asked: list[str] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            data, client = self._socket.recvfrom(4096)
            cookie, _, command = data.decode().strip().partition(" ")
            if command == "end":
                return
            self.asked.append(command)
            answer = "20040107" if command.startswith("V") else "35000 127.0.0.9"
            self._socket.sendto(f"{cookie} {answer}\n".encode(), client)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            own.sendto(b"1 end", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()


class Handset:
    """A phone that has this address in Via and Contact, "" for its own."""

    def __init__(self, user: str, address: str = "") -> None:
        self.user = user
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(30.0)
        self.port: int = self._socket.getsockname()[1]
        self._address = address or f"127.0.0.1:{self.port}"
        self._server = ("127.0.0.1", 0)
        self.pings = 0

    def send(self, port: int, method: str, callee: str, body: str = "") -> None:
        self._server = ("127.0.0.1", port)
        lines = [
            f"{method} sip:{callee + '@' if method != 'REGISTER' else ''}127.0.0.1:{port} SIP/2.0",
            f"Via: SIP/2.0/UDP {self._address};branch=z9hG4bK{method}{self.user}",
            f"From: <sip:{self.user}@127.0.0.1:{port}>;tag={self.user}",
            f"To: <sip:{callee}@127.0.0.1:{port}>",
            f"Call-ID: {method}-{self.user}",
            f"CSeq: 1 {method}",
            f"Contact: <sip:{self.user}@{self._address}>",
            "Max-Forwards: 70",
            *([f"Content-Type: {'application/sdp' if body == SDP else 'text/plain'}"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        self._socket.sendto("\r\n".join([*lines, "", body]).encode(), self._server)

    def receive(self) -> str:
        """The next message; pings on the way are counted."""
        while (data := self._socket.recv(65536)) == PING:
            self.pings += 1
        return data.decode()

    def await_ping(self) -> None:
        """Returns when one has come, nothing else being there."""
        if self.pings == 0:
            assert self._socket.recv(65536) == PING

    def answer(self, request: str, status: str, body: str = "") -> None:
        kept = re.findall(r"^(?:Via|Record-Route|From|To|Call-ID|CSeq): .*?\r\n", request, re.MULTILINE)
        head = "".join(line if not line.startswith("To:") else line[:-2] + f";tag={self.user}\r\n" for line in kept)
        head += f"Contact: <sip:{self.user}@{self._address}>\r\n"
        if body:
            head += "Content-Type: application/sdp\r\n"
        self._socket.sendto(
            f"SIP/2.0 {status}\r\n{head}Content-Length: {len(body)}\r\n\r\n{body}".encode(), self._server
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._socket.close()
