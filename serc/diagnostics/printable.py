"""Text of a file or of a peer, as it may be shown on a terminal."""

from __future__ import annotations

import json
import re
from typing import Final

# Commands for a terminal, what ends a line for some readers, and what turns the direction in which the rest is shown.
_COMMANDS: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\N{ARABIC LETTER MARK}\N{LEFT-TO-RIGHT MARK}\N{RIGHT-TO-LEFT MARK}\N{LINE SEPARATOR}-"
    "\N{RIGHT-TO-LEFT OVERRIDE}\N{LEFT-TO-RIGHT ISOLATE}-\N{POP DIRECTIONAL ISOLATE}\N{ZERO WIDTH NO-BREAK SPACE}\ud800-\udfff]"
)


def printable(text: str) -> str:
    """`text` with line ends and tabs as they are, and everything else that is no letter as `\\x1b` or `\\u202e`."""
    return _COMMANDS.sub(_escape, text)


def one_line(text: str) -> str:
    """The same with line ends as `\\n`."""
    return printable(text).replace("\n", "\\n")


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return {13: "\\r"}.get(code, f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")


def json_text(data: object) -> str:
    """JSON in which nothing commands a terminal: what is no letter is written as JSON writes it, `\\u009b`."""
    text = json.dumps(data, indent=2, ensure_ascii=False)
    return _COMMANDS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
