"""What routes.py builds once for ever: a program that is started for each case anew has them from the one before."""

from __future__ import annotations

from functools import cache

from runtime.sip.regex import Regex as _Regex

IMPORT = "from runtime.sip.regex import Regex\n"
SHARED = "from serc.testing.constants import Regex\n"


@cache
def Regex(pattern: bytes, ignore_case: bool = False, newline: bool = True) -> _Regex:
    """The expression, which nobody can change."""
    return _Regex(pattern, ignore_case, newline)
