"""Commands of the FIFO and of the Unix socket: what a module declares, and what its method is asked. Reference core, chapter 7."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

from mypy_extensions import i64, mypyc_attr

# Where a command runs.
# In the control process itself: what it looks at lies in memory that all processes share, or nowhere.
HERE: Final = 0
# In every worker; the command's `combine` makes one answer of theirs.
EVERY: Final = 1
# In the worker that handles the Call-ID which the command's `call_id_of` finds in the words; b"": in any.
OWNER: Final = 2
# In the master, for what concerns all processes; only the server itself has such commands.
MASTER: Final = 3
# In the control process, which tells its client line after line; only the server itself has such commands.
STREAM: Final = 4

# What a command reads, in the order of the letters of its `pattern`.
LINE: Final = "l"
# Lines as far as an empty one (FIFO only) or a single ".", each of which gets a CRLF.
HEADERS: Final = "h"
# The same, of which the FIFO wants one at least: without it reads no further.
SOME_HEADERS: Final = "s"
# Lines as far as a single ".": in the FIFO each of them gets a CRLF, the Unix socket takes the bytes as they are.
BODY: Final = "b"
# All lines as far as an empty one, a word each; the last letter of a pattern.
LINES: Final = "a"


@mypyc_attr(allow_interpreted_subclasses=True)
class Inquiry:
    """One request of an administrator, in the process that is to answer it.

    `words` are what was read by the command's pattern, the blocks as one word each; what was not given is missing at the end.
    `by_fifo`: the FIFO asks, not the Unix socket, whose texts differ here and there. `ok` is the first line of success in
    its spelling, without the line end. `is_cut`: a line of the request was too long, so that words are not what was written.
    """

    def __init__(self, words: list[bytes], by_fifo: bool, now_ms: i64) -> None:
        self.words: Final = words
        self.by_fifo: Final = by_fifo
        self.now_ms: Final = now_ms
        self.ok: Final = b"200 ok" if by_fifo else b"200 OK"
        self.is_cut = False

    def word(self, place: i64) -> bytes:
        """The word at this place, b"" where there is none."""
        return self.words[place] if place < len(self.words) else b""

    def answer(self, text: bytes) -> None:
        """Give the answer, once; now, or later if the command is declared to answer late.

        `text` begins with its status line. The answer of a command that EVERY worker runs is what its `combine` takes.
        """
        raise NotImplementedError

    def tell(self, text: bytes) -> None:
        """Say something before the answer, in the same form; the client gets each by itself. For commands that OWNER runs."""
        raise NotImplementedError


@final
class Command:
    """A command by its name, which counts in any case. `body` is the method that gets the Inquiry.

    `by_socket` False: the Unix socket does not have it. `answers_late`: the answer has an hour's time, not two seconds.
    `runs_unasked` False: it does not run for who wants no answer.
    `combine` takes whether the FIFO asks and the answers of the workers, and returns the text.
    """

    def __init__(
        self,
        name: str,
        body: Callable[[Inquiry], None],
        pattern: str = "",
        where: int = HERE,
        combine: Callable[[bool, list[bytes]], bytes] | None = None,
        call_id_of: Callable[[list[bytes]], bytes] | None = None,
        by_socket: bool = True,
        answers_late: bool = False,
        runs_unasked: bool = True,
    ) -> None:
        assert (combine is not None) == (where == EVERY)
        assert (call_id_of is not None) == (where == OWNER)
        self.name: Final = name
        self.body: Final = body
        self.pattern: Final = pattern
        self.where: Final = where
        self.combine: Final = combine
        self.call_id_of: Final = call_id_of
        self.by_socket: Final = by_socket
        self.answers_late: Final = answers_late
        self.runs_unasked: Final = runs_unasked


def packed_counters(counters: list[int]) -> bytes:
    """Numbers on their way from a worker to `summed_counters`."""
    return b" ".join([b"%d" % number for number in counters])


def summed_counters(answers: list[bytes], size: int) -> list[int]:
    """The sums of what several workers packed, `size` numbers each; zeros if none has answered."""
    sums = [0] * size
    for answer in answers:
        place = 0
        for number in answer.split():
            sums[place] += int(number)
            place += 1
    return sums
