"""To the master: what a NewProgramLetter wanted is done, or cannot be."""

from __future__ import annotations

from typing import Final, final

from librt.strings import read_i64_le, write_i64_le
from mypy_extensions import i64

from runtime.server.mail.mailbox import Letter, Post

KIND: Final[i64] = 15

_REASON_MAX: Final[i64] = 4096


@final
class ProgramDoneLetter:
    """The process of mailbox `sender` has done `what` with `version`; or `why` not, "" if it has."""

    def __init__(self, sender: i64, what: i64, version: i64, why: str) -> None:
        self.sender: Final = sender
        self.what: Final = what
        self.version: Final = version
        self.why: Final = why


def put(post: Post, to: i64, sender: i64, what: i64, version: i64, why: str) -> None:
    reason = why.encode("utf-8", "backslashreplace")[:_REASON_MAX]
    out = post.begin(to, KIND, 24 + len(reason))
    write_i64_le(out, sender)
    write_i64_le(out, what)
    write_i64_le(out, version)
    out.write(reason)


def read(letter: Letter) -> ProgramDoneLetter:
    packet, at = letter.packet, letter.at
    why = packet[at + 24 : letter.end].decode("utf-8", "replace")
    return ProgramDoneLetter(read_i64_le(packet, at), read_i64_le(packet, at + 8), read_i64_le(packet, at + 16), why)
