"""The loop of a process that receives datagrams; compiled in the native build."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final, final

from mypy_extensions import i64

from runtime.routing.engine import Engine
from runtime.routing.ports import Log
from runtime.server.datagrams import FOREVER, DatagramIO
from runtime.server.pacing import SLEEP_NS, Pacer
from runtime.sip.transport import ListenSocket, Send

ERR: Final = -1


@final
class Worker:
    """Receives on one listener: every datagram goes to the engine, and what the engine wants sent is written per batch.

    `received`, `sent`, `failed` (datagrams that the kernel did not take) and `bugs` (exceptions of the engine) count.
    """

    def __init__(self, engine: Engine, io: DatagramIO, listener: ListenSocket, log: Log) -> None:
        self._engine: Final = engine
        self._io: Final = io
        self._listener: Final = listener
        self._log: Final = log
        self._pacer: Final = Pacer()
        self._sleep_s: Final = SLEEP_NS / 1e9
        self._quiet_until_ms: i64 = 0
        self._unlogged: i64 = 0
        self.received: i64 = 0
        self.sent: i64 = 0
        self.failed: i64 = 0
        self.bugs: i64 = 0

    def run(self, goes_on: Callable[[], bool] | None, wake_ms: int) -> None:
        """Serve until `goes_on`, asked after every batch and at least every `wake_ms`, says False.

        Without it the read blocks for ever and the process ends by a signal. `goes_on` must be an interpreted function:
        calling it is what lets Python run its signal handlers, which compiled code never does by itself.
        """
        timeout_ms: i64 = FOREVER if goes_on is None else wake_ms
        while True:
            self.step(timeout_ms)
            if goes_on is not None and not goes_on():
                return

    def step(self, timeout_ms: i64) -> bool:
        """Read one batch and answer it; False if nothing came. The clock is read once for all of it."""
        io = self._io
        count = io.receive(timeout_ms)
        if count == 0:
            return False
        now_ns: i64 = time.monotonic_ns()
        now_ms: i64 = now_ns // 1_000_000
        engine = self._engine
        listener = self._listener
        out: list[Send] = []
        i: i64 = 0
        while i < count:
            try:
                out.extend(engine.receive(io.data[i], io.sources[i], listener, now_ms))
            except Exception as e:
                self._report_bug(e)
            i += 1
        self.received += count
        if out:
            io.send(out)
            self.sent += len(out) - len(io.failures)
            if io.failures:
                self._report_failures(now_ms)
        if self._pacer.is_worth_a_sleep(count, now_ns):
            time.sleep(self._sleep_s)
        return True

    def _report_failures(self, now_ms: i64) -> None:
        """One line a second at most: a host that is away must not fill the disk."""
        failures = self._io.failures
        self.failed += len(failures)
        if now_ms < self._quiet_until_ms:
            self._unlogged += len(failures)
            return
        first = failures[0]
        to = first.send.destination
        more = self._unlogged + len(failures) - 1
        rest = f" ({more} more since the last report)" if more else ""
        where = f"{to.host().decode()}:{to.port}"
        self._log.write(
            ERR, f"ERROR: cannot send {len(first.send.data)} bytes to {where}: {os.strerror(first.error)}{rest}"
        )
        self._unlogged = 0
        self._quiet_until_ms = now_ms + 1000

    def _report_bug(self, error: Exception) -> None:
        """The engine catches what peers and routes do wrong, so this is a mistake of ours: it costs one message."""
        self.bugs += 1
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else "?"
        self._log.write(ERR, f"BUG: message lost: {type(error).__name__}: {error} ({where})")
