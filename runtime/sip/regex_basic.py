"""POSIX basic regular expressions, in the words of extended ones. POSIX.1 9.3, with GNU's `\\+`, `\\?` and `\\|`."""

from __future__ import annotations

from typing import Final

# Signs that a backslash gives a meaning in a basic expression, and takes it from them in an extended one.
_REVERSED: Final = b"(){}|+?"


def extended(basic: bytes) -> bytes:
    """The extended expression that matches what `basic` does."""
    out: list[bytes] = []
    at = 0
    is_first = True
    while at < len(basic):
        one = basic[at : at + 1]
        if one == b"\\" and at + 1 < len(basic):
            one = basic[at + 1 : at + 2]
            out.append(one if one in _REVERSED else b"\\" + one)
            is_first = one in (b"(", b"|")
            at += 2
            continue
        size = 1
        if one == b"[":
            size = _bracket_size(basic, at)
            out.append(basic[at : at + size])
        elif one in _REVERSED or (one == b"*" and is_first):
            out.append(b"\\" + one)
        elif (one == b"^" and not is_first) or (one == b"$" and not _is_last(basic, at)):
            out.append(b"\\" + one)
        else:
            out.append(one)
        # A `*` behind an anchor is a character, too.
        is_first = one == b"^" and is_first
        at += size
    return b"".join(out)


def _is_last(basic: bytes, at: int) -> bool:
    """True if a `$` here is an anchor."""
    return at + 1 == len(basic) or basic[at + 1 : at + 3] in (b"\\)", b"\\|")


def _bracket_size(basic: bytes, at: int) -> int:
    """Bytes of the bracket expression at `at`, in which a backslash is a character; to the end if it is never closed."""
    end = at + 1
    if basic[end : end + 1] == b"^":
        end += 1
    if basic[end : end + 1] == b"]":
        end += 1
    while end < len(basic) and basic[end : end + 1] != b"]":
        opening = basic[end : end + 2]
        if opening in (b"[:", b"[.", b"[="):
            closed = basic.find(opening[1:] + b"]", end + 2)
            end = len(basic) if closed < 0 else closed + 2
        else:
            end += 1
    return min(end + 1, len(basic)) - at
