"""To a worker: begin nothing new, the server is to end."""

from __future__ import annotations

from typing import Final, final

from librt.strings import read_i64_le, write_i64_le
from mypy_extensions import i64

from runtime.server.mail.mailbox import Letter, Post

KIND: Final[i64] = 9


@final
class DrainLetter:
    """Who is refused may ask again after `retry_after_s`."""

    def __init__(self, retry_after_s: i64) -> None:
        self.retry_after_s: Final = retry_after_s


def put(post: Post, to: i64, retry_after_s: i64) -> None:
    write_i64_le(post.begin(to, KIND, 8), retry_after_s)


def read(letter: Letter) -> DrainLetter:
    return DrainLetter(read_i64_le(letter.packet, letter.at))
