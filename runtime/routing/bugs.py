"""Exceptions that no message should cause: mistakes of ours, or of a module's author. They cost one message, and are logged."""

from __future__ import annotations

from types import TracebackType
from typing import Final, final

from runtime.routing.ports import L_ERR, Log


@final
class Bugs:
    """Reports exceptions with the line of ser.cfg that they passed through. `count` is how many there were, beside `short_of_memory`,
    which nobody made.

    `source` is the path of ser.cfg.
    """

    def __init__(self, source: str, log: Log) -> None:
        self.source = source
        self._log: Final = log
        self.count = 0
        self.short_of_memory = 0

    def report(self, error: Exception, call_id: bytes | None) -> None:
        """Log it; `call_id` is that of the message (b"": it has none), None when a timer ran."""
        if isinstance(error, MemoryError):
            self.short_of_memory += 1
            self._log.write(L_ERR, "ERROR: out of memory: a message is lost; lower max_transactions of tm, or -m")
            return
        self.count += 1
        line = self._line_of(error.__traceback__)
        place = f"{self.source}:{line}" if line else self.source
        whose = "a timer ran"
        if call_id is not None:
            whose = f"Call-ID {call_id.decode('latin-1') or 'missing'}; the message is dropped"
        self._log.place = place if line else ""
        self._log.write(L_ERR, f"BUG: {place}: {type(error).__name__}: {error} ({whose}, please report this)")
        self._log.place = ""

    def _line_of(self, traceback: TracebackType | None) -> int:
        """The line of ser.cfg where an exception passed through the compiled routes, innermost; 0 when it did not."""
        found = 0
        while traceback is not None:
            # The module of compiled routes holds the program that its lines belong to, whichever runs now.
            lines = getattr(traceback.tb_frame.f_globals.get("PROGRAM"), "lines", None)
            if isinstance(lines, dict):
                found = lines.get(traceback.tb_lineno, found)
            traceback = traceback.tb_next
        return found
