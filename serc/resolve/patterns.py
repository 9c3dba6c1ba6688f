"""Regular expressions that are good ones and match nothing."""

from __future__ import annotations

import re
from typing import Final

# Literal text behind the first sign, as far as no sign of a pattern follows that could make its last character optional.
_PREFIX: Final = re.compile(r"\^((?:[^\\^$.|?*+(){}\[\]]|\\[^A-Za-z0-9`'<>])+)(?![?*{])")
_SCHEME: Final = re.compile(r"[A-Za-z][-+.A-Za-z0-9]*(:|\Z)")
# An end behind which something else must follow, a beginning before which something else stands.
_AFTER_END: Final = re.compile(r"(?<!\\)(?:\\\\)*\$(?=[A-Za-z0-9@:<>;,_/ -])")
_BEFORE_BEGINNING: Final = re.compile(r"[A-Za-z0-9@:<>;,_/ -]\^")
_BRACKETS: Final = re.compile(r"\[\^?\]?[^\]]*\]")


def never_matches(operand: str, pattern: str) -> tuple[str, str]:
    """Why, and the way out; "" for both where it may match. `operand` is what it is matched against."""
    bare = _BRACKETS.sub(".", pattern)
    if _AFTER_END.search(bare):
        return "$ is the end, and something follows it", r"write \$ for the character itself"
    if _BEFORE_BEGINNING.search(bare):
        return "^ is the beginning, and something stands before it", r"write \^ for the character itself"
    prefix = _PREFIX.match(pattern)
    if operand not in ("uri", "from_uri", "to_uri") or prefix is None or "|" in bare:
        return "", ""
    text = prefix[1].replace("\\", "")
    # In replies the operand uri is the status, which begins with a digit.
    if _SCHEME.match(text) or operand == "uri" and re.fullmatch(r"[1-6][0-9]{0,2}", text):
        return "", ""
    return "a URI begins with its scheme", f'write "^sip:{pattern[1:]}"'
