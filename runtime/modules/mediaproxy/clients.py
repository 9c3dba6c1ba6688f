"""Clients that a file tells by their User-Agent: a regular expression a line. Reference modules-main, chapter 21."""

from __future__ import annotations

import os
from typing import Final, final

from mypy_extensions import i64

from runtime.routing.ports import L_ERR, L_WARN, Log
from runtime.sip.regex import BadRegex, Regex

# How long what was read counts without looking at the file again.
_FRESH_MS: Final = 5000


@final
class Clients:
    """Those of the file at `path`, which is read again after it has changed. A file that is not there names nobody."""

    def __init__(self, path: str, log: Log) -> None:
        self._path: Final = path
        self._log: Final = log
        self._patterns: list[Regex] = []
        self._changed_ns: i64 = -1
        self._looked_ms: i64 = -_FRESH_MS

    def have(self, agent: bytes, now_ms: i64) -> bool:
        """True if a line means this User-Agent."""
        if now_ms - self._looked_ms >= _FRESH_MS:
            self._looked_ms = now_ms
            self._look()
        for pattern in self._patterns:
            if pattern.search(agent):
                return True
        return False

    def _look(self) -> None:
        try:
            changed_ns = os.stat(self._path).st_mtime_ns
            if changed_ns == self._changed_ns:
                return
            with open(self._path, "rb") as file:
                lines = file.read().split(b"\n")
        except OSError as e:
            if self._changed_ns != 0:
                self._log.write(L_WARN, f"WARNING: mediaproxy: {self._path}: {e.strerror}: no client is in it")
            self._changed_ns = 0
            self._patterns = []
            return
        self._changed_ns = changed_ns
        self._patterns = []
        for line in lines:
            text = line.strip()
            if text and not text.startswith(b"#"):
                self._take(text)

    def _take(self, text: bytes) -> None:
        try:
            self._patterns.append(Regex(text, True))
        except BadRegex as e:
            self._log.write(L_ERR, f"ERROR: mediaproxy: {self._path}: {text.decode('latin-1')}: {e}")
