"""Substitution `/regex/replacement/flags` on wire data: textops' and avpops' `subst`. Reference modules-main, chapter 7."""

from __future__ import annotations

import re
from typing import Final, final


@final
class Subst:
    """A compiled substitution.

    `parts` is the replacement in pieces, the first byte of each its kind: `=` literal text follows, `0`…`9` that group,
    `u` the current Request-URI. `everywhere` is the flag g.
    """

    def __init__(self, pattern: bytes, ignore_case: bool, parts: tuple[bytes, ...], everywhere: bool) -> None:
        self.pattern: Final = pattern
        self.parts: Final = parts
        self.everywhere: Final = everywhere
        self._compiled: Final = re.compile(pattern, re.IGNORECASE if ignore_case else 0)

    def matches(self, text: bytes, start: int) -> list[re.Match[bytes]]:
        """The matches at or behind `start` that are to be replaced: the first, or all."""
        first = self._compiled.search(text, start)
        if first is None:
            return []
        if not self.everywhere:
            return [first]
        return list(self._compiled.finditer(text, start))

    def replacement(self, match: re.Match[bytes], uri: bytes) -> bytes:
        """What a match is replaced by; a group that took no part is empty."""
        out: list[bytes] = []
        for part in self.parts:
            kind = part[0]
            if kind == 61:
                out.append(part[1:])
            elif kind == 117:
                out.append(uri)
            else:
                out.append(match.group(kind - 48) or b"")
        return b"".join(out)

    def apply(self, text: bytes, uri: bytes) -> bytes | None:
        """`text` with the replacements made, None when nothing matches."""
        found = self.matches(text, 0)
        if not found:
            return None
        out: list[bytes] = []
        done = 0
        for match in found:
            out.append(text[done : match.start()])
            out.append(self.replacement(match, uri))
            done = match.end()
        out.append(text[done:])
        return b"".join(out)
