"""Lines of the log that say the same again and again: a few a second are enough."""

from __future__ import annotations

from typing import Final

# Lines that differ only in numbers (a port, a length, a pid) count as the same; so many a second are written.
LINES_A_SECOND: Final = 10
_KINDS_MAX: Final = 1000

_NO_DIGITS: Final = dict.fromkeys(b"0123456789")


class _Kind:
    """Lines that say the same: how many in the second that began at `since_s`, and the first of those that were withheld."""

    def __init__(self, since_s: float) -> None:
        self.since_s = since_s
        self.written = 0
        self.withheld = 0
        self.level = 0
        self.line = ""


class Repeats:
    """Tells which lines to withhold. What was withheld is told when the second is over and anything is written."""

    def __init__(self) -> None:
        self._kinds: Final[dict[str, _Kind]] = {}
        self._withholding: Final[dict[str, _Kind]] = {}

    def admits(self, level: int, line: str, now_s: float) -> bool:
        key = line.translate(_NO_DIGITS)
        kind = self._kinds.get(key)
        if kind is None:
            if len(self._kinds) >= _KINDS_MAX:
                self._kinds.clear()
            kind = self._kinds[key] = _Kind(now_s)
        if now_s - kind.since_s >= 1.0:
            kind.since_s = now_s
            kind.written = 0
        if kind.written < LINES_A_SECOND:
            kind.written += 1
            return True
        if kind.withheld == 0:
            kind.level, kind.line = level, line
            self._withholding[key] = kind
        kind.withheld += 1
        return False

    def overdue(self, now_s: float) -> list[tuple[int, str]]:
        """Levels and lines about what was withheld in seconds that are over."""
        if not self._withholding:
            return []
        found: list[tuple[int, str]] = []
        for key, kind in list(self._withholding.items()):
            if now_s - kind.since_s >= 1.0:
                found.append(
                    (
                        kind.level,
                        f"{kind.line} (and {kind.withheld - 1} more like it)" if kind.withheld > 1 else kind.line,
                    )
                )
                kind.withheld = 0
                del self._withholding[key]
        return found
