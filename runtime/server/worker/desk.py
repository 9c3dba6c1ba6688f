"""Where a worker answers what the control interface asks the modules; compiled in the native build."""

from __future__ import annotations

from typing import Final, final

from librt.strings import BytesWriter, read_i64_le, write_i64_le
from mypy_extensions import i64

from runtime.routing.command import Command, Question
from runtime.routing.ports import Log
from runtime.server.mail.exchange import Exchange
from runtime.server.mail.mailbox import ANSWER, Letter
from runtime.sip.callid import hash_of_call_id

ERR: Final = -1

# What fits into one letter. An answer that is longer takes several; its first byte tells whether there are more.
PIECE_BYTES: Final[i64] = 60000
LAST: Final = b"\0"
MORE: Final = b"\1"


def packed_question(command: i64, by_fifo: bool, words: list[bytes]) -> bytes:
    """The data of a letter of the kind COMMAND; `command` is the place of the command among those of all modules."""
    packed = BytesWriter()
    write_i64_le(packed, command * 2 + (1 if by_fifo else 0))
    for word in words:
        write_i64_le(packed, len(word))
        packed.write(word)
    return packed.getvalue()


def unpacked_words(data: bytes) -> list[bytes]:
    """The words of such a letter."""
    words: list[bytes] = []
    at: i64 = 8
    end: i64 = len(data)
    while at < end:
        size = read_i64_le(data, at)
        at += 8
        words.append(data[at : at + size])
        at += size
    return words


def packed_counts(counts: dict[str, int]) -> bytes:
    """Numbers with their names, on their way from a worker."""
    return LAST + b" ".join([f"{name}={number}".encode("ascii") for name, number in counts.items()])


@final
class AskedQuestion(Question):
    """A question out of a mailbox; its answer goes to the process that has asked."""

    def __init__(self, exchange: Exchange, letter: Letter, now_ms: i64) -> None:
        super().__init__(unpacked_words(letter.data), read_i64_le(letter.data, 0) % 2 == 1, now_ms)
        self._exchange: Final = exchange
        self._asker: Final = letter.index
        self._number: Final = letter.number
        self.is_answered = False

    def answer(self, text: bytes) -> None:
        assert not self.is_answered
        self.is_answered = True
        exchange = self._exchange
        at: i64 = 0
        while len(text) - at > PIECE_BYTES:
            piece = MORE + text[at : at + PIECE_BYTES]
            exchange.post.put(self._asker, ANSWER, exchange.number, self._number, b"", piece)
            at += PIECE_BYTES
        exchange.post.put(self._asker, ANSWER, exchange.number, self._number, b"", LAST + text[at:])

    def belongs_here(self, call_id: bytes) -> bool:
        owners = self._exchange.owners
        return owners <= 1 or hash_of_call_id(call_id) % owners == self._exchange.number


@final
class Desk:
    """Takes questions for the modules' commands. `bugs` counts exceptions of the modules."""

    def __init__(self, commands: list[Command], exchange: Exchange, log: Log) -> None:
        self._commands: Final = commands
        self._exchange: Final = exchange
        self._log: Final = log
        self.bugs: i64 = 0

    def take(self, letter: Letter, now_ms: i64) -> None:
        """Run the command; its answer goes into the post."""
        question = AskedQuestion(self._exchange, letter, now_ms)
        command = self._commands[read_i64_le(letter.data, 0) // 2]
        try:
            command.body(question)
        except Exception as e:  # a bug in a module, which must not end the worker
            self.bugs += 1
            self._log.write(ERR, f"BUG: command {command.name}: {type(e).__name__}: {e}")
            if not question.is_answered:
                question.answer(b"500 server error\n")
