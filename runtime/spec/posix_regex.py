"""POSIX extended regular expressions, for the declarations and for serc: the same engine that routes.py has them matched by."""

from __future__ import annotations

from functools import lru_cache

from runtime.sip.regex import Regex
from runtime.sip.regex_syntax import BadRegex as BadRegex


@lru_cache(maxsize=2048)  # an editor checks the same file again after each keystroke
def posix_regex(text: str, *, ignore_case: bool = True, newline: bool = True) -> Regex:
    """`text`, in Latin-1, compiled as SER has it compiled; raises BadRegex. `newline` is REG_NEWLINE."""
    return Regex(text.encode("latin-1"), ignore_case, newline)
