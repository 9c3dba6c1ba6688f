"""POSIX extended regular expressions, for the declarations and for serc: the same engine that routes.py has them matched by."""

from __future__ import annotations

from functools import lru_cache

from runtime.sip.regex import Regex
from runtime.sip.regex_syntax import BadRegex as BadRegex
from runtime.sip.regex_syntax import Parsed, parse_regex


@lru_cache(maxsize=2048)  # an editor checks the same file again after each keystroke
def read_regex(text: str, *, ignore_case: bool = True, newline: bool = True) -> Parsed:
    """What `text`, in Latin-1, says, for who has nothing to match by it: half the work. Raises BadRegex."""
    return parse_regex(text, ignore_case, newline)


@lru_cache(maxsize=2048)
def posix_regex(text: str, *, ignore_case: bool = True, newline: bool = True) -> Regex:
    """`text`, in Latin-1, compiled as SER has it compiled; raises BadRegex. `newline` is REG_NEWLINE."""
    return Regex(text.encode("latin-1"), ignore_case, newline)
