"""A callee for bad networks: sipp's gives a call up when a datagram of it is lost at the wrong moment."""

from __future__ import annotations

import re
import selectors
import socket
import threading
import time

FIRST_S = 0.5
LIMIT_S = 4.0


class Phone:
    """Rings, answers, repeats its 200 until the ACK comes (RFC 3261 13.3.1.4) and hangs up when it is told to, as often as
    it is told. `answered` and `ended` hold Call-IDs. `reachable`: its Contact has its port, as those of real phones."""

    def __init__(self, reachable: bool = False) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._contact = f"sip:phone@127.0.0.1:{self.port}" if reachable else "sip:phone@127.0.0.1"
        self.answered: set[str] = set()
        self.ended: set[str] = set()
        # By Call-ID: when, after which wait, what, whereto.
        self._unacknowledged: dict[str, tuple[float, float, bytes, tuple[str, int]]] = {}
        self._end, self._ended = socket.socketpair()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            for one in (self._socket, self._ended):
                selector.register(one, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select(0.05)}
                if self._ended in ready:
                    return
                if self._socket in ready:
                    data, sender = self._socket.recvfrom(65536)
                    self._take(data.decode("latin-1"), sender)
                self._repeat(time.monotonic())

    def _take(self, message: str, sender: tuple[str, int]) -> None:
        found = re.search(r"^Call-ID: (.*?)\r$", message, re.MULTILINE)
        assert found is not None, message
        call = found[1]
        method = message.split(" ", 1)[0]
        if method == "ACK":
            self._unacknowledged.pop(call, None)
        elif method == "INVITE":
            if call not in self.answered:
                self.answered.add(call)
                self._socket.sendto(self._reply(message, "180 Ringing"), sender)
                self._unacknowledged[call] = (
                    time.monotonic() + FIRST_S,
                    FIRST_S,
                    self._reply(message, "200 OK"),
                    sender,
                )
            if call in self._unacknowledged:
                self._socket.sendto(self._unacknowledged[call][2], sender)
        else:
            self.ended.add(call)
            self._unacknowledged.pop(call, None)
            self._socket.sendto(self._reply(message, "200 OK"), sender)

    def _repeat(self, now_s: float) -> None:
        for call, (when_s, wait_s, data, to) in list(self._unacknowledged.items()):
            if when_s <= now_s:
                self._socket.sendto(data, to)
                wait_s = min(2 * wait_s, LIMIT_S)
                self._unacknowledged[call] = (now_s + wait_s, wait_s, data, to)

    def _reply(self, request: str, status: str) -> bytes:
        kept = re.findall(r"^(?:Via|Record-Route|From|To|Call-ID|CSeq): .*?\r\n", request, re.MULTILINE)
        lines = [x if ";tag=" in x or not x.startswith("To:") else x[:-2] + ";tag=phone\r\n" for x in kept]
        head = f"SIP/2.0 {status}\r\n{''.join(lines)}Contact: <{self._contact}>\r\n"
        return f"{head}Content-Length: 0\r\n\r\n".encode()

    def close(self) -> None:
        self._end.close()
        self._thread.join()
        for one in (self._socket, self._ended):
            one.close()
