"""Substitution `/regex/replacement/flags` on wire data: textops' and avpops' `subst`. Reference modules-main, chapter 7."""

from __future__ import annotations

from typing import Final, final

from runtime.sip.regex import Match, Regex


@final
class Subst:
    """A compiled substitution; raises BadRegex.

    `parts` is the replacement in pieces, the first byte of each its kind: `=` literal text follows, `0`…`9` that group,
    `u` the current Request-URI. `everywhere` is the flag g.
    """

    def __init__(
        self, pattern: bytes, ignore_case: bool, newline: bool, parts: tuple[bytes, ...], everywhere: bool
    ) -> None:
        self.regex: Final = Regex(pattern, ignore_case, newline)
        self.parts: Final = parts
        self.everywhere: Final = everywhere

    def matches(self, text: bytes, start: int) -> list[Match]:
        """The matches at or behind `start` that are to be replaced: the first, or all."""
        if self.everywhere:
            return self.regex.find_all(text, start)
        first = self.regex.find(text, start)
        return [] if first is None else [first]

    def replacement(self, match: Match, uri: bytes) -> bytes:
        """What a match is replaced by; a group that took no part is empty."""
        out: list[bytes] = []
        for part in self.parts:
            kind = part[0]
            if kind == 61:
                out.append(part[1:])
            elif kind == 117:
                out.append(uri)
            else:
                out.append(match.group(kind - 48))
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
