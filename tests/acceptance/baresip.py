"""Real phones: baresip without a sound card, steered over its control connection."""

from __future__ import annotations

import json
import select
import socket
import subprocess
import time
from pathlib import Path
from typing import Final

from patience import readable
from ports import free_port

from acceptance.conftest import tool

PATIENCE_S: Final = 30.0

_CONFIG: Final = """\
poll_method epoll
sip_listen 127.0.0.1:{port}
audio_player aubridge,nil
audio_source aubridge,nil
audio_alert aubridge,nil
ctrl_tcp_listen 127.0.0.1:{control}
rtp_ports 10000-60000
module_path {modules}
module g711.so
module aubridge.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
"""

_MODULES: Final = ("/usr/lib/baresip/modules", "/usr/lib64/baresip/modules", "/usr/local/lib/baresip/modules")


class Baresip:
    """A phone of `user` at the server 127.0.0.1:server_port, which registers and answers calls by itself."""

    def __init__(self, folder: Path, user: str, password: str, server_port: int, transport: str = "udp") -> None:
        program = tool("baresip")
        self.domain = f"127.0.0.1:{server_port}"
        self.user = user
        home = folder / user
        home.mkdir()
        control = free_port()
        port = _port_pair(control)
        modules = next((path for path in _MODULES if Path(path).is_dir()), _MODULES[0])
        (home / "config").write_text(_CONFIG.format(port=port, control=control, modules=modules))
        secret = f";auth_pass={password}" if password else ""
        account = f"<sip:{user}@{self.domain};transport={transport}>{secret};regint=600;answermode=auto"
        (home / "accounts").write_text("")
        (home / "contacts").write_text("")
        self._log = home / "log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [program, "-f", str(home)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self.events: list[dict[str, object]] = []
        self._seen = 0
        self._unread = b""
        self._control = self._connected(control)
        # Only now, as an event of before the connection is told to nobody.
        self.command("uanew", account)

    def _connected(self, port: int) -> socket.socket:
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                return socket.create_connection(("127.0.0.1", port), 5.0)
            except OSError:
                assert self.process.poll() is None and time.monotonic() < until, self.log()
                select.select([], [], [], 0.02)

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def command(self, name: str, params: str = "") -> None:
        text = json.dumps({"command": name, "params": params, "token": name}).encode()
        self._control.sendall(b"%d:%s," % (len(text), text))

    def wait(self, event: str) -> dict[str, object]:
        """The next event of this type, of those that were not waited for yet."""
        until = time.monotonic() + PATIENCE_S
        while True:
            while self._seen < len(self.events):
                found = self.events[self._seen]
                self._seen += 1
                if found.get("type") == event:
                    return found
            self._read(until, event)

    def _read(self, until: float, event: str) -> None:
        ready = readable([self._control], max(0.0, until - time.monotonic()))
        assert ready, f"{self.user} waits for {event}, has {[e.get('type') for e in self.events]}:\n{self.log()}"
        piece = self._control.recv(65536)
        assert piece, self.log()
        self._unread += piece
        while True:
            length, colon, rest = self._unread.partition(b":")
            if not colon or len(rest) <= int(length):
                return
            message = json.loads(rest[: int(length)])
            self._unread = rest[int(length) + 1 :]
            if message.get("event"):
                self.events.append(message)

    def call(self, user: str) -> None:
        self.command("dial", f"sip:{user}@{self.domain}")

    def hang_up(self) -> None:
        self.command("hangup")

    def close(self) -> None:
        self._control.close()
        self.process.kill()
        self.process.wait()


def _port_pair(taken: int) -> int:
    """A free port whose next one is free as well, for TLS; neither is `taken`."""
    while True:
        port = free_port()
        with socket.socket() as tls:
            try:
                tls.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
        if taken not in (port, port + 1):
            return port
