"""What a worker has to tell the administrator; compiled in the native build."""

from __future__ import annotations

import os
from typing import Final, final

from mypy_extensions import i64

from runtime.routing.ports import L_ERR, Log
from runtime.server.worker.udp.datagrams import SendFailure

# A host that is away must not fill the disk.
_QUIET_MS: Final[i64] = 1000


@final
class Complaints:
    """One line a second at most about what could not be sent or handed over."""

    def __init__(self, log: Log) -> None:
        self._log: Final = log
        self._quiet_until_ms: i64 = 0
        self._unlogged: i64 = 0
        self._lost_logged: i64 = 0
        self._no_memory_until_ms: i64 = 0

    def unsent(self, failures: list[SendFailure], now_ms: i64) -> None:
        """The kernel has not taken these."""
        if now_ms < self._quiet_until_ms:
            self._unlogged += len(failures)
            return
        first = failures[0]
        to = first.send.destination
        more = self._unlogged + len(failures) - 1
        rest = f" ({more} more since the last report)" if more else ""
        where = f"{to.host().decode()}:{to.port}"
        what = f"cannot send {len(first.send.data)} bytes to {where}: {os.strerror(first.error)}"
        self._log.write(L_ERR, f"ERROR: {what}{rest}")
        self._unlogged = 0
        self._quiet_until_ms = now_ms + _QUIET_MS

    def has_to_tell(self, lost: i64) -> bool:
        """`lost` letters since the start: whether those are more than have been told of."""
        return lost != self._lost_logged

    def lost(self, lost: i64, now_ms: i64) -> None:
        """So many letters since the start have found a full mailbox, or were too large."""
        if now_ms < self._quiet_until_ms or lost == self._lost_logged:
            return
        count = lost - self._lost_logged
        self._log.write(
            L_ERR,
            f"ERROR: {count} messages to another process were lost: that process is overloaded, or they were too large",
        )
        self._lost_logged = lost
        self._quiet_until_ms = now_ms + _QUIET_MS

    def no_memory(self, now_ms: i64) -> None:
        """The system, or a limit, had none for a message."""
        if now_ms < self._no_memory_until_ms:
            return
        self._no_memory_until_ms = now_ms + _QUIET_MS
        self._log.write(L_ERR, "ERROR: out of memory: messages are lost; lower max_transactions of tm, or -m")

    def bug(self, error: Exception) -> None:
        """The engine catches what peers and routes do wrong, so this is a mistake of ours: it costs one message."""
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else "?"
        self._log.write(L_ERR, f"BUG: message lost: {type(error).__name__}: {error} ({where})")
