"""What the service manager is told: that the server serves, is to end, is alive. sd_notify(3), systemd.service(5)."""

from __future__ import annotations

import os
import socket
from typing import Final

from runtime.routing.ports import L_WARN, Log

# A server that is watched asks its processes so often in the time that it is given, since one of them may be busy for a moment.
_LOOKS: Final = 4


class Notifier:
    """The way to the service manager that started this process, if one did. Connected when it is made: after a change of the
    root directory the socket could not be found.

    `watchdog_s`: a sign of life is expected so often; 0: it is not.
    """

    def __init__(self, path: str, watchdog_s: float, log: Log) -> None:
        self._log: Final = log
        self._socket: socket.socket | None = None
        self.watchdog_s: Final = watchdog_s if path else 0.0
        if not path:
            return
        own = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        try:
            own.connect("\0" + path[1:] if path.startswith("@") else path)
        except OSError as e:
            own.close()
            log.write(L_WARN, f"WARNING: cannot reach the service manager at {path}: {e.strerror}")
            return
        self._socket = own

    def tell(self, *lines: str) -> None:
        """One datagram; nothing waits, and nothing fails, if nobody takes it."""
        if self._socket is None:
            return
        try:
            self._socket.send("\n".join(lines).encode(), socket.MSG_DONTWAIT)
        except OSError as e:
            self._log.write(L_WARN, f"WARNING: cannot tell the service manager {lines[0]}: {e.strerror}")

    def close(self) -> None:
        """In processes that have nothing to say."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def notifier(log: Log) -> Notifier:
    """The one that the environment names. Its variables are removed: what this server starts is no service of its own."""
    path = os.environ.pop("NOTIFY_SOCKET", "")
    limit_us = os.environ.pop("WATCHDOG_USEC", "")
    watched = os.environ.pop("WATCHDOG_PID", "")
    is_watched = limit_us.isdecimal() and watched in ("", str(os.getpid()))
    return Notifier(path, int(limit_us) / 1e6 if is_watched else 0.0, log)


class Watchdog:
    """Decides when a sign of life is given: when all processes answer. Times are seconds of the monotonic clock."""

    def __init__(self, own: Notifier) -> None:
        self._notifier: Final = own
        self._next_s = 0.0

    def patience_s(self, now_s: float) -> float:
        """Seconds until it wants to look, some hours if it never does."""
        return max(0.0, self._next_s - now_s) if self._notifier.watchdog_s else 3600.0

    def is_due(self, now_s: float) -> bool:
        """Whether all processes are to be asked now."""
        if not self._notifier.watchdog_s or now_s < self._next_s:
            return False
        self._next_s = now_s + self._notifier.watchdog_s / _LOOKS
        return True

    def all_answered(self) -> None:
        self._notifier.tell("WATCHDOG=1")
