"""Regular expressions on wire data."""

from __future__ import annotations

import re
from typing import Final, final


@final
class Regex:
    """A pattern in the words of Python's `re`, over bytes; serc has translated it from POSIX (spec.posix_regex)."""

    def __init__(self, pattern: bytes, ignore_case: bool) -> None:
        self.pattern: Final = pattern
        self.ignore_case: Final = ignore_case
        self._compiled: Final = re.compile(pattern, re.IGNORECASE if ignore_case else 0)

    def search(self, text: bytes) -> bool:
        """True if the pattern matches anywhere in `text`."""
        return self._compiled.search(text) is not None

    def find(self, text: bytes, start: int = 0) -> re.Match[bytes] | None:
        """The first match at or after `start`; `^` and look-behinds see what precedes `start`."""
        return self._compiled.search(text, start)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Regex) and self.pattern == other.pattern and self.ignore_case == other.ignore_case

    def __hash__(self) -> int:
        return hash(self.pattern)
